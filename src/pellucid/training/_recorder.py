"""The callback that records a training, so that every step of it can be looked at afterwards."""

import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from pellucid._checks import check_range
from pellucid._files import Lines
from pellucid.errors import ArgumentError
from pellucid.training._callbacks import Callback, Logs
from pellucid.training._checkpoint import save_state
from pellucid.training._recording import (
    FORMAT_VERSION,
    LOG,
    Entry,
    clear,
    encoded,
    environment,
    is_recording,
    read_recording,
    write_description,
    write_weights,
)
from pellucid.training._source import ArraySource, NoSource

PER_MEGABYTE = 1_000_000
SECONDS_BETWEEN_LOOKS = 0.05
"""Looks that follow each other more quickly are not all written down."""


class Recorder(Callback):
    """Records a training, so that ``pellucid.open(folder)`` can go back to any of its steps.

    Training repeats itself bit for bit, so a few checkpoints of the whole training state are
    enough: the steps between two of them are run again. Written down are the checkpoints, the seed
    of every epoch's order, hashes of the data (not the data), the weights of the rows, the measures
    at looks, and every learning rate and every set of weights that another callback put in place.

    A checkpoint is made at the start, at the starts of epochs and at looks, as long as all writing
    together takes no more than its share of the time. When they outgrow their space, those are
    removed whose absence costs least: dense where the training is now, sparse where it was long
    ago, starts of epochs last. Only the first one and the newest are written whatever they take.

    Works for ``Model.fit`` on arrays and for ``pellucid.training.train`` with arrays or without
    data; a stream cannot be read again from its middle.

    Args:
        folder: where the recording goes; an earlier recording in it is replaced, unless the fit
            goes on from a checkpoint: then the recording goes on too.
        megabytes: the space for checkpoints, above 0.
        share: the share of the training's time that recording may take, from 0 to 1.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import pellucid
        >>> from pellucid.layers import Dense
        >>> x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
        >>> model = pellucid.Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", verbose=0)
        >>> folder = tempfile.mkdtemp()
        >>> recorder = pellucid.callbacks.Recorder(folder)
        >>> history = model.fit(x, 3 * x, epochs=4, batch_size=8, verbose=0, callbacks=[recorder])
        >>> pellucid.open(folder, model=model, data=(x, 3 * x)).steps
        range(0, 16)
    """

    def __init__(self, folder: str | Path, megabytes: float = 200.0, share: float = 0.03) -> None:
        check_range("Recorder", "megabytes", megabytes, 0, open_low=True)
        check_range("Recorder", "share", share, 0, 1)
        self.folder = Path(folder)
        self.megabytes = megabytes
        self.share = share

    # The moments of a fit

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Write down what is trained on what, and the first checkpoint."""
        source = self.record.source
        if not isinstance(source, (ArraySource, NoSource)):
            raise ArgumentError(
                "Recorder expected data in arrays, got a stream of batches, which cannot be read "
                "again from its middle; pass arrays to fit, or leave the Recorder out."
            )
        self._began = time.perf_counter()
        self._spent = 0.0
        self._cost = 0.0
        self._last_look = 0.0
        self._unwritten: Logs | None = None
        self._lines = 0
        self._kept: list[_Kept] = []
        self._hashes: Future[Any] | None = None
        self._log: Lines | None = None
        if self.record.resumed and is_recording(self.folder):
            self._description = read_recording(self.folder).description
        else:
            self._start(source)
        if isinstance(source, ArraySource) and self._description["data"] is None:
            self._hashes = source.hashes()
        self.record.on_change.append(self._changed)

    def _start(self, source: ArraySource | NoSource) -> None:
        """Start a recording anew."""
        clear(self.folder)
        self._description = self._described(source)
        if isinstance(source, ArraySource):
            write_weights(self.folder, source.data.sample_weight)
        write_description(self.folder, self._description)
        self._log = Lines(self.folder / LOG, size=0)
        self._checkpoint("start")

    def get_state(self) -> dict[str, Any]:
        """Return how far the log goes, and which checkpoints are kept."""
        return {
            "size": 0 if self._log is None else self._log.size,
            "lines": self._lines,
            "kept": [[one.path.name, one.step, one.size, one.why] for one in self._kept],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the recording; what came after the checkpoint will come again."""
        if self._log is not None:  # the folder was gone, so this is a new recording
            return
        self._log = Lines(self.folder / LOG, state["size"])
        self._lines = state["lines"]
        there = {path.name for path in self.folder.glob("*-*.safetensors")}
        kept = [_Kept(self.folder / name, *rest) for name, *rest in state["kept"]]
        self._kept = [one for one in kept if one.path.name in there]
        for name in there - {one.path.name for one in self._kept}:
            (self.folder / name).unlink()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Write down how the order of this epoch is drawn."""
        self._write("epoch", epoch=epoch, seed=self.record.order_seed)
        if (not self._kept or self._step != self._kept[-1].step) and self._affordable():
            self._checkpoint("epoch")

    def on_look(self, batch: int, logs: Logs) -> None:
        """Write down the measures of the epoch so far, and a checkpoint where there is time."""
        began = time.perf_counter()
        finite = all(abs(v) < float("inf") for v in logs.values() if isinstance(v, float))
        if finite and began - self._last_look < SECONDS_BETWEEN_LOOKS:
            self._unwritten = dict(logs)
            return
        self._unwritten = None
        self._last_look = began
        self._take_hashes(wait=False)
        self._write("look", logs=logs)
        self._spent += time.perf_counter() - began
        if finite and self._affordable(spare=1):  # the next start of an epoch comes first
            self._checkpoint("look")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write down the measures of the epoch, and its last look if that came too soon."""
        if self._unwritten is not None:
            self._write("look", logs=self._unwritten)
            self._unwritten = None
        self._write("epoch_end", epoch=epoch, logs=logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Write down where and why it ended."""
        if self._changed in self.record.on_change:
            self.record.on_change.remove(self._changed)
            if self._log is not None:
                self._write("end", why=self.record.stopped)
                self._log.close()
            self._take_hashes(wait=True)

    def _changed(self, what: str) -> None:
        """Write down what another callback changed."""
        if what == "rate":
            self._write("rate", rate=self.record.learning_rate)
        else:
            self._write("weights")
            self._checkpoint("weights")

    # Writing

    @property
    def _step(self) -> int:
        return int(self.record.live.step)

    def _write(self, kind: str, **more: Any) -> None:
        entry: Entry = {"kind": kind, "step": self._step, **more}
        if self._log is not None:
            self._log.write(encoded(entry))
        self._lines += 1

    def _affordable(self, spare: int = 0) -> bool:
        """Tell whether there is time for one checkpoint and ``spare`` more, going by the last."""
        elapsed = time.perf_counter() - self._began
        return self._spent + (1 + spare) * self._cost <= self.share * elapsed

    def _checkpoint(self, why: str) -> None:
        began = time.perf_counter()
        step = self._step
        path = self.folder / f"{step:09d}-{self._lines}.safetensors"
        save_state(self.record.live, path)
        self._write("checkpoint", file=path.name, why=why)
        self._kept.append(_Kept(path, step, path.stat().st_size, why))
        for spare in thinned(self._kept, self.megabytes * PER_MEGABYTE):
            spare.path.unlink(missing_ok=True)
            self._kept.remove(spare)
        self._cost = time.perf_counter() - began
        self._spent += self._cost

    def _described(self, source: ArraySource | NoSource) -> dict[str, Any]:
        describe = getattr(self.model, "get_config", None)
        return {
            "format": "pellucid recording",
            "format_version": FORMAT_VERSION,
            "first_step": self._step,
            "epochs": self.record.epochs,
            "steps_per_epoch": source.steps,
            "batch_size": source.batch_size,
            "rows": getattr(source, "rows", None),
            "data": None,
            "model": None if describe is None else describe(),
            "environment": environment(),
        }

    def _take_hashes(self, wait: bool) -> None:
        """Write the hashes of the data down once they are known."""
        if self._hashes is not None and (wait or self._hashes.done()):
            self._description["data"] = self._hashes.result()
            self._hashes = None
            write_description(self.folder, self._description)


class _Kept:
    """A checkpoint that is kept."""

    def __init__(self, path: Path, step: int, size: int, why: str) -> None:
        self.path = path
        self.step = step
        self.size = size
        self.why = why


def thinned(kept: list[_Kept], space: float) -> list[_Kept]:
    """Return the checkpoints to remove so that the rest fits into ``space`` bytes.

    Removing one costs the longer replay between its neighbors, and matters the less the longer ago
    it was: the one with the smallest (gap between the neighbors) / (age) goes first. That leaves
    gaps that grow in proportion to age. Those at looks go before the starts of epochs, and these
    before weights that a callback put in place; the first and the newest stay.
    """
    rank = {"look": 0, "epoch": 1, "weights": 2, "start": 3}
    left = list(kept)
    removed: list[_Kept] = []
    while len(left) > 2 and sum(one.size for one in left) > space:
        now = left[-1].step

        def price(at: int, left: list[_Kept] = left, now: int = now) -> tuple[int, float]:
            gap = left[at + 1].step - left[at - 1].step
            return rank[left[at].why], gap / max(now - left[at].step, 1)

        removed.append(left.pop(min(range(1, len(left) - 1), key=price)))
    return removed
