"""Layers for volumes, (batch, depth, height, width, channels): scans and video clips."""

from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._conv import _Conv
from pellucid.layers._global_pooling import _GlobalPooling
from pellucid.layers._inputs import as_sizes, check_channels_last, check_positions
from pellucid.layers._pooling import _Pooling
from pellucid.layers._registry import REGISTRY
from pellucid.layers._resizing import _pair
from pellucid.layers._window import Window

Array = jax.Array
Frame = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@REGISTRY.register(aliases=["Convolution3D"])
class Conv3D(_Conv):
    """Convolution over a volume: every filter looks through a window that slides through it.

    The formula is that of ``Conv2D`` with one more axis: for filter o at position p = (d, r, c),
    with window positions k = (k_1, k_2, k_3) and input channels i::

        z[n, p, o] = sum_k sum_i x[n, strides p + dilation_rate k - margin, i] K[k, i, o] + b[o]
        y = f(z)

    Args:
        filters: number of filters, the channels of the output.
        kernel_size: depth, height and width of a window before dilation; one number for all.
        strides: steps from one window to the next.
        padding: ``"valid"`` (no zeros), ``"same"`` (ceil(size / strides) positions an axis come
            out) or explicit zeros ``((front, back), (top, bottom), (left, right))``.
        data_format: must be None or ``"channels_last"``.
        dilation_rate: distance between the positions that a window looks at; 1 for neighbors.
        groups: the channels are cut into this many groups, each with its own filters.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        kernel_initializer: how K (depth, height, width, in_channels / groups, filters) starts.
        bias_initializer: how b (filters,) starts.
        kernel_regularizer: penalty on K, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to K after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, depth, height, width, in_channels); output shape (batch, new_depth,
    new_height, new_width, filters).

    Raises:
        ShapeError: if the rank or the channels do not fit, or the volume is smaller than a window.

    Example:
        >>> from pellucid.layers import Conv3D, Input
        >>> Conv3D(8, 3, padding="same")(Input((16, 32, 32, 1))).shape
        (None, 16, 32, 32, 8)

    References:
        Tran, Bourdev, Fergus, Torresani, Paluri, Learning spatiotemporal features with 3D
        convolutional networks (2015).
    """

    axes: ClassVar[int] = 3
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    explicit: ClassVar[str] = "((front, back), (top, bottom), (left, right))"
    formula: ClassVar[str] = "y = f(x * K + b)"


@REGISTRY.register(aliases=["MaxPool3D"])
class MaxPooling3D(_Pooling):
    """Keeps the largest value of each window of a volume, channel by channel.

    y[n, p, o] = max_k x[n, strides p + k - margin, o], over the k of the window that lie inside.

    Args:
        pool_size: size of a window along depth, height and width; one number for all.
        strides: steps from one window to the next; None for ``pool_size`` (no overlap).
        padding: ``"valid"`` (windows stay inside), ``"same"`` (ceil(size / strides) windows) or
            explicit margins, a pair for each axis, which never count.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, depth, height, width, channels); output shape (batch, new_depth,
    new_height, new_width, channels).

    Example:
        >>> from pellucid.layers import Input, MaxPooling3D
        >>> MaxPooling3D((1, 2, 2))(Input((16, 32, 32, 8))).shape
        (None, 16, 16, 16, 8)

    References:
        Tran, Bourdev, Fergus, Torresani, Paluri, Learning spatiotemporal features with 3D
        convolutional networks (2015).
    """

    op: ClassVar[ops.Op] = ops.max_pool
    axes: ClassVar[int] = 3
    formula: ClassVar[str] = "y[n, p, o] = max of x[n, :, o] over window p"


@REGISTRY.register(aliases=["AvgPool3D"])
class AveragePooling3D(_Pooling):
    """Takes the mean of each window of a volume, channel by channel.

    y[n, p, o] = mean_k x[n, strides p + k - margin, o], over the k of the window that lie inside.

    Args:
        pool_size: size of a window along depth, height and width; one number for all.
        strides: steps from one window to the next; None for ``pool_size`` (no overlap).
        padding: ``"valid"`` (windows stay inside), ``"same"`` (ceil(size / strides) windows) or
            explicit margins, a pair for each axis, which never count.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, depth, height, width, channels); output shape (batch, new_depth,
    new_height, new_width, channels).

    Example:
        >>> from pellucid.layers import AveragePooling3D, Input
        >>> AveragePooling3D(2)(Input((16, 32, 32, 8))).shape
        (None, 8, 16, 16, 8)

    References:
        Carreira, Zisserman, Quo vadis, action recognition? A new model and the Kinetics dataset
        (2017).
    """

    op: ClassVar[ops.Op] = ops.average_pool
    axes: ClassVar[int] = 3
    formula: ClassVar[str] = "y[n, p, o] = mean of x[n, :, o] over window p"


