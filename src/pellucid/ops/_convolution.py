"""Convolution over any number of spatial axes, and its two gradients as operations of their own.

Input x (batch, spatial..., channels), kernel W (kernel..., channels / groups, filters), output y
(batch, windows..., filters). The three operations are the three derivatives of one number,

    T(x, W, dy) = sum over n, o, k, c, f of x[n, o s + k d - lo, c] W[k, c, f] dy[n, o, f],

with respect to dy (``conv``), to x (``conv_input_gradient``) and to W (``conv_weight_gradient``).
T is linear in each of its three arguments, so each operation is linear in both of its own, and its
gradients are the other two operations: gradients of any order stay among the three, and only their
bodies (see ``_convolution_bodies``) ever compute anything.
"""

from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import (
    check_divisible,
    check_last_axis,
    check_positive_int,
    check_rank,
    check_same_shape,
)
from pellucid.errors import ShapeError
from pellucid.ops._convolution_bodies import choose_body
from pellucid.ops._registry import register
from pellucid.ops._windows import Window, lay_windows

Shape = tuple[int, ...]
Steps = int | tuple[int, ...]
Padding = str | tuple[tuple[int, int], ...]

_AXES = {
    3: "(batch, steps, channels)",
    4: "(batch, height, width, channels)",
    5: "(batch, depth, height, width, channels)",
}


def _lay(
    who: str,
    x: Shape,
    w: Shape,
    strides: Steps,
    padding: Padding,
    dilation: Steps,
    groups: int,
) -> tuple[Window, ...]:
    """Check that an input and a kernel of these shapes fit, and lay the windows."""
    if len(w) < 3:
        raise ShapeError(
            f"{who} expected a kernel of rank 3 or more (kernel..., channels / groups, filters), "
            f"got shape {w}."
        )
    axes = _AXES.get(len(w), "(batch, spatial..., channels)")
    short = len(x) == len(w) - 1
    hint = "add the missing axis: x[None] for one sample, x[..., None] for one channel"
    check_rank(who, x, len(w), axes, hint if short else "")
    check_positive_int(who, "groups", groups)
    check_divisible(who, "the number of input channels", x[-1], "groups", groups)
    check_divisible(who, "the number of filters", w[-1], "groups", groups)
    check_last_axis(
        who, x, w[-2] * groups, f"the kernel {w} in groups={groups} takes so many channels"
    )
    return lay_windows(who, "kernel", x[1:-1], w[:-2], strides, padding, dilation)


def conv_output_shape(
    x: Shape,
    w: Shape,
    *,
    strides: Steps = 1,
    padding: Padding = "valid",
    dilation: Steps = 1,
    groups: int = 1,
) -> Shape:
    """Return the shape of ``conv(x, w)`` for an input and a kernel of these shapes.

    Args:
        x: input shape (batch, spatial..., channels).
        w: kernel shape (kernel..., channels / groups, filters).
        strides, padding, dilation, groups: as in ``conv``.

    Returns:
        (batch, windows..., filters).

    Raises:
        ShapeError, ArgumentError: as ``conv``.

    Example:
        >>> conv_output_shape((128, 28, 28, 1), (5, 5, 1, 6))
        (128, 24, 24, 6)
    """
    windows = _lay("conv", tuple(x), tuple(w), strides, padding, dilation, groups)
    return (x[0], *(window.output for window in windows), w[-1])


class ConvSaved(NamedTuple):
    """What the backward pass of ``conv`` reads."""

    x: Array
    w: Array
    b: Array | None


def conv_save(y: Array, x: Array, w: Array, b: Array | None = None, **_: Any) -> ConvSaved:
    """Return what the backward pass of ``conv`` reads: its arguments alone."""
    return ConvSaved(x, w, b)


