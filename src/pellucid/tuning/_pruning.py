"""The callbacks that tell a search how a trial goes, and stop what is worse than the others."""

import math
import statistics
from typing import Any

from pellucid.training import Callback
from pellucid.training._callbacks import Monitor
from pellucid.tuning._journal import optuna


class Pruning(Callback):
    """Reports a measure after every epoch and stops a trial that falls behind.

    With the pruner ``"median"`` a trial falls behind when its best measure so far is worse than the
    median of the others after as many epochs.

    Args:
        trial: a trial of Optuna.
        monitor: the measure, such as ``"val_loss"``.

    References:
        Golovin et al., Google Vizier: A Service for Black-Box Optimization, 2017, section 3.1.
    """

    def __init__(self, trial: Any, monitor: str) -> None:
        self.trial = trial
        self.monitor = Monitor(monitor)
        self.value: float | None = None
        self.epochs = 0
        self.pruned = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the measure, and ask whether to go on."""
        self.value = float(self.monitor.read(logs))
        self.epochs = epoch + 1
        self.trial.report(self.value, epoch + 1)
        if self.trial.should_prune():
            self.stop("other trials")

    def stop(self, others: str) -> None:
        """Stop the trial as worse than the median of others."""
        self.pruned = True
        after = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        self.record.stop(
            f"{self.monitor.name} was worse than the median of the {others} after {after}."
        )


class Halving(Pruning):
    """Reports a measure after every epoch; of trials that train together the worse half stops.

    After 1, 2, 4, 8, ... epochs the trials that are worse than the median of those that still train
    are stopped. The last epoch stops nothing.

    Args:
        trial: a trial of Optuna, of a study that stops none itself.
        monitor: the measure, such as ``"val_loss"``.
        together: those of the trials that train together; this one is added.

    References:
        Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
        Optimization, 2016, algorithm 1.
    """

    def __init__(self, trial: Any, monitor: str, together: list["Halving"]) -> None:
        super().__init__(trial, monitor)
        self.together = together
        self.begun = 0
        together.append(self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take part in the comparison after this epoch."""
        self.begun = epoch + 1

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the measure; the last one to do so compares all."""
        super().on_epoch_end(epoch, logs)
        rivals = [one for one in self.together if one.begun == self.epochs]
        compared = self.epochs & (self.epochs - 1) == 0 and self.epochs < self.record.epochs
        if compared and all(one.epochs == self.epochs for one in rivals):
            training = [one for one in rivals if one.record.stopped is None]
            median = statistics.median([one.merit for one in training]) if training else 0.0
            for one in training:
                if one.merit < median:
                    one.stop("trials that trained with it")

    @property
    def merit(self) -> float:
        """The measure, as a number that is larger for a better trial."""
        value = self.value
        return -math.inf if value is None or math.isnan(value) else self.monitor.sign * value


def finish(study: Any, trial: Any, pruning: Pruning, diverged: str | None) -> None:
    """Tell the search how a trial ended.

    Args:
        study: the Optuna study.
        trial: its trial.
        pruning: what watched it.
        diverged: why it was stopped, if a number was no longer finite.
    """
    states = optuna().trial.TrialState
    value = pruning.value
    if diverged is not None or (value is not None and value != value):
        trial.set_user_attr("diverged", diverged or f"{pruning.monitor.name} became NaN")
        # What diverges is told as the worst there is, so that the sampler keeps away from it.
        if value is None:
            trial.report(float("nan"), 1)
        study.tell(trial, state=states.PRUNED)
    elif pruning.pruned:
        trial.set_user_attr("reason", pruning.record.stopped)
        study.tell(trial, state=states.PRUNED)
    else:
        study.tell(trial, value)
