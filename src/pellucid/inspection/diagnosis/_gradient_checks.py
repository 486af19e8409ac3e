"""Faults of the backward pass: gradients that vanish or explode, over depth and over time."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pellucid.inspection.diagnosis._case import Case
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict
from pellucid.layers._recurrent import Recurrent

VANISHED = 3e-3
VANISHED_IN_TIME = 1e-5
GROWTH = 100.0
GROWTH_IN_TIME = 100.0
TROUBLE = 0.3


@check("vanishing_gradients", "exploding_gradients", cheap=True)
def find_bad_gradients(case: Case) -> Iterator[Verdict]:
    """Compare the gradients of the layers, and those of the steps of a sequence.

    A layer whose gradient is exactly 0 is dead or cut off, which other checks tell.
    """
    if not case.finite:
        return
    gradients, deltas = case.slopes
    bad = [1.0 - float(np.isfinite(g).mean()) for g in gradients.values()]
    if bad and max(bad) > 0:
        yield Verdict(
            "exploding_gradients", (Evidence("bad_gradients", max(bad), ">", 0.0),), kind="depth"
        )
        return
    found = [
        *_weakest_layer(gradients),
        *_over_depth(case, deltas, "gradient_growth"),
        *_over_time(case, deltas, "time_ratio"),
    ]
    exploding = any(verdict.fault == "exploding_gradients" for verdict in found)
    if not exploding and case.trained and case.single and case.train_level > TROUBLE:
        # Training may have tamed or killed what exploded; a network that still fails tells.
        before = case.starting_deltas
        found += _over_depth(case, before, "starting_growth")
        at_start = _over_time(case, before, "starting_ratio")
        found += [verdict for verdict in at_start if verdict.fault == "exploding_gradients"]
    yield from found


def _weakest_layer(gradients: Mapping[str, Any]) -> Iterator[Verdict]:
    """Compare the gradient of the layer that has least with that of the one that has most."""
    sizes = {
        path.rpartition("/")[0]: _rms(g)
        for path, g in gradients.items()
        if path.endswith("kernel") and _rms(g) > 0
    }
    if len(sizes) < 2:
        return
    weakest = min(sizes, key=lambda path: sizes[path])
    evidence = Evidence("gradient_ratio", sizes[weakest] / max(sizes.values()), "<", VANISHED)
    if evidence.speaks:
        yield Verdict("vanishing_gradients", (evidence,), layer=weakest, kind="depth")


def _over_depth(case: Case, deltas: Mapping[str, Any], quantity: str) -> Iterator[Verdict]:
    """Measure how much the delta grows from the last layer back to the first."""
    names = [name for name, call, _ in case.graph.calls() if call == 0]
    marks = [f"{name}/pre_activation" for name in names]
    flow = [_rms(deltas[mark]) for mark in marks if mark in deltas]
    flow = [size for size in flow if size > 0]
    if len(flow) < 3:
        return
    evidence = Evidence(quantity, flow[0] / flow[-1], ">", GROWTH)
    if evidence.speaks:
        yield Verdict("exploding_gradients", (evidence,), kind="depth")


def _over_time(case: Case, deltas: Mapping[str, Any], quantity: str) -> Iterator[Verdict]:
    """Compare the gradient that reaches the far end of a sequence with that at the near end."""
    for label, delta in deltas.items():
        path, _, name = label.rpartition("/")
        layer = case.layer_at(path)
        if name != "input_part" or not isinstance(layer, Recurrent) or delta.ndim != 3:
            continue
        if getattr(layer, "return_sequences", False) or delta.shape[1] < 8:
            continue
        steps = np.sqrt(np.mean(np.square(delta, dtype=np.float64), axis=(0, 2)))
        far, near = float(steps[0]), float(steps[-1])
        if getattr(layer, "go_backwards", False):
            far, near = near, far
        if near <= 0:
            continue
        ratio = far / near
        for fault, relation, bound in (
            ("vanishing_gradients", "<", VANISHED_IN_TIME),
            ("exploding_gradients", ">", GROWTH_IN_TIME),
        ):
            evidence = Evidence(quantity, ratio, relation, bound, f"{delta.shape[1]}")
            if evidence.speaks:
                yield Verdict(fault, (evidence,), layer=path, kind="time")


def _rms(array: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64)))))