def conv_forward(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    strides: Steps = 1,
    padding: Padding = "valid",
    dilation: Steps = 1,
    groups: int = 1,
    body: str | None = None,
) -> tuple[Array, ConvSaved]:
    """Convolution with bias, y = x * W + b: every window of x times the same kernel.

    For window o, kernel element k (both have one coordinate for each spatial axis), stride s,
    dilation d and low padding lo::

        y[n, o, f] = sum_kc x[n, o s + k d - lo, c] W[k, c, f] + b[f]     x is 0 in the padding

    (as in every deep-learning system the kernel is not flipped). The loss depends on x, W, b
    through y alone, so each gradient gathers dy from wherever its entry took part::

        dx[n, i, c] = sum over o, k with o s + k d - lo = i, and f, of dy[n, o, f] W[k, c, f]
        dW[k, c, f] = sum_no x[n, o s + k d - lo, c] dy[n, o, f]
        db[f]       = sum_no dy[n, o, f]

    In groups, channels and filters are split into ``groups`` equal runs, and run g of the filters
    sees run g of the channels alone; groups = channels is the depthwise convolution.
    It costs 2 * batch * windows * kernel * channels / groups * filters FLOPs, each gradient
    likewise.

    Args:
        x: input, shape (batch, spatial..., channels).
        w: kernel, shape (kernel..., channels / groups, filters).
        b: bias, shape (filters,), or None for none.
        strides: steps between windows, one integer or one for each spatial axis.
        padding: "valid" (none), "same" (ceil(size / stride) windows, the odd element of padding at
            the high end) or one pair (low, high) for each spatial axis.
        dilation: steps between kernel elements, likewise. Strides and dilation may be combined.
        groups: number of groups.
        body: "xla", "patches", "native", or None for the one that suits backend and arrays.

    Returns:
        y of shape (batch, windows..., filters), and what the backward pass reads.

    Raises:
        ShapeError: if ranks or channels do not fit, or a window is larger than the padded input.
        ArgumentError: if a setting is outside its domain, or groups does not divide the channels
            and the filters.

    References:
        LeCun, Bottou, Bengio, Haffner (1998), section II; Goodfellow, Bengio, Courville, Deep
        Learning (2016), equations 9.7 to 9.13.
    """
    windows = _lay("conv", x.shape, w.shape, strides, padding, dilation, groups)
    lanes = w.shape[-1] // groups
    y = choose_body(body, x, w, lanes, groups).forward(x, w, windows, groups)
    if b is not None:
        check_same_shape("conv", "the bias", b.shape, "(filters,)", w.shape[-1:])
        y = y + b
    return y, conv_save(y, x, w, b)


def conv_backward(
    saved: ConvSaved, dy: Array, **settings: Any
) -> tuple[Array, Array, Array | None]:
    """Return dx and dW by the two operations below, and db = sum_no dy."""
    x, w, b = saved
    dx = conv_input_gradient(dy, w, spatial=x.shape[1:-1], **settings)
    dw = conv_weight_gradient(x, dy, kernel=w.shape[:-2], **settings)
    db = None if b is None else jnp.sum(dy, axis=tuple(range(dy.ndim - 1)))
    return dx, dw, db


def conv_flops(x: Shape, w: Shape, b: Shape | None = None, *, body: Any = None, **at: Any) -> int:
    """Return 2 * batch * windows * (entries of W), and one addition an output for a bias."""
    outputs = prod(conv_output_shape(x, w, **at)[:-1])
    return 2 * outputs * prod(w) + (0 if b is None else outputs * w[-1])


class ConvInputGradientSaved(NamedTuple):
    """What the backward pass of ``conv_input_gradient`` reads."""

    dy: Array
    w: Array


def conv_input_gradient_save(x: Array, dy: Array, w: Array, **_: Any) -> ConvInputGradientSaved:
    """Return what the backward pass of ``conv_input_gradient`` reads: its arguments alone."""
    return ConvInputGradientSaved(dy, w)


