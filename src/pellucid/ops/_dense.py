"""The matrix product with bias: the arithmetic of a layer of neurons."""

from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_last_axis, check_min_rank
from pellucid.ops._matmul import matmul
from pellucid.ops._registry import register

Array = jax.Array


class DenseSaved(NamedTuple):
    """What the backward pass of ``dense`` reads."""

    x: Array
    w: Array
    b: Array | None


def dense_forward(x: Array, w: Array, b: Array | None = None) -> tuple[Array, DenseSaved]:
    """Matrix product with bias, y = x W + b, over the last axis of x.

    For one row, y_j = sum_i x_i W_ij + b_j, and the loss L depends on W and x through y alone::

        dL/dW_ij = sum_n dL/dy_nj x_ni      dW = x^T dy     (in_features, units)
        dL/dx_ni = sum_j dL/dy_nj W_ij      dx = dy W^T     (rows, in_features)
        dL/db_j  = sum_n dL/dy_nj           db = sum_n dy_n (units,)

    In the column notation of the textbooks, z = W a + b with W of shape (units, in_features), these
    are dJ/dW(l) = d(l) a(l-1)^T, d(l-1) = W(l)^T d(l) and dJ/db(l) = d(l).

    Args:
        x: input, shape (..., in_features); all axes but the last are rows n.
        w: weights, shape (in_features, units).
        b: bias, shape (units,), or None for none.

    Returns:
        y of shape (..., units), and what the backward pass reads.

    Raises:
        ShapeError: if the last axis of x is not in_features.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5; Rumelhart, Hinton,
        Williams (1986).
    """
    check_min_rank("dense", x.shape, 1, "(..., in_features)")
    check_last_axis("dense", x.shape, w.shape[0])
    y = matmul(x.reshape(-1, x.shape[-1]), w).reshape(*x.shape[:-1], w.shape[1])
    if b is not None:
        y = y + b
    return y, DenseSaved(x, w, b)


def dense_backward(saved: DenseSaved, dy: Array) -> tuple[Array, Array, Array | None]:
    """Return dx = dy W^T, dW = x^T dy and db = sum_n dy_n."""
    x, w, b = saved
    rows_x = x.reshape(-1, x.shape[-1])
    rows_dy = dy.reshape(-1, dy.shape[-1])
    dx = matmul(rows_dy, w, transpose_b=True).reshape(x.shape)
    dw = matmul(rows_x, rows_dy, transpose_a=True)
    db = None if b is None else jnp.sum(rows_dy, axis=0)
    return dx, dw, db


def dense_flops(x: tuple[int, ...], w: tuple[int, int], b: Any = None) -> int:
    """Return 2 * rows * in_features * units, and rows * units more for a bias."""
    rows = prod(x[:-1])
    return 2 * rows * w[0] * w[1] + (0 if b is None else rows * w[1])


dense = register(
    "dense",
    dense_forward,
    dense_backward,
    formula="y = x W + b",
    gradient="dx = dy W^T; dW = x^T dy; db = sum_n dy_n",
    symbols={
        "x": "input, (..., in_features)",
        "W": "weights, (in_features, units)",
        "b": "bias, (units,)",
        "dy": "gradient of the loss with respect to y",
        "y": "output, (..., units)",
    },
    reference="Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, "
    "Nature 323 (1986)",
    flops=dense_flops,
)
