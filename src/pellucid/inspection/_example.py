"""The worked example: a 2-2-1 network whose training step can be redone by hand."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import layers, losses, optimizers
from pellucid.layers import Input
from pellucid.models import Model

Array = jax.Array


@dataclass(frozen=True, repr=False)
class HalfSquaredError(losses.Loss):
    """Half the squared distance, whose derivative is the plain difference.

    ::

        y = (1/2) sum_i (p_i - t_i)^2        dy/dp_i = p_i - t_i
    """

    formula: ClassVar[str] = "y = (1/2) sum_i (p_i - t_i)^2"
    gradient: ClassVar[str] = "dp = (p - t) dy"
    reference: ClassVar[str] = "Nielsen, Neural Networks and Deep Learning, 2015, equation 26."

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return half the squared distance of each row."""
        return 0.5 * jnp.sum(jnp.square(y_pred - y_true), axis=-1)


def worked_example() -> tuple[Model, Any, Any]:
    """Return the 2-2-1 network that can be redone by hand, with its sample and target.

    Two inputs, two sigmoid units, one sigmoid unit; J = 1/2 (a - t)^2; one step of gradient descent
    with the rate 0.1. The numbers are float64 where JAX allows them (``jax.enable_x64``).
    """
    dtype = "float64" if jax.config.read("jax_enable_x64") else "float32"
    x = Input((2,), dtype=dtype)
    hidden = layers.Dense(2, activation="sigmoid", name="hidden")(x)
    model = Model(x, layers.Dense(1, activation="sigmoid", name="output")(hidden))
    model.set_weights([[[0.1, 0.3], [0.2, 0.4]], [0.5, 0.6], [[0.7], [0.8]], [0.9]])
    model.compile(optimizers.SGD(0.1), HalfSquaredError(), verbose=0)
    return model, np.array([[1.0, 2.0]]), np.array([[1.0]])
