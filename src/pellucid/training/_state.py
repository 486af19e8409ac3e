"""The state of a training run: one immutable tree, replaced as a whole at every step."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax

Array = jax.Array
Tree = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingState:
    """Everything that a training step reads and renews.

    Saving, resuming, replicating and comparing two moments of training are operations on this tree.

    Attributes:
        parameters: what is trained, nested dictionaries by layer name.
        layer_state: what layers keep beside it (moving averages), likewise.
        optimizer_state: what the optimizer keeps (step, learning rate, moments).
        key: the random key of the run; each step folds its own number in.
        step: int32 scalar, the number of steps taken so far.
    """

    parameters: Tree
    layer_state: Tree
    optimizer_state: Tree
    key: Array
    step: Array


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
