"""Pooling layers: one number for each window and channel, the largest or the mean."""

from typing import Any, ClassVar

import jax

from pellucid import ops
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


class _Pooling(Layer):
    """What the pooling layers share; ``axes`` is the number of axes that the window moves on."""

    pool_size: int | tuple[int, ...] = 2
    strides: int | tuple[int, ...] | None = None
    padding: str | tuple[Any, ...] = "valid"
    data_format: str | None = None

    op: ClassVar[ops.Op]
    axes: ClassVar[int]
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "y": "output, (batch, new positions..., channels)",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        who = type(self).__name__
        as_sizes(who, "pool_size", self.pool_size, self.axes)
        if self.strides is not None:
            as_sizes(who, "strides", self.strides, self.axes)
        if self.padding not in ("valid", "same") and not are_pairs(self.padding, self.axes):
            example = ", ".join(["(1, 1)"] * self.axes)
            raise ArgumentError(
                f"{who} expected padding to be one of 'valid', 'same' or a pair (before, after) "
                f"for each axis, such as ({example},), got {self.padding!r}."
            )
        check_channels_last(who, self.data_format)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return one number for each window and channel."""
        check_positions(type(self).__name__, x.shape, self.axes)
        return self.op(as_floating(x), **self._settings())

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return self.op.flops(input_spec.shape, **self._settings())

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window that slides along each axis."""
        settings = self._settings()
        size = settings.pop("pool_size")
        return sliding(type(self).__name__, input_spec.shape[1:-1], size, **settings)

    def _settings(self) -> dict[str, Any]:
        who = type(self).__name__
        size = as_sizes(who, "pool_size", self.pool_size, self.axes)
        strides = (
            size if self.strides is None else as_sizes(who, "strides", self.strides, self.axes)
        )
        given = self.padding
        padding = given if isinstance(given, str) else tuple(map(tuple, given))
        return {"pool_size": size, "strides": strides, "padding": padding}


@REGISTRY.register(aliases=["MaxPool1D"])
class MaxPooling1D(_Pooling):
    """Keeps the largest value of each window of a sequence, channel by channel.

    y[n, t, c] = max_k x[n, strides t + k - p, c], over the k of the window that lie inside.

    Args:
        pool_size: steps in a window.
        strides: steps from one window to the next; None for ``pool_size`` (no overlap).
        padding: ``"valid"`` (windows stay inside), ``"same"`` (ceil(steps / strides) windows) or
            explicit margins ``((before, after),)``, less than a window, which never count.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, steps, channels); output shape (batch, new_steps, channels).

    Example:
        >>> from pellucid.layers import Input, MaxPooling1D
        >>> MaxPooling1D(2)(Input((9, 4))).shape
        (None, 4, 4)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 9.3.
    """

    op: ClassVar[ops.Op] = ops.max_pool
    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y[n, t, c] = max of x[n, :, c] over window t"


@REGISTRY.register(aliases=["MaxPool2D"])
class MaxPooling2D(_Pooling):
    """Keeps the largest value of each window of an image, channel by channel.

    y[n, r, c, o] = max_(k, l) x[n, s r + k - p, s c + l - q, o], over the (k, l) of the window that
    lie inside the image, with strides s.

    Args:
        pool_size: rows and columns of a window; one number for both.
        strides: rows and columns from one window to the next; None for ``pool_size`` (no overlap).
        padding: ``"valid"`` (windows stay inside; a rest at the end is left out), ``"same"``
            (ceil(size / strides) windows) or explicit margins ``((top, bottom), (left, right))``,
            less than a window, which never count.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape (batch, new_height, new_width,
    channels).

    Example:
        >>> from pellucid.layers import Input, MaxPooling2D
        >>> MaxPooling2D((2, 2))(Input((28, 28, 6))).shape
        (None, 14, 14, 6)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 9.3.
    """

    op: ClassVar[ops.Op] = ops.max_pool
    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y[n, r, c, o] = max of x[n, :, :, o] over window (r, c)"


@REGISTRY.register(aliases=["AvgPool1D"])
class AveragePooling1D(_Pooling):
    """Takes the mean of each window of a sequence, channel by channel.

    y[n, t, c] = mean_k x[n, strides t + k - p, c], over the k of the window that lie inside:
    zeros of the padding do not count.

    Args:
        pool_size: steps in a window.
        strides: steps from one window to the next; None for ``pool_size`` (no overlap).
        padding: ``"valid"`` (windows stay inside), ``"same"`` (ceil(steps / strides) windows) or
            explicit margins ``((before, after),)``, less than a window, which never count.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, steps, channels); output shape (batch, new_steps, channels).

    Example:
        >>> from pellucid.layers import AveragePooling1D, Input
        >>> AveragePooling1D(2, padding="same")(Input((9, 4))).shape
        (None, 5, 4)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section II.
    """

    op: ClassVar[ops.Op] = ops.average_pool
    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y[n, t, c] = mean of x[n, :, c] over window t"


@REGISTRY.register(aliases=["AvgPool2D"])
class AveragePooling2D(_Pooling):
    """Takes the mean of each window of an image, channel by channel.

    y[n, r, c, o] = mean_(k, l) x[n, s r + k - p, s c + l - q, o], over the (k, l) of the window
    that lie inside the image, with strides s: zeros of the padding do not count.

    Args:
        pool_size: rows and columns of a window; one number for both.
        strides: rows and columns from one window to the next; None for ``pool_size`` (no overlap).
        padding: ``"valid"`` (windows stay inside; a rest at the end is left out), ``"same"``
            (ceil(size / strides) windows) or explicit margins ``((top, bottom), (left, right))``,
            less than a window, which never count.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape (batch, new_height, new_width,
    channels).

    Example:
        >>> from pellucid.layers import AveragePooling2D, Input
        >>> AveragePooling2D(3, strides=2)(Input((11, 11, 6))).shape
        (None, 5, 5, 6)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section II.B (sub-sampling).
    """

    op: ClassVar[ops.Op] = ops.average_pool
    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y[n, r, c, o] = mean of x[n, :, :, o] over window (r, c)"
