"""A search in a folder: what is searched, the journal, and trials that are taken one by one.

::

    runs/tune-digits/
        search.json       recipe, fixed settings, space, measure, seed
        journal.jsonl     everything that happened, written as it happens
        workers/          of each process that takes part a locked folder, and its messages
        trials.csv        a row for each trial
        best.json         the best settings and their measure
        history.png, importance.png, contour.png
"""

import json
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid._checks import check_one_of
from pellucid.errors import ArgumentError, RunError
from pellucid.recipes._run import plain, write_json
from pellucid.tuning._database import Database
from pellucid.tuning._journal import Files, optuna
from pellucid.tuning._space import Range, from_json, suggest, to_json

SEARCH = "search.json"
PRUNERS = ("median", "none")
ATTEMPTS = 3
"""How often a trial is begun whose process dies, before it is given up."""

STARTUP = 10
"""Trials drawn at random before the sampler learns from them."""


@dataclass(frozen=True)
class Question:
    """What a search asks.

    Attributes:
        space: from which values each setting may be chosen.
        monitor: the measure that is compared.
        larger: True if larger values of it are better.
        seed: what the choices are drawn from.
        pruner: ``"median"`` stops trials that are worse than the median of the others, ``"none"``
            lets all run.
        recipe: the name of the recipe, where there is one.
        settings: its fixed settings.
    """

    space: dict[str, Range]
    monitor: str
    larger: bool
    seed: int = 0
    pruner: str = "median"
    recipe: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_one_of("tune", "pruner", self.pruner, PRUNERS)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {**vars(self), "space": to_json(self.space), "settings": dict(self.settings)}

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> "Question":
        """Return what ``to_json`` wrote down."""
        return cls(**{**described, "space": from_json(described["space"])})


class Study:
    """The trials of a search, and the one who takes part in it.

    Args:
        question: what is searched.
        folder: where the journal lies; None keeps everything in memory.
        storage: the address of a PostgreSQL database that is used in place of a journal.

    Raises:
        ArgumentError: the database has a search of this name for something else.
    """

    def __init__(
        self, question: Question, folder: Path | None = None, storage: str | None = None
    ) -> None:
        library = optuna()
        self.question = question
        self.folder = folder
        self.storage = storage
        self.me = uuid.uuid4().hex[:12]
        self._meeting: Files | Database | None = None
        if storage is not None:
            self._meeting = Database(storage, "search" if folder is None else folder.name)
        elif folder is not None:
            self._meeting = Files(folder)
        pruner = library.pruners.NopPruner()
        if question.pruner == "median":
            pruner = library.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
        try:
            if self._meeting is not None:
                self._meeting.enter(self.me)
            with self._alone():
                self.study = library.create_study(
                    study_name=None if self._meeting is None else self._meeting.name,
                    storage=None if self._meeting is None else self._meeting.storage(),
                    direction="maximize" if question.larger else "minimize",
                    pruner=pruner,
                    load_if_exists=True,
                )
                if storage is not None:
                    self._check_question()
        except BaseException:
            self.close()
            raise

    def _check_question(self) -> None:
        """Raise ArgumentError if the database knows another search by this name."""
        asked = plain(self.question.to_json())
        if self.study.user_attrs.setdefault("question", asked) != asked:
            raise ArgumentError(
                f"The database holds a search {self.study.study_name!r} with another space or "
                "other settings; give this one a name of its own, --name second for instance."
            )
        self.study.set_user_attr("question", asked)

    @classmethod
    def open(cls, folder: Path, storage: str | None = None) -> "Study":
        """Return the search in a folder, as one who takes part.

        Raises:
            RunError: the folder holds no search.
        """
        try:
            described = json.loads((folder / SEARCH).read_text(encoding="utf-8"))
            question = Question.from_json(described)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{folder} holds no search; begin one with pellucid tune RECIPE."
            ) from error
        return cls(question, folder, storage)

    @classmethod
    def begin(cls, question: Question, folder: Path, storage: str | None = None) -> "Study":
        """Return the search in a folder; it is made, or goes on where it asks the same.

        Raises:
            ArgumentError: the folder holds a search for something else.
        """
        asked = plain(question.to_json())
        path = folder / SEARCH
        if path.exists():
            if json.loads(path.read_text(encoding="utf-8")) != asked:
                raise ArgumentError(
                    f"{folder} holds a search with another space or other settings; give this one "
                    "a name of its own, --name second for instance."
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(path, asked)
        return cls(question, folder, storage)

    def close(self) -> None:
        """Take no more part; a second time does nothing."""
        if self._meeting is not None:
            self._meeting.leave()

    def take(self, trials: int) -> tuple[Any, dict[str, Any]] | None:
        """Return the next trial and its settings; None if there are ``trials`` already.

        One process at a time draws, from the seed, the number of the trial and what is known by
        then: a search by one process repeats itself, also one that was broken off and goes on.
        """
        library = optuna()
        with self._alone():
            self._fail_lost()
            if self.counted() >= trials:
                return None
            number = len(self.study.get_trials(deepcopy=False))
            self.study.sampler = library.samplers.TPESampler(
                seed=(self.question.seed * 1_000_003 + number) % 2**32, n_startup_trials=STARTUP
            )
            trial = self.study.ask()
            trial.set_user_attr("worker", self.me)
            return trial, suggest(self.question.space, trial)

    def trials(self) -> list[Any]:
        """Return Optuna's trials without those that were lost and are tried again."""
        trials = self.study.get_trials(deepcopy=False)
        again = {trial.user_attrs.get("retry_of") for trial in trials}
        return [trial for trial in trials if trial.number not in again]

    def counted(self) -> int:
        """Return how many of them have begun."""
        waiting = optuna().trial.TrialState.WAITING
        return sum(trial.state != waiting for trial in self.trials())

    def fail_lost(self) -> int:
        """Fail the trials whose process is gone, have them tried again, and return how many."""
        with self._alone():
            return self._fail_lost()

    def _fail_lost(self) -> int:
        states = optuna().trial.TrialState
        lost = 0
        for trial in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            worker = trial.user_attrs.get("worker")
            if worker == self.me or (worker and self._is_alive(worker)):
                continue
            lost += 1
            attempt = trial.user_attrs.get("attempt", 1)
            # A trial that is lost again and again may be what kills its process.
            if attempt < ATTEMPTS:
                attributes = {"retry_of": trial.number, "attempt": attempt + 1}
                self.study.enqueue_trial(trial.params, user_attrs=attributes)
            self.study.tell(trial.number, state=states.FAIL)
        return lost

    def _is_alive(self, worker: str) -> bool:
        return self._meeting is not None and self._meeting.is_alive(worker)

    def _alone(self) -> Any:
        return nullcontext() if self._meeting is None else self._meeting.alone()
