"""What a search found: its trials, the best one, a table and pictures."""

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pellucid.errors import RunError
from pellucid.recipes._run import replacing, write_json
from pellucid.tuning._journal import optuna
from pellucid.tuning._study import Question, Study

BEST, TABLE = "best.json", "trials.csv"


@dataclass(frozen=True)
class Trial:
    """One trial of a search.

    Attributes:
        number: counted from 0, in the order in which they began.
        settings: the value of each setting that was searched.
        value: the measure in the last epoch that ran; None if there was none.
        state: ``"complete"``, ``"pruned"`` (stopped early, as worse than others), ``"diverged"``
            (a loss or a weight became NaN), ``"failed"`` or ``"running"``.
        curve: the measure after each epoch.
        reason: why it ended early, if it did.
    """

    number: int
    settings: dict[str, Any]
    value: float | None
    state: str
    curve: list[float]
    reason: str | None = None


class Search:
    """What a search found.

    Args:
        study: the study behind it.
        models: the models of the trials by number, where they are kept.
    """

    def __init__(self, study: Study, models: dict[int, Any] | None = None) -> None:
        self.question: Question = study.question
        self.folder = study.folder
        self.study = study.study
        """The Optuna study."""
        self.models = models or {}
        self.trials = [_trial(trial) for trial in study.trials()]

    @cached_property
    def complete(self) -> list[Trial]:
        """The complete trials, the best one first."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        sign = -1 if self.question.larger else 1
        return sorted(complete, key=lambda trial: sign * (trial.value or 0.0))

    @property
    def best(self) -> Trial:
        """The complete trial with the best measure.

        Raises:
            RunError: no trial is complete.
        """
        if not self.complete:
            reasons = [trial.reason for trial in self.trials if trial.reason]
            raise RunError(
                "No trial of the search is complete"
                + (f"; the last one ended so: {reasons[-1]}" if reasons else ".")
            )
        return self.complete[0]

    @property
    def best_model(self) -> Any:
        """The trained model of the best trial, None where models are not kept."""
        return self.models.get(self.best.number)

    def importance(self) -> dict[str, float]:
        """Return how much of the spread of the measure each setting accounts for; they sum to 1.

        A random forest is fitted to the complete trials and its variance is divided up (functional
        analysis of variance). Empty before there are two different measures.

        References:
            Hutter, Hoos, Leyton-Brown, An efficient approach for assessing hyperparameter
            importance, 2014.
        """
        return dict(self._importance)

    @cached_property
    def _importance(self) -> dict[str, float]:
        if len({trial.value for trial in self.complete}) < 2:
            return {}
        if len(self.question.space) == 1:
            return dict.fromkeys(self.question.space, 1.0)
        library = optuna()
        evaluator = library.importance.FanovaImportanceEvaluator(seed=self.question.seed)
        found = library.importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: float(value) for name, value in found.items()}

    def counts(self) -> dict[str, int]:
        """Return how many trials are in each state."""
        states = [trial.state for trial in self.trials]
        return {state: states.count(state) for state in dict.fromkeys(states)}

    def to_json(self) -> dict[str, Any]:
        """Return the best settings and all trials as plain JSON."""
        return {
            "monitor": self.question.monitor,
            "best": vars(self.best),
            "importance": self.importance(),
            "counts": self.counts(),
            "trials": [vars(trial) for trial in self.trials],
        }

    def write(self) -> None:
        """Write table, best settings and pictures into the search's folder."""
        from pellucid.tuning._plots import plot_contour, plot_importance, plot_trials

        folder = self.folder or Path()
        names = list(self.question.space)
        with (
            replacing(folder / TABLE) as temporary,
            open(temporary, "w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["number", *names, self.question.monitor, "state", "epochs"])
            for trial in self.trials:
                values = [trial.settings.get(name) for name in names]
                writer.writerow([trial.number, *values, trial.value, trial.state, len(trial.curve)])
        best = self.best
        write_json(
            folder / BEST,
            {
                "recipe": self.question.recipe,
                "settings": {**self.question.settings, **best.settings},
                "searched": best.settings,
                self.question.monitor: best.value,
                "trial": best.number,
            },
        )
        figures = {"history.png": plot_trials(self)}
        if self.importance():
            figures["importance.png"] = plot_importance(self)
        if len(names) > 1:
            figures["contour.png"] = plot_contour(self)
        for name, figure in figures.items():
            with replacing(folder / name) as temporary:
                figure.savefig(temporary, format="png")


def _trial(trial: Any) -> Trial:
    states = optuna().trial.TrialState
    attributes = trial.user_attrs
    word = {states.COMPLETE: "complete", states.PRUNED: "pruned", states.FAIL: "failed"}
    state = word.get(trial.state, "running")
    if "diverged" in attributes:
        state = "diverged"
    curve = [float(value) for _, value in sorted(trial.intermediate_values.items())]
    value = trial.value if trial.state == states.COMPLETE else curve[-1] if curve else None
    if value is not None and value != value:
        value = None
    reason = attributes.get("diverged") or attributes.get("reason")
    if reason is None and state == "failed":
        reason = "the process that ran it ended before it did"
    return Trial(trial.number, dict(trial.params), value, state, curve, reason)
