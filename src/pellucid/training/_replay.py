"""Going back to any step of a recorded training: from the nearest checkpoint, the same steps again.

The steps between a checkpoint and the step that is asked for run through the compiled loop that
trained, in the order that the seed of their epoch draws, with the changes that callbacks made; so
the state that comes out is the one that was, bit for bit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import optimizers
from pellucid._tree import tree_copy
from pellucid.errors import ArgumentError, RunError
from pellucid.training._checkpoint import load_state
from pellucid.training._loop import PADDING, CompiledSteps, Totals, read_sums, take_batch
from pellucid.training._recording import Entry, RecordedFiles, environment, hash_rows
from pellucid.training._source import ArraySource, Chunk, Source
from pellucid.training._state import Batch, TrainingState

Results = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """One step that was run again.

    Attributes:
        step: its number, the count of steps before it.
        after: the state after it; used up by the next step, so copy what is to be kept.
        measures: the measures of its batch, before its update.
    """

    step: int
    after: TrainingState
    measures: dict[str, Any]


class Replay:
    """Runs the steps of a recorded training again.

    Args:
        files: the recording.
        steps: the compiled step, of the same model, loss and optimizer.
        like: a training state of the same form, such as the one it would start from.
        source: the same rows.
        optimizer: the optimizer, None for a step that has none.
        results: turns the sums of measures into their values.

    Raises:
        RunError: the rows are not those that were trained on.
    """

    def __init__(
        self,
        files: RecordedFiles,
        steps: CompiledSteps,
        like: TrainingState,
        source: Source,
        optimizer: Any,
        results: Results,
    ) -> None:
        self.files = files
        self.compiled = steps
        self.like = like
        self.source = source
        self.optimizer = optimizer
        self.results = results
        self._chunk: tuple[int, Chunk] | None = None
        self._check_data()

    @property
    def steps(self) -> range:
        """The numbers of the steps."""
        return self.files.steps

    def epoch_of(self, step: int) -> Entry:
        """Return the line of the log of the epoch that a step belongs to."""
        self._check_step(step)
        return [entry for entry in self.files.of_kind("epoch") if entry["step"] <= step][-1]

    def at(self, step: int) -> TrainingState:
        """Return the exact state before a step; ``at(steps.stop)`` is the one at the end.

        Raises:
            ArgumentError: the run has no such step.
            RunError: it cannot be reached, because a checkpoint is missing.
        """
        if step != self.steps.stop:
            self._check_step(step)
        return self._from(self._nearest(step), step)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step as the step saw it."""
        chunk, number = self._place(step)
        size = self.source.batch_size
        return take_batch(chunk.data, chunk.order, number, size, chunk.padded)

    def rows(self, step: int) -> np.ndarray:
        """Return the row numbers of the batch in the data, without padding."""
        chunk, number = self._place(step)
        size = self.source.batch_size
        order = np.asarray(chunk.order[number * size : (number + 1) * size])
        return order[order != PADDING]

    def walk(self, start: int, stop: int) -> Iterator[Step]:
        """Run the steps ``start`` to ``stop - 1`` again, one at a time.

        Yields:
            Each step with the state after it, which the next step uses up.
        """
        if start >= stop:
            return
        state = self.at(start)
        for step in range(start, stop):
            if step > start:
                state = self.changed(state, step)
            state, totals = self._run(state, step, step + 1)
            yield Step(step, state, self.results(read_sums(totals)))

    def stretch(self, state: TrainingState, stop: int) -> tuple[TrainingState, dict[str, Any]]:
        """Run steps from a state up to ``stop``, within one epoch and without changes between.

        Returns:
            The state after them and the measures over them.
        """
        state, totals = self._run(tree_copy(state), int(state.step), stop)
        return state, self.results(read_sums(totals))

    def changed(self, state: TrainingState, step: int, since: int | None = None) -> TrainingState:
        """Return the state with what callbacks changed just before a step.

        Args:
            state: the state.
            step: the step.
            since: only changes after this line of the log; None for all.
        """
        for entry in self.files.entries[0 if since is None else since + 1 :]:
            if entry["step"] != step:
                continue
            if entry["kind"] == "rate":
                changed = optimizers.with_learning_rate(
                    state.optimizer_state, entry["rate"], self.optimizer
                )
                state = state.replace(optimizer_state=changed)
            if entry["kind"] == "checkpoint" and entry["why"] == "weights":
                path = self.files.folder / entry["file"]
                if not path.exists():
                    raise RunError(
                        f"A callback put weights in place before step {step}, and they are no "
                        "longer kept; record with more space: Recorder(folder, megabytes=1000)."
                    )
                state = load_state(path, self.like)
        return state

    def cuts(self, start: int, stop: int) -> list[int]:
        """Return the steps from ``start`` to ``stop`` at which an epoch or a change comes."""
        at = {e["step"] for e in self.files.of_kind("epoch", "rate", "weights")}
        return sorted({start, stop} | {step for step in at if start < step < stop})

    def differences(self) -> list[str]:
        """Return in words what here differs from where it was recorded; bits may then differ."""
        then, now = self.files.description["environment"], environment()
        return [
            f"{name} was {then[name]} and is {now[name]}"
            for name in now
            if then.get(name) != now[name]
        ]

    # Inside

    def _check_step(self, step: int) -> None:
        if not hasattr(step, "__index__") or step not in self.steps:
            first, end = self.steps.start, self.steps.stop
            has = f"steps {first} to {end - 1}" if end > first else "no steps"
            raise ArgumentError(f"The run has {has}, got {step!r}; choose one of them.")

    def _check_data(self) -> None:
        """Raise RunError unless the rows are those that were trained on."""
        if not isinstance(self.source, ArraySource):
            return
        then = self.files.description["data"]
        if then is None:
            raise RunError(
                f"The training in {str(self.files.folder)!r} was killed before the hashes of its "
                "data were written, so nothing can tell whether the data are the same; train again."
            )
        now = hash_rows(self.source.data)
        for name in sorted({*then, *now}):
            was, came = then.get(name), now.get(name)
            if was == came:
                continue
            if was is None or came is None:
                what = f"{name} was {'absent' if was is None else 'there'}"
            elif (was["shape"], was["dtype"]) != (came["shape"], came["dtype"]):
                what = (
                    f"{name} was {was['dtype']} of shape {tuple(was['shape'])} and is "
                    f"{came['dtype']} of shape {tuple(came['shape'])}"
                )
            else:
                what = f"the numbers of {name} have another hash ({came['sha256'][:12]} in place "
                what += f"of {was['sha256'][:12]})"
            raise RunError(
                f"The data are not those that the run was trained on: {what}. Its steps cannot be "
                "repeated with them; pass the data that were given to fit."
            )

    def _place(self, step: int) -> tuple[Chunk, int]:
        """Return the chunk of a step's epoch, and the number of its batch in it."""
        epoch = self.epoch_of(step)
        first = int(epoch["step"])
        if self._chunk is None or self._chunk[0] != first:
            seed = epoch["seed"]
            chunk = next(iter(self.source.epoch(None if seed is None else tuple(seed))))
            self._chunk = (first, chunk)
        return self._chunk[1], step - first

    def _nearest(self, step: int) -> int:
        """Return the place in the log of the checkpoint to start from.

        Raises:
            RunError: there is none, or weights were put in place since and are not kept.
        """
        place = None
        for number, entry in enumerate(self.files.entries):
            if entry["step"] > step:
                continue
            if entry["kind"] == "weights":
                place = None
            if entry["kind"] == "checkpoint" and (self.files.folder / entry["file"]).exists():
                place = number
        if place is None:
            raise RunError(
                f"Step {step} cannot be reached: the checkpoint before it is missing from "
                f"{str(self.files.folder)!r}. Choose another step, or record with more space: "
                "Recorder(folder, megabytes=1000)."
            )
        return place

    def _from(self, place: int, step: int) -> TrainingState:
        """Return the state before a step, from the checkpoint at a place in the log."""
        entry = self.files.entries[place]
        state = load_state(self.files.folder / entry["file"], self.like)
        state = self.changed(state, int(entry["step"]), since=place)
        cuts = self.cuts(int(entry["step"]), step)
        for start, stop in zip(cuts, cuts[1:], strict=False):
            state, _ = self._run(state, start, stop)
            state = self.changed(state, stop)
        return state

    def _run(self, state: TrainingState, start: int, stop: int) -> tuple[TrainingState, Totals]:
        """Run steps of one epoch; the state is used up."""
        chunk, number = self._place(start)
        return self.compiled.train(
            *(state, None, chunk.data, chunk.order, range(number, number + stop - start)),
            batch_size=self.source.batch_size,
            padded=chunk.padded,
        )
