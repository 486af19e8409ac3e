"""Questions that a recorded training answers with steps."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._tree import global_norm, tree_map
from pellucid.errors import ArgumentError, RunError, UnknownNameError

if TYPE_CHECKING:
    from pellucid.inspection._time_travel import Recording

BEFORE, AFTER = 30, 10
"""Steps before and after a step that its loss is compared with."""

FAR = 6.0
"""Robust deviations (1.4826 times the median distance to the median) that are far."""


def find(recording: "Recording", query: str, between: tuple[int, int] | None) -> list[int]:
    """Return the steps that a question asks for; see ``Recording.find``."""
    answers = {
        "loss spiked": lambda steps: _far(recording, steps, stays=False),
        "loss jumped": lambda steps: _far(recording, steps, stays=True),
        "largest update": lambda steps: _largest_update(recording, steps),
        "first nan": lambda steps: _first_nan(recording, steps),
        "best validation": lambda steps: _best_validation(recording, steps),
    }
    if query not in answers:
        raise UnknownNameError("question to a run", query, answers)
    return answers[query](_checked(recording.steps, between))


def _checked(steps: range, between: tuple[int, int] | None) -> range:
    if between is None:
        return steps
    start, stop = between
    if not steps.start <= start < stop <= steps.stop:
        raise ArgumentError(
            f"find expected between to be two steps from {steps.start} to {steps.stop}, the first "
            f"one smaller, got {between!r}."
        )
    return range(start, stop)


def far_steps(losses: np.ndarray, stays: bool) -> list[int]:
    """Return the places at which a series leaves the range of the values before it.

    Far is above the median of the 30 values before by more than 6 robust deviations (at least 1 %
    of the median). It stays if the median of the 10 values from there on is far as well; of places
    in a row only the first counts.

    Args:
        losses: the series, shape (steps,).
        stays: True for values that stay away, False for those that come back.
    """
    found: list[int] = []
    last = -AFTER
    for at in range(min(BEFORE, len(losses) // 2), len(losses)):
        before = losses[max(0, at - BEFORE) : at]
        before = before[np.isfinite(before)]
        if not before.size:
            continue
        middle = float(np.median(before))
        spread = max(1.4826 * float(np.median(np.abs(before - middle))), 0.01 * abs(middle))
        limit = middle + FAR * spread
        if losses[at] <= limit:
            continue
        after = np.nan_to_num(losses[at : at + AFTER], nan=np.inf)
        if (float(np.median(after)) > limit) == stays:
            found += [at] if at - last >= AFTER else []
            last = at
    return found


def _far(recording: "Recording", steps: range, stays: bool) -> list[int]:
    name = _loss_name(recording)
    walk = recording.replay.walk(steps.start, steps.stop)
    losses = np.array([taken.measures[name] for taken in walk])
    return [steps.start + at for at in far_steps(losses, stays)]


def _loss_name(recording: "Recording") -> str:
    """Return the name of the loss; the first measure where none is called so."""
    looks = recording.replay.files.of_kind("look")
    names = list(looks[0]["logs"]) if looks else []
    losses = [name for name in names if name.endswith("loss")]
    if not names:
        raise RunError("The run ended before anything was measured.")
    return (losses or names)[0]


def _largest_update(recording: "Recording", steps: range) -> list[int]:
    before = jax.tree.map(jnp.copy, recording.replay.at(steps.start).parameters)
    largest, found = -1.0, steps.start
    for taken in recording.replay.walk(steps.start, steps.stop):
        after = jax.tree.map(jnp.copy, taken.after.parameters)
        moved = float(global_norm(tree_map(jnp.subtract, after, before)))
        if np.isfinite(moved) and moved > largest:
            largest, found = moved, taken.step
        before = after
    return [found]


def _first_nan(recording: "Recording", steps: range) -> list[int]:
    found = recording.first_nonfinite()
    return [] if found is None or found not in steps else [found]


def _best_validation(recording: "Recording", steps: range) -> list[int]:
    ends = [e for e in recording.replay.files.of_kind("epoch_end") if e["step"] - 1 in steps]
    measured = [e for e in ends if np.isfinite(e["logs"].get("val_loss", np.nan))]
    if not measured:
        raise RunError(
            "The run has no validation loss; train with validation_data to ask for the best."
        )
    return [min(measured, key=lambda e: e["logs"]["val_loss"])["step"] - 1]
