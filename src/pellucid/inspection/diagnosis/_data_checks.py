"""Faults of the data: scale, columns, classes, labels, copies, leaks, order."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.inspection.diagnosis._case import Case, count_rows, draw_rows
from pellucid.inspection.diagnosis._measures import take_rows
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._simple import ROWS, as_features, squared_distances
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict
from pellucid.training import Batch

LARGEST_RMS = 10.0
LARGEST_OFFSET = 20.0
LARGEST_SCALE_RATIO = 200.0
LARGEST_IMBALANCE = 5.0
CHANCE = 2.5
"""Deviations from chance up to which labels count as unrelated to the inputs."""
MISLABELLED = 0.033
COPIES = 0.02
LEAKED = 0.01
NEAR = 0.1
"""Rows nearer than this share of the usual distance to the nearest neighbor are near copies."""


@check("missing_normalization", cheap=True)
def find_missing_normalization(case: Case) -> Iterator[Verdict]:
    """Measure the numbers that the first layer with weights reads."""
    for path, value in _first_inputs(case):
        rows = np.asarray(value, np.float64).reshape(-1, np.shape(value)[-1])
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        found = []
        rms = float(np.sqrt(np.mean(rows**2)))
        found.append(Evidence("input_rms", rms, ">", LARGEST_RMS))
        varied = deviation > 0
        if np.ndim(value) == 2 and varied.any() and (rows == 0).mean() < 0.3:
            offsets = np.abs(mean[varied]) / deviation[varied]
            offset = float(offsets.max()) if (np.abs(mean[varied]) > 1).any() else 0.0
            found.append(Evidence("offset", offset, ">", LARGEST_OFFSET))
            low, high = np.percentile(deviation[varied], [10, 90])
            found.append(Evidence("scale_ratio", float(high / low), ">", LARGEST_SCALE_RATIO))
        speaking = tuple(part for part in found if part.speaks)
        if speaking:
            yield Verdict("missing_normalization", speaking, layer=path)


def _first_inputs(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (path, what it reads) for the layers with weights that no such layer comes before."""
    weighted: set[int] = set()
    for name, call, node in case.graph.calls():
        read = node.inputs if isinstance(node.inputs, list) else [node.inputs]
        behind = any(symbol.node is not None and id(symbol.node) in weighted for symbol in read)
        own = case.state.parameters.get(name)
        if own or behind:
            weighted.add(id(node))
        if own and not behind and call == 0 and not case.tokens:
            value = case.values.get(f"{name}/input")
            normalizes = "Normalization" in type(node.layer).__name__
            if value is not None and np.issubdtype(value.dtype, np.floating) and not normalizes:
                yield name, value


def _columns(x: Any) -> np.ndarray | None:
    """Return one input as rows of features, the last axis; None for what has no features."""
    if isinstance(x, (list, tuple, dict)) or np.ndim(x) < 2:
        return None
    return np.asarray(x).reshape(-1, np.shape(x)[-1])


@check("constant_inputs")
def find_constant_inputs(case: Case) -> Iterator[Verdict]:
    """Look for features with one value in every row; pixels at an edge are no features."""
    rows = None if case.tokens else _columns(case.train.x)
    if rows is None or len(rows) < 10:
        return
    constant = np.flatnonzero((rows == rows[:1]).all(axis=0))
    if (rows == 0).mean() > 0.3:
        constant = constant[rows[0, constant] != 0]  # a sparse table, or a picture's empty edge
    if 0 < len(constant) < rows.shape[1] or len(constant) == rows.shape[1] > 1:
        where = ", ".join(str(n) for n in constant[:8])
        yield Verdict(
            "constant_inputs", (Evidence("constant_columns", len(constant), ">", 0, where),)
        )


