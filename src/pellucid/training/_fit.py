"""Fitting: epochs of compiled steps, with looks in between."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pellucid.training._callbacks import Callback, Callbacks
from pellucid.training._loop import CompiledSteps, read_sums
from pellucid.training._record import FitRecord
from pellucid.training._source import Source

Results = Callable[[Mapping[str, Any]], dict[str, float]]
"""Turns the sums of measures into their values."""

SECONDS_BETWEEN_LOOKS = 0.25


class Pace:
    """Chooses how many steps to run before the next look, from the speed of the last ones."""

    def __init__(self, every_step: bool = False) -> None:
        self.every_step = every_step
        self.steps = 1
        self._runs = 0

    def took(self, steps: int, seconds: float) -> None:
        """Note that ``steps`` steps took ``seconds``; the first run, with compilation, is not."""
        self._runs += 1
        if self.every_step or self._runs == 1:
            return
        wanted = int(steps * SECONDS_BETWEEN_LOOKS / max(seconds, 1e-6))
        self.steps = max(1, min(wanted, 8 * self.steps))


@contextmanager
def interrupts_at_looks() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the host looks in, so that no step is lost halfway.

    The compiled steps use their arguments up: an exception between their end and the moment when
    the new state is kept would leave none. Gives a function that raises KeyboardInterrupt if Ctrl-C
    was pressed since; a second Ctrl-C is obeyed at once.
    """
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def obey() -> None:
        nonlocal pressed
        if pressed:
            pressed = False
            raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    ours = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not ours:
        yield obey
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield obey
    finally:
        signal.signal(signal.SIGINT, before)


def run_epoch(
    steps: CompiledSteps,
    record: FitRecord,
    source: Source,
    callbacks: Callbacks,
    results: Results,
    pace: Pace,
    look: Callable[[], None],
) -> dict[str, float]:
    """Run one epoch, or the rest of one that was left, and return its measures.

    The steps do not depend on how often we look.
    """
    logs = {} if record.totals is None else results(read_sums(record.totals))
    done = record.batch
    for chunk in source.epoch(record.order_seed):
        start = min(done, chunk.steps)
        done -= start
        while start < chunk.steps and record.stopped is None:
            stop = min(start + pace.steps, chunk.steps)
            if callbacks.every_step:
                callbacks.call("on_train_batch_begin", record.batch, logs)
            began = time.perf_counter()
            record.at_rest = False
            record.live, record.totals = steps.train(
                record.live,
                record.totals,
                chunk.data,
                chunk.order,
                range(start, stop),
                source.batch_size,
                chunk.padded,
            )
            record.batch += stop - start
            logs = results(read_sums(record.totals))
            pace.took(stop - start, time.perf_counter() - began)
            if callbacks.every_step:
                callbacks.call("on_train_batch_end", record.batch - 1, logs)
            callbacks.call("on_look", record.batch, logs)
            start = stop
            record.at_rest = True
            callbacks.call("on_point", callbacks.take)
            look()
        if record.stopped is not None:
            break
    return logs


def run_epochs(
    steps: CompiledSteps,
    record: FitRecord,
    source: Source,
    callbacks: Callbacks,
    results: Results,
    validate: Callable[[FitRecord], dict[str, float]] | None,
    validation_freq: int,
    pace: Pace,
    look: Callable[[], None],
) -> None:
    """Run the epochs from the one at which the record stands, until the last or a stop."""
    for epoch in range(record.to_come, record.epochs):
        if record.stopped is not None:
            break
        record.at_rest = False
        if not record.begun:
            record.begin(epoch)
            callbacks.call("on_epoch_begin", epoch, {})
        record.at_rest = True
        logs = run_epoch(steps, record, source, callbacks, results, pace, look)
        record.steps = record.batch
        if validate is not None and (epoch + 1) % validation_freq == 0:
            logs |= {f"val_{name}": value for name, value in validate(record).items()}
        record.at_rest = False
        callbacks.call("on_epoch_end", epoch, logs)
        record.history.append(epoch, logs)
        record.end()
        callbacks.call("on_point", callbacks.take)
        look()


def fit(
    steps: CompiledSteps,
    record: FitRecord,
    source: Source,
    *,
    results: Results,
    validate: Callable[[FitRecord], dict[str, float]] | None = None,
    validation_freq: int = 1,
    callbacks: Sequence[Callback] = (),
    model: Any = None,
    seed: int = 0,
    shuffle: bool = True,
    initial_epoch: int = 0,
) -> FitRecord:
    """Train for ``record.epochs`` epochs, or until a callback stops the fit.

    The order of an epoch's rows is drawn from ``seed`` and the number of its first step.

    Args:
        steps: the compiled training step.
        record: where the fit stands; it is changed and returned.
        source: the training rows.
        results: turns sums into measures.
        validate: returns the measures of the validation data for the present weights.
        validation_freq: epochs between validations.
        callbacks: called at their moments, in order.
        model: what callbacks see as ``self.model``.
        seed: makes the order of rows.
        shuffle: False keeps the rows in order.
        initial_epoch: the number of the first epoch.
    """
    record.source, record.seed, record.shuffle = source, seed, shuffle
    record.epoch = record.to_come = initial_epoch
    called = Callbacks(callbacks, record, model)
    pace = Pace(called.every_step)
    with source.following(record), called.around():
        point = called.point_to_resume()
        if point is not None:
            point.put_into(record)
            source.pass_by(record.to_come - initial_epoch)
        called.call("on_train_begin", {})
        try:
            if point is not None:
                called.put_back(point.callbacks)
            with interrupts_at_looks() as look:
                run_epochs(
                    *(steps, record, source, called, results, validate, validation_freq),
                    pace,
                    look,
                )
            record.finished = True
        except KeyboardInterrupt:
            if record.at_rest:
                called.call("on_interrupt", called.take)
            raise
        finally:
            called.call("on_train_end", {})
    return record