def conv_input_gradient_forward(
    dy: Array,
    w: Array,
    *,
    spatial: tuple[int, ...],
    strides: Steps = 1,
    padding: Padding = "valid",
    dilation: Steps = 1,
    groups: int = 1,
    body: str | None = None,
) -> tuple[Array, ConvInputGradientSaved]:
    """Gradient of a convolution with respect to its input; alone, the transposed convolution.

    ::

        x[n, i, c] = sum over o, k with o s + k d - lo = i, and f, of dy[n, o, f] W[k, c, f]

    is linear in dy and in W. With the gradient dx of its result x, and T as in the module's
    docstring, the loss changes by T(dx, W, dy), whose derivatives are

        ddy = conv(dx, W)        dW = conv_weight_gradient(dx, dy).

    Args:
        dy: gradient with respect to y, shape (batch, windows..., filters).
        w: kernel, shape (kernel..., channels / groups, filters).
        spatial: sizes of the spatial axes of the convolution's input, which dy alone does not tell.
        strides, padding, dilation, groups, body: those of the convolution.

    Returns:
        An array of shape (batch, spatial..., channels), and what the backward pass reads.

    Raises:
        ShapeError: if dy is no gradient of this convolution.
        ArgumentError: if a setting is outside its domain.

    References:
        Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016), chapter 4.
    """
    who = "conv_input_gradient"
    check_positive_int(who, "groups", groups)
    x_shape = (dy.shape[0], *spatial, w.shape[-2] * groups)
    windows = _lay(who, x_shape, w.shape, strides, padding, dilation, groups)
    _check_dy(who, dy.shape, x_shape, w.shape, windows)
    x = choose_body(body, dy, w, w.shape[-2], groups).input_gradient(dy, w, windows, groups)
    return x, conv_input_gradient_save(x, dy, w)


def _check_dy(who: str, dy: Shape, x: Shape, w: Shape, windows: tuple[Window, ...]) -> None:
    """Raise ShapeError unless dy has the shape of the convolution's output."""
    y = (x[0], *(window.output for window in windows), w[-1])
    check_same_shape(who, "the output gradient", dy, "(batch, windows..., filters)", y)


def conv_input_gradient_backward(
    saved: ConvInputGradientSaved, dx: Array, *, spatial: tuple[int, ...], **settings: Any
) -> tuple[Array, Array]:
    """Return ddy = conv(dx, W) and dW = conv_weight_gradient(dx, dy)."""
    dy, w = saved
    ddy = conv(dx, w, **settings)
    dw = conv_weight_gradient(dx, dy, kernel=w.shape[:-2], **settings)
    return ddy, dw


def conv_input_gradient_flops(dy: Shape, w: Shape, **_: Any) -> int:
    """Return the FLOPs of the convolution itself: the same products, summed differently."""
    return 2 * prod(dy[:-1]) * prod(w)


class ConvWeightGradientSaved(NamedTuple):
    """What the backward pass of ``conv_weight_gradient`` reads."""

    x: Array
    dy: Array


def conv_weight_gradient_save(w: Array, x: Array, dy: Array, **_: Any) -> ConvWeightGradientSaved:
    """Return what the backward pass of ``conv_weight_gradient`` reads: its arguments alone."""
    return ConvWeightGradientSaved(x, dy)


