"""The layer between a feature map and the second stage of a detector."""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import as_tuple, check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class RoIAlign(Layer):
    """Reads a grid of fixed size from every box of a feature map, without rounding a box.

    Input: the list [features, boxes], (batch, height, width, channels) and (batch, n, 4); a box is
    left, top, right, bottom in pixels of the image; output (batch, n, size, size, channels).

    Args:
        size: bins along the height and the width of a box, one number for both or a pair.
        stride: pixels of the image for one of the feature map.
        samples: readings along each side of a bin; the bin is their mean.

    Raises:
        ShapeError: if the input is no list of feature maps and boxes.

    Example:
        >>> from pellucid.layers import Input, RoIAlign
        >>> RoIAlign(7)([Input((24, 32, 64)), Input((100, 4))]).shape
        (None, 100, 7, 7, 64)

    References:
        He, Gkioxari, Dollar, Girshick, Mask R-CNN (2017), section 3.
    """

    size: int | tuple[int, int] = 7
    stride: float = 16.0
    samples: int = 2

    formula: ClassVar[str] = "y_pq = sum_h sum_w A_ph B_qw x_hw"
    symbols: ClassVar[Symbols] = {
        "x": "feature maps, (batch, height, width, channels)",
        "A": "what each row of bins takes of each row of the map, (batch, n, size, height)",
        "B": "what each column of bins takes of each column of the map, (batch, n, size, width)",
        "y": "a grid of bins of each box, (batch, n, size, size, channels)",
    }
    operations: ClassVar[tuple[str, ...]] = ("roi_align",)

    def __post_init__(self) -> None:
        super().__post_init__()
        as_tuple("RoIAlign", "size", self.size, 2)
        check_range("RoIAlign", "stride", self.stride, 0, open_low=True)
        check_positive_int("RoIAlign", "samples", self.samples)

    def apply(self, variables: Variables, x: Any, context: Context) -> Array:
        """Return the grid of every box."""
        if not isinstance(x, (list, tuple)):
            raise ShapeError(
                f"RoIAlign expected a list of inputs, got one of shape {tuple(x.shape)}; write "
                "RoIAlign()([features, boxes])."
            )
        if len(x) != 2:
            raise ShapeError(
                f"RoIAlign expected a list of feature maps and boxes, got {len(x)} inputs; write "
                "RoIAlign()([features, boxes])."
            )
        features, boxes = map(as_floating, x)
        size = as_tuple("RoIAlign", "size", self.size, 2)
        return ops.roi_align(
            features, boxes, size=size, stride=float(self.stride), samples=self.samples
        )

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return those of the operation."""
        size = as_tuple("RoIAlign", "size", self.size, 2)
        return ops.roi_align.flops(*(spec.shape for spec in input_spec), size=size)
