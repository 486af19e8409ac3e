"""The one runner: trains a recipe and writes its run folder."""

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import pellucid
from pellucid.errors import ArgumentError
from pellucid.recipes._recipe import Data, Learning, Part, Recipe
from pellucid.recipes._recorded_run import explain_end
from pellucid.recipes._run import (
    ENVIRONMENT,
    LOG,
    METRICS,
    MODEL,
    RECORDING,
    SETTINGS,
    Run,
    new_folder,
    plain,
    point_latest,
    replacing,
    write_json,
)

DEPENDENCIES = ("jax", "jaxlib", "numpy", "scikit-learn", "safetensors")


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
        KeyboardInterrupt: the training was interrupted; the message says what is saved.
    """
    say = tell if verbose else _nothing
    data = recipe.data()
    model = compiled(recipe, data)
    name = name_of(recipe)
    folder = new_folder(Path(runs), f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
    write_json(folder / SETTINGS, {"recipe": name, "settings": vars(recipe)})
    write_json(folder / ENVIRONMENT, environment(recipe, data))
    say(f"data   {_sizes(data)}")
    say(f"model  {model.count_params():,} parameters in {len(model.layers)} layers")
    say(f"run    {folder}")

    seconds = _fit(recipe, model, data, folder, verbose, record)

    report = recipe.report(model, data)
    model.save(folder / MODEL)
    run = Run(folder, name, recipe)
    figures = {"learning_curve.png": _learning_curve(run), **report.figures}
    for file_name, figure in figures.items():
        with replacing(folder / file_name) as temporary:
            figure.savefig(temporary)
    measures = {**report.measures, "epochs": len(run.log), "seconds": round(seconds, 2)}
    write_json(folder / METRICS, measures)
    point_latest(folder)
    if page:
        from pellucid.recipes._page import write_page

        vars(run)["model"] = model  # what would be read from the folder
        write_page(run, data=data, full=False)
    return run


def _fit(recipe: Recipe, model: Any, data: Data, folder: Path, verbose: int, record: bool) -> float:
    """Fit the model, log every epoch, and return how many seconds it took."""
    from pellucid.layers import Variables
    from pellucid.training import Callback, Recorder, TerminateOnNaN

    began = time.perf_counter()

    class Log(Callback):
        """Writes one line an epoch, and keeps the numbers of the last whole epoch."""

        kept: Any = None
        epochs = 0

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            line = {"epoch": epoch + 1, **(logs or {})}
            with suppress(ArgumentError):  # what learns without an optimizer has no rate
                line["learning_rate"] = self.record.learning_rate
            line["seconds"] = round(time.perf_counter() - began, 3)
            with open(folder / LOG, "a", encoding="utf-8") as file:
                file.write(json.dumps(plain(line), allow_nan=False) + "\n")
            self.kept = self.record.state
            self.epochs = epoch + 1

    objective = recipe.objective(data)
    # A step of its own may have counted nothing yet, and then reports NaN.
    log, watch = Log(), TerminateOnNaN(losses=not isinstance(objective, Learning))
    callbacks = [*objective.callbacks, log, watch]
    if record:
        callbacks.append(Recorder(folder / RECORDING))
    try:
        if isinstance(objective, Learning):
            _learn(recipe, objective, model, data, callbacks, verbose)
        else:
            model.fit(
                *data.train,
                batch_size=recipe.batch_size,
                epochs=recipe.epochs,
                validation_data=data.validation,
                callbacks=callbacks,
                verbose=verbose,
                seed=recipe.seed,
            )
    except KeyboardInterrupt:
        if log.kept is None:
            shutil.rmtree(folder)
            raise KeyboardInterrupt(
                f"Stopped in epoch 1 of {recipe.epochs}, before there was a model; "
                "nothing is saved."
            ) from None
        unbroken = compiled(recipe, data)
        if isinstance(objective, Learning):
            objective.learner(unbroken).keep(log.kept)
        else:
            unbroken.variables = Variables(log.kept.parameters, log.kept.layer_state)
        unbroken.save(folder / MODEL)
        point_latest(folder)
        raise KeyboardInterrupt(
            f"Stopped in epoch {log.epochs + 1} of {recipe.epochs}; the model as it was after "
            f"epoch {log.epochs} and the log are saved in {folder}."
        ) from None
    if watch.reason is not None:
        explain_end(Run(folder, name_of(recipe), recipe), watch.reason)
    return time.perf_counter() - began


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


def _nothing(sentence: str) -> None:
    """Say nothing."""


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
        "data": {name: _hashes(part) for name, part in data.parts().items()},
    }


def _hashes(part: Part) -> dict[str, dict[str, Any]]:
    names = ["x"] if len(part.inputs) == 1 else [f"x{n}" for n in range(len(part.inputs))]
    arrays = {**dict(zip(names, part.inputs, strict=True)), "y": part.y}
    given = {name: array for name, array in arrays.items() if array is not None}
    return {name: _described(np.asarray(array)) for name, array in given.items()}


def _described(array: np.ndarray) -> dict[str, Any]:
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": digest}
