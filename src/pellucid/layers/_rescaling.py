"""The rescaling layer: preprocessing that is part of the network."""

from typing import ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Rescaling(Layer):
    """Multiplies its input by one number and adds another.

    y = scale x + offset: ``Rescaling(1 / 255)`` brings the bytes of an image to 0 ... 1, and
    ``Rescaling(1 / 127.5, offset=-1)`` to -1 ... 1. Inside the network, it can be neither forgotten
    nor done twice when the trained network is used.

    Args:
        scale: the factor.
        offset: what is added.

    Input shape any; output shape the same. Whole numbers, such as the uint8 of images, become
    float32.

    Example:
        >>> from pellucid.layers import Input, Rescaling
        >>> Rescaling(1 / 255)(Input((28, 28, 1), dtype="uint8"))
        <Symbol shape=(None, 28, 28, 1) dtype=float32>

    References:
        LeCun, Bottou, Orr, Mueller, Efficient BackProp (1998), section 4.3.
    """

    scale: float
    offset: float = 0.0

    formula: ClassVar[str] = "y = scale x + offset"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("scale_shift",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Rescaling", "scale", self.scale)
        check_range("Rescaling", "offset", self.offset)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return scale x + offset."""
        scale, offset = float(self.scale), float(self.offset)  # numpy's would widen bfloat16
        return ops.scale_shift(as_floating(x), scale=scale, offset=offset)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.scale_shift.flops(input_spec.shape, scale=self.scale, offset=self.offset)
