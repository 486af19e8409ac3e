"""A recorded training, and the moments of it: any step reopened with all its numbers.

::

    run = pellucid.open("runs/latest")
    moment = run.at(812)
    moment.batch, moment.state, moment.trace(), moment.next()
    run.find("loss spiked")
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._tree import flatten_paths, global_norm, tree_map
from pellucid.errors import ArgumentError
from pellucid.inspection._nonfinite import NonFinite, nonfinite_in_step
from pellucid.inspection._queries import find
from pellucid.inspection._trace import Trace, trace_step
from pellucid.models import Model
from pellucid.training import Batch, Replay, TrainingState, not_finite
from pellucid.training._finite import path_name

Tree = Any

STRIDE = 64
"""Steps that are run again at once while looking for the first NaN."""


class Recording:
    """A recorded training whose data and model are at hand again.

    Args:
        replay: runs its steps again.
        model: the model that was trained by ``fit``; None for a step of one's own.
    """

    def __init__(self, replay: Replay, model: Model | None = None) -> None:
        self.replay = replay
        self.model = model

    def __repr__(self) -> str:
        return f"Recording({str(self.replay.files.folder)!r}, {self.steps})"

    @property
    def steps(self) -> range:
        """The numbers of the steps; a step's number is the count of steps before it."""
        return self.replay.steps

    @property
    def looks(self) -> list[dict[str, Any]]:
        """What was measured while it ran: step, and measures of the epoch up to there."""
        return [
            {"step": entry["step"], **entry["logs"]} for entry in self.replay.files.of_kind("look")
        ]

    @property
    def differences(self) -> list[str]:
        """What here differs from where it was recorded, in words; bits may then differ too."""
        return self.replay.differences()

    def at(self, step: int) -> "Moment":
        """Return the moment before a step.

        Args:
            step: the number of the step, one of ``steps``.

        Raises:
            ArgumentError: the run has no such step.
        """
        self.replay.epoch_of(step)
        return Moment(self, int(step), self.replay.at(step))

    def find(self, query: str, between: tuple[int, int] | None = None) -> list[int]:
        """Return the steps that a question asks for, in order.

        ``"loss spiked"``: the loss left the range of the steps before and came back.
        ``"loss jumped"``: it left that range and stayed away.
        ``"largest update"``: the step that moved the parameters furthest.
        ``"first nan"``: the first step after which a loss or the state is not finite.
        ``"best validation"``: the last step of the epoch with the lowest validation loss.

        The first three run the steps again, one at a time, which takes about as long as the
        training did.

        Args:
            query: the question.
            between: look at steps from the first number up to, not including, the second.

        Raises:
            UnknownNameError: there is no such question; the nearest is suggested.
        """
        return find(self, query, between)

    def first_nonfinite(self) -> int | None:
        """Return the first step after which a loss or the state is not finite, None if all is."""
        replay, steps = self.replay, self.steps
        known = set(not_finite(replay.at(steps.start)))
        start = self._last_finite(known)
        state = replay.at(start)
        cuts = replay.cuts(start, steps.stop)
        for first, end in zip(cuts, cuts[1:], strict=False):
            if first > start:
                state = replay.changed(state, first)
            if set(not_finite(state)) - known:
                return first  # a callback put it there: this is the step that meets it
            for begin in range(first, end, STRIDE):
                stop = min(begin + STRIDE, end)
                before = state
                state, measures = replay.stretch(before, stop)
                if not _fine(state, measures, known):
                    return self._within(before, begin, stop, known)
        return None

    def explain_nonfinite(self) -> NonFinite | None:
        """Return where the first number that is not finite came from, None if all are finite."""
        step = self.first_nonfinite()
        return None if step is None else self.at(step).explain_nonfinite()

    def _within(self, state: TrainingState, start: int, stop: int, known: set[str]) -> int:
        for step in range(start, stop):
            state, measures = self.replay.stretch(state, step + 1)
            if not _fine(state, measures, known):
                return step
        return stop - 1

    def _last_finite(self, known: set[str]) -> int:
        """Return the step of the last checkpoint before anything was seen to go wrong."""
        files = self.replay.files
        fine: list[int] = []
        for entry in files.entries:
            if entry["kind"] == "look" and _losses_bad(entry["logs"]):
                break
            there = entry["kind"] == "checkpoint" and (files.folder / entry["file"]).exists()
            if there and entry["step"] in self.steps:
                fine.append(int(entry["step"]))
        for step in reversed(fine):
            if not set(not_finite(self.replay.at(step))) - known:
                return step
        return self.steps.start


