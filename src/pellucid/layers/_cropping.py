"""Layers that cut the margins off a sequence, an image or a volume."""

from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import check_channels_last, check_positions
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


def _pairs(who: str, given: Any, axes: int, example: str) -> tuple[tuple[int, int], ...]:
    """Return (before, after) for each axis; one integer stands for two, or for all."""
    sides = tuple(given) if isinstance(given, (tuple, list)) else (given,) * axes
    pairs = [tuple(s) if isinstance(s, (tuple, list)) else (s, s) for s in sides]
    numbers = [n for pair in pairs for n in pair]
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers)
    if len(pairs) != axes or any(len(pair) != 2 for pair in pairs) or not whole:
        raise ArgumentError(
            f"{who} expected cropping to be integers of 0 or more, one or two for each axis, got "
            f"{given!r}; type {example}."
        )
    return tuple((before, after) for before, after in pairs)


@REGISTRY.register()
class Cropping1D(Layer):
    """Cuts steps off both ends of a sequence.

    Args:
        cropping: steps cut off at each end; ``(before, after)`` for two different numbers.

    Input shape (batch, steps, channels); output shape (batch, steps - before - after, channels).

    Raises:
        ShapeError: if no step is left.

    Example:
        >>> from pellucid.layers import Cropping1D, Input
        >>> Cropping1D((2, 1))(Input((10, 4))).shape
        (None, 7, 4)

    References:
        Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image segmentation
        (2015), section 2.
    """

    cropping: int | tuple[int, int] = 1

    formula: ClassVar[str] = "y[n, t, c] = x[n, before + t, c]"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, channels)",
        "y": "output",
        "before": "steps cut off at the start",
    }
    operations: ClassVar[tuple[str, ...]] = ("crop",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ends()

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the shift on each axis."""
        return tuple(Window(before=-low) for low, _ in self._ends())

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x without its ends."""
        check_positions("Cropping1D", x.shape, 1)
        return ops.crop(x, cropping=self._ends())

    def _ends(self) -> tuple[tuple[int, int], ...]:
        given: Any = self.cropping
        both = (given,) if isinstance(given, (tuple, list)) else given
        return _pairs("Cropping1D", both, 1, "Cropping1D((before, after))")


@REGISTRY.register()
class Cropping2D(Layer):
    """Cuts a frame off an image.

    Args:
        cropping: rows and columns cut off on every side; ``(rows, columns)`` for different numbers
            above and below than at the left and right; ``((top, bottom), (left, right))`` for four.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape (batch, height - top - bottom, width
    - left - right, channels).

    Raises:
        ShapeError: if no pixel is left.

    Example:
        >>> from pellucid.layers import Cropping2D, Input
        >>> Cropping2D(((1, 0), (2, 2)))(Input((28, 28, 1))).shape
        (None, 27, 24, 1)

    References:
        Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image segmentation
        (2015), section 2.
    """

    cropping: int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    data_format: str | None = None

    formula: ClassVar[str] = "y[n, r, c, o] = x[n, top + r, left + c, o]"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "top": "rows cut off at the top",
        "left": "columns cut off at the left",
    }
    operations: ClassVar[tuple[str, ...]] = ("crop",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("Cropping2D", self.data_format)
        self._frame()

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the shift on each axis."""
        return tuple(Window(before=-low) for low, _ in self._frame())

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x without its frame."""
        check_positions("Cropping2D", x.shape, 2)
        return ops.crop(x, cropping=self._frame())

    def _frame(self) -> tuple[tuple[int, int], ...]:
        example = "Cropping2D(((top, bottom), (left, right)))"
        return _pairs("Cropping2D", self.cropping, 2, example)


@REGISTRY.register()
class Cropping3D(Layer):
    """Cuts a shell off a volume.

    Args:
        cropping: positions cut off on every side; three numbers for depth, height and width;
            ``((front, back), (top, bottom), (left, right))`` for six.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, depth, height, width, channels); output shape smaller by the cropping.

    Raises:
        ShapeError: if nothing is left.

    Example:
        >>> from pellucid.layers import Cropping3D, Input
        >>> Cropping3D((0, 1, 1))(Input((4, 8, 8, 1))).shape
        (None, 4, 6, 6, 1)

    References:
        Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image segmentation
        (2015), section 2.
    """

    cropping: (
        int | tuple[int, int, int] | tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    ) = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = None

    formula: ClassVar[str] = "y[n, p, o] = x[n, low + p, o]"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, depth, height, width, channels)",
        "y": "output",
        "low": "planes cut off at the low ends",
        "p": "position",
    }
    operations: ClassVar[tuple[str, ...]] = ("crop",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("Cropping3D", self.data_format)
        self._shell()

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the shift on each axis."""
        return tuple(Window(before=-low) for low, _ in self._shell())

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x without its shell."""
        check_positions("Cropping3D", x.shape, 3)
        return ops.crop(x, cropping=self._shell())

    def _shell(self) -> tuple[tuple[int, int], ...]:
        example = "Cropping3D(((front, back), (top, bottom), (left, right)))"
        return _pairs("Cropping3D", self.cropping, 3, example)
