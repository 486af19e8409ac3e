"""The callback that saves a fit as it goes, so that after any stop it goes on as if unbroken."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid._files import Lock, clear_leftovers
from pellucid.errors import ArgumentError, ModelFileError, RunError, WriteError
from pellucid.training._callbacks import Callback, Logs, Monitor, TakePoint
from pellucid.training._point import (
    Point,
    differences,
    read_point,
    read_rest,
    write_point,
)
from pellucid.training._recording import environment, hash_rows
from pellucid.training._state import Batch

PATTERN = "checkpoint-*.safetensors"
SHARE = 0.03
"""The share of a fit's time that checkpoints take at most, where they are made by the clock."""


class BackupAndRestore(Callback):
    """Saves the fit as it goes; the same fit, started again, goes on and ends with the same bits.

    After a kill, a crash, a power cut or Ctrl-C, type the same lines again: the fit begins at the
    newest checkpoint of ``backup_dir`` and ends with weights, optimizer state and history bit-equal
    to those of an unbroken fit. A checkpoint holds the whole training state, the place in the epoch
    and its order, the running sums of the measures, the history, and what the other callbacks keep
    (their ``get_state``). It is written under a temporary name, synced and renamed; where the disk
    is full, the last ones stay.

    Arrays go on in the middle of an epoch. A stream is read again from its beginning up to the
    place, so it must give the same batches again; a validation stream starts anew.

    Args:
        backup_dir: the folder of the checkpoints. One process at a time trains in it.
        save_freq: ``"epoch"`` saves after every epoch; a number saves also inside epochs, at the
            first look after so many steps.
        delete_checkpoint: remove the checkpoints when the fit has come to its end.
        keep: how many of the last checkpoints stay, 1 or more; an older one is there in case the
            disk damages the newest.
        monitor: a measure such as ``"val_loss"``: of the checkpoints made after whole epochs, the
            best one stays too. None keeps the last ones alone.
        mode: ``"auto"``, ``"min"`` or ``"max"``.
        seconds: no checkpoint sooner than so many seconds after the last, and no more than 3 % of
            the time; None for no such limit. Ctrl-C always saves.
        force: go on even if settings, data, model or versions are not those of the checkpoint.
        tell: where it says where it goes on.

    Raises:
        RunError: another process trains in the folder; or the checkpoints there belong to another
            fit, and ``force`` is False. All that changed is listed.
        WriteError: the folder cannot be made, or Ctrl-C finds no room. A checkpoint that cannot be
            written during the fit is told, the last ones stay, and the training goes on.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import pellucid
        >>> from pellucid.layers import Dense
        >>> x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
        >>> folder = tempfile.mkdtemp()
        >>> def fit(epochs):
        ...     model = pellucid.Sequential([Dense(1)])
        ...     model.compile("sgd", "mse", verbose=0)
        ...     backup = pellucid.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
        ...     return model.fit(x, 3 * x, epochs=epochs, verbose=0, callbacks=[backup])
        >>> fit(2).epoch
        [0, 1]
        >>> fit(3).epoch
        Goes on after epoch 2, at step 2.
        [0, 1, 2]
    """

    def __init__(
        self,
        backup_dir: str | Path,
        save_freq: str | int = "epoch",
        delete_checkpoint: bool = True,
        *,
        keep: int = 2,
        monitor: str | None = None,
        mode: str = "auto",
        seconds: float | None = None,
        force: bool = False,
        tell: Callable[[str], Any] = print,
    ) -> None:
        if isinstance(save_freq, bool) or (save_freq != "epoch" and not _is_count(save_freq)):
            raise ArgumentError(
                "BackupAndRestore expected save_freq to be 'epoch' or a number of steps of 1 or "
                f"more, got {save_freq!r}."
            )
        check_positive_int("BackupAndRestore", "keep", keep)
        check_one_of("BackupAndRestore", "mode", mode, ("auto", "min", "max"))
        if seconds is not None:
            check_range("BackupAndRestore", "seconds", seconds, 0)
        self.backup_dir = Path(backup_dir)
        self.save_freq = save_freq
        self.delete_checkpoint = delete_checkpoint
        self.keep = keep
        self.monitor = None if monitor is None else Monitor(monitor, mode)
        self.seconds = seconds
        self.force = force
        self.tell = tell

    # The moments of a fit

    def around(self) -> AbstractContextManager[Any]:
        """Keep other processes out of the folder during the whole fit."""
        return Lock(self.backup_dir)

    def point_to_resume(self) -> Point | None:
        """Return the newest checkpoint that is whole, None if there is none.

        Raises:
            RunError: it belongs to another fit.
        """
        clear_leftovers(self.backup_dir)
        self._signature: dict[str, Any] | None = None
        self._hashes = self.record.source.hashes()
        self._saved: tuple[int, bool] | None = None
        self._last_step = int(self.record.live.step)
        self._last_time = time.perf_counter()
        self._cost = 0.0
        self._told = ""
        for path in reversed(checkpoints(self.backup_dir)):
            try:
                point = read_point(path, self.record.live)
            except ModelFileError as error:
                # Of another form: what changed says more than a list of arrays.
                rest = read_rest(path)
                if rest is not None and "does not fit" in str(error):
                    self._check(rest["signature"])
                    raise
                self.tell(f"{error} The checkpoint before it is taken.")
                continue
            self._check(point.signature)
            self._last_step = int(point.state.step)
            self._saved = (self._last_step, bool(point.rest["begun"]))
            self.tell(_where(point))
            return point
        return None

    def on_point(self, take: TakePoint) -> None:
        """Save, if it is time."""
        if not self._is_due():
            return
        try:
            self._save(take)
        except WriteError as error:
            self._last_step, self._last_time = self._place()[0], time.perf_counter()
            if str(error) != self._told:
                self._told = str(error)
                self.tell(f"{error} The training goes on, and will try again.")

    def on_interrupt(self, take: TakePoint) -> None:
        """Save, whatever the time."""
        if self._saved != self._place():
            self._save(take)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the checkpoints at the end of the whole fit, if asked to."""
        if self.record.finished and self.delete_checkpoint:
            for path in checkpoints(self.backup_dir):
                path.unlink()

    # Saving

    def _place(self) -> tuple[int, bool]:
        return int(self.record.live.step), self.record.begun

    def _steps(self) -> int:
        """Return the number of steps since the last checkpoint."""
        return int(self.record.live.step) - self._last_step

    def _is_due(self) -> bool:
        if self.save_freq == "epoch":
            if self.record.begun:
                return False
        elif self.record.begun and self._steps() < int(self.save_freq):
            return False
        if self.seconds is None:
            return True
        wait = max(self.seconds, self._cost / SHARE)
        return time.perf_counter() - self._last_time >= wait

    def _save(self, take: TakePoint) -> None:
        began = time.perf_counter()
        step = int(self.record.live.step)
        path = self.backup_dir / f"checkpoint-{step:09d}.safetensors"
        write_point(path, take(self._what()))
        self._saved = self._place()
        self._thin()
        self._last_step, self._last_time = step, time.perf_counter()
        self._cost = self._last_time - began

    def _thin(self) -> None:
        """Remove all checkpoints but the last ones and the best."""
        paths = checkpoints(self.backup_dir)
        spare = paths[: -self.keep]
        if self.monitor is not None and spare:
            best = best_of(paths, self.monitor)
            spare = [path for path in spare if path != best]
        for path in spare:
            path.unlink()

    # What the fit is one of

    def _what(self) -> dict[str, Any]:
        """Return what the training is one of, as plain JSON."""
        if self._signature is None:
            record = self.record
            describe = getattr(self.model, "get_config", None)
            what = {
                "model": None if describe is None else describe(),
                "data": self._data(),
                "batch_size": record.source.batch_size,
                "shuffle": record.shuffle,
                "seed": record.seed,
                "environment": environment(),
            }
            self._signature = json.loads(json.dumps(what))
        return self._signature or {}

    def _data(self) -> dict[str, Any] | None:
        """Return the hashes of inputs, targets and weights, None for a stream."""
        if self._hashes is None:
            return None
        data = self.record.source.data
        weights = Batch({"sample_weight": data.sample_weight}, None)
        return {**self._hashes.result(), **hash_rows(weights)}

    def _check(self, then: dict[str, Any]) -> None:
        """Raise RunError if this fit is not the one that was saved."""
        changed = differences(then, self._what())
        if not changed or self.force:
            return
        shown = "; ".join(changed[:8]) + (f"; and {len(changed) - 8} more" * (len(changed) > 8))
        raise RunError(
            f"The checkpoints in {str(self.backup_dir)!r} belong to another fit: {shown}. Its end "
            "would not be the same; make it as it was, choose another folder, or go on all the "
            "same with force=True (--force)."
        )


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the oldest first."""
    return sorted(folder.glob(PATTERN), key=lambda path: (len(path.name), path.name))


def best_of(paths: list[Path], monitor: Monitor) -> Path | None:
    """Return the checkpoint after whose last epoch a measure was best."""
    best, best_value = None, None
    for path in paths:
        rest = read_rest(path)
        if rest is None or rest["begun"]:
            continue
        values = rest["history"]["history"].get(monitor.name)
        value = values[-1] if values else None
        if isinstance(value, float) and monitor.better(value, best_value):
            best, best_value = path, value
    return best


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


def _where(point: Point) -> str:
    step, rest = int(point.state.step), point.rest
    if rest["begun"]:
        return f"Goes on in epoch {rest['epoch'] + 1}, at step {step}."
    return f"Goes on after epoch {rest['epoch']}, at step {step}."
