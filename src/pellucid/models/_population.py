"""Many models fitted at once, in one compiled program."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid import training
from pellucid._checks import check_positive_int
from pellucid._tree import split_paths
from pellucid.data import ArrayDataset
from pellucid.errors import ArgumentError
from pellucid.layers import Context, Variables
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.models._members import (
    Differences,
    by_member,
    differences,
    of_part,
    starts,
    with_numbers,
)
from pellucid.models._model import Model
from pellucid.models._objective import Objective, in_order
from pellucid.optimizers import Optimizer
from pellucid.training import ArraySource, Batch, Callback, History, TrainingState
from pellucid.training._loop import take_batch
from pellucid.training._population import (
    HeldOut,
    Member,
    Orders,
    Stack,
    check_entries,
    checked_rows,
    fit_members,
)
from pellucid.training._population_loop import PopulationSteps, member_of, stacked

Array = jax.Array
Tree = Any
Logs = dict[str, float]

ROWS_AT_ONCE = 256
"""Rows that a prediction runs at once."""


def fit_population(
    models: Sequence[Model],
    x: Any,
    y: Any = None,
    *,
    rows: Sequence[Any] | None = None,
    validation_rows: Sequence[Any] | None = None,
    validation_data: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    seeds: Sequence[int] | None = None,
    callbacks: Callable[[int], Sequence[Callback]] | None = None,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    shuffle: bool = True,
    verbose: int = 0,
    side_by_side: bool | None = None,
) -> list[History]:
    """Fit several models in one compiled program; each ends as if it had been fitted by itself.

    ::

        models = [build(rate) for rate in (0.001, 0.003, 0.01)]
        histories = fit_population(models, images, labels, epochs=10, validation_data=held_out)

    The models are built and compiled alike. They may differ in their weights and in floating-point
    settings: the learning rate and the other settings of an optimizer of ours, the strengths of
    regularizers, rates of dropout, and others that are only calculated with. The data is there
    once for all.

    Args:
        models: compiled models of one kind, members of the population.
        x: inputs of all, arrays as ``fit`` takes them.
        y: their targets.
        rows: for each model the numbers of the rows that it learns from; all rows by default.
        validation_rows: for each model the numbers of the rows, of the same data, that it is
            measured on after every epoch.
        validation_data: ``(x, y)`` that all are measured on instead.
        batch_size: rows a step, 32 by default, and at most as many as the model with the fewest
            rows has.
        epochs: the epoch to stop after.
        seeds: for each model what ``fit(seed=...)`` would be given; the models' seeds by default.
        callbacks: ``member number -> callbacks``, new ones for every member. A member that is
            stopped stands still while the others go on.
        class_weight: weight in the loss for each class number, where the models learn.
        sample_weight: weight in the loss for each row.
        shuffle: draw a new order of rows every epoch.
        verbose: 1 prints a line for every epoch.
        side_by_side: True takes one step of all members at once (``jax.vmap``), False takes their
            steps one after the other, within the same program; None chooses: on a CPU one after
            the other, with the compiled kernels, else side by side.

    Returns:
        The history of each model.

    Raises:
        ArgumentError: models that differ in more than numbers; lists of another length.
        NotReadyError: a model that is not compiled.
        DataError, ShapeError, DTypeError: if the data cannot be learned from.
    """
    population = Population(
        *(models, x, y),
        class_weight=class_weight,
        sample_weight=sample_weight,
        side_by_side=side_by_side,
    )
    return population.fit(
        rows=rows,
        validation_rows=validation_rows,
        validation_data=validation_data,
        batch_size=batch_size,
        epochs=epochs,
        seeds=seeds,
        callbacks=callbacks,
        shuffle=shuffle,
        verbose=verbose,
    )


class Population:
    """Models that are fitted and run together.

    Args:
        models: compiled models of one kind; they are built.
        x: inputs of the data that they learn from, which is kept once for all.
        y: its targets.
        class_weight: as in ``fit_population``.
        sample_weight: as in ``fit_population``.
        side_by_side: as in ``fit_population``.
    """

    def __init__(
        self,
        models: Sequence[Model],
        x: Any,
        y: Any = None,
        *,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        side_by_side: bool | None = None,
    ) -> None:
        if not models:
            raise ArgumentError("A population expected at least one model, got none.")
        if len({id(model) for model in models}) < len(models):
            raise ArgumentError(
                "A population expected every member to be a model of its own, got one of them "
                "twice; call the function that builds it once for each."
            )
        self.models = list(models)
        self.first = models[0]
        on_cpu = jax.default_backend() == "cpu"
        self._side_by_side = not on_cpu if side_by_side is None else side_by_side
        self.states: TrainingState | None = None
        dataset = as_dataset(x, y, sample_weight)
        if not isinstance(dataset, ArrayDataset):
            raise ArgumentError(
                "A population learns from arrays, got a stream of batches; fit the models one by "
                "one."
            )
        for model in self.models:
            model._build_for(dataset)
        objective, _ = self.first._ready()
        self.dataset = dataset
        self.count = len(dataset)
        learned = FitData(self.first.graph, objective, class_weight).batch(dataset)
        self._source = ArraySource(learned, self.count)
        self.data = self._source.placed
        self.measured = self.data
        """The same rows as they are measured: classes have weights only where models learn."""
        if class_weight is not None:
            weight = dataset.sample_weight
            self.measured = self.data._replace(
                sample_weight=None if weight is None else jnp.asarray(weight)
            )
        self.numbers = by_member(self._found([_description(model) for model in self.models]))
        """The numbers in which the members differ, shape (K,), by their places in a model."""

    def _found(self, described: Sequence[Any]) -> Differences:
        found = differences(described)
        measured = [path for path in found if path[0] == "metrics"]
        if measured:
            raise ArgumentError(
                f"The members of a population must have the same metrics, but {measured[0][-1]} of "
                "one of them differs; compile them with the same list."
            )
        return found

    @cached_property
    def steps(self) -> PopulationSteps:
        """The compiled steps of the members."""
        first, graph = self.first, self.first.graph

        def make_step(numbers: Mapping[str, Array]) -> training._step.Step:
            objective, optimizer = _opened(first, numbers)
            return training.make_train_step(
                objective, optimizer, graph.is_trainable, objective.graph.constrain
            )

        def make_measure(numbers: Mapping[str, Array]) -> Any:
            return _opened(first, numbers)[0].measure

        return PopulationSteps(make_step, make_measure, self._side_by_side)

    def fit(
        self,
        *,
        rows: Sequence[Any] | None = None,
        validation_rows: Sequence[Any] | None = None,
        validation_data: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        seeds: Sequence[int] | None = None,
        callbacks: Callable[[int], Sequence[Callback]] | None = None,
        shuffle: bool = True,
        verbose: int = 0,
    ) -> list[History]:
        """Fit the members on the data they have seen; arguments as in ``fit_population``."""
        size = 32 if batch_size is None else batch_size
        check_positive_int("fit_population", "batch_size", size)
        check_positive_int("fit_population", "epochs", epochs)
        orders = Orders(self._rows("rows", rows), size)
        held_out = None
        if validation_rows is not None:
            if validation_data is not None:
                raise ArgumentError(
                    "fit_population expected validation_rows or validation_data, got both; leave "
                    "one of them out."
                )
            chosen = self._rows("validation_rows", validation_rows)
            held_out = HeldOut(self.measured, chosen, ROWS_AT_ONCE)
        elif validation_data is not None:
            held_out = self._held_out(validation_data)
        given = [model.seed for model in self.models] if seeds is None else list(seeds)
        check_entries("seeds", given, len(self.models))
        stack = Stack(self._start(given))
        members = [
            Member(stack, number, model._ready_optimizer(), epochs, orders)
            for number, model in enumerate(self.models)
        ]
        for member, model in zip(members, self.models, strict=True):
            model._record = member
        try:
            fit_members(
                self.steps,
                members,
                self.numbers,
                self.data,
                orders,
                results=self.first._read,
                held_out=held_out,
                callbacks=[list(callbacks(n)) if callbacks else [] for n in range(len(members))],
                models=self.models,
                seeds=given,
                shuffle=shuffle,
                tell=_tell(epochs) if verbose else None,
            )
        except jax.errors.ConcretizationTypeError as error:
            if not self.numbers:
                raise
            raise ArgumentError(
                "A number in which the members of a population differ must only be calculated "
                f"with, but one of {', '.join(self.numbers)} decides what is computed; give all "
                "members the same, or fit them one by one."
            ) from error
        finally:
            self.states = stack.states
            for member, model in zip(members, self.models, strict=True):
                model._record = None
                model._keep(_own_form(member.live, model))
        return [member.history for member in members]

    def evaluate(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Return for each member its measures over some rows of the data it has seen.

        Args:
            rows: for each member row numbers.
        """
        held_out = HeldOut(self.measured, self._rows("rows", rows), ROWS_AT_ONCE)
        every = range(len(self.models))
        sums = held_out.sums(self.steps, self._states(), self.numbers, every)
        return [self.first._read(member_of(sums, number)) for number in every]

    def renew(self, models: Sequence[Model]) -> None:
        """Put other models of the same kind in the place of the members.

        As many models that differ from the first one in the same numbers use what is compiled.
        """
        for model in models:
            model._build_for(self.dataset)
        described = [_description(model) for model in (self.first, *models)]
        found = by_member(self._found(described))
        self.numbers = {path: values[1:] for path, values in found.items()}
        self.models = list(models)
        self.states = None

    def predict(self, rows: Sequence[Any]) -> list[Any]:
        """Return for each member its outputs for some rows of the data it has seen.

        Args:
            rows: for each member row numbers.
        """
        chosen = self._rows("rows", rows)
        orders = Orders(chosen, ROWS_AT_ONCE)
        states = self._states()
        made = self._forward(
            states.parameters,
            states.layer_state,
            self.numbers,
            self.data,
            orders.draw([None] * len(chosen)).reshape(len(chosen), -1, orders.batch_size),
        )
        outputs = []
        for number, own in enumerate(chosen):
            listed = [np.asarray(y[number]).reshape(-1, *y.shape[3:])[: len(own)] for y in made]
            outputs.append(listed[0] if len(listed) == 1 else listed)
        return outputs

    @cached_property
    def _forward(self) -> Callable[..., list[Array]]:
        def forward(
            parameters: Tree, layer_state: Tree, numbers: Any, data: Batch, orders: Array
        ) -> list[Array]:
            def member(own: Any) -> list[Array]:
                parameters, layer_state, numbers, order = own
                graph = _opened(self.first, numbers)[0].graph

                def batch(rows: Array) -> list[Array]:
                    x = take_batch(data, rows, 0, len(rows), True).x
                    y = graph.run_checked(Variables(parameters, layer_state), x, Context(False))
                    return in_order(graph, y)

                return lax.map(batch, order)

            return lax.map(member, (parameters, layer_state, numbers, orders))

        return jax.jit(forward)

    def _states(self) -> TrainingState:
        """Return the states that the last fit left, or those of new members."""
        if self.states is None:
            self.states = self._start([model.seed for model in self.models])
        return self.states

    def _start(self, seeds: Sequence[int]) -> TrainingState:
        """Return the states of all members before their first step, as ``fit`` makes them."""
        first = starts(self.first.graph)
        if not all(_is_new(model) and starts(model.graph) == first for model in self.models):
            return stacked([m._start(seed) for m, seed in zip(self.models, seeds, strict=True)])
        numbers = jax.device_get(self.numbers)
        return stacked(
            [
                self._draw(jax.random.key(m.seed), jax.random.key(seed), member_of(numbers, place))
                for place, (m, seed) in enumerate(zip(self.models, seeds, strict=True))
            ]
        )

    @cached_property
    def _draw(self) -> Callable[..., TrainingState]:
        """What makes the new state of a member from its keys and numbers."""

        def member(key: Array, fit_key: Array, numbers: Mapping[str, Array]) -> TrainingState:
            objective, optimizer = _opened(self.first, numbers)
            made = objective.graph.init(key)
            trained, _ = split_paths(made.parameters, self.first.graph.is_trainable)
            return TrainingState(
                made.parameters, made.state, optimizer.init(trained), fit_key, jnp.int32(0)
            )

        return jax.jit(member)

    def _held_out(self, validation_data: Any) -> HeldOut:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ArgumentError(
                "fit_population expected validation_data to be (x, y) or (x, y, sample_weight)."
            )
        dataset = as_dataset(*validation_data)
        batch = FitData(self.first.graph, self.first._ready()[0], None).batch(dataset)
        rows = [np.arange(len(dataset))] * len(self.models)
        self._tested = ArraySource(batch, len(dataset))
        return HeldOut(self._tested.placed, rows, ROWS_AT_ONCE)

    def _rows(self, name: str, rows: Sequence[Any] | None) -> list[np.ndarray]:
        return checked_rows(name, rows, len(self.models), self.count)


