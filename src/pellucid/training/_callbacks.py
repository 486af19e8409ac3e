"""The callback contract, and the callbacks that need no file of their own."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from pellucid.errors import RunError, UnknownNameError
from pellucid.training._finite import not_finite
from pellucid.training._point import Point, point_of
from pellucid.training._record import FitRecord

Logs = dict[str, float]
TakePoint = Callable[[dict[str, Any]], Point]
"""Takes what the training is one of, and returns the point at which it stands."""


class Callback:
    """Something that a fit calls at fixed moments; override what is needed.

    The training runs in a compiled program of many steps, and the host looks in a few times a
    second. ``on_look`` is called at each look. A callback that overrides ``on_train_batch_end`` (or
    ``_begin``) is called for every step: the host then looks in after each one, which is slower.

    ``self.record`` is the fit's record (state, learning rate, ``stop()``); ``self.model`` is the
    model that is fitted, whose weights are those of this moment.
    """

    record: FitRecord
    model: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also after an early stop."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch number ``epoch`` (from 0)."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation; ``logs`` holds the measures and may be added to."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before step ``batch`` of the epoch; overriding it makes the host look at every step."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After step ``batch`` of the epoch; overriding it makes the host look at every step."""

    def on_look(self, batch: int, logs: Logs) -> None:
        """At a look inside an epoch: ``batch`` steps are done, ``logs`` is the epoch so far."""

    def on_point(self, take: TakePoint) -> None:
        """When a fit may be left and taken up again: after each look and each epoch, when all
        callbacks have had their turn. ``take(signature)`` gives what it stands on.
        """

    def on_interrupt(self, take: TakePoint) -> None:
        """When Ctrl-C ends the fit at such a moment."""

    def point_to_resume(self) -> Point | None:
        """Return the point that the fit goes on from, None to start; before ``on_train_begin``."""
        return None

    def around(self) -> AbstractContextManager[Any]:
        """Return what the whole fit runs inside of, such as a lock."""
        return nullcontext()

    def get_state(self) -> dict[str, Any]:
        """Return what the callback needs to go on after a stop: numbers, words, arrays, and lists
        and dictionaries of them. Nothing, by default.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what ``get_state`` returned; called after ``on_train_begin`` of a resumed fit."""

    def watches_every_step(self) -> bool:
        """Return True if the callback must be called for every single step."""
        kind = type(self)
        return (
            kind.on_train_batch_begin is not Callback.on_train_batch_begin
            or kind.on_train_batch_end is not Callback.on_train_batch_end
        )


class Callbacks:
    """A list of callbacks called as one, in order."""

    def __init__(self, callbacks: Sequence[Callback], record: FitRecord, model: Any) -> None:
        self.callbacks = list(callbacks)
        self.record = record
        for callback in self.callbacks:
            callback.record = record
            callback.model = model
        self.every_step = any(callback.watches_every_step() for callback in self.callbacks)

    def call(self, moment: str, *arguments: Any) -> None:
        """Call the method named ``moment`` of every callback."""
        for callback in self.callbacks:
            getattr(callback, moment)(*arguments)

    @contextmanager
    def around(self) -> Iterator[None]:
        """Give what the callbacks want the whole fit to run inside of."""
        with ExitStack() as stack:
            for callback in self.callbacks:
                stack.enter_context(callback.around())
            yield

    def point_to_resume(self) -> Point | None:
        """Return the point that the first callback which has one wants to go on from."""
        for callback in self.callbacks:
            if (point := callback.point_to_resume()) is not None:
                return point
        return None

    def take(self, signature: dict[str, Any]) -> Point:
        """Return the point at which the fit stands, which is one of ``signature``."""
        return point_of(self.record, self.states(), signature)

    def states(self) -> dict[str, Any]:
        """Return what the callbacks keep, by class and number; those that keep nothing are out."""
        kept = {name: callback.get_state() for name, callback in self._named()}
        return {name: state for name, state in kept.items() if state}

    def put_back(self, states: dict[str, Any]) -> None:
        """Give the callbacks what they kept.

        Raises:
            RunError: what was kept belongs to other callbacks than these, or is damaged.
        """
        named = dict(self._named())
        wanted = set(self.states())
        if set(states) - set(named) or wanted - set(states):
            raise RunError(
                f"The checkpoint belongs to a fit with the callbacks {_listed(states)}, and this "
                f"one has {_listed(wanted)}; pass the same callbacks, or use another folder."
            )
        for name, state in states.items():
            try:
                named[name].set_state(state)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise RunError(
                    f"The checkpoint is damaged: {name} cannot go on from what it kept "
                    f"({type(error).__name__}: {error}); delete it, the one before it is taken."
                ) from error

    def _named(self) -> Iterator[tuple[str, Callback]]:
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, 0) + 1
            yield f"{kind}-{counts[kind]}", callback


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(name.rpartition("-")[0] for name in names)) or "none that keep anything"


