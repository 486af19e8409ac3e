"""Convolutions in ONNX's operators: channels second, kernels (out, in, positions...)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import layers, ops
from pellucid.export._activations import activate
from pellucid.export._call import Call, handles
from pellucid.export._writer import Sizes, Value
from pellucid.ops._windows import lay_windows

STAND_IN = 1000
"""A size for an axis whose size is not known, where only margins are read off."""


def window_attributes(
    x: Value, size: tuple[int, ...], strides: Any = 1, padding: Any = "valid", dilation: Any = 1
) -> tuple[dict[str, Any], Sizes]:
    """Return how windows slide over x in ONNX's words, and how many there are on each axis.

    Args:
        x: input, (batch, positions..., channels).
        size: of a window.
        strides: as Pellucid's operations take them, like ``padding`` and ``dilation``.
        padding: zeros at the ends.
        dilation: distance of a window's positions.
    """
    spatial = x.shape[1:-1]
    stood_in = [STAND_IN if n is None else n for n in spatial]
    laid = lay_windows("export", "window", stood_in, size, strides, padding, dilation)
    attributes: dict[str, Any] = {
        "kernel_shape": size,
        "strides": tuple(window.stride for window in laid),
        "dilations": tuple(window.dilation for window in laid),
    }
    if padding == "same" and None in spatial:
        attributes["auto_pad"] = "SAME_UPPER"
    else:
        attributes["pads"] = tuple(w.low for w in laid) + tuple(w.high for w in laid)
    count = zip(spatial, laid, strict=True)
    return attributes, tuple(None if n is None else window.output for n, window in count)


def convolve(
    call: Call, x: Value, kernel: Value, bias: Value | None, groups: int = 1, **settings: Any
) -> Value:
    """Return x * K + b of (batch, positions..., channels); K is (out, in / groups, positions...).

    ``settings`` are those of the operation ``conv``.
    """
    w = call.writer
    size = tuple(int(n) for n in kernel.array.shape[2:])
    attributes, count = window_attributes(x, size, **settings)
    read = [w.channels_first(x), kernel] + ([] if bias is None else [bias])
    shape = (x.shape[0], kernel.shape[0], *count)
    return w.channels_last(w.add("Conv", read, shape, x.dtype, group=groups, **attributes))


def turned(kernel: np.ndarray) -> np.ndarray:
    """Return (positions..., in, out) as (out, in, positions...)."""
    return kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))


@handles(layers.Conv1D, layers.Conv2D, layers.Conv3D)
def conv(call: Call, x: Value) -> Value:
    """y = f(x * K + b)."""
    kernel = call.stored("kernel", turned(np.asarray(call.variables["kernel"])))
    x, bias = call.writer.floating(x), call.stored_if_any("bias")
    return activate(call, convolve(call, x, kernel, bias, **call.layer._settings()))


def _depthwise(call: Call, x: Value, name: str, bias: Value | None) -> Value:
    """Return every channel of x under its own filters."""
    array = np.asarray(call.variables[name])
    *size, channels, multiplier = array.shape
    kernel = call.stored(name, turned(array.reshape(*size, 1, channels * multiplier)))
    return convolve(call, x, kernel, bias, channels, **call.layer.window_settings())


@handles(layers.DepthwiseConv1D, layers.DepthwiseConv2D)
def depthwise_conv(call: Call, x: Value) -> Value:
    """y_cm = f(x_c * K_cm + b_cm)."""
    x, bias = call.writer.floating(x), call.stored_if_any("bias")
    return activate(call, _depthwise(call, x, "kernel", bias))


@handles(layers.SeparableConv1D, layers.SeparableConv2D)
def separable_conv(call: Call, x: Value) -> Value:
    """y = f((x_c * D_cm) P + b)."""
    d = _depthwise(call, call.writer.floating(x), "depthwise_kernel", None)
    point = turned(np.asarray(call.variables["pointwise_kernel"]))
    kernel = call.stored("pointwise_kernel", point)
    return activate(call, convolve(call, d, kernel, call.stored_if_any("bias")))


@handles(layers.SparseConv2D)
def sparse_conv(call: Call, x: Value) -> Value:
    """y = f(x * W + b), W the kernel with zeros where nothing is connected."""
    x = call.writer.floating(x)
    table = tuple(map(tuple, call.layer.connections))
    channels = call.known(x, -1, "to know which channels a filter leaves out")
    kernel = ops.sparse_kernel(
        jnp.asarray(call.variables["kernel"]), connections=table, channels=channels
    )
    stored = call.stored("kernel", turned(np.asarray(kernel)))
    return activate(call, convolve(call, x, stored, call.stored("bias")))


@handles(layers.Conv1DTranspose, layers.Conv2DTranspose)
def conv_transpose(call: Call, x: Value) -> Value:
    """y = f(z + b), z the gradient of a convolution with respect to its input."""
    w, x = call.writer, call.writer.floating(x)
    array = np.asarray(call.variables["kernel"])
    kernel = call.stored("kernel", turned(array))  # (channels, filters, positions...)
    stood_in = tuple(STAND_IN if n is None else n for n in x.shape)
    settings = call.layer._settings(jax.ShapeDtypeStruct(stood_in, "float32"))
    size = array.shape[:-2]
    lows, highs = zip(*settings["padding"], strict=True)
    along = zip(stood_in[1:-1], size, settings["strides"], settings["dilation"], strict=True)
    full = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in along]  # all that windows write
    cut = zip(settings["spatial"], full, lows, highs, strict=True)
    extra = tuple(n - (whole - low - high) for n, whole, low, high in cut)
    made = zip(x.shape[1:-1], settings["spatial"], strict=True)
    shape = (x.shape[0], kernel.shape[1], *(None if n is None else m for n, m in made))
    bias = call.stored_if_any("bias")
    read = [w.channels_first(x), kernel] + ([] if bias is None else [bias])
    z = w.add(
        "ConvTranspose",
        read,
        shape,
        x.dtype,
        kernel_shape=size,
        strides=settings["strides"],
        dilations=settings["dilation"],
        pads=(*lows, *highs),
        output_padding=extra,
    )
    return activate(call, w.channels_last(z))
