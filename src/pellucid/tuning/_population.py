"""A search whose trials train at once, in one compiled program."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pellucid._checks import check_one_of, check_positive_int
from pellucid.errors import ArgumentError
from pellucid.models import Model
from pellucid.models._population import Population
from pellucid.training import Callback, TerminateOnNaN
from pellucid.training._callbacks import Monitor
from pellucid.tuning._journal import optuna
from pellucid.tuning._pruning import Halving, Pruning, finish
from pellucid.tuning._search import Search
from pellucid.tuning._space import Float, Space, checked
from pellucid.tuning._study import Question, Study
from pellucid.tuning._tune import in_words

Taken = tuple[Any, dict[str, Any]]


def search_population(
    build: Callable[..., Model],
    x: Any,
    y: Any,
    space: Space,
    trials: int = 32,
    *,
    validation_data: Any,
    population: int | None = None,
    epochs: int = 10,
    batch_size: int | None = None,
    monitor: str | None = None,
    pruner: str = "halving",
    seed: int = 0,
    verbose: int = 1,
    side_by_side: bool | None = None,
) -> Search:
    """Search over numbers of a network, all trials of a generation trained in one program.

    ::

        def build(learning_rate, l2):
            model = Sequential([
                Flatten(input_shape=(28, 28)),
                Dense(128, "relu", kernel_regularizer=L2(l2)),
                Dense(10),
            ])
            loss = SparseCategoricalCrossentropy(from_logits=True)
            model.compile(Adam(learning_rate), loss, ["accuracy"], verbose=0)
            return model

        space = {"learning_rate": Float(1e-4, 1e-1, log=True), "l2": Float(1e-7, 1e-3, log=True)}
        search = search_population(build, x, y, space, trials=32, validation_data=(x2, y2))
        search.best.settings, search.best_model

    The program is compiled once and the data lies on the device once. Settings that change the
    network itself (an ``Int`` number of units, a ``Choice`` of activations) divide a generation:
    the trials that agree in them train together. A setting called ``seed`` divides nothing.

    Args:
        build: ``build(**settings)`` returns a compiled model.
        x: inputs, arrays as ``fit`` takes them.
        y: their targets.
        space: from which values each argument of ``build`` may be chosen.
        trials: how many there are.
        validation_data: ``(x, y)`` that the trials are compared by.
        population: trials of a generation, all of them by default, which is the fastest and draws
            all settings at random; later generations are drawn where good ones were found.
        epochs: the epoch to stop after.
        batch_size: rows a step, 32 by default.
        monitor: the measure that is compared; by default ``"val_accuracy"`` where the models
            measure accuracy, else ``"val_loss"``.
        pruner: ``"halving"`` stops the worse half of the trials that train together after 1, 2, 4,
            8, ... epochs, ``"none"`` lets all run.
        seed: what the choices are drawn from.
        verbose: 1 says how each trial ended.
        side_by_side: as in ``models.fit_population``.

    Raises:
        ArgumentError: ``build`` returns no compiled model; a space that is none.
        NotReadyError: Optuna is not installed.
    """
    check_positive_int("search_population", "trials", trials)
    size = trials if population is None else population
    check_positive_int("search_population", "population", size)
    check_one_of("search_population", "pruner", pruner, ("halving", "none"))
    own = checked(space)
    optuna()
    chosen = monitor
    if chosen is None:
        first = {name: within.ends[0] for name, within in own.items()}
        chosen = _measure_of(_built(build, first))
    study = Study(Question(own, chosen, Monitor(chosen).sign > 0, seed, "none"))
    models: dict[int, Model] = {}
    programs: dict[Any, Population] = {}
    for _ in range(math.ceil(trials / size)):
        taken: list[Taken] = []
        while len(taken) < size and (one := study.take(trials)) is not None:
            taken.append(one)
        for key, group in _groups(taken, own).items():
            members = [_built(build, settings) for _, settings in group]
            models |= {trial.number: m for (trial, _), m in zip(group, members, strict=True)}
            program = _program(programs, key, members, x, y, side_by_side)
            together: list[Halving] | None = [] if pruner == "halving" else None
            watched = [(_watch(trial, chosen, together), LossWatch()) for trial, _ in group]

            def callbacks(number: int, watched: Any = watched) -> Sequence[Callback]:
                pruning, finite = watched[number]
                return finite, pruning

            program.fit(
                validation_data=validation_data,
                batch_size=batch_size,
                epochs=epochs,
                callbacks=callbacks,
            )
            for (trial, _), (pruning, finite) in zip(group, watched, strict=True):
                finish(study.study, trial, pruning, finite.reason)
        if verbose:
            numbers = {trial.number for trial, _ in taken}
            for trial in Search(study).trials:
                if trial.number in numbers:
                    print(f"{trial.number + 1}/{trials}  {in_words(trial, study.question)}")
    return Search(study, models)


def _watch(trial: Any, monitor: str, together: list[Halving] | None) -> Pruning:
    return Pruning(trial, monitor) if together is None else Halving(trial, monitor, together)


class LossWatch(TerminateOnNaN):
    """Stops a trial whose loss is no longer finite.

    The states of many members are not looked through: that would take longer than their steps, and
    what is not finite there shows in the next loss.
    """

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Forget an earlier fit."""
        self.reason = None
        self._known = set()
        self._looked = 0.0

    def _look_through(self, batch: int) -> None:
        pass


def _built(build: Callable[..., Model], settings: Mapping[str, Any]) -> Model:
    model = build(**settings)
    if not isinstance(model, Model) or model._compiled is None:
        raise ArgumentError(
            "search_population expected build(**settings) to return a compiled model, got "
            f"{model!r}; call model.compile(...) in it and return the model."
        )
    return model


def _measure_of(model: Model) -> str:
    given = model._compiled.metrics if model._compiled else None
    names = [given] if isinstance(given, str) else list(given or ())
    return "val_accuracy" if "accuracy" in names or "acc" in names else "val_loss"


def _groups(taken: Sequence[Taken], space: Space) -> dict[Any, list[Taken]]:
    """Return the trials of a generation that can share a program, by the settings they agree in."""
    shaping = [name for name, own in space.items() if not isinstance(own, Float) and name != "seed"]
    groups: dict[Any, list[Taken]] = {}
    for one in taken:
        groups.setdefault(tuple(one[1][name] for name in shaping), []).append(one)
    return groups


def _program(
    programs: dict[Any, Population],
    key: Any,
    members: list[Model],
    x: Any,
    y: Any,
    side_by_side: bool | None,
) -> Population:
    """Return the program for some models: that of an earlier generation where there is one."""
    known = programs.get(key)
    if known is None:
        known = programs[key] = Population(members, x, y, side_by_side=side_by_side)
    else:
        known.renew(members)
    return known
