"""Spectral normalization: a kernel divided by the largest factor by which it stretches a vector."""

from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_min_rank, check_same_shape
from pellucid.ops._registry import register

Shape = tuple[int, ...]


class SpectralNormalizeSaved(NamedTuple):
    """What the backward pass of ``spectral_normalize`` reads."""

    w: Array
    u: Array
    v: Array


def spectral_normalize_forward(
    w: Array, u: Array, v: Array
) -> tuple[Array, SpectralNormalizeSaved]:
    """A kernel over its spectral norm, y = W / sigma with sigma = v^T W u.

    W is taken as a matrix (all axes but the last, last axis). For the unit vectors v and u that its
    largest singular value belongs to, sigma is that value: the largest |W^T v| of a unit vector
    v. Every gradient goes through sigma as well::

        dsigma = -sum(dy W) / sigma^2
        dW     = dy / sigma + dsigma v u^T
        du     = dsigma W^T v        dv = dsigma W u

    Args:
        w: kernel, shape (..., outputs).
        u: right singular vector, shape (outputs,).
        v: left singular vector, shape (product of the other axes,).

    Returns:
        y of the shape of w, and what the backward pass reads.

    Raises:
        ShapeError: if u or v does not fit the kernel.

    References:
        Miyato, Kataoka, Koyama, Yoshida, Spectral normalization for generative adversarial networks
        (2018), equations 8 and 12.
    """
    check_min_rank("spectral_normalize", w.shape, 2, "(..., outputs)")
    rows = prod(w.shape[:-1])
    check_same_shape("spectral_normalize", "u", u.shape, "(outputs,)", w.shape[-1:])
    check_same_shape("spectral_normalize", "v", v.shape, "(rows of the kernel,)", (rows,))
    sigma = v @ w.reshape(rows, -1) @ u
    return w / sigma, SpectralNormalizeSaved(w, u, v)


def spectral_normalize_backward(
    saved: SpectralNormalizeSaved, dy: Array
) -> tuple[Array, Array, Array]:
    """Return dW, du and dv."""
    w, u, v = saved
    matrix = w.reshape(v.size, u.size)
    sigma = v @ matrix @ u
    dsigma = -jnp.sum(dy * w) / sigma**2
    dw = dy / sigma + dsigma * jnp.outer(v, u).reshape(w.shape)
    return dw, dsigma * (v @ matrix), dsigma * (matrix @ u)


def _flops(w: Shape, *_: Any) -> int:
    """Return those of W u, of v^T (W u) and of the division."""
    return 3 * prod(w) + 2 * prod(w[:-1])


spectral_normalize = register(
    "spectral_normalize",
    spectral_normalize_forward,
    spectral_normalize_backward,
    formula="y = W / sigma, sigma = v^T W u",
    gradient="dsigma = -sum(dy W) / sigma^2; dW = dy / sigma + dsigma v u^T; "
    "du = dsigma W^T v; dv = dsigma W u",
    symbols={
        "W": "kernel as a matrix, (rows, outputs)",
        "u, v": "singular vectors of the largest singular value sigma",
        "dy": "gradient of the loss with respect to y",
        "y": "W divided by sigma",
        "sigma": "estimate of the largest singular value of W",
    },
    reference="Miyato, Kataoka, Koyama, Yoshida, Spectral normalization for generative adversarial "
    "networks, ICLR (2018), equations 8 and 12",
    flops=_flops,
)