def conv_weight_gradient_forward(
    x: Array,
    dy: Array,
    *,
    kernel: tuple[int, ...],
    strides: Steps = 1,
    padding: Padding = "valid",
    dilation: Steps = 1,
    groups: int = 1,
    body: str | None = None,
) -> tuple[Array, ConvWeightGradientSaved]:
    """Gradient of a convolution with respect to its kernel.

    ::

        W[k, c, f] = sum_no x[n, o s + k d - lo, c] dy[n, o, f]

    is linear in x and in dy. With the gradient dW of its result W, and T as in the module's
    docstring, the loss changes by T(x, dW, dy), whose derivatives are

        dx = conv_input_gradient(dy, dW)        ddy = conv(x, dW).

    Args:
        x: input, shape (batch, spatial..., channels).
        dy: gradient with respect to y, shape (batch, windows..., filters).
        kernel: sizes of the kernel, which x and dy alone do not tell.
        strides, padding, dilation, groups, body: those of the convolution.

    Returns:
        An array of shape (kernel..., channels / groups, filters), and what the backward pass reads.

    Raises:
        ShapeError: if dy is no gradient of this convolution.
        ArgumentError: if a setting is outside its domain.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), equation 9.11.
    """
    who = "conv_weight_gradient"
    check_positive_int(who, "groups", groups)
    w_shape = (*kernel, x.shape[-1] // groups, dy.shape[-1])
    windows = _lay(who, x.shape, w_shape, strides, padding, dilation, groups)
    _check_dy(who, dy.shape, x.shape, w_shape, windows)
    lanes = dy.shape[-1] // groups
    w = choose_body(body, x, dy, lanes, groups).weight_gradient(x, dy, windows, groups)
    return w, conv_weight_gradient_save(w, x, dy)


def conv_weight_gradient_backward(
    saved: ConvWeightGradientSaved, dw: Array, *, kernel: tuple[int, ...], **settings: Any
) -> tuple[Array, Array]:
    """Return dx = conv_input_gradient(dy, dW) and ddy = conv(x, dW)."""
    x, dy = saved
    dx = conv_input_gradient(dy, dw, spatial=x.shape[1:-1], **settings)
    ddy = conv(x, dw, **settings)
    return dx, ddy


def conv_weight_gradient_flops(
    x: Shape, dy: Shape, *, kernel: tuple[int, ...], groups: int = 1, **_: Any
) -> int:
    """Return the FLOPs of the convolution itself: the same products, summed differently."""
    return 2 * prod(dy) * prod(kernel) * x[-1] // groups


_SYMBOLS = {
    "x": "input, (batch, spatial..., channels)",
    "W": "kernel, (kernel..., channels / groups, filters)",
    "dy": "gradient of the loss with respect to y",
    "n, o, k, c, f": "sample, window, kernel element, channel, filter",
    "s, d, lo": "stride, dilation, padding at the low end",
}

conv = register(
    "conv",
    conv_forward,
    conv_backward,
    formula="y[n,o,f] = sum_kc x[n, o s + k d - lo, c] W[k,c,f] + b[f]",
    gradient="dx[n,i,c] = sum_{o s + k d - lo = i} sum_f dy[n,o,f] W[k,c,f]; "
    "dW[k,c,f] = sum_no x[n, o s + k d - lo, c] dy[n,o,f]; db[f] = sum_no dy[n,o,f]",
    symbols={**_SYMBOLS, "b": "bias, (filters,)", "y": "output, (batch, windows..., filters)"},
    reference="LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86 (1998), section II",
    flops=conv_flops,
    save=conv_save,
)

conv_input_gradient = register(
    "conv_input_gradient",
    conv_input_gradient_forward,
    conv_input_gradient_backward,
    formula="x[n,i,c] = sum_{o s + k d - lo = i} sum_f dy[n,o,f] W[k,c,f]",
    gradient="ddy = conv(dx, W); dW = conv_weight_gradient(dx, dy)",
    symbols={**_SYMBOLS, "dx": "gradient of the loss with respect to the result x"},
    reference="Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016), "
    "chapter 4",
    flops=conv_input_gradient_flops,
    save=conv_input_gradient_save,
)

conv_weight_gradient = register(
    "conv_weight_gradient",
    conv_weight_gradient_forward,
    conv_weight_gradient_backward,
    formula="W[k,c,f] = sum_no x[n, o s + k d - lo, c] dy[n,o,f]",
    gradient="dx = conv_input_gradient(dy, dW); ddy = conv(x, dW)",
    symbols={**_SYMBOLS, "dW": "gradient of the loss with respect to the result W"},
    reference="Goodfellow, Bengio, Courville, Deep Learning (2016), equation 9.11",
    flops=conv_weight_gradient_flops,
    save=conv_weight_gradient_save,
)
