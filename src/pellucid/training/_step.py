"""One training step: a pure function from a state and a batch to the next state."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Protocol, cast

import jax
import jax.numpy as jnp

from pellucid._tree import merge_paths, split_paths, tree_map
from pellucid.training._state import Batch, TrainingState

Array = jax.Array
Tree = Any
Sums = dict[str, dict[str, Array]]
"""For each measure, the sums that it is computed from; sums add up over batches and devices."""


class Objective(Protocol):
    """What is minimized: the loss of a batch, with the new layer state and the measures' sums."""

    def __call__(
        self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array
    ) -> tuple[Array, tuple[Tree, Sums]]:
        """Return (loss, (layer state, sums))."""
        ...


class Optimizer(Protocol):
    """The pair of pure functions that Optax uses as well."""

    def init(self, params: Tree) -> Tree:
        """Return the optimizer's state at the start."""
        ...

    def update(self, updates: Tree, state: Tree, params: Tree) -> tuple[Tree, Tree]:
        """Return what is to be added to the parameters, and the new state."""
        ...


Step = Callable[[TrainingState, Batch], tuple[TrainingState, dict[str, Any]]]
"""A training step. For each measure it gives a number, whose mean over the steps is reported, or
the sums that it is computed from; ``{"total": a, "count": b}`` is reported as sum a / sum b."""


def make_train_step(
    objective: Objective,
    optimizer: Optimizer,
    is_trainable: Callable[[str], bool] = lambda path: True,
    constrain: Callable[[Tree], Tree] = lambda parameters: parameters,
) -> Step:
    """Return the training step: forward, backward, update.

    Args:
        objective: the loss to minimize.
        optimizer: makes the update of a gradient.
        is_trainable: tells for a path such as ``"dense/kernel"`` whether it is trained.
        constrain: applied to the parameters after each update.
    """

    def train_step(state: TrainingState, batch: Batch) -> tuple[TrainingState, Sums]:
        key = state.step_key()
        trained, fixed = split_paths(state.parameters, is_trainable)

        def loss_of(trained: Tree) -> tuple[Array, tuple[Tree, Sums]]:
            return objective(merge_paths(trained, fixed), state.layer_state, batch, key)

        gradients, (layer_state, sums) = jax.grad(loss_of, has_aux=True)(trained)
        trained, optimizer_state = apply_gradients(
            optimizer, gradients, state.optimizer_state, trained
        )
        parameters = constrain(merge_paths(trained, fixed))
        return TrainingState(
            parameters, layer_state, optimizer_state, state.key, state.step + 1
        ), sums

    return train_step


def apply_gradients(
    optimizer: Optimizer, gradients: Tree, optimizer_state: Tree, parameters: Tree
) -> tuple[Tree, Tree]:
    """Return the parameters and the optimizer's state after one step.

    An optimizer of ours does both in its ``apply``, one of Optax's gives the updates to add.
    """
    with jax.named_scope("optimizer"):
        if hasattr(optimizer, "apply"):
            return optimizer.apply(gradients, optimizer_state, parameters)
        updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters)
        return tree_map(jnp.add, parameters, updates), optimizer_state


def start_state(
    parameters: Tree,
    layer_state: Tree,
    optimizer: Optimizer,
    seed: int,
    is_trainable: Callable[[str], bool] = lambda path: True,
) -> TrainingState:
    """Return the state before the first step."""
    trained, _ = split_paths(parameters, is_trainable)
    try:
        init = _init_of(cast(Hashable, optimizer))
    except TypeError:  # it cannot be hashed
        init = jax.jit(optimizer.init)
    return TrainingState.start(parameters, layer_state, init(trained), seed)


@lru_cache(maxsize=64)
def _init_of(optimizer: Any) -> Callable[[Tree], Tree]:
    """Return what makes an optimizer's state, compiled once for all that are alike."""
    return jax.jit(optimizer.init)
