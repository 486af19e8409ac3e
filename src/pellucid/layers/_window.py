"""The windows through which a layer looks at its input, one for each spatial axis."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.ops._windows import lay_windows


class Window(NamedTuple):
    """Which positions of its input a unit of a layer reads along one axis.

    Unit t reads the positions i with

        zoom i = stride t - before + dilation k,        k = 0, ..., size - 1

    A convolution has zoom 1. A transposed convolution has its strides as zoom: it reads a position
    only where one meets the finer grid. A layer that treats every position alone has the default.

    Attributes:
        size: taps of a window.
        stride: steps from the window of one unit to that of the next.
        dilation: steps between the taps.
        before: padding before the first position.
        zoom: units for one position of the input.
    """

    size: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    zoom: int = 1

    def read(self, units: np.ndarray) -> np.ndarray:
        """Return the positions that these units read, in order, padding included."""
        taps = self.dilation * np.arange(self.size)
        fine = (self.stride * units[:, None] - self.before + taps).reshape(-1)
        return np.unique(fine[fine % self.zoom == 0] // self.zoom)


def sliding(who: str, spatial: Sequence[int], size: Sequence[int], **settings: Any) -> Any:
    """Return the windows of a convolution or a pooling with these settings, one for each axis."""
    return tuple(
        Window(laid.kernel, laid.stride, laid.dilation, laid.low)
        for laid in lay_windows(who, "window", spatial, size, **settings)
    )