@check("ignored_inputs", cheap=False)
def find_ignored_inputs(case: Case) -> Iterator[Verdict]:
    """Look for features that vary, whose gradient is exactly 0 in every row."""
    x = case.small.x
    columns = None if case.tokens else _columns(x)
    if columns is None or not np.issubdtype(columns.dtype, np.floating) or not case.finite:
        return
    state = case.state
    slopes = _columns(
        case.passes.input_slopes(state.parameters, state.layer_state, case.small, case.key)
    )
    if slopes is None:
        return
    largest = np.abs(slopes).max(axis=0)
    varies = columns.std(axis=0) > 0
    ignored = np.flatnonzero((largest <= 1e-9 * max(largest.max(), 1e-30)) & varies)
    if len(ignored) and largest.max() > 0:
        where = ", ".join(str(n) for n in ignored[:8])
        yield Verdict("ignored_inputs", (Evidence("ignored_columns", len(ignored), ">", 0, where),))


@check("class_imbalance", needs=["labels"])
def find_class_imbalance(case: Case) -> Iterator[Verdict]:
    """Compare the largest class with the smallest one that occurs."""
    counts = np.bincount(case.labels, minlength=case.classes)
    counts = counts[counts > 0]
    if len(counts) < 2 or case.rows < 40:
        return
    # Two deviations of the smaller count are chance.
    ratio = float(counts.max() / (counts.min() + 2 * np.sqrt(counts.min())))
    if ratio > LARGEST_IMBALANCE:
        where = f"{counts.max()} : {counts.min()}"
        yield Verdict(
            "class_imbalance", (Evidence("imbalance", ratio, ">", LARGEST_IMBALANCE, where),)
        )


@check("shuffled_labels", needs=["one_output"])
def find_shuffled_labels(case: Case) -> Iterator[Verdict]:
    """Ask whether neighbors, a linear model and the network on held-out rows all fail."""
    if not case.simple_targets or len(case.compared) < 40:
        return
    if case.classes and len(np.unique(case.labels)) < 2:
        return
    simple = case.simple
    found = [Evidence("neighbor_z", simple.neighbor_z, "<", CHANCE)]
    if not found[0].speaks:
        return
    found.append(Evidence("ridge_z", simple.linear_z, "<", CHANCE))
    if case.finite and case.classes:
        for batch in (case.validation, case.test):
            if batch is not None:
                found.append(Evidence("held_out_z", _held_out_z(case, batch), "<", CHANCE))
                break
    if all(part.speaks for part in found):
        yield Verdict("shuffled_labels", tuple(found))


def _held_out_z(case: Case, batch: Batch) -> float:
    """Return how far the network's accuracy on held-out rows is from that of chance."""
    part = case.sample(batch, ROWS)
    labels, chosen = case.labels_of(part), case.chosen(case.losses_of(part)[1])
    shares = [np.bincount(v, minlength=case.classes) / len(labels) for v in (labels, chosen)]
    chance = float((shares[0] * shares[1]).sum())
    spread = max(float(np.sqrt(chance * (1 - chance) / len(labels))), 1e-9)
    return (float((labels == chosen).mean()) - chance) / spread


@check("mislabelled_examples", needs=["labels"])
def find_mislabelled_examples(case: Case) -> Iterator[Verdict]:
    """Name the rows whose label neighbors and a linear model both contradict."""
    n = len(case.compared)
    if n < 40 or case.simple.neighbor_z < CHANCE:
        return
    rows = case.compared[case.simple.contradicted]
    share = Evidence("mislabelled", len(rows) / n, ">", max(MISLABELLED, 2.5 / n))
    if share.speaks:
        yield Verdict("mislabelled_examples", (share,), rows=tuple(rows.tolist()))


# Copies


def _hashes(batch: Batch) -> list[bytes]:
    x = batch.x
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    flat = [np.ascontiguousarray(a).reshape(len(a), -1) for a in arrays]
    return [b"".join(a[row].tobytes() for a in flat) for row in range(count_rows(batch))]


def _width(batch: Batch) -> int:
    x = batch.x
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    return sum(int(np.prod(np.shape(a)[1:])) for a in arrays)


def _near_limit(case: Case) -> float:
    """Return the squared distance below which rows are near copies.

    It is taken from the middle of the distances to the nearest neighbor that is no exact copy.
    """
    distances = np.where(case.simple.distances < 1e-9, np.inf, case.simple.distances)
    nearest = distances.min(axis=1)
    # Where most rows are copies with noise, the nearest neighbors would be those; the distances
    # to other rows are then far greater, and their middle tells what is usual.
    tenth = np.partition(distances, min(10, len(distances) - 1), axis=1)[
        :, min(10, len(distances) - 1)
    ]
    usual = max(float(np.median(nearest)), 0.25 * float(np.median(tenth)))
    return NEAR**2 * usual


