"""Where the windows of a convolution or a pooling lie, one axis at a time.

Along one axis, window o (of ``output`` many) meets its k-th element at position

    i = o * stride + k * dilation - low

of the input; positions outside 0..size-1 are padding. Two functions turn this line into arrays,
each the transpose of the other: ``window_slices`` takes, for every k, the elements that all windows
meet at k; ``put_back`` adds them back to where they came from.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from pellucid._checks import as_tuple
from pellucid.errors import ArgumentError, ShapeError


class Window(NamedTuple):
    """The windows along one axis: input size, window size, steps, and padding on both sides."""

    size: int
    kernel: int
    stride: int
    dilation: int
    low: int
    high: int

    @property
    def extent(self) -> int:
        """Number of input positions that one window covers, gaps included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def output(self) -> int:
        """Number of windows."""
        return (self.size + self.low + self.high - self.extent) // self.stride + 1

    @property
    def reach(self) -> int:
        """Number of positions from the first window's first element to the last window's first."""
        return (self.output - 1) * self.stride + 1


def lay_windows(
    who: str,
    what: str,
    spatial: Sequence[int],
    kernel: Sequence[int],
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
) -> tuple[Window, ...]:
    """Lay windows of shape ``kernel`` over an input of shape ``spatial``.

    With e = (kernel - 1) * dilation + 1, the positions that a window covers, there are

        "valid"     floor((size - e) / stride) + 1 windows, none leaves the input;
        "same"      ceil(size / stride) windows; as much padding as they need, shared between both
                    ends, the odd element at the high end;
        (lo, hi)    floor((size + lo + hi - e) / stride) + 1 windows.

    Args:
        who: the operation that complains.
        what: its word for a window, such as "kernel".
        spatial: sizes of the spatial axes.
        kernel: window size on each of them.
        strides: steps between windows: one integer, or one for each axis.
        padding: "same", "valid", or one pair (low, high) for each axis.
        dilation: steps between the elements of a window, likewise.

    Returns:
        One ``Window`` for each axis.

    Raises:
        ArgumentError: if a setting is outside its domain.
        ShapeError: if a window does not fit into the padded input.
    """
    rank = len(spatial)
    kernel = as_tuple(who, f"the {what} size", kernel, rank)
    strides = as_tuple(who, "strides", strides, rank)
    dilation = as_tuple(who, "dilation", dilation, rank)
    pairs = _padding_pairs(who, spatial, kernel, strides, padding, dilation)
    windows = tuple(
        Window(size, k, s, d, lo, hi)
        for size, k, s, d, (lo, hi) in zip(spatial, kernel, strides, dilation, pairs, strict=True)
    )
    if any(window.output < 1 for window in windows):
        padded = [window.size + window.low + window.high for window in windows]
        ours = _times(spatial) + ("" if padded == list(spatial) else f" (padded {_times(padded)})")
        raise ShapeError(
            f"{who}: the input is {ours} but the {what} covers "
            f"{_times([window.extent for window in windows])}; use padding='same', a smaller "
            f"{what}, or larger inputs."
        )
    return windows


def _padding_pairs(
    who: str,
    spatial: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Any,
    dilation: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """Return the padding as one pair (low, high) for each axis."""
    if padding == "valid":
        return ((0, 0),) * len(spatial)
    if padding == "same":
        pairs = []
        for size, k, s, d in zip(spatial, kernel, strides, dilation, strict=True):
            output = -(-size // s)
            total = max((output - 1) * s + (k - 1) * d + 1 - size, 0)
            pairs.append((total // 2, total - total // 2))
        return tuple(pairs)
    return check_pairs(who, padding, len(spatial), "'same', 'valid', or ")


def check_pairs(
    who: str, padding: Any, rank: int, or_else: str = ""
) -> tuple[tuple[int, int], ...]:
    """Return ``padding`` if it is one pair of integers (low, high) for each of ``rank`` axes."""
    fits = isinstance(padding, tuple) and len(padding) == rank
    fits = fits and all(isinstance(pair, tuple) and len(pair) == 2 for pair in padding)
    if not fits or not all(isinstance(n, int) and n >= 0 for pair in padding for n in pair):
        example = ", ".join(["(1, 1)"] * rank) + ("," if rank == 1 else "")
        raise ArgumentError(
            f"{who} expected padding to be {or_else}a tuple of {rank} pairs (low, high) of "
            f"integers of 0 or more such as ({example}), got {padding!r}."
        )
    return padding


def _times(sizes: Sequence[int]) -> str:
    """Return sizes as they are read aloud, such as 28x28."""
    return "x".join(str(n) for n in sizes)


def pad_spatial(x: Array, windows: Sequence[Window], value: float = 0.0) -> Array:
    """Pad the spatial axes of x, (batch, spatial..., channels), as the windows ask."""
    margins = [(0, 0, 0), *((w.low, w.high, 0) for w in windows), (0, 0, 0)]
    return lax.pad(x, jnp.asarray(value, x.dtype), margins)


def pad_axis(x: Array, axis: int, window: Window, value: float = 0.0) -> Array:
    """Pad one axis of x as the windows along it ask."""
    margins = [(0, 0, 0)] * x.ndim
    margins[axis] = (window.low, window.high, 0)
    return lax.pad(x, jnp.asarray(value, x.dtype), margins)


def window_slices(padded: Array, axis: int, window: Window) -> list[Array]:
    """For k = 0, 1, ... return the elements that the windows along ``axis`` meet at k.

    Slice k holds padded[o * stride + k * dilation] for all windows o.
    """
    starts = [k * window.dilation for k in range(window.kernel)]
    return [
        lax.slice_in_dim(padded, start, start + window.reach, window.stride, axis)
        for start in starts
    ]


def put_back(slices: Sequence[Array], axis: int, window: Window) -> Array:
    """Add slice k back to the positions it was taken from: the transpose of pad and slice.

    x_i = sum of slice_k[o] over all o, k with o * stride + k * dilation - low = i.
    What was taken from the padding is dropped.
    """
    placed = []
    for k, piece in enumerate(slices):
        low = k * window.dilation - window.low  # where window 0 met its k-th element
        margins = [(0, 0, 0)] * piece.ndim
        margins[axis] = (low, window.size - low - window.reach, window.stride - 1)
        placed.append(lax.pad(piece, jnp.zeros((), piece.dtype), margins))
    return reduce(jnp.add, placed)
