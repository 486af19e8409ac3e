"""Normalization: numbers are brought to mean 0 and variance 1, then scaled and shifted.

One formula, over different sets of numbers::

    m = mean of x        v = mean of (x - m)^2        h = (x - m) / sqrt(v + eps)
    y = gamma h + beta

Batch normalization takes the moments of each channel over all samples and positions of a batch,
layer normalization those of each position over its features. The gradient is the same for both:
with g = gamma dy, and means over the set that shares the moments,

    dx = (g - mean(g) - h mean(g h)) / sqrt(v + eps)

because every x of the set moves m and v as well: the gradient loses its mean and its part along h.
"""

from collections.abc import Callable
from functools import cache, partial
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid import kernels
from pellucid._checks import check_last_axis, check_min_rank, check_same_shape
from pellucid.ops._registry import differentiated_as, elementwise_flops, register

Shape = tuple[int, ...]

_SYMBOLS = {
    "x": "input",
    "m, v": "mean and biased variance of the set that x belongs to",
    "h": "normalized x, mean 0 and variance 1",
    "gamma, beta": "scale and offset, one for each channel",
    "eps": "epsilon, keeps the root away from 0",
    "dy": "gradient of the loss with respect to y",
}


def _affine(h: Array, gamma: Array | None, beta: Array | None) -> Array:
    """Return gamma h + beta; what is None is left out."""
    y = h if gamma is None else gamma * h
    return y if beta is None else y + beta


def _check_channels(who: str, x: Array, *vectors: Array | None) -> None:
    """Raise ShapeError unless every vector has one entry for each channel of x."""
    check_min_rank(who, x.shape, 2, "(batch, ..., channels)")
    for vector in vectors:
        if vector is not None:
            check_same_shape(who, "a vector", vector.shape, "(channels,)", x.shape[-1:])


class BatchNormSaved(NamedTuple):
    """What the backward pass of ``batch_norm`` reads."""

    x: Array
    gamma: Array | None
    beta: Array | None
    row_weights: Array | None
    mean: Array
    variance: Array


def batch_norm_forward(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    row_weights: Array | None = None,
    *,
    epsilon: float = 1e-3,
) -> tuple[tuple[Array, Array, Array], BatchNormSaved]:
    """Batch normalization, y = gamma (x - m) / sqrt(v + eps) + beta, with the batch's own m and v.

    For one channel, with the weight w_n of sample n (1, or 0 for a row of padding) and s = sum of
    w_n over all samples and positions::

        m = (1/s) sum w x        v = (1/s) sum w (x - m)^2        h = (x - m) / sqrt(v + eps)

    x acts on the loss directly, through m and through v. With g = gamma dy, and the gradients dm
    and dv of the two moments that are returned beside y::

        dh     = g
        dv'    = dv - (1/2) sum(g h) / (v + eps)
        dm'    = dm - sum(g) / sqrt(v + eps)
        dx     = g / sqrt(v + eps) + (w/s) (dm' + 2 (x - m) dv')
        dgamma = sum dy h        dbeta = sum dy

    which for dm = dv = 0 is the formula at the top of this file.

    Args:
        x: input, shape (batch, ..., channels).
        gamma: scale, shape (channels,), or None for 1.
        beta: offset, shape (channels,), or None for 0.
        row_weights: w, shape (batch,), or None for 1; it is not differentiated.
        epsilon: eps, above 0.

    Returns:
        (y, m, v): y of the shape of x; m and v of shape (channels,), in float32 at least.

    Raises:
        ShapeError: if a vector does not have one entry for each channel.

    References:
        Ioffe, Szegedy, Batch normalization (2015), algorithm 1 and section 3.
    """
    _check_channels("batch_norm", x, gamma, beta)
    if row_weights is not None:
        check_same_shape("batch_norm", "row_weights", row_weights.shape, "(batch,)", x.shape[:1])
    body = _body(epsilon, kernels.normalization.takes(x, gamma, beta))
    outputs = body(x, gamma, beta, row_weights)
    return outputs, batch_norm_save(outputs, x, gamma, beta, row_weights)


def batch_norm_save(
    outputs: tuple[Array, Array, Array],
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    row_weights: Array | None = None,
    **_: Any,
) -> BatchNormSaved:
    """Return what the backward pass of ``batch_norm`` reads: its arguments, m and v."""
    return BatchNormSaved(x, gamma, beta, row_weights, *outputs[1:])


