"""The influence of training examples on predictions: TracIn, by gradients at checkpoints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from pellucid._tree import merge_paths, split_paths
from pellucid.errors import ArgumentError
from pellucid.inspection._attribution import share
from pellucid.models import Model
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.training import Batch

Array = jax.Array
Tree = Any

STEP = 1e-3
"""How far the check goes, as a share of the length of the parameters."""


@dataclass(frozen=True)
class Influence:
    """How much each training example has lowered the loss of each test example.

    Attributes:
        values: shape (test examples, training examples); above 0 for a proponent, which lowered the
            loss of the test example, below 0 for an opponent, which raised it.
        identity: what the values must satisfy, in plain text.
        error: how far each test example is from it, as a share.
    """

    values: np.ndarray
    identity: str
    error: np.ndarray

    def proponents(self, count: int = 5) -> np.ndarray:
        """Return the numbers of the training examples that helped each test example most."""
        return np.argsort(-self.values, axis=1, kind="stable")[:, :count]

    def opponents(self, count: int = 5) -> np.ndarray:
        """Return the numbers of the training examples that harmed each test example most."""
        return np.argsort(self.values, axis=1, kind="stable")[:, :count]


def influence(
    model: Model,
    x: Any,
    y: Any,
    x_train: Any,
    y_train: Any,
    checkpoints: Sequence[Sequence[Any]] | None = None,
    learning_rates: Sequence[float] | float = 1.0,
) -> Influence:
    """Return how much each training example has lowered the loss of each test example (TracIn).

    One step of gradient descent on a training example i changes the loss of a test example j, to
    first order, by -rate (g_i . g_j), with g the gradient of the loss of one example. Added up over
    the checkpoints c of a training::

        values_ji = sum_c rate_c (g_i(c) . g_j(c))

    Its identity: for a step so small that the loss is a straight line, the loss of j falls by what
    the values say. The error compares the two for a step on all training examples together, at the
    last checkpoint; the bend of the loss adds to it.

    Dropout is off, and moving averages are used. Time grows with the number of training examples;
    give those that matter.

    Args:
        model: the compiled model; it is left as it is.
        x: test inputs, batch axis first.
        y: their targets.
        x_train: training inputs.
        y_train: their targets.
        checkpoints: the weights at some moments of the training, each as ``model.get_weights()``
            gave them; by default those that the model has now.
        learning_rates: the rate at each checkpoint, or one for all.

    Raises:
        ArgumentError: there are more or fewer rates than checkpoints.
        NotReadyError: the model is not compiled.

    References:
        Pruthi, Liu, Kale, Sundararajan, Estimating training data influence by tracing gradient
        descent (2020), section 3.
    """
    kept = [model.get_weights()] if checkpoints is None else list(checkpoints)
    rates = [float(rate) for rate in np.atleast_1d(np.asarray(learning_rates, float))]
    rates = rates * len(kept) if len(rates) == 1 else rates
    if len(rates) != len(kept) or not kept:
        raise ArgumentError(
            f"influence expected a learning rate for each of {len(kept)} checkpoints, got "
            f"{len(rates)}; give one number for all, or as many as there are checkpoints."
        )
    tests, examples = _batch(model, x, y), _batch(model, x_train, y_train)
    before = model.get_weights()
    try:
        total: Any = 0.0
        for weights, rate in zip(kept, rates, strict=True):
            model.set_weights(weights)
            loss, start = _loss(model)
            of_tests = _gradients(loss, start, tests)
            of_examples = _gradients(loss, start, examples)
            total = total + rate * (of_tests @ of_examples.T)
        error = _checked(loss, start, tests, of_tests, of_examples.sum(axis=0))
    finally:
        model.set_weights(before)
    identity = "the loss of a test example falls by the values, for a small step on the examples"
    return Influence(total, identity, error)


def _batch(model: Model, x: Any, y: Any) -> Batch:
    dataset = as_dataset(x, y)
    model._build_for(dataset)
    objective, _ = model._ready()
    return FitData(model.graph, objective, None).batch(dataset)


def _loss(model: Model) -> tuple[Callable[[Array, Batch], Array], Array]:
    """Return the loss of a batch as a function of all trained numbers in one row, and that row."""
    objective, _ = model._ready()
    variables = model.variables
    trained, fixed = split_paths(variables.parameters, model.graph.is_trainable)
    start, as_tree = ravel_pytree(trained)

    def loss(row: Array, batch: Batch) -> Array:
        parameters = merge_paths(as_tree(row), fixed)
        outputs, context = objective.run(parameters, variables.state, batch.x, training=False)
        return objective.measure_outputs(outputs, context, parameters, batch)[0]

    return loss, start


def _one_by_one(function: Callable[[Batch], Array], batch: Batch) -> np.ndarray:
    """Return what a function makes of each example, as a batch of one."""
    single = jax.tree.map(lambda a: jnp.asarray(a)[:, None], batch)
    return np.asarray(jax.jit(lambda rows: jax.lax.map(function, rows))(single))


def _gradients(loss: Callable[[Array, Batch], Array], row: Array, batch: Batch) -> np.ndarray:
    """Return the gradient of the loss of each example, shape (examples, parameters)."""
    return _one_by_one(lambda one: jax.grad(loss)(row, one), batch)


def _checked(
    loss: Callable[[Array, Batch], Array],
    row: Array,
    tests: Batch,
    of_tests: np.ndarray,
    direction: np.ndarray,
) -> np.ndarray:
    """Return the error of a small step against ``direction``, for each test example."""
    length = max(float(np.linalg.norm(direction)), 1e-12)
    h = STEP * max(float(jnp.linalg.norm(row)), 1e-12) / length
    step = jnp.asarray(h * direction)
    ahead, back = (_one_by_one(partial(loss, row + way * step), tests) for way in (-1, 1))
    fell = (back - ahead) / 2
    said = h * (of_tests @ direction)
    # What is small beside the others is known to their rounding.
    return share(fell - said, np.maximum(np.abs(said), 1e-2 * np.abs(said).max()))
