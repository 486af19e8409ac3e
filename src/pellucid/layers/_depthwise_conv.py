"""Depthwise and separable convolution layers: space first, channels afterwards."""

from typing import Any, ClassVar

import jax

from pellucid import activations, ops
from pellucid._checks import check_positive_int
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import (
    are_pairs,
    as_floating,
    as_sizes,
    check_channels_last,
    check_positions,
)
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window, sliding

Array = jax.Array


class _Depthwise(Layer):
    """What the depthwise and the separable layers share: the window and how it slides."""

    axes: ClassVar[int]
    explicit: ClassVar[str]

    def check_window(self) -> None:
        """Raise ArgumentError unless the settings of the window are in their domains."""
        given: Any = self
        who = type(self).__name__
        check_positive_int(who, "depth_multiplier", given.depth_multiplier)
        for name in ("kernel_size", "strides", "dilation_rate"):
            as_sizes(who, name, getattr(self, name), self.axes)
        if given.padding not in ("valid", "same") and not are_pairs(given.padding, self.axes):
            raise ArgumentError(
                f"{who} expected padding to be one of 'valid', 'same' or explicit zeros "
                f"{self.explicit}, got {given.padding!r}."
            )
        check_channels_last(who, given.data_format)

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """Return (*kernel_size, channels, depth_multiplier)."""
        given: Any = self
        window = as_sizes(type(self).__name__, "kernel_size", given.kernel_size, self.axes)
        return (*window, channels, given.depth_multiplier)

    def window_settings(self) -> dict[str, Any]:
        """Return strides, padding and dilation as the operation takes them."""
        given: Any = self
        who, padding = type(self).__name__, given.padding
        return {
            "strides": as_sizes(who, "strides", given.strides, self.axes),
            "padding": padding if isinstance(padding, str) else tuple(map(tuple, padding)),
            "dilation": as_sizes(who, "dilation_rate", given.dilation_rate, self.axes),
        }

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window that slides along each axis."""
        size = self.kernel_shape(1)[:-2]
        who = type(self).__name__
        return sliding(who, input_spec.shape[1:-1], size, **self.window_settings())

    def depthwise(self, x: Array, kernel: Array, b: Array | None = None) -> Array:
        """Return every channel of x under its own ``depth_multiplier`` filters."""
        *window, channels, multiplier = kernel.shape
        w = ops.reshape(kernel, shape=(*window, 1, channels * multiplier))
        return ops.conv(x, w, b, groups=channels, **self.window_settings())

    def depthwise_flops(self, shape: tuple[int, ...], b: tuple[int, ...] | None = None) -> int:
        """Return those of ``depthwise`` for an input of this shape."""
        *window, channels, multiplier = self.kernel_shape(shape[-1])
        w = (*window, 1, channels * multiplier)
        return ops.conv.flops(shape, w, b, groups=channels, **self.window_settings())


class _DepthwiseConv(_Depthwise):
    """What the two depthwise layers share."""

    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: str | tuple[Any, ...] = "valid"
    depth_multiplier: int = 1
    data_format: str | None = None
    dilation_rate: int | tuple[int, ...] = 1
    activation: Any = None
    use_bias: bool = True
    depthwise_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    depthwise_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    depthwise_constraint: Any = None
    bias_constraint: Any = None

    formula: ClassVar[str] = "y_cm = f(x_c * K_cm + b_cm)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "K": "kernel, (kernel..., channels, depth_multiplier)",
        "b": "bias, (channels depth_multiplier,)",
        "f": "activation",
        "y": "output, (batch, new positions..., channels depth_multiplier)",
        "kernel": "positions of kernel_size",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("conv", "reshape")
    parameter_count: ClassVar[str] = (
        "kernel channels depth_multiplier + use_bias channels depth_multiplier"
    )

    # Keras calls the variable "kernel" and its settings "depthwise".
    kernel_initializer = property(lambda self: self.depthwise_initializer)
    kernel_regularizer = property(lambda self: self.depthwise_regularizer)
    kernel_constraint = property(lambda self: self.depthwise_constraint)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_window()

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``kernel`` (*kernel_size, channels, depth_multiplier) and ``bias``."""
        check_positions(type(self).__name__, input_spec.shape, self.axes)
        shape = self.kernel_shape(input_spec.shape[-1])
        made = {"kernel": self.make_variable(key, "kernel", shape, input_spec)}
        if self.use_bias:
            made["bias"] = self.make_variable(key, "bias", (shape[-2] * shape[-1],), input_spec)
        return made

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(x_c * K_cm + b_cm) for every channel c and filter m."""
        check_positions(type(self).__name__, x.shape, self.axes)
        z = self.depthwise(as_floating(x), variables["kernel"], variables.get("bias"))
        z = context.record("pre_activation", z)
        return activations.get(self.activation)(z)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the convolution and the bias."""
        b = output_spec.shape[-1:] if self.use_bias else None
        return self.depthwise_flops(input_spec.shape, b)


