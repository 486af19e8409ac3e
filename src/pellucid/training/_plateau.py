"""Callbacks that wait for a measure to stop improving: early stopping, lower rates, checkpoints."""

from pathlib import Path
from typing import Any

import jax

from pellucid._checks import check_one_of, check_range
from pellucid.training._callbacks import Callback, Logs, Monitor


class EarlyStopping(Callback):
    """Stops the fit when a measure has stopped improving.

    Args:
        monitor: the measure, such as ``"val_loss"``.
        min_delta: improvements of no more than this do not count.
        patience: epochs without improvement before the fit stops.
        verbose: 1 prints why the fit stopped.
        mode: ``"auto"``, ``"min"`` or ``"max"``.
        baseline: a value that must be beaten at least once within ``patience`` epochs.
        restore_best_weights: put the weights of the best epoch back at the end.
        start_from_epoch: epochs to wait before watching.

    Reference: Prechelt, Early Stopping - But When? (1998).
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        check_one_of("EarlyStopping", "mode", mode, ("auto", "min", "max"))
        check_range("EarlyStopping", "patience", patience, 0)
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier fit."""
        self.best: float | None = None
        self.best_epoch = 0
        self.wait = 0
        self._best_weights: Any = None

    def get_state(self) -> dict[str, Any]:
        """Return the best so far, and how long it has not been beaten."""
        best = None if self._best_weights is None else jax.tree.leaves(self._best_weights)
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "best_weights": best,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.wait = state["wait"]
        if state["best_weights"] is not None:
            form = jax.tree.structure((self.record.live.parameters, self.record.live.layer_state))
            self._best_weights = jax.tree.unflatten(form, state["best_weights"])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the measure with the best so far."""
        if epoch < self.start_from_epoch:
            return
        value = self.monitor.read(logs)
        if self.monitor.better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self._best_weights = (self.record.parameters, self.record.layer_state)
            if self.baseline is None or self.monitor.better(value, self.baseline):
                self.wait = 0
                return
        self.wait += 1
        if self.wait >= max(self.patience, 1):
            self.record.stop(
                f"{self.monitor.name} has not improved for {self.wait} epochs; "
                + (
                    f"the best was {self.best:.4g} in epoch {self.best_epoch + 1}."
                    if self.best is not None
                    else "it was never a number."
                )
            )

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Put the best weights back, if asked to."""
        if self._best_weights is not None:
            self.record.replace(*self._best_weights)
        if self.verbose and self.record.stopped:
            print(f"Stopped early: {self.record.stopped}")


class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by a factor when a measure has stopped improving.

    Args:
        monitor: the measure, such as ``"val_loss"``.
        factor: new rate = rate * factor, in (0, 1).
        patience: epochs without improvement before the rate is lowered.
        verbose: 1 prints every change.
        mode: ``"auto"``, ``"min"`` or ``"max"``.
        min_delta: improvements of no more than this do not count.
        cooldown: epochs to wait after a change before watching again.
        min_lr: the rate is never lowered below this.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        check_one_of("ReduceLROnPlateau", "mode", mode, ("auto", "min", "max"))
        check_range("ReduceLROnPlateau", "factor", factor, 0.0, 1.0, open_low=True, open_high=True)
        self.monitor = Monitor(monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier fit."""
        self.best: float | None = None
        self.wait = 0
        self.resting = 0

    def get_state(self) -> dict[str, Any]:
        """Return the best so far, and how long it has not been beaten."""
        return {"best": self.best, "wait": self.wait, "resting": self.resting}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        self.best, self.wait, self.resting = state["best"], state["wait"], state["resting"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the measure with the best so far; lower the rate when patience is over."""
        value = self.monitor.read(logs)
        rate = self.record.learning_rate
        if logs is not None:
            logs["learning_rate"] = rate
        if self.resting:
            self.resting -= 1
            self.wait = 0
        if self.monitor.better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.resting:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.record.learning_rate = max(rate * self.factor, self.min_lr)
                self.resting, self.wait = self.cooldown, 0
                if self.verbose:
                    new = self.record.learning_rate
                    print(f"Epoch {epoch + 1}: {self.monitor.name} rests; learning rate {new:g}.")


class ModelCheckpoint(Callback):
    """Saves the model after epochs; in a ``train`` without a model, the training state.

    Args:
        filepath: the folder (for a training state the file) to save to; may hold ``{epoch}`` and
            measures, as in ``"best-{epoch:02d}-{val_loss:.2f}"``.
        monitor: the measure that decides what is best.
        verbose: 1 prints every save.
        save_best_only: save only when the measure improves.
        save_weights_only: save ``<filepath>.weights.safetensors`` alone, without the description.
        mode: ``"auto"``, ``"min"`` or ``"max"``.
        save_freq: ``"epoch"``, the only choice.
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str = "epoch",
    ) -> None:
        check_one_of("ModelCheckpoint", "mode", mode, ("auto", "min", "max"))
        check_one_of("ModelCheckpoint", "save_freq", save_freq, ("epoch",))
        self.filepath = str(filepath)
        self.monitor = Monitor(monitor, mode)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier fit."""
        self.best: float | None = None

    def get_state(self) -> dict[str, Any]:
        """Return the best so far."""
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the best so far."""
        self.best = state["best"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if this epoch deserves it."""
        if self.save_best_only:
            value = self.monitor.read(logs)
            if not self.monitor.better(value, self.best):
                return
            self.best = value
        path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        if self.save_weights_only:
            suffix = ".weights.safetensors"
            self.model.save_weights(path if path.endswith(suffix) else path + suffix)
        else:
            (self.record if self.model is None else self.model).save(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved {path}")
