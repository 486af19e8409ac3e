"""The trace: one call that returns every number of a training step, layer by layer.

It runs the model's own layers, objective and optimizer with a recorder passed down the call; it
re-implements none of them. Worksheets, diagnosis and pictures read traces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._tree import merge_paths, split_paths
from pellucid.errors import UnknownNameError
from pellucid.layers._context import Collected
from pellucid.models import Model
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.training import Batch, TrainingState

Array = jax.Array
Tree = Any


@dataclass(frozen=True)
class LayerTrace:
    """The numbers of one call of one layer.

    Attributes:
        input: what the layer read; a list for several inputs.
        parameters: its parameters before the update, by name.
        pre_activation: z, for layers that have one, else None.
        output: its output.
        delta: dJ/dz, or dJ/d(output) for layers without a pre-activation.
        gradients: dJ/dW for each parameter W, over all calls of the layer.
        updates: what the optimizer adds to each parameter.
        values: everything that it and the layers inside it recorded, by name: ``gates``,
            ``hidden_states``, ``queries``, ``attention_weights``, ``part/output``.
        deltas: dJ/dv for each floating value v of these.
    """

    input: Any
    parameters: Mapping[str, Any]
    pre_activation: Array | None
    output: Any
    delta: Any
    gradients: Mapping[str, Any]
    updates: Mapping[str, Any]
    values: Mapping[str, Array] = field(default_factory=dict, repr=False)
    deltas: Mapping[str, Array] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Trace:
    """The numbers of one training step of a model.

    ``trace["dense"]`` is the layer's ``LayerTrace``; a second call of a shared layer is
    ``trace["dense#1"]``; layers of a nested model are ``trace["encoder/dense"]``.

    Attributes:
        layers: the traces by path, in the order in which the layers ran.
        loss: the loss J of the batch, scalar.
        outputs: the outputs of the model, in order.
        parameters: the parameters after the update.
        values: every recorded intermediate value by label, for views that need more.
        deltas: dJ/dv for every recorded floating value v, by label.
        gradients: dJ/dW for all trained parameters W.
        start: the state before the step, with the optimizer's.
        optimizer_state: the optimizer's state after the step.
        batch: the batch, in the form that steps take.
    """

    layers: Mapping[str, LayerTrace]
    loss: Array
    outputs: list[Array]
    parameters: Tree
    values: Mapping[str, Array] = field(repr=False)
    deltas: Mapping[str, Array] = field(repr=False)
    gradients: Tree = field(repr=False)
    start: TrainingState = field(repr=False)
    optimizer_state: Tree = field(repr=False)
    batch: Batch = field(repr=False)

    def __getitem__(self, path: str) -> LayerTrace:
        if path not in self.layers:
            raise UnknownNameError("layer in this trace", path, self.layers)
        return self.layers[path]


def trace(model: Model, x: Any, y: Any, sample_weight: Any = None, seed: int = 0) -> Trace:
    """Run one training step on a batch without keeping it, and return all its numbers.

    The model must be compiled; its weights, moving averages and optimizer stay as they are.

    Args:
        model: the compiled model.
        x: inputs of the batch, in the forms that ``fit`` takes.
        y: targets of the batch.
        sample_weight: weight in the loss for each row.
        seed: makes the random numbers of dropout and noise.
    """
    dataset = as_dataset(x, y, sample_weight)
    model._build_for(dataset)
    objective, _ = model._ready()
    batch = FitData(model.graph, objective, None).batch(dataset)
    return trace_step(model, model._start(seed), batch)


def trace_step(model: Model, state: TrainingState, batch: Batch) -> Trace:
    """Return all numbers of the step that a model takes from a training state on a batch.

    Dropout, noise and augmentation draw from the state's own key, and batch normalization takes the
    statistics of the batch, as in the fit that the state comes from.

    Args:
        model: the compiled model.
        state: the state before the step.
        batch: the batch, in the form that steps take.
    """
    objective, _ = model._ready()
    trained, fixed = split_paths(state.parameters, model.graph.is_trainable)
    optimizer = model._ready_optimizer()
    key = state.step_key()
    order: list[str] = []  # labels as they are recorded; JAX sorts those of a dictionary

    def run(trained: Tree, probes: Mapping[str, Array], batch: Batch) -> Any:
        collected = Collected(values={}, probes=probes)
        parameters = merge_paths(trained, fixed)
        outputs, context = objective.run(
            parameters,
            state.layer_state,
            batch.x,
            training=True,
            key=key,
            row_weights=batch.row_weights,
            collected=collected,
        )
        order[:] = collected.values or ()
        loss, _ = objective.measure_outputs(outputs, context, parameters, batch)
        return loss, (outputs, collected.values)

    shapes = jax.eval_shape(run, trained, {}, batch)[1][1]
    # The probes are zeros added to every floating value; the gradient with respect to one is dJ/dz.
    probes = {
        label: jnp.zeros(spec.shape, spec.dtype)
        for label, spec in shapes.items()
        if jnp.issubdtype(spec.dtype, jnp.floating)
    }

    @jax.jit
    def step(trained: Tree, probes: Mapping[str, Array], batch: Batch) -> Any:
        gradient = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)
        (loss, (outputs, values)), (gradients, deltas) = gradient(trained, probes, batch)
        updates, moments = optimizer.update(gradients, state.optimizer_state, trained)
        after = jax.tree.map(jnp.add, trained, updates)
        parameters = model.graph.constrain(merge_paths(after, fixed))
        return loss, outputs, values, gradients, deltas, updates, moments, parameters

    loss, outputs, values, gradients, deltas, updates, moments, parameters = step(
        trained, probes, batch
    )
    labels = [label.rpartition("/") for label in order]
    paths = list(dict.fromkeys(path for path, _, _ in labels if path))
    layers = {
        path: LayerTrace(
            input=_value(values, path, "input"),
            parameters=_part(state.parameters, path),
            pre_activation=values.get(f"{path}/pre_activation"),
            output=_value(values, path, "output"),
            delta=deltas.get(f"{path}/pre_activation", _value(deltas, path, "output")),
            gradients=_part(gradients, path),
            updates=_part(updates, path),
            values=_below(values, path),
            deltas=_below(deltas, path),
        )
        for path in paths
    }
    return Trace(
        layers, loss, outputs, parameters, values, deltas, gradients, state, moments, batch
    )


def _value(values: Mapping[str, Array], path: str, name: str) -> Any:
    """Return a recorded value, or the list of those that were recorded under numbers."""
    if f"{path}/{name}" in values:
        return values[f"{path}/{name}"]
    several: list[Array] = []
    while f"{path}/{name}#{len(several)}" in values:
        several.append(values[f"{path}/{name}#{len(several)}"])
    return several or None


def _below(values: Mapping[str, Array], path: str) -> dict[str, Array]:
    """Return what was recorded under a path, by the rest of its label."""
    start = f"{path}/"
    return {label.removeprefix(start): v for label, v in values.items() if label.startswith(start)}


def _part(tree: Tree, path: str) -> Mapping[str, Any]:
    """Return the numbers of one layer from a tree of all."""
    for name in path.split("/"):
        tree = tree.get(name.split("#")[0], {}) if isinstance(tree, Mapping) else {}
    return tree