def _plain(
    epsilon: float, x: Array, gamma: Array | None, beta: Array | None, row_weights: Array | None
) -> tuple[Array, Array, Array]:
    """Return y, m and v, step by step as in the formula."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    if row_weights is None:
        mean = jnp.mean(wide, axis=_rows(x))
        variance = jnp.mean(jnp.square(wide - mean), axis=_rows(x))
    else:
        share = _shares(row_weights, wide)
        mean = jnp.sum(share * wide, axis=_rows(x))
        variance = jnp.sum(share * jnp.square(wide - mean), axis=_rows(x))
    h = (wide - mean) / jnp.sqrt(variance + epsilon)
    return _affine(h, gamma, beta).astype(x.dtype), mean, variance


@cache
def _body(epsilon: float, native: bool) -> Callable[..., Any]:
    """Return the plain body, or the compiled kernel, mapped over arrays as the plain one."""
    plain = partial(_plain, epsilon)
    kernel = partial(kernels.normalization.batch_norm, epsilon=epsilon)
    return kernels.with_plain(kernel, plain) if native else plain


def batch_norm_backward(
    saved: BatchNormSaved, dys: tuple[Array, Array, Array], *, epsilon: float = 1e-3
) -> tuple[Array, Array | None, Array | None, None]:
    """Return dx, dgamma and dbeta from the gradients of y, m and v."""
    x, gamma, beta, row_weights, mean, variance = saved
    body = _gradient_body(epsilon, kernels.normalization.takes(x, gamma, beta, *dys))
    dx, dgamma, dbeta = body(x, gamma, row_weights, mean, variance, *dys)
    return (
        dx,
        None if gamma is None else dgamma.astype(gamma.dtype),
        None if beta is None else dbeta.astype(beta.dtype),
        None,
    )


def _plain_gradient(
    epsilon: float,
    x: Array,
    gamma: Array | None,
    row_weights: Array | None,
    mean: Array,
    variance: Array,
    dy: Array,
    dmean: Array,
    dvariance: Array,
) -> tuple[Array, Array, Array]:
    """Return dx, dgamma and dbeta, step by step as in the formula."""
    wide = x.astype(mean.dtype)
    dy = dy.astype(mean.dtype)
    root = jnp.sqrt(variance + epsilon)
    h = (wide - mean) / root
    g = dy if gamma is None else gamma * dy
    sum_dy, sum_dyh = jnp.sum(dy, axis=_rows(x)), jnp.sum(dy * h, axis=_rows(x))
    scale = 1 if gamma is None else gamma
    dv = dvariance - 0.5 * scale * sum_dyh / (variance + epsilon)
    dm = dmean - scale * sum_dy / root
    share = 1 / prod(x.shape[:-1]) if row_weights is None else _shares(row_weights, wide)
    dx = g / root + share * (dm + 2 * (wide - mean) * dv)
    return dx.astype(x.dtype), sum_dyh, sum_dy


@cache
def _gradient_body(epsilon: float, native: bool) -> Callable[..., Any]:
    """Return the plain body, or the kernel, mapped and differentiated as the plain one."""
    plain = partial(_plain_gradient, epsilon)
    kernel = partial(kernels.normalization.batch_norm_gradient, epsilon=epsilon)
    return differentiated_as(plain, kernels.with_plain(kernel, plain)) if native else plain


def _rows(x: Array) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def _shares(row_weights: Array, x: Array) -> Array:
    """Return w_n / s, shape (batch, 1, ..., 1): s counts every position of a sample."""
    w = row_weights.astype(x.dtype)
    s = jnp.maximum(jnp.sum(w), 1) * prod(x.shape[1:-1])
    return (w / s).reshape(-1, *(1,) * (x.ndim - 1))


batch_norm = register(
    "batch_norm",
    batch_norm_forward,
    batch_norm_backward,
    formula="y = gamma (x - m) / sqrt(v + eps) + beta",
    gradient="dx = (g - mean(g) - h mean(g h)) / sqrt(v + eps) with g = gamma dy; "
    "dgamma = sum dy h; dbeta = sum dy",
    symbols={**_SYMBOLS, "y": "output, the shape of x"},
    reference="Ioffe, Szegedy, Batch normalization: accelerating deep network training, ICML "
    "(2015), algorithm 1",
    flops=elementwise_flops(8),
    save=batch_norm_save,
)


class BatchNormInferenceSaved(NamedTuple):
    """What the backward pass of ``batch_norm_inference`` reads."""

    x: Array
    gamma: Array | None
    beta: Array | None
    mean: Array
    variance: Array


def batch_norm_inference_forward(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    mean: Array,
    variance: Array,
    *,
    epsilon: float = 1e-3,
) -> tuple[Array, BatchNormInferenceSaved]:
    """Batch normalization with given moments, y = gamma (x - m) / sqrt(v + eps) + beta.

    m and v are numbers here, so that y is linear in x::

        dx     = gamma dy / sqrt(v + eps)
        dgamma = sum dy h        dbeta = sum dy
        dm     = -sum gamma dy / sqrt(v + eps)
        dv     = -(1/2) sum gamma dy h / (v + eps)

    Args:
        x: input, shape (batch, ..., channels).
        gamma: scale, shape (channels,), or None for 1.
        beta: offset, shape (channels,), or None for 0.
        mean: m, shape (channels,).
        variance: v, shape (channels,), 0 or more.
        epsilon: eps, above 0.

    Returns:
        y of the shape of x, and what the backward pass reads.

    Raises:
        ShapeError: if a vector does not have one entry for each channel.

    References:
        Ioffe, Szegedy, Batch normalization (2015), algorithm 2.
    """
    _check_channels("batch_norm_inference", x, gamma, beta, mean, variance)
    h = (x - mean) / jnp.sqrt(variance + epsilon)
    y = _affine(h, gamma, beta).astype(x.dtype)
    return y, BatchNormInferenceSaved(x, gamma, beta, mean, variance)


def batch_norm_inference_backward(
    saved: BatchNormInferenceSaved, dy: Array, *, epsilon: float = 1e-3
) -> tuple[Array, Array | None, Array | None, Array, Array]:
    """Return dx, dgamma, dbeta, dm and dv."""
    x, gamma, beta, mean, variance = saved
    root = jnp.sqrt(variance + epsilon)
    h = (x - mean) / root
    dy = dy.astype(h.dtype)
    scale = 1 if gamma is None else gamma
    sum_dy, sum_dyh = jnp.sum(dy, axis=_rows(x)), jnp.sum(dy * h, axis=_rows(x))
    dx = (scale * dy / root).astype(x.dtype)
    dgamma = None if gamma is None else sum_dyh.astype(gamma.dtype)
    dbeta = None if beta is None else sum_dy.astype(beta.dtype)
    dm = (-scale * sum_dy / root).astype(mean.dtype)
    dv = (-0.5 * scale * sum_dyh / (variance + epsilon)).astype(variance.dtype)
    return dx, dgamma, dbeta, dm, dv


batch_norm_inference = register(
    "batch_norm_inference",
    batch_norm_inference_forward,
    batch_norm_inference_backward,
    formula="y = gamma (x - m) / sqrt(v + eps) + beta",
    gradient="dx = gamma dy / sqrt(v + eps); dgamma = sum dy h; dbeta = sum dy; "
    "dm = -sum gamma dy / sqrt(v + eps); dv = -(1/2) sum gamma dy h / (v + eps)",
    symbols={**_SYMBOLS, "y": "output, the shape of x"},
    reference="Ioffe, Szegedy, Batch normalization: accelerating deep network training, ICML "
    "(2015), algorithm 2",
    flops=elementwise_flops(4),
)


class LayerNormSaved(NamedTuple):
    """What the backward pass of ``layer_norm`` reads."""

    x: Array
    gamma: Array | None
    beta: Array | None


def layer_norm_forward(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: float = 1e-3
) -> tuple[Array, LayerNormSaved]:
    """Layer normalization, y = gamma (x - m) / sqrt(v + eps) + beta, over the last axis.

    Every position is a set of its own: m and v are taken over its features. With g = gamma dy and
    means over the features::

        dx     = (g - mean(g) - h mean(g h)) / sqrt(v + eps)
        dgamma = sum over positions of dy h        dbeta = sum over positions of dy

    Args:
        x: input, shape (..., features).
        gamma: scale, shape (features,), or None for 1.
        beta: offset, shape (features,), or None for 0.
        epsilon: eps, above 0.

    Returns:
        y of the shape of x, and what the backward pass reads.

    Raises:
        ShapeError: if gamma or beta does not have one entry for each feature.

    References:
        Ba, Kiros, Hinton, Layer normalization (2016), equation 3.
    """
    check_min_rank("layer_norm", x.shape, 1, "(..., features)")
    for vector in (gamma, beta):
        if vector is not None:
            check_last_axis("layer_norm", x.shape, vector.shape[0])
    body = _layer_body(epsilon, kernels.normalization.takes(x, gamma, beta))
    y = body(x, gamma, beta)
    return y, layer_norm_save(y, x, gamma, beta)


def layer_norm_save(
    _y: Array, x: Array, gamma: Array | None = None, beta: Array | None = None, **_: Any
) -> LayerNormSaved:
    """Return what the backward pass of ``layer_norm`` reads: its arguments."""
    return LayerNormSaved(x, gamma, beta)


def _plain_layer(epsilon: float, x: Array, gamma: Array | None, beta: Array | None) -> Array:
    """Return y, step by step as in the formula."""
    h, _ = _normalized(x, epsilon)
    return _affine(h, gamma, beta).astype(x.dtype)


@cache
def _layer_body(epsilon: float, native: bool) -> Callable[..., Any]:
    """Return the plain body, or the compiled kernel, mapped over arrays as the plain one."""
    plain = partial(_plain_layer, epsilon)
    kernel = partial(kernels.normalization.layer_norm, epsilon=epsilon)
    return kernels.with_plain(kernel, plain) if native else plain


def layer_norm_backward(
    saved: LayerNormSaved, dy: Array, *, epsilon: float = 1e-3
) -> tuple[Array, Array | None, Array | None]:
    """Return dx, dgamma and dbeta."""
    x, gamma, beta = saved
    body = _layer_gradient_body(epsilon, kernels.normalization.takes(x, gamma, beta, dy))
    dx, dgamma, dbeta = body(x, gamma, dy)
    return (
        dx,
        None if gamma is None else dgamma.astype(gamma.dtype),
        None if beta is None else dbeta.astype(beta.dtype),
    )


def _plain_layer_gradient(
    epsilon: float, x: Array, gamma: Array | None, dy: Array
) -> tuple[Array, Array, Array]:
    """Return dx, dgamma and dbeta, step by step as in the formula."""
    h, root = _normalized(x, epsilon)
    dy = dy.astype(h.dtype)
    g = dy if gamma is None else gamma * dy
    mean_g = jnp.mean(g, axis=-1, keepdims=True)
    mean_gh = jnp.mean(g * h, axis=-1, keepdims=True)
    dx = (g - mean_g - h * mean_gh) / root
    return dx.astype(x.dtype), jnp.sum(dy * h, axis=_rows(x)), jnp.sum(dy, axis=_rows(x))


@cache
def _layer_gradient_body(epsilon: float, native: bool) -> Callable[..., Any]:
    """Return the plain body, or the kernel, mapped and differentiated as the plain one."""
    plain = partial(_plain_layer_gradient, epsilon)
    kernel = partial(kernels.normalization.layer_norm_gradient, epsilon=epsilon)
    return differentiated_as(plain, kernels.with_plain(kernel, plain)) if native else plain


def _normalized(x: Array, epsilon: float) -> tuple[Array, Array]:
    """Return h and sqrt(v + eps) over the last axis, in float32 at least."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    centered = wide - jnp.mean(wide, axis=-1, keepdims=True)
    root = jnp.sqrt(jnp.mean(jnp.square(centered), axis=-1, keepdims=True) + epsilon)
    return centered / root, root


layer_norm = register(
    "layer_norm",
    layer_norm_forward,
    layer_norm_backward,
    formula="y = gamma (x - m) / sqrt(v + eps) + beta",
    gradient="dx = (g - mean(g) - h mean(g h)) / sqrt(v + eps) with g = gamma dy; "
    "dgamma = sum dy h; dbeta = sum dy",
    symbols={**_SYMBOLS, "y": "output, the shape of x"},
    reference="Ba, Kiros, Hinton, Layer normalization (2016), equation 3",
    flops=elementwise_flops(8),
    save=layer_norm_save,
)
