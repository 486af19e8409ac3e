"""Softmax and its logarithm: scores to probabilities along one axis.

Unlike the other activations each output depends on all inputs of its row, so the derivative is a
matrix for each row; both backward passes multiply by it without ever forming it.
"""

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank
from pellucid.errors import ArgumentError
from pellucid.ops._activations import OutputSaved, save_output
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

SYMBOLS = {
    "x": "scores (logits); the sums run over one axis of them",
    "y": "output, shape of x",
    "dy": "gradient of the loss with respect to y",
}


def softmax_forward(x: Array, *, axis: int = -1) -> tuple[Array, OutputSaved]:
    """Softmax, y_i = e^(x_i) / sum_j e^(x_j): positive numbers that sum to 1 along an axis.

    With s = sum_j e^(x_j), the quotient rule gives the Jacobian, and dx = (dy/dx)^T dy::

        dy_i/dx_j = ([i = j] e^(x_i) s - e^(x_i) e^(x_j)) / s^2 = y_i ([i = j] - y_j)
        dx_j      = sum_i dy_i y_i ([i = j] - y_j) = y_j (dy_j - sum_i dy_i y_i)

    A constant added to all x_i cancels in the fraction; the row's maximum is subtracted, so that
    no e^(x_i) exceeds 1 and large scores cannot overflow.

    Args:
        x: scores, shape (..., classes); a row needs at least one finite entry.
        axis: the axis that sums to 1.

    Returns:
        y of the shape of x, and what the backward pass reads.

    Raises:
        ShapeError: if x is a scalar.
        ArgumentError: if x has no such axis.

    References:
        Bridle, Probabilistic interpretation of feedforward classification network outputs (1990).
    """
    _check_axis("softmax", x, axis)
    e = jnp.exp(_shifted(x, axis))
    y = e / jnp.sum(e, axis=axis, keepdims=True)
    return y, OutputSaved(y)


def softmax_backward(saved: OutputSaved, dy: Array, *, axis: int = -1) -> tuple[Array]:
    """Return dx_j = y_j (dy_j - sum_i dy_i y_i)."""
    (y,) = saved
    return (y * (dy - jnp.sum(dy * y, axis=axis, keepdims=True)),)


softmax = register(
    "softmax",
    softmax_forward,
    softmax_backward,
    formula="y_i = e^(x_i) / sum_j e^(x_j)",
    gradient="dx_j = y_j (dy_j - sum_i dy_i y_i)",
    symbols=SYMBOLS,
    reference="Bridle, Probabilistic interpretation of feedforward classification network outputs, "
    "with relationships to statistical pattern recognition (1990)",
    flops=elementwise_flops(5),
    save=save_output,
)


def log_softmax_forward(x: Array, *, axis: int = -1) -> tuple[Array, OutputSaved]:
    """Logarithm of the softmax, y_i = x_i - log sum_j e^(x_j), computed without the quotient.

    The derivative of log sum_k e^(x_k) with respect to x_j is softmax(x)_j = e^(y_j)::

        dy_i/dx_j = [i = j] - e^(y_j)
        dx_j      = sum_i dy_i ([i = j] - e^(y_j)) = dy_j - e^(y_j) sum_i dy_i

    The row's maximum is subtracted first, as in ``softmax``; a probability too small for its
    type is 0 there, but its logarithm is still right here.

    Args:
        x: scores, shape (..., classes); a row needs at least one finite entry.
        axis: the axis along which e^y sums to 1.

    Returns:
        y <= 0 of the shape of x, and what the backward pass reads.

    Raises:
        ShapeError: if x is a scalar.
        ArgumentError: if x has no such axis.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3.
    """
    _check_axis("log_softmax", x, axis)
    u = _shifted(x, axis)
    y = u - jnp.log(jnp.sum(jnp.exp(u), axis=axis, keepdims=True))
    return y, OutputSaved(y)


def log_softmax_backward(saved: OutputSaved, dy: Array, *, axis: int = -1) -> tuple[Array]:
    """Return dx_j = dy_j - e^(y_j) sum_i dy_i."""
    (y,) = saved
    return (dy - jnp.exp(y) * jnp.sum(dy, axis=axis, keepdims=True),)


log_softmax = register(
    "log_softmax",
    log_softmax_forward,
    log_softmax_backward,
    formula="y_i = x_i - log sum_j e^(x_j)",
    gradient="dx_j = dy_j - e^(y_j) sum_i dy_i",
    symbols=SYMBOLS,
    reference="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3",
    flops=elementwise_flops(5),
    save=save_output,
)


def _shifted(x: Array, axis: int) -> Array:
    """Return x minus its maximum along the axis, which counts as a constant (it cancels)."""
    return x - jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))


def _check_axis(who: str, x: Array, axis: int) -> None:
    check_min_rank(who, x.shape, 1, "(..., classes)")
    if not -x.ndim <= axis < x.ndim:
        raise ArgumentError(
            f"{who} expected axis from {-x.ndim} to {x.ndim - 1} for an input of shape "
            f"{x.shape}, got {axis}."
        )
