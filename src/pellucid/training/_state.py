"""The state of a training run: one immutable tree, replaced as a whole at every step."""

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
Tree = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingState:
    """Everything that a training step reads and renews.

    Saving, resuming, replicating and comparing two moments of training are operations on this tree.

    Attributes:
        parameters: what is trained, nested dictionaries by layer name.
        layer_state: what is kept beside it: moving averages, a target network, a replay buffer.
        optimizer_state: what the optimizer keeps (step, learning rate, moments).
        key: the random key of the run; each step folds its own number in.
        step: int32 scalar, the number of steps taken so far.
    """

    parameters: Tree
    layer_state: Tree
    optimizer_state: Tree
    key: Array
    step: Array

    @classmethod
    def start(
        cls, parameters: Tree, layer_state: Tree = None, optimizer_state: Tree = None, seed: int = 0
    ) -> "TrainingState":
        """Return a state before its first step; what is left out is empty."""
        return cls(
            parameters,
            {} if layer_state is None else layer_state,
            {} if optimizer_state is None else optimizer_state,
            jax.random.key(seed),
            jnp.zeros((), jnp.int32),
        )

    def replace(self, **parts: Tree) -> "TrainingState":
        """Return this state with some of its parts replaced."""
        return dataclasses.replace(self, **parts)

    def step_key(self) -> Array:
        """Return the random key of the coming step: the run's, with the step's number folded in."""
        return jax.random.fold_in(self.key, self.step)


class Batch(NamedTuple):
    """The rows that one step sees.

    ``x`` and ``y`` are arrays or trees of arrays; ``sample_weight`` is None or has one number for
    each row (or position); ``row_weights`` is None when all rows are real, else shape (batch,)
    with 1 for real rows and 0 for the padding of a short last batch.
    """

    x: Tree
    y: Tree
    sample_weight: Tree = None
    row_weights: Array | None = None
