"""The compiled passes that a diagnosis looks through, made once for each compiled model.

They run the model's own layers and objective with a recorder passed down the call, as a trace does.
"""

import weakref
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._tree import merge_paths, split_paths
from pellucid.layers._context import Collected
from pellucid.models._objective import Objective
from pellucid.training import Batch

Array = jax.Array
Tree = Any
Values = Mapping[str, Array]


class Passes:
    """Compiled functions of (parameters, layer state, batch) for one objective.

    Args:
        objective: the graph with its losses.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = weakref.proxy(objective)  # which keeps this object
        self.graph = objective.graph
        self.look = jax.jit(self._look, static_argnames="training")
        self.slopes = jax.jit(self._slopes)
        self.losses = jax.jit(self._losses, static_argnames="training")
        self.input_slopes = jax.jit(self._input_slopes)
        self.gradient = jax.jit(self._gradient)
        self.curve = jax.jit(self._curve)

    def _look(
        self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array, *, training: bool
    ) -> tuple[list[Array], Values]:
        """Return the outputs, and every recorded value by its label."""
        collected = Collected(values={})
        outputs, _ = self._objective.run(
            parameters, layer_state, batch.x, training=training, key=key, collected=collected
        )
        return outputs, collected.values or {}

    def _slopes(
        self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array
    ) -> tuple[Tree, Values, Values]:
        """Return (dJ/dW, dJ/dv for every recorded v, every v) of a training batch."""
        trained, fixed = split_paths(parameters, self.graph.is_trainable)

        def run(trained: Tree, probes: Values) -> tuple[Array, Values]:
            collected = Collected(values={}, probes=probes)
            everything = merge_paths(trained, fixed)
            outputs, context = self._objective.run(
                everything, layer_state, batch.x, training=True, key=key, collected=collected
            )
            loss, _ = self._objective.measure_outputs(outputs, context, everything, batch)
            return loss, collected.values or {}

        shapes = jax.eval_shape(run, trained, {})[1]
        probes = {
            label: jnp.zeros(spec.shape, spec.dtype)
            for label, spec in shapes.items()
            if jnp.issubdtype(spec.dtype, jnp.floating)
        }
        (gradients, deltas), values = jax.grad(run, argnums=(0, 1), has_aux=True)(trained, probes)
        return gradients, deltas, values

    def _losses(
        self,
        parameters: Tree,
        layer_state: Tree,
        batch: Batch,
        key: Array,
        probes: Values,
        *,
        training: bool,
    ) -> tuple[Array, Array]:
        """Return (loss of each row, output) of a model with one output; no penalties."""
        collected = Collected(probes=probes)
        outputs, _ = self._objective.run(
            parameters, layer_state, batch.x, training=training, key=key, collected=collected
        )
        values = self._objective.losses[0].values(batch.y, outputs[0])
        return values.reshape(len(values), -1).mean(axis=-1), outputs[0]

    def _input_slopes(self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array) -> Any:
        """Return the gradient of the sum of squared outputs with respect to floating inputs."""

        def total(x: Any) -> Array:
            outputs, _ = self._objective.run(parameters, layer_state, x, training=False, key=key)
            return sum((jnp.sum(jnp.square(y)) for y in outputs), jnp.zeros(()))

        return jax.grad(total)(batch.x)

    def _gradient(self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array) -> Tree:
        """Return dJ/dW of a training batch, for the trained W."""
        trained, fixed = split_paths(parameters, self.graph.is_trainable)

        def loss_of(trained: Tree) -> Array:
            everything = merge_paths(trained, fixed)
            return self._objective(everything, layer_state, batch, key)[0]

        return jax.grad(loss_of)(trained)

    def _curve(
        self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array, direction: Tree
    ) -> Tree:
        """Return H v for the Hessian H of the batch's loss: the gradient of (gradient . v).

        Reverse mode over reverse mode, since operations have no forward-mode derivatives.
        """
        trained, fixed = split_paths(parameters, self.graph.is_trainable)

        def slope_along(trained: Tree) -> Array:
            gradient = self._gradient(merge_paths(trained, fixed), layer_state, batch, key)
            products = jax.tree.map(lambda g, v: jnp.sum(g * v), gradient, direction)
            return sum(jax.tree.leaves(products), jnp.zeros(()))

        return jax.grad(slope_along)(trained)


_MADE: "weakref.WeakKeyDictionary[Objective, Passes]" = weakref.WeakKeyDictionary()


def passes_of(objective: Objective) -> Passes:
    """Return the compiled passes of an objective; they are made once."""
    if objective not in _MADE:
        _MADE[objective] = Passes(objective)
    return _MADE[objective]
