"""Faults of units and weights: dead, saturated, equal, too large at the start, never moved."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from pellucid._tree import flatten_paths
from pellucid.inspection.diagnosis._case import Case, is_kind
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict

DEAD = 0.5
SATURATED = 0.6
EQUAL = 0.5
LARGEST_GAIN = 6.0
NEVER_MOVED = 0.1
BATCH_NOISE = 0.2
PREDICTION_NOISE = 1e-3


@check("not_finite", cheap=True)
def find_not_finite(case: Case) -> Iterator[Verdict]:
    """Count the weights that are NaN or infinite."""
    share = Evidence("not_finite", case.bad_share, ">", 0.0)
    if share.speaks:
        yield Verdict("not_finite", (share,))


def _activations(case: Case) -> Iterator[tuple[str, str, Any]]:
    """Yield (path, activation, output) of the hidden layers that apply a known activation."""
    for label, value in case.values.items():
        path, _, name = label.rpartition("/")
        layer = case.layer_at(path)
        if name != "output" or layer is None or path.split("/")[0] in case.output_names:
            continue
        recurrent = f"{path}/input_part" in case.values
        if recurrent and not is_kind(layer, "SimpleRNN"):
            continue
        activation = layer.output_activation()
        if is_kind(layer, "ReLU") and not getattr(layer, "negative_slope", 0.0):
            activation = "relu"
        if activation is not None:
            yield path, activation, value


@check("dead_units", cheap=True)
def find_dead_units(case: Case) -> Iterator[Verdict]:
    """Count the ReLU units of each layer that give 0 everywhere, for every example."""
    if not case.finite:
        return
    for path, activation, y in _activations(case):
        if activation not in ("relu", "relu6") or y.shape[-1] < 2:
            continue
        dead = (y.reshape(-1, y.shape[-1]) == 0).all(axis=0)
        share = Evidence("dead", float(dead.mean()), ">", DEAD, f"{dead.sum()} / {len(dead)}")
        if share.speaks:
            yield Verdict("dead_units", (share,), layer=path)


@check("saturated_units", cheap=True)
def find_saturated_units(case: Case) -> Iterator[Verdict]:
    """Measure the share of hidden sigmoid and tanh values, and of gates, at their ends."""
    if not case.finite:
        return
    ends = {"tanh": (-0.98, 0.98), "sigmoid": (0.02, 0.98)}
    looked = [(path, ends[kind], y) for path, kind, y in _activations(case) if kind in ends]
    looked += [
        (label.rpartition("/")[0], (0.02, 0.98), np.where(value < 0, -value, value))
        for label, value in case.values.items()
        if label.endswith("/gates")
    ]
    for path, (low, high), y in looked:
        share = Evidence("saturated", float(((y < low) | (y > high)).mean()), ">", SATURATED)
        if share.speaks:
            yield Verdict("saturated_units", (share,), layer=path)


def _kernels(case: Case, parameters: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (path of the layer, weights (inputs, units)) of the layers that weigh their inputs."""
    for path, value in flatten_paths(parameters):
        layer, _, name = path.rpartition("/")
        owner = case.layer_at(layer)
        if name != "kernel" or np.ndim(value) < 2 or is_kind(owner, "Depthwise", "Separable"):
            continue
        yield layer, np.asarray(value).reshape(-1, np.shape(value)[-1])


@check("symmetric_initialization", cheap=True)
def find_symmetric_initialization(case: Case) -> Iterator[Verdict]:
    """Count the units of each layer whose weights are those of another unit, or all 0."""
    if not case.finite:
        return
    for layer, kernel in _kernels(case, case.state.parameters):
        units = kernel.shape[1]
        if units < 2 or kernel.shape[0] < 2:
            continue
        size = np.sqrt((kernel**2).sum(axis=0))
        rounded = np.round(kernel / max(float(size.max()), 1e-30), 4)
        _, first = np.unique(rounded, axis=1, return_inverse=True)
        counts = np.bincount(first.reshape(-1))
        twins = float((counts[first.reshape(-1)] > 1).mean())
        share = Evidence("equal_units", twins, ">", EQUAL)
        if share.speaks:
            yield Verdict("symmetric_initialization", (share,), layer=layer)


