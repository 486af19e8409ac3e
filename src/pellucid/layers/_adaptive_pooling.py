"""Adaptive pooling layers: a given number of windows, whatever the size of the input."""

from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._named import Symbols
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


class _AdaptivePooling(Layer):
    """What the adaptive pooling layers share; ``axes`` is the number of axes that are pooled."""

    output_size: int | tuple[int, ...]
    data_format: str | None = None

    op: ClassVar[ops.Op]
    axes: ClassVar[int]
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "y": "output, (batch, output_size..., channels)",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last(type(self).__name__, self.data_format)
        self._size()

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return one number for each window and channel."""
        check_positions(type(self).__name__, x.shape, self.axes)
        return self.op(as_floating(x), output_size=self._size())

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return self.op.flops(input_spec.shape, output_size=self._size())

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window of each axis where all are equally long; None where they are not."""
        sizes = input_spec.shape[1:-1]
        if any(n % m for n, m in zip(sizes, self._size(), strict=True)):
            return None
        return tuple(Window(n // m, n // m) for n, m in zip(sizes, self._size(), strict=True))

    def _size(self) -> tuple[int, ...]:
        return as_sizes(type(self).__name__, "output_size", self.output_size, self.axes)


@REGISTRY.register()
class AdaptiveAveragePooling1D(_AdaptivePooling):
    """Takes the mean of each of ``output_size`` windows of a sequence, channel by channel.

    Of S steps and m windows, window t holds floor(t S / m) <= i < ceil((t + 1) S / m).

    Args:
        output_size: m, how many windows.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, steps, channels); output shape (batch, output_size, channels).

    Example:
        >>> from pellucid.layers import AdaptiveAveragePooling1D, Input
        >>> AdaptiveAveragePooling1D(4)(Input((10, 3))).shape
        (None, 4, 3)

    References:
        He, Zhang, Ren, Sun, Spatial pyramid pooling in deep convolutional networks for visual
        recognition (2014).
    """

    op: ClassVar[ops.Op] = ops.adaptive_average_pool
    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y[n, t, c] = mean of x[n, :, c] over window t"


@REGISTRY.register()
class AdaptiveAveragePooling2D(_AdaptivePooling):
    """Takes the mean of each of a given number of windows of an image, channel by channel.

    Of H rows and m windows, window r holds the rows floor(r H / m) <= i < ceil((r + 1) H / m);
    columns likewise. So the dense layers that follow meet the same size for every image.

    Args:
        output_size: windows along height and width; one number for both.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape (batch, *output_size, channels).

    Example:
        >>> from pellucid.layers import AdaptiveAveragePooling2D, Input
        >>> AdaptiveAveragePooling2D(6)(Input((13, 20, 256))).shape
        (None, 6, 6, 256)

    References:
        He, Zhang, Ren, Sun, Spatial pyramid pooling (2015), section 2.2.
    """

    op: ClassVar[ops.Op] = ops.adaptive_average_pool
    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y[n, r, c, o] = mean of x[n, :, :, o] over window (r, c)"


@REGISTRY.register()
class AdaptiveMaxPooling1D(_AdaptivePooling):
    """Keeps the largest value of each of ``output_size`` windows of a sequence.

    Of S steps and m windows, window t holds floor(t S / m) <= i < ceil((t + 1) S / m).

    Args:
        output_size: m, how many windows.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, steps, channels); output shape (batch, output_size, channels).

    Example:
        >>> from pellucid.layers import AdaptiveMaxPooling1D, Input
        >>> AdaptiveMaxPooling1D(4)(Input((10, 3))).shape
        (None, 4, 3)

    References:
        He, Zhang, Ren, Sun, Spatial pyramid pooling in deep convolutional networks for visual
        recognition (2014).
    """

    op: ClassVar[ops.Op] = ops.adaptive_max_pool
    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y[n, t, c] = max of x[n, :, c] over window t"


@REGISTRY.register()
class AdaptiveMaxPooling2D(_AdaptivePooling):
    """Keeps the largest value of each of a given number of windows of an image.

    Of H rows and m windows, window r holds the rows floor(r H / m) <= i < ceil((r + 1) H / m);
    columns likewise.

    Args:
        output_size: windows along height and width; one number for both.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape (batch, *output_size, channels).

    Example:
        >>> from pellucid.layers import AdaptiveMaxPooling2D, Input
        >>> AdaptiveMaxPooling2D((2, 3))(Input((13, 20, 8))).shape
        (None, 2, 3, 8)

    References:
        He, Zhang, Ren, Sun, Spatial pyramid pooling (2015), section 2.2.
    """

    op: ClassVar[ops.Op] = ops.adaptive_max_pool
    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y[n, r, c, o] = max of x[n, :, :, o] over window (r, c)"
