"""The callback that tells a search how a trial goes, and stops what is worse than the others."""

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
            self.pruned = True
            self.record.stop(
                f"{self.monitor.name} was worse than the median of the other trials after "
                f"{self.epochs} epochs."
            )


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
