"""The one runner: trains a recipe and writes its run folder."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import pellucid
from pellucid._files import Lock
from pellucid.recipes._code import code_state
from pellucid.recipes._recipe import Data, Learning, Objective, Part, Recipe
from pellucid.recipes._recorded_run import explain_end
from pellucid.recipes._run import (
    CHECKPOINTS,
    ENVIRONMENT,
    LOG,
    METRICS,
    MODEL,
    RECORDING,
    SETTINGS,
    Run,
    new_folder,
    point_latest,
    replacing,
    write_json,
)

DEPENDENCIES = ("jax", "jaxlib", "numpy", "scikit-learn", "safetensors")
SECONDS_BETWEEN_CHECKPOINTS = 10.0


def train(
    recipe: Recipe,
    runs: str | os.PathLike[str] = "runs",
    *,
    verbose: int = 1,
    tell: Callable[[str], Any] = print,
    record: bool = True,
    page: bool = False,
) -> Run:
    """Train a recipe, write its run folder and return the run.

    Args:
        recipe: settings and the five parts, as ``recipes.make`` gives them.
        runs: the folder in which the run folder is made; ``<runs>/latest`` then points at it.
        verbose: 1 shows the progress of the fit and says what is trained on; 0 is silent.
        tell: where the sentences go that say what is trained on.
        record: keep a recording, with which ``run.at(step)`` goes back to any step.
        page: write the report page as well, as far as it takes no longer than seconds.

    Raises:
        DatasetError: the data is absent or damaged.
        NonFiniteError: a loss or a weight became NaN; the message says at which step, and why.
        KeyboardInterrupt: the training was interrupted; the message says what is saved, and how to
            go on.
        WriteError: the run folder cannot be written to.
    """
    data = recipe.data()
    model = compiled(recipe, data)
    name = name_of(recipe)
    folder = new_folder(Path(runs), f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
    task = Task(recipe, model, data, folder, verbose, record, tell)
    with Lock(folder):
        write_json(folder / ENVIRONMENT, {**environment(recipe, data), "record": record})
        write_json(folder / SETTINGS, {"recipe": name, "settings": vars(recipe)})
        task.say(f"data   {_sizes(data)}")
        task.say(f"model  {model.count_params():,} parameters in {len(model.layers)} layers")
        task.say(f"run    {folder}")
        try:
            return carry_out(task, page)
        except KeyboardInterrupt:
            if not kept_anything(folder):
                shutil.rmtree(folder)
            raise


@dataclass(frozen=True)
class Task:
    """What is to be trained where.

    Attributes:
        recipe: the recipe.
        model: its network, compiled, as it is before training.
        data: its data.
        folder: the run folder, which has its settings already.
        verbose: 1 shows the progress of the fit; 0 is silent.
        record: keep a recording.
        tell: where sentences go.
        force: go on from a checkpoint even if it belongs to another fit.
    """

    recipe: Recipe
    model: Any
    data: Data
    folder: Path
    verbose: int
    record: bool
    tell: Callable[[str], Any]
    force: bool = False

    def say(self, sentence: str) -> None:
        """Tell a sentence, unless the run is to be silent."""
        if self.verbose:
            self.tell(sentence)


def carry_out(task: Task, page: bool) -> Run:
    """Train, from the start or from the newest checkpoint, and write what came out."""
    recipe, model, data, folder = task.recipe, task.model, task.data, task.folder
    seconds = _fit(task)
    report = recipe.report(model, data)
    model.save(folder / MODEL)
    run = Run(folder, name_of(recipe), recipe)
    figures = {"learning_curve.png": _learning_curve(run), **report.figures}
    for file_name, figure in figures.items():
        with replacing(folder / file_name) as temporary:
            figure.savefig(temporary)
    measures = {**report.measures, "epochs": len(run.log), "seconds": round(seconds, 2)}
    write_json(folder / METRICS, measures)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    point_latest(folder)
    if page:
        from pellucid.recipes._page import write_page

        vars(run)["model"] = model  # what would be read from the folder
        write_page(run, data=data, full=False)
    return run


def kept_anything(folder: Path) -> bool:
    """Tell whether a run that was interrupted left something to go on from, or a model."""
    from pellucid.training import checkpoints

    return (folder / MODEL).is_dir() or bool(checkpoints(folder / CHECKPOINTS))


def _fit(task: Task) -> float:
    """Fit the model, log every epoch, and return how many seconds it took in all."""
    from pellucid.layers import Variables
    from pellucid.recipes._log import EpochLog
    from pellucid.training import BackupAndRestore, Recorder, TerminateOnNaN

    recipe, model, data, folder = task.recipe, task.model, task.data, task.folder
    objective = recipe.objective(data)
    # A step of its own may have counted nothing yet, and then reports NaN.
    log = EpochLog(folder / LOG)
    watch = TerminateOnNaN(losses=not isinstance(objective, Learning))
    callbacks = [*objective.callbacks, log, watch]
    if task.record:
        callbacks.append(Recorder(folder / RECORDING))
    callbacks.append(
        BackupAndRestore(
            folder / CHECKPOINTS,
            save_freq=1,
            seconds=SECONDS_BETWEEN_CHECKPOINTS,
            delete_checkpoint=False,
            force=task.force,
            tell=task.say,
        )
    )
    try:
        learn(recipe, objective, model, data, callbacks, task.verbose)
    except KeyboardInterrupt:
        if log.kept is not None:
            unbroken = compiled(recipe, data)
            if isinstance(objective, Learning):
                objective.learner(unbroken).keep(log.kept)
            else:
                unbroken.variables = Variables(log.kept.parameters, log.kept.layer_state)
            unbroken.save(folder / MODEL)
            point_latest(folder)
        raise KeyboardInterrupt(_interrupted(task, log.epochs)) from None
    if watch.reason is not None:
        explain_end(Run(folder, name_of(recipe), recipe), watch.reason)
    return log.seconds


def _interrupted(task: Task, epochs: int) -> str:
    """Say what an interruption in the epoch after ``epochs`` whole ones has left."""
    from pellucid.training import checkpoints

    stopped = f"Stopped in epoch {epochs + 1} of {task.recipe.epochs}"
    if not kept_anything(task.folder):
        return f"{stopped}, before there was a model; nothing is saved."
    saved = "the training as it is"
    if (task.folder / MODEL).is_dir():
        saved = f"the model as it was after epoch {epochs} and the log"
    go_on = ""
    if checkpoints(task.folder / CHECKPOINTS):
        go_on = f" Go on with `pellucid resume {task.folder}`."
    verb = "are" if " and " in saved else "is"
    return f"{stopped}; {saved} {verb} saved in {task.folder}.{go_on}"


def learn(
    recipe: Recipe,
    objective: Objective | Learning,
    model: Any,
    data: Data,
    callbacks: Sequence[Any],
    verbose: int,
) -> None:
    """Train a recipe's model, by ``fit`` or by a step of the recipe's own."""
    if isinstance(objective, Learning):
        _learn(recipe, objective, model, data, callbacks, verbose)
        return
    model.fit(
        *data.train,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=data.validation,
        callbacks=callbacks,
        verbose=verbose,
        seed=recipe.seed,
    )


def _learn(
    recipe: Recipe, learning: Learning, model: Any, data: Data, callbacks: Any, verbose: int
) -> None:
    """Run a form of learning with a step of its own, and put what it learned into the model."""
    from pellucid.training import train

    learner = learning.learner(model)
    validate = learning.validate
    state, _ = train(
        learner.step,
        learner.start(recipe.seed),
        tuple(data.train) if learning.steps is None else None,
        epochs=recipe.epochs,
        steps=learning.steps,
        batch_size=recipe.batch_size,
        validate=None if validate is None else lambda state: validate(learner, state),
        callbacks=callbacks,
        verbose=verbose,
        seed=recipe.seed,
    )
    learner.keep(state)


def name_of(recipe: Recipe) -> str:
    """Return the name of a recipe."""
    return type(recipe).__module__.rpartition(".")[2]


def compiled(recipe: Recipe, data: Data) -> Any:
    """Return the recipe's network as it is before training."""
    objective = recipe.objective(data)
    model = recipe.model(data)
    if not isinstance(objective, Learning):
        model.compile(
            optimizer=objective.optimizer,
            loss=objective.loss,
            metrics=list(objective.metrics),
            verbose=0,
        )
    return model


