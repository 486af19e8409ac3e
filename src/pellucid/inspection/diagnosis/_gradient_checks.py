"""Faults of the backward pass: gradients that vanish or explode, over depth and over time."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pellucid.inspection.diagnosis._case import Case
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict
from pellucid.layers._recurrent import Recurrent

VANISHED = 1e-4
VANISHED_IN_TIME = 1e-6
GROWTH = 1e3
GROWTH_IN_TIME = 1e4


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
    yield from _over_depth(case, gradients, deltas)
    yield from _over_time(case, deltas)


def _over_depth(
    case: Case, gradients: Mapping[str, Any], deltas: Mapping[str, Any]
) -> Iterator[Verdict]:
    sizes = {
        path.rpartition("/")[0]: _rms(g)
        for path, g in gradients.items()
        if path.endswith("kernel") and _rms(g) > 0
    }
    if len(sizes) > 1:
        weakest = min(sizes, key=lambda path: sizes[path])
        ratio = sizes[weakest] / max(sizes.values())
        evidence = Evidence("gradient_ratio", ratio, "<", VANISHED)
        if evidence.speaks:
            yield Verdict("vanishing_gradients", (evidence,), layer=weakest, kind="depth")
    names = [name for name, call, _ in case.graph.calls() if call == 0]
    marks = [f"{name}/pre_activation" for name in names]
    flow = [_rms(deltas[mark]) for mark in marks if mark in deltas]
    flow = [size for size in flow if size > 0]
    if len(flow) > 2:
        evidence = Evidence("gradient_growth", flow[0] / flow[-1], ">", GROWTH)
        if evidence.speaks:
            yield Verdict("exploding_gradients", (evidence,), kind="depth")


def _over_time(case: Case, deltas: Mapping[str, Any]) -> Iterator[Verdict]:
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
            evidence = Evidence("time_ratio", ratio, relation, bound, f"{delta.shape[1]}")
            if evidence.speaks:
                yield Verdict(fault, (evidence,), layer=path, kind="time")


def _rms(array: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64)))))
