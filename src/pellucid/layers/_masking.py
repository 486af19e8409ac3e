"""The layer that says which steps of a sequence are padding."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_range, check_rank
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Masking(Layer):
    """Marks the steps whose features all equal one number as padding, and sets them to 0.

    m[n, t] = 1 if some feature x[n, t, f] differs from ``mask_value``, else 0; y = m x. Layers that
    know masks (``LSTM``, ``GRU``, ``SimpleRNN``, ``Bidirectional``, ``GlobalAveragePooling1D``)
    then pass over the steps with m = 0; for words use ``Embedding(..., mask_zero=True)``.

    Args:
        mask_value: the number that stands for padding.

    Input shape (batch, steps, features); output shape the same.

    Raises:
        ShapeError: if the input is no sequence.

    Example:
        >>> from pellucid.layers import Input, Masking
        >>> Masking(-1.0)(Input((10, 8))).shape
        (None, 10, 8)

    References:
        Chollet, Deep Learning with Python, second edition (2021), section 11.3.3.
    """

    mask_value: float = 0.0

    formula: ClassVar[str] = "y[n, t] = m[n, t] x[n, t], m = 0 where all features are mask_value"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, features)",
        "y": "output",
        "m": "1 for a step that counts, else 0",
    }
    operations: ClassVar[tuple[str, ...]] = ("multiply",)
    by_position: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Masking", "mask_value", self.mask_value)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with padding as 0, and give it a mask."""
        check_rank("Masking", x.shape, 3, "(batch, steps, features)", "add the missing axis")
        mask = jnp.any(x != self.mask_value, axis=-1)
        context.set_mask(mask)
        x = as_floating(x)
        return ops.multiply(x, mask[..., None].astype(x.dtype))

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return one comparison and one product for each entry."""
        return 2 * output_spec.size