@check("duplicated_rows")
def find_duplicated_rows(case: Case) -> Iterator[Verdict]:
    """Count the rows that are equal, or nearly so, to an earlier one."""
    if isinstance(case.train.x, dict) or _width(case.train) < 4:
        return
    seen: set[bytes] = set()
    rows = []
    for number, mark in enumerate(_hashes(case.train)):
        if mark in seen:
            rows.append(number)
        seen.add(mark)
    limit = max(COPIES, 2.5 / case.rows)
    share = Evidence("copies", len(rows) / case.rows, ">", limit)
    if share.speaks:
        yield Verdict("duplicated_rows", (share,), rows=tuple(rows), kind="exact")
    elif not case.tokens and case.simple_targets and len(case.compared) >= 20:
        close = np.tril(case.simple.distances < _near_limit(case), k=-1).any(axis=1)
        share = Evidence("copies", float(close.mean()), ">", limit)
        if share.speaks:
            near = tuple(case.compared[close].tolist())
            yield Verdict("duplicated_rows", (share,), rows=near, kind="near")


@check("leaking_test_data", needs=["held_out"])
def find_leaking_test_data(case: Case) -> Iterator[Verdict]:
    """Count the held-out rows that are equal, or nearly so, to training rows."""
    if isinstance(case.train.x, dict) or _width(case.train) < 4:
        return
    known = set(_hashes(case.train))
    for name, batch in (("test", case.test), ("validation", case.validation)):
        if batch is None:
            continue
        n = count_rows(batch)
        rows = [number for number, mark in enumerate(_hashes(batch)) if mark in known]
        limit = max(LEAKED, 2.5 / n)
        share = Evidence("leaked", len(rows) / n, ">", limit)
        kind = "exact"
        if not share.speaks and not case.tokens and case.simple_targets:
            chosen = draw_rows(n, 1000, case.seed)
            own = draw_rows(case.rows, 10_000, case.seed)
            features = [
                as_features(take_rows(part, which).x, False, case.features).rows
                for part, which in ((batch, chosen), (case.train, own))
            ]
            close = (squared_distances(*features) < _near_limit(case)).any(axis=1)
            rows, kind = sorted(chosen[close].tolist()), "near"
            share = Evidence("leaked", len(rows) / len(chosen), ">", max(LEAKED, 2.5 / len(chosen)))
        if share.speaks:
            yield Verdict("leaking_test_data", (share,), rows=tuple(rows), part=name, kind=kind)


# Order

FORGOTTEN = 0.3


@check("data_not_shuffled", needs=["labels", "training"])
def find_unshuffled_data(case: Case) -> Iterator[Verdict]:
    """Ask whether labels come sorted and the network knows the last rows best.

    Sorted data alone is no fault: ``fit`` shuffles. What was trained in that order has forgotten
    the earlier rows, and the loss on the last ones is far lower.
    """
    y = case.labels
    shares = np.bincount(y) / len(y)
    same = float((y[1:] == y[:-1]).mean())
    order = Evidence("sortedness", same / float((shares**2).sum()), ">", 1.5)
    if not order.speaks or not case.finite:
        return
    # The last rows: those of the last tenth, and no fewer than a batch.
    count = max(case.batch_size, case.rows // 10)
    last = np.arange(case.rows - min(count, case.rows // 2), case.rows)
    others = np.setdiff1d(np.arange(case.rows), last)
    losses = [
        case.losses_of(take_rows(case.train, rows[draw_rows(len(rows), 512, case.seed)]))[0]
        for rows in (others, last)
    ]
    gap = case.level(float(losses[0].mean())) - case.level(float(losses[1].mean()))
    forgotten = Evidence("recency", gap, ">", FORGOTTEN)
    if forgotten.speaks:
        yield Verdict("data_not_shuffled", (order, forgotten))
