"""The layer that makes a sequence of one vector."""

from typing import ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_positive_int, check_rank
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class RepeatVector(Layer):
    """Repeats a vector as the steps of a sequence: what an encoder hands to a decoder.

    y[i, t] = x[i] for t = 1 ... n.

    Args:
        n: number of steps, 1 or more.

    Input shape (batch, features); output shape (batch, n, features).

    Raises:
        ShapeError: if the input is no batch of vectors.

    Example:
        >>> from pellucid.layers import Input, RepeatVector
        >>> RepeatVector(5)(Input((32,))).shape
        (None, 5, 32)

    References:
        Cho et al., Learning phrase representations using RNN encoder-decoder (2014), section 2.2.
    """

    n: int

    formula: ClassVar[str] = "y[i, t] = x[i]"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, features)",
        "y": "output, (batch, n, features)",
    }
    operations: ClassVar[tuple[str, ...]] = ("reshape", "upsample_nearest")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("RepeatVector", "n", self.n)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return n copies of each vector, one after the other."""
        hint = "take the last step of a sequence with return_sequences=False, or use Flatten"
        check_rank("RepeatVector", x.shape, 2, "(batch, features)", hint)
        one_step = ops.reshape(x, shape=(x.shape[0], 1, x.shape[1]))
        return ops.upsample_nearest(one_step, size=(self.n,))