def _description(model: Model) -> dict[str, Any]:
    """Return what shapes the program of a model's steps."""
    objective, _ = model._ready()
    return {
        "layers": model.graph,
        "losses": objective.losses,
        "loss_weights": objective.loss_weights,
        "metrics": [*objective.metrics, *objective.weighted_metrics],
        "optimizer": model._ready_optimizer(),
    }


def _opened(model: Model, numbers: Mapping[str, Array]) -> tuple[Objective, Any]:
    """Return objective and optimizer of a model with the numbers of a member."""
    objective, _ = model._ready()
    graph = with_numbers(objective.graph, of_part(numbers, "layers"))
    changed = Objective(
        graph,
        with_numbers(objective.losses, of_part(numbers, "losses")),
        with_numbers(objective.loss_weights, of_part(numbers, "loss_weights")),
        objective.metrics,
        objective.weighted_metrics,
    )
    return changed, with_numbers(model._ready_optimizer(), of_part(numbers, "optimizer"))


def _is_new(model: Model) -> bool:
    """Tell whether a model's numbers are still to be drawn, from its seed alone."""
    pretrained = any(node.source is not None for node in model.graph.nodes)
    return model._variables is None and model._trained is None and not pretrained


def _own_form(state: TrainingState, model: Model) -> TrainingState:
    """Return a member's state in the form that its own optimizer keeps.

    Where some members have momentum and others have none, all have its slots while they train.
    """
    optimizer = model._ready_optimizer()
    if not isinstance(optimizer, Optimizer):
        return state
    names = list(optimizer.slots(jnp.zeros(())))
    slots = {name: state.optimizer_state["slots"][name] for name in names}
    return state.replace(optimizer_state={**state.optimizer_state, "slots": slots})


def _tell(epochs: int) -> Callable[[int, list[Logs]], None]:
    """Return what prints a line for an epoch: of each measure median, least and greatest."""

    def tell(epoch: int, logs: list[Logs]) -> None:
        parts = []
        for name in logs[0]:
            values = np.array([own[name] for own in logs if name in own], float)
            if values.ndim == 1:
                low, middle, high = np.min(values), np.median(values), np.max(values)
                parts.append(f"{name} {middle:.4f} ({low:.4f} to {high:.4f})")
        print(f"Epoch {epoch + 1}/{epochs}, {len(logs)} members: {'  '.join(parts)}")

    return tell