@REGISTRY.register()
class DepthwiseConv1D(_DepthwiseConv):
    """Convolution over time in which every channel has filters of its own.

    Channel c is seen by its own ``depth_multiplier`` filters m, and by no other::

        z[n, t, c M + m] = sum_k x[n, strides t + dilation_rate k - p, c] K[k, c, m] + b[c M + m]
        y = f(z)                                                       M = depth_multiplier

    Args:
        kernel_size: steps that a window spans, before dilation.
        strides: steps from one window to the next.
        padding: ``"valid"`` (no zeros), ``"same"`` (ceil(steps / strides) steps come out) or
            explicit zeros ``((before, after),)``.
        depth_multiplier: M, filters for each channel.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the steps that a window looks at; 1 for neighbors.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        depthwise_initializer: how K (kernel_size, channels, M) starts.
        bias_initializer: how b (channels M,) starts.
        depthwise_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        depthwise_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, steps, channels); output shape (batch, new_steps, channels M).

    Raises:
        ShapeError: if the rank or the channels do not fit, or a window is longer than the sequence.

    Example:
        >>> from pellucid.layers import DepthwiseConv1D, Input
        >>> DepthwiseConv1D(3, depth_multiplier=2)(Input((10, 8))).shape
        (None, 8, 16)

    References:
        Chollet, Xception (2017), section 1.
    """

    axes: ClassVar[int] = 1
    explicit: ClassVar[str] = "((before, after),)"


@REGISTRY.register()
class DepthwiseConv2D(_DepthwiseConv):
    """Convolution over an image in which every channel has filters of its own.

    Channel c is seen by its own ``depth_multiplier`` filters m, and by no other; with strides s
    and dilation d::

        z[n, r, q, c M + m] = sum_(k, l) x[n, s r + d k - p, s q + d l - p', c] K[k, l, c, m]
                              + b[c M + m]
        y = f(z)                                                       M = depth_multiplier

    It costs 1 / channels of a full convolution.

    Args:
        kernel_size: height and width of a window before dilation; one number for both.
        strides: rows and columns from one window to the next.
        padding: ``"valid"`` (no zeros), ``"same"`` (ceil(size / strides) rows and columns come out)
            or explicit zeros ``((top, bottom), (left, right))``.
        depth_multiplier: M, filters for each channel.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the pixels that a window looks at; 1 for neighbors.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        depthwise_initializer: how K (height, width, channels, M) starts.
        bias_initializer: how b (channels M,) starts.
        depthwise_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        depthwise_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, height, width, channels); output shape (batch, new_height, new_width,
    channels M).

    Raises:
        ShapeError: if the rank or the channels do not fit, or the image is smaller than a window.

    Example:
        >>> from pellucid.layers import DepthwiseConv2D, Input
        >>> DepthwiseConv2D(3, padding="same")(Input((28, 28, 32))).shape
        (None, 28, 28, 32)

    References:
        Howard et al., MobileNets (2017), equation 3.
    """

    axes: ClassVar[int] = 2
    explicit: ClassVar[str] = "((top, bottom), (left, right))"