def _sizes(data: Data) -> str:
    parts = data.parts()
    counts = [f"{part.rows:,} {name}" for name, part in parts.items()]
    shapes = " and ".join(str(array.shape[1:]) for array in next(iter(parts.values())).inputs)
    return f"{', '.join(counts)}; each of shape {shapes}"


def _learning_curve(run: Run) -> Any:
    from pellucid.inspection._plots import plot_learning_curve

    kept_out = ("epoch", "seconds", "learning_rate")
    lines = run.log
    names = [name for name in lines[0] if name not in kept_out]
    return plot_learning_curve({name: [line[name] for line in lines] for name in names})


# What else it takes to repeat a run


def environment(recipe: Recipe, data: Data) -> dict[str, Any]:
    """Return versions, machine, seed and the hashes of the data."""
    import jax

    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seed": recipe.seed,
        "versions": {
            "pellucid": pellucid.__version__,
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in DEPENDENCIES},
        },
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "devices": [str(device) for device in jax.devices()],
        },
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "code": code_state(),
        "data": {name: _hashes(part) for name, part in data.parts().items()},
    }


def _hashes(part: Part) -> dict[str, dict[str, Any]]:
    from pellucid.training._recording import described

    names = ["x"] if len(part.inputs) == 1 else [f"x{n}" for n in range(len(part.inputs))]
    arrays = {**dict(zip(names, part.inputs, strict=True)), "y": part.y}
    given = {name: array for name, array in arrays.items() if array is not None}
    return {name: described(np.asarray(array)) for name, array in given.items()}
