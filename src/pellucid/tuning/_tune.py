"""A search over the settings of a recipe."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pellucid import recipes
from pellucid._checks import check_positive_int
from pellucid.errors import ArgumentError, PellucidError, RunError, UnknownNameError
from pellucid.recipes import Learning, Recipe
from pellucid.recipes._recipe import build
from pellucid.recipes._runner import compiled, learn, name_of
from pellucid.training import TerminateOnNaN
from pellucid.training._callbacks import Monitor
from pellucid.tuning._database import STORAGE
from pellucid.tuning._journal import WORKERS, fcntl, optuna
from pellucid.tuning._pruning import Pruning, finish
from pellucid.tuning._search import Search, Trial
from pellucid.tuning._space import Range, Space, checked
from pellucid.tuning._study import Question, Study

SECONDS_BETWEEN_LOOKS = 0.2


def tune(
    recipe: Recipe,
    space: Space,
    trials: int = 50,
    *,
    monitor: str | None = None,
    workers: int = 1,
    seed: int = 0,
    pruner: str = "median",
    runs: str | os.PathLike[str] = "runs",
    name: str | None = None,
    storage: str | None = None,
    verbose: int = 1,
    tell: Callable[[str], Any] = print,
) -> Search:
    """Search for good settings of a recipe: each trial trains it with others.

    ::

        recipe = recipes.make("digits", epochs=10)
        space = {"learning_rate": Float(1e-4, 1e-1, log=True), "dropout": Float(0, 0.7)}
        search = tune(recipe, space, trials=30)
        search.best.settings

    The first ten trials are drawn at random, the others where good ones were found (a
    tree-structured Parzen estimator). Trials that are worse than the median of the others are
    stopped early. Everything is written as it happens into ``<runs>/tune-<name>``: a search that
    was broken off goes on when it is asked for again. The measure is that of the validation part in
    the last epoch; the test part is not looked at.

    Args:
        recipe: with the settings that all trials share.
        space: from which values each of the others may be chosen.
        trials: how many there are to be in the end.
        monitor: the measure that is compared; by default ``"val_accuracy"`` where the recipe
            measures accuracy, else ``"val_loss"``.
        workers: processes that run trials at the same time. A process that is killed loses its
            trial, which is begun again by another one.
        seed: what the choices are drawn from; the same for the same search with one worker.
        pruner: ``"median"``, or ``"none"`` to let every trial run to its end.
        runs: the folder in which the search's folder is made.
        name: of the search, the recipe's by default.
        storage: the address of a PostgreSQL database, ``"postgresql://user:password@host/name"``,
            in place of the folder's journal: processes on several machines that ask for the same
            search by the same name share its trials.
        verbose: 1 says how each trial ended; 0 is silent.
        tell: where these sentences go.

    Raises:
        UnknownNameError: the recipe has no such setting, or no such measure.
        ArgumentError: a value that the recipe does not take; a folder with another search.
        NotReadyError: Optuna is not installed.
        RunError: no trial was complete; the database does not answer.

    References:
        Bergstra, Bardenet, Bengio, Kegl, Algorithms for hyper-parameter optimization, 2011; Akiba
        et al., Optuna: a next-generation hyperparameter optimization framework, 2019.
    """
    check_positive_int("tune", "trials", trials)
    check_positive_int("tune", "workers", workers)
    optuna()
    own = checked(space)
    settings = {key: value for key, value in vars(recipe).items() if key not in own}
    check_settings(recipe, own)
    chosen = monitor or measure_of(recipe)
    question = Question(
        own, chosen, Monitor(chosen).sign > 0, seed, pruner, name_of(recipe), settings
    )
    study = Study.begin(question, Path(runs) / f"tune-{name or name_of(recipe)}", storage)
    say = Saying(study, trials, tell if verbose else None)
    try:
        if workers == 1:
            run_trials(study, trials, type(recipe), say.look)
        else:
            _with_processes(study, trials, workers, say.look)
        say.look()
    finally:
        study.close()
    search = Search(study)
    search.write()
    return search


def measure_of(recipe: Recipe) -> str:
    """Return the measure that a search compares where none is named."""
    data = recipe.data()
    objective = recipe.objective(data)
    start = "" if data.validation is None or not data.validation.rows else "val_"
    if not start and not isinstance(objective, Learning):
        raise ArgumentError(
            f"The recipe {name_of(recipe)!r} has no validation part to compare trials by; name a "
            "measure of the training with --monitor loss."
        )
    metrics = () if isinstance(objective, Learning) else objective.metrics
    return "val_accuracy" if "accuracy" in metrics else "val_loss"


def check_settings(recipe: Recipe, space: Mapping[str, Range]) -> None:
    """Raise unless the recipe takes the bounds of every range."""
    known = recipes.settings_of(type(recipe))
    for key, own in space.items():
        if key not in known:
            raise UnknownNameError(f"setting of recipe {name_of(recipe)!r}", key, known)
        for value in own.ends:
            _recipe(type(recipe), {**vars(recipe), key: value})


def run_trials(
    study: Study, trials: int, kind: type[Recipe], look: Callable[[], Any] = lambda: None
) -> None:
    """Run trials in this process until there are ``trials`` of them."""
    while (taken := study.take(trials)) is not None:
        trial, settings = taken
        run_trial(study, trial, _recipe(kind, {**study.question.settings, **settings}))
        look()


def run_trial(study: Study, trial: Any, recipe: Recipe) -> None:
    """Train a recipe as a trial, and tell the search how it ended."""
    pruning = Pruning(trial, study.question.monitor)
    try:
        watch = _train(recipe, pruning)
    except UnknownNameError:
        study.study.tell(trial, state=optuna().trial.TrialState.FAIL)
        raise
    except PellucidError as error:
        trial.set_user_attr("reason", str(error))
        study.study.tell(trial, state=optuna().trial.TrialState.FAIL)
        return
    finish(study.study, trial, pruning, watch.reason)


def _train(recipe: Recipe, pruning: Pruning) -> TerminateOnNaN:
    """Train a recipe without a run folder; returns what watched for NaN."""
    data = recipe.data()
    objective = recipe.objective(data)
    model = compiled(recipe, data)
    watch = TerminateOnNaN(losses=not isinstance(objective, Learning))
    learn(recipe, objective, model, data, [*objective.callbacks, watch, pruning], verbose=0)
    return watch


def _recipe(kind: type[Recipe], settings: Mapping[str, Any]) -> Recipe:
    return build(kind.__module__.rpartition(".")[2], kind, settings)


class Saying:
    """Says how each trial ended, once.

    Args:
        study: the search.
        trials: how many there are to be.
        tell: where the sentences go, None for nowhere.
    """

    def __init__(self, study: Study, trials: int, tell: Callable[[str], Any] | None) -> None:
        self.study = study
        self.trials = trials
        self.tell = tell
        self.said = {trial.number for trial in Search(study).trials if trial.state != "running"}
        if self.said and tell is not None:
            tell(f"The search goes on after {len(self.said)} trials.")

    def look(self) -> None:
        """Say what is new."""
        if self.tell is None:
            return
        for trial in Search(self.study).trials:
            if trial.number not in self.said and trial.state != "running":
                self.said.add(trial.number)
                self.tell(f"{len(self.said)}/{self.trials}  {in_words(trial, self.study.question)}")


def in_words(trial: Trial, question: Question) -> str:
    """Return one line about a trial."""
    chosen = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.settings.items()
    )
    measure = "" if trial.value is None else f"{question.monitor} {trial.value:.4f}  "
    end = "" if trial.state == "complete" else f"  ({trial.state} after {len(trial.curve)} epochs)"
    return f"{measure}{chosen}{end}"


# Several processes


def _with_processes(study: Study, trials: int, workers: int, look: Callable[[], Any]) -> None:
    """Let processes run the trials; those of a process that is gone are begun again."""
    if fcntl is None and study.storage is None:
        raise ArgumentError(
            "tune runs with one worker where the system has no file locks of the kind of Unix; "
            "type workers=1."
        )
    running: list[_Process] = []
    in_vain = 0
    try:
        while True:
            for process in [process for process in running if process.ended]:
                running.remove(process)
                lost = study.fail_lost()
                in_vain = in_vain + 1 if process.failed and not lost else 0
                if in_vain > workers:
                    raise RunError(f"The processes of the search fail: {process.last_words}")
            missing = trials - study.counted()
            if missing <= 0 and not running:
                break
            while missing > 0 and len(running) < workers:
                running.append(_Process(study, trials))
                missing -= 1
            look()
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        for process in running:
            process.end()
        study.fail_lost()


class _Process:
    """A process that runs trials of a search until there are enough."""

    def __init__(self, study: Study, trials: int) -> None:
        folder = study.folder or Path()
        self._log = folder / WORKERS / f"{time.time_ns()}.log"
        self._log.parent.mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name != STORAGE}
        if study.storage is not None:
            environment[STORAGE] = study.storage
        with open(self._log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pellucid.tuning._worker", str(folder), str(trials)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C goes to the parent alone, which ends it
            )

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    @property
    def failed(self) -> bool:
        """Whether it ended in another way than it should."""
        return self._process.returncode != 0

    @property
    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