class _SeparableConv(_Depthwise):
    """What the two separable layers share."""

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: str | tuple[Any, ...] = "valid"
    data_format: str | None = None
    dilation_rate: int | tuple[int, ...] = 1
    depth_multiplier: int = 1
    activation: Any = None
    use_bias: bool = True
    depthwise_initializer: Any = "glorot_uniform"
    pointwise_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    depthwise_regularizer: Any = None
    pointwise_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    depthwise_constraint: Any = None
    pointwise_constraint: Any = None
    bias_constraint: Any = None

    formula: ClassVar[str] = "y = f((x_c * D_cm) P + b)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "D": "depthwise kernel, (kernel..., channels, depth_multiplier)",
        "P": "pointwise kernel, (channels depth_multiplier, filters)",
        "b": "bias, (filters,)",
        "f": "activation",
        "y": "output, (batch, new positions..., filters)",
        "kernel": "positions of kernel_size",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("conv", "reshape")
    parameter_count: ClassVar[str] = (
        "kernel channels depth_multiplier + channels depth_multiplier filters + use_bias filters"
    )

    # Keras calls the variables "..._kernel" and their settings "depthwise" and "pointwise".
    depthwise_kernel_initializer = property(lambda self: self.depthwise_initializer)
    depthwise_kernel_regularizer = property(lambda self: self.depthwise_regularizer)
    depthwise_kernel_constraint = property(lambda self: self.depthwise_constraint)
    pointwise_kernel_initializer = property(lambda self: self.pointwise_initializer)
    pointwise_kernel_regularizer = property(lambda self: self.pointwise_regularizer)
    pointwise_kernel_constraint = property(lambda self: self.pointwise_constraint)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int(type(self).__name__, "filters", self.filters)
        self.check_window()

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``depthwise_kernel``, ``pointwise_kernel`` and ``bias``."""
        check_positions(type(self).__name__, input_spec.shape, self.axes)
        shape = self.kernel_shape(input_spec.shape[-1])
        point = (*(1,) * self.axes, shape[-2] * shape[-1], self.filters)
        made = {
            "depthwise_kernel": self.make_variable(key, "depthwise_kernel", shape, input_spec),
            "pointwise_kernel": self.make_variable(key, "pointwise_kernel", point, input_spec),
        }
        if self.use_bias:
            made["bias"] = self.make_variable(key, "bias", (self.filters,), input_spec)
        return made

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(d P + b) with d the depthwise convolution of x."""
        check_positions(type(self).__name__, x.shape, self.axes)
        d = self.depthwise(as_floating(x), variables["depthwise_kernel"])
        z = ops.conv(d, variables["pointwise_kernel"], variables.get("bias"))
        z = context.record("pre_activation", z)
        return activations.get(self.activation)(z)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of both convolutions and the bias."""
        channels = input_spec.shape[-1] * self.depth_multiplier
        between = (*output_spec.shape[:-1], channels)
        point = (*(1,) * self.axes, channels, self.filters)
        b = (self.filters,) if self.use_bias else None
        return self.depthwise_flops(input_spec.shape) + ops.conv.flops(between, point, b)


@REGISTRY.register(aliases=["SeparableConvolution1D"])
class SeparableConv1D(_SeparableConv):
    """Convolution over time in two parts: each channel by itself, then all channels of a step.

    ::

        d[n, t, c M + m] = sum_k x[n, strides t + dilation_rate k - p, c] D[k, c, m]
        z[n, t, o]       = sum_i d[n, t, i] P[0, i, o] + b[o]
        y = f(z)                                                       M = depth_multiplier

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: steps that a window spans, before dilation.
        strides: steps from one window to the next.
        padding: ``"valid"`` (no zeros), ``"same"`` (ceil(steps / strides) steps come out) or
            explicit zeros ``((before, after),)``.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the steps that a window looks at; 1 for neighbors.
        depth_multiplier: M, filters for each channel in the first part.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        depthwise_initializer: how D (kernel_size, channels, M) starts.
        pointwise_initializer: how P (1, channels M, filters) starts.
        bias_initializer: how b (filters,) starts.
        depthwise_regularizer: penalty on D, added to the loss.
        pointwise_regularizer: penalty on P.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        depthwise_constraint: applied to D after each update.
        pointwise_constraint: applied to P after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, steps, channels); output shape (batch, new_steps, filters).

    Raises:
        ShapeError: if the rank or the channels do not fit, or a window is longer than the sequence.

    Example:
        >>> from pellucid.layers import Input, SeparableConv1D
        >>> SeparableConv1D(16, 3, padding="same")(Input((10, 8))).shape
        (None, 10, 16)

    References:
        Chollet, Xception (2017), section 1.
    """

    axes: ClassVar[int] = 1
    explicit: ClassVar[str] = "((before, after),)"


@REGISTRY.register(aliases=["SeparableConvolution2D"])
class SeparableConv2D(_SeparableConv):
    """Convolution over an image in two parts: each channel by itself, then all channels of a pixel.

    With strides s and dilation e::

        d[n, r, q, c M + m] = sum_(k, l) x[n, s r + e k - p, s q + e l - p', c] D[k, l, c, m]
        z[n, r, q, o]       = sum_i d[n, r, q, i] P[0, 0, i, o] + b[o]
        y = f(z)                                                       M = depth_multiplier

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: height and width of a window before dilation; one number for both.
        strides: rows and columns from one window to the next.
        padding: ``"valid"`` (no zeros), ``"same"`` (ceil(size / strides) rows and columns come out)
            or explicit zeros ``((top, bottom), (left, right))``.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the pixels that a window looks at; 1 for neighbors.
        depth_multiplier: M, filters for each channel in the first part.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        depthwise_initializer: how D (height, width, channels, M) starts.
        pointwise_initializer: how P (1, 1, channels M, filters) starts.
        bias_initializer: how b (filters,) starts.
        depthwise_regularizer: penalty on D, added to the loss.
        pointwise_regularizer: penalty on P.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        depthwise_constraint: applied to D after each update.
        pointwise_constraint: applied to P after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, height, width, channels); output shape (batch, new_height, new_width,
    filters).

    Raises:
        ShapeError: if the rank or the channels do not fit, or the image is smaller than a window.

    Example:
        >>> from pellucid.layers import Input, SeparableConv2D
        >>> SeparableConv2D(64, 3, padding="same")(Input((28, 28, 32))).shape
        (None, 28, 28, 64)

    References:
        Chollet, Xception (2017), section 1.
    """

    axes: ClassVar[int] = 2
    explicit: ClassVar[str] = "((top, bottom), (left, right))"