@dataclass(frozen=True)
class Moment:
    """The moment before one step of a recorded training.

    Attributes:
        recording: the training that it belongs to.
        step: the number of the step.
        state: the training state before it: parameters, layer state, optimizer state, key.
    """

    recording: Recording
    step: int
    state: TrainingState

    def __repr__(self) -> str:
        return f"Moment(step {self.step}, epoch {self.epoch + 1})"

    @property
    def epoch(self) -> int:
        """The number of its epoch, from 0."""
        return int(self.recording.replay.epoch_of(self.step)["epoch"])

    @cached_property
    def batch(self) -> Batch:
        """The batch as the step sees it, padding of a short last batch included."""
        return self.recording.replay.batch(self.step)

    @cached_property
    def rows(self) -> np.ndarray:
        """The numbers of the batch's rows in the data."""
        return self.recording.replay.rows(self.step)

    @property
    def x(self) -> Any:
        """The inputs of the batch, real rows only."""
        return tree_map(lambda array: array[: len(self.rows)], self.batch.x)

    @property
    def y(self) -> Any:
        """The targets of the batch, real rows only."""
        return tree_map(lambda array: array[: len(self.rows)], self.batch.y)

    @cached_property
    def _taken(self) -> tuple[TrainingState, dict[str, Any]]:
        return self.recording.replay.stretch(self.state, self.step + 1)

    @property
    def after(self) -> TrainingState:
        """The state right after the step, before any callback changed it."""
        return self._taken[0]

    @property
    def measures(self) -> dict[str, Any]:
        """Loss and metrics of the batch, before the update."""
        return self._taken[1]

    @property
    def changes(self) -> Tree:
        """What the step adds to every parameter."""
        return tree_map(jnp.subtract, self.after.parameters, self.state.parameters)

    def next(self) -> "Moment":
        """Return the moment before the next step.

        Raises:
            ArgumentError: this step is the last one.
        """
        if self.step + 1 not in self.recording.steps:
            raise ArgumentError(
                f"Step {self.step} is the last one of the run; moment.after is the state after it."
            )
        return self.recording.at(self.step + 1)

    def trace(self) -> Trace:
        """Return all numbers of the step, layer by layer, with its own dropout and augmentation.

        Raises:
            ArgumentError: the training had a step of its own, without layers.
        """
        model = self.recording.model
        if model is None:
            raise ArgumentError(
                "A trace needs a model that was trained by fit, and this run had a step of its "
                "own; moment.state, moment.batch and moment.changes are there."
            )
        return trace_step(model, self.state, self.batch)

    def explain_nonfinite(self) -> NonFinite | None:
        """Return where a number stops being finite in this step, None if none does."""
        step = self.recording.replay.compiled.step
        return nonfinite_in_step(step, self.state, self.batch, self.rows)

    def layers(self) -> list[dict[str, Any]]:
        """Return for every array of parameters its norm, and those of its gradient and change.

        ``ratio`` is the norm of the change over that of the parameters. The gradient is None where
        the training had a step of its own, and for what is not trained.
        """
        gradients: dict[str, Any] = {}
        if self.recording.model is not None:
            gradients = dict(flatten_paths(self.trace().gradients))
        changes = _by_path(self.changes)
        table = []
        for path, array in _by_path(self.state.parameters).items():
            norm, change = float(global_norm([array])), float(global_norm([changes[path]]))
            gradient = gradients.get(path)
            table.append(
                {
                    "parameter": path,
                    "shape": list(array.shape),
                    "norm": norm,
                    "gradient": None if gradient is None else float(global_norm([gradient])),
                    "change": change,
                    "ratio": change / norm if norm else None,
                }
            )
        return table

    def to_json(self) -> dict[str, Any]:
        """Return step, epoch, rows, measures and the table of layers as plain JSON."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "rows": self.rows.tolist(),
            "measures": self.measures,
            "layers": self.layers(),
        }


def _by_path(tree: Tree) -> dict[str, Any]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {path_name(path): leaf for path, leaf in leaves}


def _fine(state: TrainingState, measures: dict[str, Any], known: set[str]) -> bool:
    return not _losses_bad(measures) and not set(not_finite(state)) - known


def _losses_bad(measures: dict[str, Any]) -> bool:
    return any(
        name.endswith("loss") and not abs(value) < float("inf") for name, value in measures.items()
    )
