"""Layers that make a sequence or an image larger: zero padding and upsampling."""

from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_one_of
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_sizes, check_channels_last, check_positions
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


@REGISTRY.register()
class ZeroPadding1D(Layer):
    """Puts zeros before and after a sequence.

    Args:
        padding: steps of zeros on each side; ``(before, after)`` for two different numbers.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, steps, channels); output shape (batch, before + steps + after, channels).

    Example:
        >>> from pellucid.layers import Input, ZeroPadding1D
        >>> ZeroPadding1D((2, 0))(Input((10, 4))).shape
        (None, 12, 4)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 9.5.
    """

    padding: int | tuple[int, int] = 1
    data_format: str | None = None

    formula: ClassVar[str] = "y[n, before + t, c] = x[n, t, c], and 0 elsewhere"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, channels)",
        "y": "output",
        "before": "steps added at the start",
    }
    operations: ClassVar[tuple[str, ...]] = ("zero_pad",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("ZeroPadding1D", self.data_format)
        self._sides()

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the shift of the steps."""
        return (Window(before=self._sides()[0]),)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x between zeros."""
        check_positions("ZeroPadding1D", x.shape, 1)
        return ops.zero_pad(x, padding=(self._sides(),))

    def _sides(self) -> tuple[int, int]:
        return _pair("ZeroPadding1D", self.padding, "ZeroPadding1D((before, after))")


@REGISTRY.register()
class ZeroPadding2D(Layer):
    """Puts a frame of zeros around an image.

    Args:
        padding: rows and columns of zeros on every side; ``(rows, columns)`` for different numbers
            above and below than at the left and right; ``((top, bottom), (left, right))`` for four.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape (batch, top + height + bottom, left +
    width + right, channels).

    Example:
        >>> from pellucid.layers import Input, ZeroPadding2D
        >>> ZeroPadding2D(((1, 0), (2, 2)))(Input((28, 28, 1))).shape
        (None, 29, 32, 1)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 9.5.
    """

    padding: int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]] = 1
    data_format: str | None = None

    formula: ClassVar[str] = "y[n, top + r, left + c, o] = x[n, r, c, o], and 0 elsewhere"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "top": "rows added at the top",
        "left": "columns added at the left",
    }
    operations: ClassVar[tuple[str, ...]] = ("zero_pad",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("ZeroPadding2D", self.data_format)
        self._frame()

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the shift of the rows and of the columns."""
        return tuple(Window(before=low) for low, _ in self._frame())

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x in a frame of zeros."""
        check_positions("ZeroPadding2D", x.shape, 2)
        return ops.zero_pad(x, padding=self._frame())

    def _frame(self) -> tuple[tuple[int, int], tuple[int, int]]:
        example = "ZeroPadding2D(((top, bottom), (left, right)))"
        given: Any = self.padding
        if not isinstance(given, (tuple, list)):
            given = (given, given)
        if len(given) != 2:
            raise ArgumentError(_sentence("ZeroPadding2D", self.padding, example))
        rows, columns = (_pair("ZeroPadding2D", side, example) for side in given)
        return rows, columns


@REGISTRY.register()
class UpSampling1D(Layer):
    """Repeats every step of a sequence.

    Args:
        size: how often each step is repeated.

    Input shape (batch, steps, channels); output shape (batch, size * steps, channels).

    Example:
        >>> from pellucid.layers import Input, UpSampling1D
        >>> UpSampling1D(3)(Input((10, 4))).shape
        (None, 30, 4)

    References:
        Odena, Dumoulin, Olah, Deconvolution and checkerboard artifacts, Distill (2016).
    """

    size: int = 2

    formula: ClassVar[str] = "y[n, t, c] = x[n, floor(t / size), c]"
    symbols: ClassVar[Symbols] = {"x": "input, (batch, steps, channels)", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("upsample_nearest",)

    def __post_init__(self) -> None:
        super().__post_init__()
        as_sizes("UpSampling1D", "size", self.size, 1)

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window of one position: i = floor(t / size)."""
        size = as_sizes("UpSampling1D", "size", self.size, 1)
        return tuple(Window(n, before=n - 1, zoom=n) for n in size)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with every step repeated."""
        check_positions("UpSampling1D", x.shape, 1)
        return ops.upsample_nearest(x, size=as_sizes("UpSampling1D", "size", self.size, 1))


@REGISTRY.register()
class UpSampling2D(Layer):
    """Enlarges an image by repeating every pixel.

    Args:
        size: how often each row and each column is repeated; one number for both.
        data_format: must be None or ``"channels_last"``.
        interpolation: must be ``"nearest"``: every new pixel is a copy of the nearest old one.

    Input shape (batch, height, width, channels); output shape (batch, size[0] * height, size[1] *
    width, channels).

    Example:
        >>> from pellucid.layers import Input, UpSampling2D
        >>> UpSampling2D((2, 3))(Input((7, 7, 16))).shape
        (None, 14, 21, 16)

    References:
        Odena, Dumoulin, Olah, Deconvolution and checkerboard artifacts, Distill (2016).
    """

    size: int | tuple[int, int] = 2
    data_format: str | None = None
    interpolation: str = "nearest"

    formula: ClassVar[str] = "y[n, r, c, o] = x[n, floor(r / size_1), floor(c / size_2), o]"
    symbols: ClassVar[Symbols] = {"x": "input, (batch, height, width, channels)", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("upsample_nearest",)

    def __post_init__(self) -> None:
        super().__post_init__()
        as_sizes("UpSampling2D", "size", self.size, 2)
        check_channels_last("UpSampling2D", self.data_format)
        check_one_of("UpSampling2D", "interpolation", self.interpolation, ("nearest",))

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window of one position: i = floor(t / size)."""
        size = as_sizes("UpSampling2D", "size", self.size, 2)
        return tuple(Window(n, before=n - 1, zoom=n) for n in size)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with every pixel repeated."""
        check_positions("UpSampling2D", x.shape, 2)
        return ops.upsample_nearest(x, size=as_sizes("UpSampling2D", "size", self.size, 2))


def _pair(who: str, value: Any, example: str) -> tuple[int, int]:
    """Return (before, after): one integer stands for both."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in pair):
        raise ArgumentError(_sentence(who, value, example))
    return pair


def _sentence(who: str, value: Any, example: str) -> str:
    return (
        f"{who} expected padding to be integers of 0 or more, one or two for each axis, got "
        f"{value!r}; type {example}."
    )