@REGISTRY.register(aliases=["GlobalMaxPool3D"])
class GlobalMaxPooling3D(_GlobalPooling):
    """Keeps the largest value of each channel over a whole volume.

    y[n, o] = max_p x[n, p, o].

    Args:
        data_format: must be None or ``"channels_last"``.
        keepdims: True keeps the three axes, with size 1.

    Input shape (batch, depth, height, width, channels); output shape (batch, channels).

    Example:
        >>> from pellucid.layers import GlobalMaxPooling3D, Input
        >>> GlobalMaxPooling3D()(Input((4, 7, 7, 32))).shape
        (None, 32)

    References:
        Oquab, Bottou, Laptev, Sivic, Is object localization for free? Weakly-supervised learning
        with convolutional neural networks (2015).
    """

    op: ClassVar[ops.Op] = ops.global_max_pool
    axes: ClassVar[int] = 3
    formula: ClassVar[str] = "y[n, o] = max_p x[n, p, o]"


@REGISTRY.register(aliases=["GlobalAvgPool3D"])
class GlobalAveragePooling3D(_GlobalPooling):
    """Takes the mean of each channel over a whole volume.

    y[n, o] = mean_p x[n, p, o].

    Args:
        data_format: must be None or ``"channels_last"``.
        keepdims: True keeps the three axes, with size 1.

    Input shape (batch, depth, height, width, channels); output shape (batch, channels).

    Example:
        >>> from pellucid.layers import GlobalAveragePooling3D, Input
        >>> GlobalAveragePooling3D(keepdims=True)(Input((4, 7, 7, 32))).shape
        (None, 1, 1, 1, 32)

    References:
        Lin, Chen, Yan, Network in network (2014), section 3.2.
    """

    op: ClassVar[ops.Op] = ops.global_average_pool
    axes: ClassVar[int] = 3
    formula: ClassVar[str] = "y[n, o] = mean_p x[n, p, o]"


@REGISTRY.register()
class ZeroPadding3D(Layer):
    """Puts a shell of zeros around a volume.

    Args:
        padding: positions of zeros on every side; three numbers for depth, height and width;
            ``((front, back), (top, bottom), (left, right))`` for six.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, depth, height, width, channels); output shape larger by the padding.

    Example:
        >>> from pellucid.layers import Input, ZeroPadding3D
        >>> ZeroPadding3D((0, 1, 1))(Input((4, 8, 8, 1))).shape
        (None, 4, 10, 10, 1)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 9.5.
    """

    padding: int | tuple[int, int, int] | Frame = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = None

    formula: ClassVar[str] = "y[n, low + p, o] = x[n, p, o], and 0 elsewhere"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, depth, height, width, channels)",
        "y": "output",
        "low": "planes added at the low ends",
        "p": "position",
    }
    operations: ClassVar[tuple[str, ...]] = ("zero_pad",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("ZeroPadding3D", self.data_format)
        self._shell()

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the shift on each axis."""
        return tuple(Window(before=low) for low, _ in self._shell())

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x in a shell of zeros."""
        check_positions("ZeroPadding3D", x.shape, 3)
        return ops.zero_pad(x, padding=self._shell())

    def _shell(self) -> Frame:
        example = "ZeroPadding3D(((front, back), (top, bottom), (left, right)))"
        given: Any = self.padding
        sides = tuple(given) if isinstance(given, (tuple, list)) else (given,) * 3
        if len(sides) != 3:
            raise ArgumentError(
                "ZeroPadding3D expected padding to be one integer of 0 or more, three, or a pair "
                f"for each of three axes, got {given!r}; type {example}."
            )
        depth, rows, columns = (_pair("ZeroPadding3D", side, example) for side in sides)
        return depth, rows, columns


@REGISTRY.register()
class UpSampling3D(Layer):
    """Enlarges a volume by repeating every position.

    Args:
        size: how often along depth, height and width; one number for all.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, depth, height, width, channels); output shape ``size`` times as large.

    Example:
        >>> from pellucid.layers import Input, UpSampling3D
        >>> UpSampling3D((1, 2, 2))(Input((4, 8, 8, 1))).shape
        (None, 4, 16, 16, 1)

    References:
        Odena, Dumoulin, Olah, Deconvolution and checkerboard artifacts, Distill (2016).
    """

    size: int | tuple[int, int, int] = 2
    data_format: str | None = None

    formula: ClassVar[str] = "y[n, p, o] = x[n, floor(p / size), o]"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, depth, height, width, channels)",
        "y": "output",
        "p": "position",
    }
    operations: ClassVar[tuple[str, ...]] = ("upsample_nearest",)

    def __post_init__(self) -> None:
        super().__post_init__()
        as_sizes("UpSampling3D", "size", self.size, 3)
        check_channels_last("UpSampling3D", self.data_format)

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window of one position: i = floor(t / size)."""
        size = as_sizes("UpSampling3D", "size", self.size, 3)
        return tuple(Window(n, before=n - 1, zoom=n) for n in size)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with every position repeated."""
        check_positions("UpSampling3D", x.shape, 3)
        return ops.upsample_nearest(x, size=as_sizes("UpSampling3D", "size", self.size, 3))