class Monitor:
    """Compares one measure from epoch to epoch.

    Args:
        name: the measure, such as ``"val_loss"``.
        mode: ``"min"``, ``"max"``, or ``"auto"``: measures whose larger values are better by
            their name (accuracy, AUC, precision, recall, F1, R2) are maximized, others minimized.
        min_delta: an improvement of no more than this does not count.
    """

    LARGER_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "r2", "fmeasure", "similarity")

    def __init__(self, name: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        self.name = name
        larger = mode == "max" or (
            mode == "auto" and any(word in name for word in self.LARGER_IS_BETTER)
        )
        self.sign = 1.0 if larger else -1.0
        self.min_delta = abs(min_delta)

    def read(self, logs: Logs | None) -> float:
        """Return the measure; raise UnknownNameError if the fit has none of that name."""
        logs = logs or {}
        if self.name not in logs:
            raise UnknownNameError("measure in this fit", self.name, logs)
        return logs[self.name]

    def better(self, value: float, than: float | None) -> bool:
        """Return True if ``value`` improves on ``than`` by more than min_delta.

        NaN (no episode ended yet, for instance) improves on nothing, and anything improves on None.
        """
        if math.isnan(value):
            return False
        return than is None or self.sign * (value - than) > self.min_delta


class LambdaCallback(Callback):
    """Calls the given functions; each has the arguments of the method of the same name."""

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        on_look: Callable[..., Any] | None = None,
    ) -> None:
        given = {name: function for name, function in locals().items() if name != "self"}
        self._every_step = bool(on_train_batch_begin or on_train_batch_end)
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)

    def watches_every_step(self) -> bool:
        """Return True if a function for single steps was given."""
        return self._every_step


class TerminateOnNaN(Callback):
    """Stops the fit within a look when a loss or a number of the state is no longer finite.

    Losses are the measures whose name ends in "loss" (``loss``, ``generator_loss``); they are read
    at every look. The state (parameters, moving averages, the optimizer's numbers) is looked
    through once a second and at the end of every epoch; what was not finite at the start is left
    out. ``pellucid.callbacks.Recorder`` beside it makes the exact step known afterwards.

    Args:
        losses: False looks at the state alone, for a step of one's own whose losses are the mean of
            nothing, NaN, as long as it has counted nothing.
    """

    SECONDS = 1.0

    def __init__(self, losses: bool = True) -> None:
        self.losses = losses

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note what is not finite at the start."""
        self.reason: str | None = None
        self._known = set(not_finite(self.record.live))
        self._looked = time.perf_counter()

    def on_look(self, batch: int, logs: Logs) -> None:
        """Stop if a loss of the epoch so far, or a number of the state, is NaN or infinite."""
        for name, loss in logs.items():
            if self.losses and name.endswith("loss") and not abs(loss) < float("inf"):
                self._stop(f"The {name.replace('_', ' ')} became {loss}", batch)
        if time.perf_counter() - self._looked > self.SECONDS:
            self._look_through(batch)

    def get_state(self) -> dict[str, Any]:
        """Return what was not finite at the start."""
        return {"known": sorted(self._known), "reason": self.reason}

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what was not finite at the start."""
        self._known, self.reason = set(state["known"]), state["reason"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stop if a number of the state is NaN or infinite."""
        self._look_through(self.record.batch)

    def _look_through(self, batch: int) -> None:
        found = [name for name in not_finite(self.record.live) if name not in self._known]
        if found:
            more = f" and {len(found) - 1} others" if len(found) > 1 else ""
            self._stop(f"The array {found[0]}{more} held NaN or infinity", batch)
        self._looked = time.perf_counter()

    def _stop(self, what: str, batch: int) -> None:
        self.reason = self.reason or (
            f"{what} in epoch {self.record.epoch + 1} at or before step {batch}; try a lower "
            "learning rate, or clipnorm=1.0 in the optimizer."
        )
        self.record.stop(self.reason)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    Args:
        schedule: ``(epoch, present rate) -> rate``.
        verbose: 1 prints every change.
    """

    def __init__(self, schedule: Callable[[int, float], float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Ask the schedule for the rate of this epoch."""
        rate = float(self.schedule(epoch, self.record.learning_rate))
        self.record.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {rate:g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Log the rate beside the measures."""
        if logs is not None:
            logs["learning_rate"] = self.record.learning_rate