@check("initialization_too_large")
def find_large_initialization(case: Case) -> Iterator[Verdict]:
    """Measure what each layer's initial weights do to the size of what passes through."""
    for layer, kernel in _kernels(case, case.start.parameters):
        gain = float(np.sqrt(np.mean(kernel.astype(np.float64) ** 2) * kernel.shape[0]))
        now = dict(_kernels(case, case.state.parameters)).get(layer)
        kept = now is None or not case.finite or _gain(now) > LARGEST_GAIN / 2
        evidence = Evidence("initial_gain", gain, ">", LARGEST_GAIN)
        if evidence.speaks and kept:
            yield Verdict("initialization_too_large", (evidence,), layer=layer)


def _gain(kernel: np.ndarray) -> float:
    return float(np.sqrt(np.mean(kernel.astype(np.float64) ** 2) * kernel.shape[0]))


@check("frozen_layers", needs=["training"])
def find_frozen_layers(case: Case) -> Iterator[Verdict]:
    """Look for layers that are bit for bit as they were drawn, in a network that was trained.

    A layer with weights from elsewhere is not as it was drawn, so a frozen pretrained part is none.
    """
    before = dict(flatten_paths(case.start.parameters))
    after = dict(flatten_paths(case.state.parameters))
    still: dict[str, int] = {}
    moved: set[str] = set()
    total = 0
    for path, value in after.items():
        layer = path.rpartition("/")[0]
        start = np.asarray(before.get(path, value))
        total += start.size
        if start.shape == np.shape(value) and bool((start == np.asarray(value)).all()):
            still[layer] = still.get(layer, 0) + start.size
        else:
            moved.add(layer)
    frozen = {layer: size for layer, size in still.items() if layer not in moved and size > 1}
    share = sum(frozen.values()) / max(total, 1)
    if not moved or share <= NEVER_MOVED or not case.finite:
        return
    for layer, size in frozen.items():
        evidence = (
            Evidence("moved", 0.0, "<", 1e-12, f"{size} / {total}"),
            Evidence("frozen_share", share, ">", NEVER_MOVED),
        )
        yield Verdict("frozen_layers", evidence, layer=layer)


@check("tiny_batch_normalization")
def find_tiny_batch_normalization(case: Case) -> Iterator[Verdict]:
    """Measure how much the batch means that batch normalization takes differ from batch to batch.

    For independent values it is one over the values in a batch: 1/32 for 32 rows, 1/2 for two.
    """
    for label, value in case.values.items() if case.finite else ():
        path, _, name = label.rpartition("/")
        layer = case.layer_at(path)
        if name != "input" or not is_kind(layer, "BatchNormalization"):
            continue
        rows = np.asarray(value, np.float64)
        count = len(rows) // case.batch_size
        if count < 4:
            continue
        batches = rows[: count * case.batch_size].reshape(count, -1, rows.shape[-1])
        variance = batches.reshape(-1, rows.shape[-1]).var(axis=0)
        live = variance > 1e-12
        if not live.any():
            continue
        noise = float(np.median(batches.mean(axis=1).var(axis=0)[live] / variance[live]))
        evidence = Evidence("batch_noise", noise, ">", BATCH_NOISE, f"{case.batch_size}")
        if evidence.speaks:
            yield Verdict("tiny_batch_normalization", (evidence,), layer=path)


@check("random_predictions", needs=["one_output"])
def find_random_predictions(case: Case) -> Iterator[Verdict]:
    """Predict one row many times in one batch: equal rows must give equal outputs."""
    if not case.finite:
        return
    one = jax.tree.map(lambda a: np.repeat(np.asarray(a)[:1], len(a), axis=0), case.small)
    outputs = np.asarray(case.losses_of(one)[1], np.float64).reshape(len(one.y), -1)
    usual = np.asarray(case.losses_of(case.small)[1], np.float64).reshape(len(one.y), -1)
    spread = float(outputs.std(axis=0).max() / max(float(usual.std(axis=0).max()), 1e-12))
    evidence = Evidence("prediction_noise", spread, ">", PREDICTION_NOISE)
    if evidence.speaks and float(outputs.std(axis=0).max()) > 1e-5:
        yield Verdict("random_predictions", (evidence,))
