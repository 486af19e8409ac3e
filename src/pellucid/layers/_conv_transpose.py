"""Transposed convolution layers: from few positions to many."""

from typing import Any, ClassVar

import jax

from pellucid import activations, ops
from pellucid._checks import check_one_of, check_positive_int
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import (
    as_floating,
    as_sizes,
    check_channels_last,
    check_positions,
)
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


class _ConvTranspose(Layer):
    """What the two share; ``axes`` is the number of axes that the window slides along."""

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: str = "valid"
    output_padding: int | tuple[int, ...] | None = None
    data_format: str | None = None
    dilation_rate: int | tuple[int, ...] = 1
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    axes: ClassVar[int]
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "K": "kernel, (kernel..., filters, channels); K^T turns the convolution by it around",
        "b": "bias, (filters,)",
        "f": "activation",
        "y": "output, (batch, new positions..., filters)",
        "kernel": "positions of kernel_size",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("conv_input_gradient", "add")
    parameter_count: ClassVar[str] = "kernel channels filters + use_bias filters"

    def __post_init__(self) -> None:
        super().__post_init__()
        who = type(self).__name__
        check_positive_int(who, "filters", self.filters)
        for name in ("kernel_size", "strides", "dilation_rate"):
            as_sizes(who, name, getattr(self, name), self.axes)
        check_one_of(who, "padding", self.padding, ("valid", "same"))
        check_channels_last(who, self.data_format)
        strides = as_sizes(who, "strides", self.strides, self.axes)
        extras = self._extras()
        if any(n is not None and not 0 <= n < s for n, s in zip(extras, strides, strict=True)):
            raise ArgumentError(
                f"{who} expected output_padding to be None, or 0 or more and less than "
                f"strides={self.strides!r}, got {self.output_padding!r}."
            )

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``kernel`` (*kernel_size, filters, in_channels) and ``bias`` (filters,)."""
        who = type(self).__name__
        check_positions(who, input_spec.shape, self.axes)
        window = as_sizes(who, "kernel_size", self.kernel_size, self.axes)
        shape = (*window, self.filters, input_spec.shape[-1])
        made = {"kernel": self.make_variable(key, "kernel", shape, input_spec)}
        if self.use_bias:
            made["bias"] = self.make_variable(key, "bias", (self.filters,), input_spec)
        return made

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(z)."""
        check_positions(type(self).__name__, x.shape, self.axes)
        z = ops.conv_input_gradient(as_floating(x), variables["kernel"], **self._settings(x))
        if self.use_bias:
            b = ops.reshape(variables["bias"], shape=(*(1,) * (self.axes + 1), self.filters))
            z = ops.add(z, b)
        z = context.record("pre_activation", z)
        return activations.get(self.activation)(z)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the convolution and the bias."""
        window = as_sizes(type(self).__name__, "kernel_size", self.kernel_size, self.axes)
        w = (*window, self.filters, input_spec.shape[-1])
        products = ops.conv_input_gradient.flops(input_spec.shape, w)
        return products + (output_spec.size if self.use_bias else 0)

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return which inputs meet a position: s i = t + low - d k for a tap k of the kernel."""
        settings = self._settings(input_spec)
        kernel = as_sizes(type(self).__name__, "kernel_size", self.kernel_size, self.axes)
        along = zip(
            kernel, settings["strides"], settings["dilation"], settings["padding"], strict=True
        )
        return tuple(Window(k, 1, d, (k - 1) * d - low, zoom=s) for k, s, d, (low, _) in along)

    def _extras(self) -> tuple[int | None, ...]:
        """Return ``output_padding`` for each axis."""
        given = self.output_padding
        extras = tuple(given) if isinstance(given, (tuple, list)) else (given,) * self.axes
        if len(extras) != self.axes or not all(n is None or isinstance(n, int) for n in extras):
            raise ArgumentError(
                f"{type(self).__name__} expected output_padding to be None or 1 or {self.axes} "
                f"integers, got {given!r}."
            )
        return extras

    def _settings(self, x: Array) -> dict[str, Any]:
        """Return the settings of the convolution whose transpose this is.

        That convolution leads from the ``size`` positions of our output to the n of our input.
        """
        who = type(self).__name__
        kernel = as_sizes(who, "kernel_size", self.kernel_size, self.axes)
        strides = as_sizes(who, "strides", self.strides, self.axes)
        dilation = as_sizes(who, "dilation_rate", self.dilation_rate, self.axes)
        sizes, margins = [], []
        along = zip(x.shape[1:-1], kernel, strides, dilation, self._extras(), strict=True)
        for n, k, s, d, extra in along:
            extent = (k - 1) * d + 1
            if self.padding == "valid":
                size = (n - 1) * s + (max(extent, s) if extra is None else extent + extra)
                low = 0
            elif extra is None:
                size = n * s
                low = max(extent - s, 0) // 2
            else:
                size = (n - 1) * s + extent % 2 + extra
                low = max(extent - 1 - -(-(extent + extent % 2 - 2 + extra) // 2), 0)
            high = max((n - 1) * s + extent - size - low, 0)
            sizes.append(size)
            margins.append((low, high))
        return {
            "spatial": tuple(sizes),
            "strides": strides,
            "padding": tuple(margins),
            "dilation": dilation,
        }


@REGISTRY.register(aliases=["Convolution1DTranspose"])
class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time: every step of the input writes a window of the output.

    The gradient of a convolution with respect to its input, used as a layer. For filter o and step
    t, over the steps j of the input and the places k of the window that meet t::

        z[n, t, o] = sum over strides j + dilation_rate k - p = t, and i, of x[n, j, i] K[k, o, i]
        y = f(z + b)

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: steps that a window spans, before dilation.
        strides: steps of the output from one window to the next.
        padding: ``"valid"`` (all that the windows write: (steps - 1) strides + kernel_size steps,
            no fewer than strides steps) or ``"same"`` (strides * steps steps).
        output_padding: how many steps longer the output is than (steps - 1) strides + kernel_size
            for ``"valid"``, + kernel_size modulo 2 for ``"same"``; less than strides; None for the
            lengths above.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the steps that a window writes to; 1 for neighbors.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        kernel_initializer: how K (kernel_size, filters, in_channels) starts.
        bias_initializer: how b (filters,) starts.
        kernel_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, steps, in_channels); output shape (batch, new_steps, filters).

    Raises:
        ShapeError: if the rank or the channels do not fit.

    Example:
        >>> from pellucid.layers import Conv1DTranspose, Input
        >>> Conv1DTranspose(8, 4, strides=2, padding="same")(Input((50, 16))).shape
        (None, 100, 8)

    References:
        Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016), chapter 4.
    """

    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y = f(K^T x + b)"


@REGISTRY.register(aliases=["Convolution2DTranspose"])
class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over an image: every pixel of the input writes a window of the output.

    The gradient of a convolution with respect to its input, used as a layer; decoders and
    generators grow images with it. For filter o, over the pixels (i, j) of the input and the places
    (k, l) of the window that meet the output's pixel (r, c), with strides s and dilation d::

        z[n, r, c, o] = sum over s i + d k - p = r, s j + d l - q = c, and channels h, of
                        x[n, i, j, h] K[k, l, o, h]
        y = f(z + b)

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: height and width of a window before dilation; one number for both.
        strides: rows and columns of the output from one window to the next.
        padding: ``"valid"`` (all that the windows write: (size - 1) strides + kernel_size rows and
            columns, no fewer than strides) or ``"same"`` (strides * size).
        output_padding: how many rows and columns more there are than (size - 1) strides +
            kernel_size for ``"valid"``, + kernel_size modulo 2 for ``"same"``; less than strides;
            None for the sizes above.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the pixels that a window writes to; 1 for neighbors.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        kernel_initializer: how K (height, width, filters, in_channels) starts.
        bias_initializer: how b (filters,) starts.
        kernel_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, height, width, in_channels); output shape (batch, new_height, new_width,
    filters).

    Raises:
        ShapeError: if the rank or the channels do not fit.

    Example:
        >>> from pellucid.layers import Conv2DTranspose, Input
        >>> Conv2DTranspose(64, 2, strides=2)(Input((28, 28, 128))).shape
        (None, 56, 56, 64)

    References:
        Zeiler, Krishnan, Taylor, Fergus, Deconvolutional networks (2010); Dumoulin, Visin, A guide
        to convolution arithmetic for deep learning (2016), chapter 4.
    """

    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y = f(K^T x + b)"
