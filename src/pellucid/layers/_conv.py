"""Convolution layers for sequences and images."""

from typing import Any, ClassVar

import jax

from pellucid import activations, ops
from pellucid._checks import check_divisible, check_positive_int
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


class _Conv(Layer):
    """What the convolutions share; ``axes`` is the number of axes that the window slides along."""

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: str | tuple[Any, ...] = "valid"
    data_format: str | None = None
    dilation_rate: int | tuple[int, ...] = 1
    groups: int = 1
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
    paddings: ClassVar[tuple[str, ...]]
    explicit: ClassVar[str]
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "K": "kernel, (kernel..., channels / groups, filters)",
        "b": "bias, (filters,)",
        "f": "activation",
        "y": "output, (batch, new positions..., filters)",
        "kernel": "positions of kernel_size",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("conv",)
    parameter_count: ClassVar[str] = "kernel channels filters / groups + use_bias filters"

    def __post_init__(self) -> None:
        super().__post_init__()
        who = type(self).__name__
        check_positive_int(who, "filters", self.filters)
        check_positive_int(who, "groups", self.groups)
        check_divisible(who, "filters", self.filters, "groups", self.groups)
        for name in ("kernel_size", "strides", "dilation_rate"):
            as_sizes(who, name, getattr(self, name), self.axes)
        if self.padding not in self.paddings and not are_pairs(self.padding, self.axes):
            options = ", ".join(map(repr, self.paddings))
            raise ArgumentError(
                f"{who} expected padding to be one of {options} or explicit zeros "
                f"{self.explicit}, got {self.padding!r}."
            )
        check_channels_last(who, self.data_format)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``kernel`` (*kernel_size, in_channels / groups, filters) and ``bias``."""
        who = type(self).__name__
        check_positions(who, input_spec.shape, self.axes)
        channels = input_spec.shape[-1]
        check_divisible(who, "the number of input channels", channels, "groups", self.groups)
        window = as_sizes(who, "kernel_size", self.kernel_size, self.axes)
        shape = (*window, channels // self.groups, self.filters)
        made = {"kernel": self.make_variable(key, "kernel", shape, input_spec)}
        if self.use_bias:
            made["bias"] = self.make_variable(key, "bias", (self.filters,), input_spec)
        return made

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(x * K + b)."""
        check_positions(type(self).__name__, x.shape, self.axes)
        z = ops.conv(as_floating(x), variables["kernel"], variables.get("bias"), **self._settings())
        z = context.record("pre_activation", z)
        return activations.get(self.activation)(z)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the convolution and the bias."""
        window = as_sizes(type(self).__name__, "kernel_size", self.kernel_size, self.axes)
        w = (*window, input_spec.shape[-1] // self.groups, self.filters)
        b = (self.filters,) if self.use_bias else None
        return ops.conv.flops(input_spec.shape, w, b, **self._settings())

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window that slides along each axis."""
        who = type(self).__name__
        size = as_sizes(who, "kernel_size", self.kernel_size, self.axes)
        settings = {k: v for k, v in self._settings().items() if k != "groups"}
        return sliding(who, input_spec.shape[1:-1], size, **settings)

    def _settings(self) -> dict[str, Any]:
        who, given = type(self).__name__, self.padding
        return {
            "strides": as_sizes(who, "strides", self.strides, self.axes),
            "padding": given if isinstance(given, str) else tuple(map(tuple, given)),
            "dilation": as_sizes(who, "dilation_rate", self.dilation_rate, self.axes),
            "groups": self.groups,
        }


@REGISTRY.register(aliases=["Convolution1D"])
class Conv1D(_Conv):
    """Convolution over time: every filter looks through a window that slides along a sequence.

    For filter o and step t, with window positions k and input channels i::

        z[n, t, o] = sum_k sum_i x[n, strides t + dilation_rate k - p, i] K[k, i, o] + b[o]
        y = f(z)

    where p is the number of zeros put before the sequence. (As in all of deep learning the kernel
    is not flipped: strictly, this is a cross-correlation.)

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: steps that a window spans, before dilation.
        strides: steps from one window to the next.
        padding: ``"valid"`` (no zeros: windows stay inside), ``"same"`` (zeros so that the output
            has ceil(steps / strides) steps), ``"causal"`` (zeros before the start only, so that
            y[t] depends on no later step) or explicit zeros ``((before, after),)``.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the steps that a window looks at; 1 for neighbors.
        groups: the channels are cut into this many groups, each with its own filters.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        kernel_initializer: how K (kernel_size, in_channels / groups, filters) starts.
        bias_initializer: how b (filters,) starts.
        kernel_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, steps, in_channels); output shape (batch, new_steps, filters).

    Raises:
        ShapeError: if the rank or the channels do not fit, or a window is longer than the sequence.

    Example:
        >>> from pellucid.layers import Conv1D, Input
        >>> Conv1D(32, 5, padding="causal")(Input((100, 8))).shape
        (None, 100, 32)

    References:
        Waibel, Hanazawa, Hinton, Shikano, Lang, Phoneme recognition using time-delay neural
        networks (1989); van den Oord et al., WaveNet (2016), section 2.1 (causal, dilated).
    """

    axes: ClassVar[int] = 1
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same", "causal")
    explicit: ClassVar[str] = "((before, after),)"
    formula: ClassVar[str] = "y = f(x * K + b)"

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        if self.padding == "causal":
            (window,) = as_sizes("Conv1D", "kernel_size", self.kernel_size, 1)
            (dilation,) = as_sizes("Conv1D", "dilation_rate", self.dilation_rate, 1)
            settings["padding"] = ((dilation * (window - 1), 0),)
        return settings


@REGISTRY.register(aliases=["Convolution2D"])
class Conv2D(_Conv):
    """Convolution over an image: every filter looks through a window that slides over it.

    For filter o at row r and column c, with window positions (k, l) and input channels i::

        z[n, r, c, o] = sum_k sum_l sum_i x[n, s r + d k - p, s c + d l - q, i] K[k, l, i, o] + b[o]
        y = f(z)

    with strides s, dilation d, and p rows and q columns of zeros put before the image. (As in all
    of deep learning the kernel is not flipped: strictly, this is a cross-correlation.)

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: height and width of a window before dilation; one number for both.
        strides: rows and columns from one window to the next.
        padding: ``"valid"`` (no zeros: windows stay inside), ``"same"`` (zeros so that the output
            has ceil(size / strides) rows and columns; an odd zero goes to the end), or explicit
            zeros ``((top, bottom), (left, right))``.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the pixels that a window looks at; 1 for neighbors.
        groups: the channels are cut into this many groups, each with its own filters.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        kernel_initializer: how K (height, width, in_channels / groups, filters) starts.
        bias_initializer: how b (filters,) starts.
        kernel_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, height, width, in_channels); output shape (batch, new_height, new_width,
    filters). Images of whole numbers (uint8) are taken as float32.

    Raises:
        ShapeError: if the rank or the channels do not fit, or the image is smaller than a window.

    Example:
        >>> from pellucid.layers import Conv2D, Input
        >>> Conv2D(32, 3, strides=2, padding="same", activation="relu")(Input((28, 28, 1))).shape
        (None, 14, 14, 32)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section II; Goodfellow, Bengio, Courville, Deep Learning (2016), equation 9.6.
    """

    axes: ClassVar[int] = 2
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    explicit: ClassVar[str] = "((top, bottom), (left, right))"
    formula: ClassVar[str] = "y = f(x * K + b)"
