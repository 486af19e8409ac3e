"""Activation functions by name: what ``Dense(128, activation="relu")`` looks up.

Each is a plain function of an array that calls the operation of the same name in
``pellucid.ops``, where its formula, derivation and hand-written derivative stand.

>>> from pellucid import activations
>>> activations.relu([-1.0, 2.0]).tolist()
[0.0, 2.0]
>>> activations.get("swish").__name__
'silu'
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pellucid import ops
from pellucid._named import Registry, to_config

Array = jax.Array
Activation = Callable[[Any], Array]

__all__ = [
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "operation",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]

REGISTRY: Registry[Activation] = Registry("activation")
"""Every activation by name; the tests walk this table."""


@REGISTRY.register()
def linear(x: ArrayLike) -> Array:
    """Return y = x."""
    return ops.linear(jnp.asarray(x))


@REGISTRY.register()
def sigmoid(x: ArrayLike) -> Array:
    """Return y = 1 / (1 + e^-x), from 0 to 1."""
    return ops.sigmoid(jnp.asarray(x))


@REGISTRY.register()
def tanh(x: ArrayLike) -> Array:
    """Return y = tanh(x), from -1 to 1."""
    return ops.tanh(jnp.asarray(x))


@REGISTRY.register()
def relu(x: ArrayLike) -> Array:
    """Return y = max(x, 0); the derivative at 0 is taken as 0."""
    return ops.relu(jnp.asarray(x))


@REGISTRY.register()
def relu6(x: ArrayLike) -> Array:
    """Return y = min(max(x, 0), 6)."""
    return ops.relu6(jnp.asarray(x))


@REGISTRY.register()
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """Return y = x where x > 0, else negative_slope x.

    Args:
        x: any shape.
        negative_slope: 0 or more.
    """
    return ops.leaky_relu(jnp.asarray(x), negative_slope=negative_slope)


@REGISTRY.register()
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Return y = x where x > 0, else alpha (e^x - 1).

    Args:
        x: any shape.
        alpha: 0 or more.
    """
    return ops.elu(jnp.asarray(x), alpha=alpha)


@REGISTRY.register()
def selu(x: ArrayLike) -> Array:
    """Return y = s x where x > 0, else s alpha (e^x - 1), with s = 1.0507, alpha = 1.6733."""
    return ops.selu(jnp.asarray(x))


@REGISTRY.register()
def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """Return y = x Phi(x), Phi the standard normal distribution function.

    Args:
        x: any shape.
        approximate: True takes the approximation of Phi by tanh.
    """
    return ops.gelu(jnp.asarray(x), approximate=approximate)


@REGISTRY.register(aliases=("swish",))
def silu(x: ArrayLike) -> Array:
    """Return y = x sigmoid(x), also called swish."""
    return ops.silu(jnp.asarray(x))


swish = silu


@REGISTRY.register()
def softplus(x: ArrayLike) -> Array:
    """Return y = log(1 + e^x)."""
    return ops.softplus(jnp.asarray(x))


@REGISTRY.register()
def softsign(x: ArrayLike) -> Array:
    """Return y = x / (1 + |x|)."""
    return ops.softsign(jnp.asarray(x))


@REGISTRY.register()
def hard_sigmoid(x: ArrayLike) -> Array:
    """Return y = min(max(x/6 + 1/2, 0), 1)."""
    return ops.hard_sigmoid(jnp.asarray(x))


@REGISTRY.register()
def mish(x: ArrayLike) -> Array:
    """Return y = x tanh(softplus(x))."""
    return ops.mish(jnp.asarray(x))


@REGISTRY.register()
def exponential(x: ArrayLike) -> Array:
    """Return y = e^x."""
    return ops.exponential(jnp.asarray(x))


@REGISTRY.register()
def softmax(x: ArrayLike, axis: int = -1) -> Array:
    """Return y_i = e^(x_i) / sum_j e^(x_j), which sums to 1 along an axis.

    Args:
        x: shape (..., classes).
        axis: the axis that sums to 1.
    """
    return ops.softmax(jnp.asarray(x), axis=axis)


@REGISTRY.register()
def log_softmax(x: ArrayLike, axis: int = -1) -> Array:
    """Return the logarithm of the softmax, y_i = x_i - log sum_j e^(x_j).

    Args:
        x: shape (..., classes).
        axis: the axis along which e^y sums to 1.
    """
    return ops.log_softmax(jnp.asarray(x), axis=axis)


def get(identifier: Any) -> Activation:
    """Return the activation function that ``identifier`` stands for.

    Args:
        identifier: None (linear), a name (case does not matter), a function of an array
            (returned as it is), or a configuration.

    Raises:
        UnknownNameError: if there is no activation of that name; the nearest is suggested.
        DTypeError: if it is none of these.
    """
    return linear if identifier is None else REGISTRY.get(identifier)


def serialize(activation: Activation) -> str:
    """Return the name under which a saved model finds this activation again.

    Raises:
        DTypeError: if it is a function of the user's own, which a file cannot name.
    """
    return str(to_config(activation)["name"])


def operation(activation: Activation) -> ops.Op | None:
    """Return the operation behind an activation: its formula, gradient and FLOPs.

    None for a function of the user's own.

    >>> operation(relu).gradient
    'dx = dy where y > 0, else 0'
    """
    known = activation in REGISTRY.entries.values()
    return ops.REGISTRY[activation.__name__] if known else None
