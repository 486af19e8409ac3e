"""Gaussian codes: drawing one so that the draw can be differentiated, and its distance to N(0, 1).

A code is described by its mean m and log variance v, so that its standard deviation is exp(v / 2).
"""

from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank, check_same_shape
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array


class GaussianSampleSaved(NamedTuple):
    """What the backward pass of ``gaussian_sample`` reads."""

    v: Array
    e: Array


def gaussian_sample_forward(m: Array, v: Array, e: Array) -> tuple[Array, GaussianSampleSaved]:
    """Draw from a normal distribution by reparametrization, z = m + exp(v / 2) e.

    The noise e ~ N(0, 1) is drawn outside, so z ~ N(m, exp(v)) is a smooth function of m and v::

        dz/dm = 1                 dm = dz
        dz/dv = exp(v / 2) e / 2  dv = exp(v / 2) e dz / 2
        dz/de = exp(v / 2)        de = exp(v / 2) dz

    Args:
        m: mean, shape (..., n).
        v: log variance, shape (..., n).
        e: noise, shape (..., n).

    Returns:
        z of shape (..., n), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.

    References:
        Kingma, Welling, Auto-encoding variational Bayes (2014), section 2.4.
    """
    check_same_shape("gaussian_sample", "mean", m.shape, "log variance", v.shape)
    check_same_shape("gaussian_sample", "mean", m.shape, "noise", e.shape)
    return m + jnp.exp(v / 2) * e, GaussianSampleSaved(v, e)


def gaussian_sample_backward(saved: GaussianSampleSaved, dz: Array) -> tuple[Array, Array, Array]:
    """Return dm = dz, dv = exp(v / 2) e dz / 2 and de = exp(v / 2) dz."""
    v, e = saved
    de = jnp.exp(v / 2) * dz
    return dz, e * de / 2, de


gaussian_sample = register(
    "gaussian_sample",
    gaussian_sample_forward,
    gaussian_sample_backward,
    formula="z = m + exp(v / 2) e",
    gradient="dm = dz; dv = exp(v / 2) e dz / 2; de = exp(v / 2) dz",
    symbols={
        "m": "mean, (..., n)",
        "v": "log variance, (..., n)",
        "e": "noise from N(0, 1), (..., n)",
        "z": "the draw, (..., n)",
        "dz": "gradient of the loss with respect to z",
    },
    reference="Kingma, Welling, Auto-encoding variational Bayes (2014), section 2.4",
    flops=elementwise_flops(4),
    save=lambda z, m, v, e: GaussianSampleSaved(v, e),
)


class GaussianKLSaved(NamedTuple):
    """What the backward pass of ``gaussian_kl`` reads."""

    m: Array
    v: Array


def gaussian_kl_forward(m: Array, v: Array) -> tuple[Array, GaussianKLSaved]:
    """Kullback-Leibler divergence of N(m, exp(v)) from N(0, 1), summed over the last axis.

    ::

        y = 1/2 sum_i (m_i^2 + exp(v_i) - 1 - v_i)
        dm_i = m_i dy        dv_i = (exp(v_i) - 1) dy / 2

    It is the integral of N(z; m, exp(v)) (log N(z; m, exp(v)) - log N(z; 0, 1)) over z: 0 for
    m = 0, v = 0, and above 0 everywhere else.

    Args:
        m: mean, shape (..., n).
        v: log variance, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.

    References:
        Kingma, Welling, Auto-encoding variational Bayes (2014), appendix B.
    """
    check_min_rank("gaussian_kl", m.shape, 1, "(..., n)")
    check_same_shape("gaussian_kl", "mean", m.shape, "log variance", v.shape)
    y = jnp.sum(jnp.square(m) + jnp.exp(v) - 1 - v, axis=-1) / 2
    return y, GaussianKLSaved(m, v)


def gaussian_kl_backward(saved: GaussianKLSaved, dy: Array) -> tuple[Array, Array]:
    """Return dm = m dy and dv = (exp(v) - 1) dy / 2."""
    m, v = saved
    dy = dy[..., None]
    return m * dy, (jnp.exp(v) - 1) * dy / 2


def gaussian_kl_flops(m: tuple[int, ...], v: tuple[int, ...]) -> int:
    """Return 6 for each entry."""
    return 6 * prod(m)


gaussian_kl = register(
    "gaussian_kl",
    gaussian_kl_forward,
    gaussian_kl_backward,
    formula="y = 1/2 sum_i (m_i^2 + exp(v_i) - 1 - v_i)",
    gradient="dm = m dy; dv = (exp(v) - 1) dy / 2",
    symbols={
        "m": "mean, (..., n)",
        "v": "log variance, (..., n)",
        "y": "divergence for each row, (...)",
        "dy": "gradient of the loss with respect to y",
    },
    reference="Kingma, Welling, Auto-encoding variational Bayes (2014), appendix B",
    flops=gaussian_kl_flops,
    save=lambda y, m, v: GaussianKLSaved(m, v),
)
