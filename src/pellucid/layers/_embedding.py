"""The embedding layer: a table of learned vectors."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_min_rank, check_positive_int
from pellucid._named import Symbols
from pellucid.errors import DataError, DTypeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Embedding(Layer):
    """Looks up a learned vector for every word (or other thing that has a number).

    y[n, t] = E[x[n, t]], the same as multiplying E by a one-hot row, without the multiplication.

    Args:
        input_dim: number of words, so that x is in 0 ... input_dim - 1.
        output_dim: length of a vector.
        embeddings_initializer: how E (input_dim, output_dim) starts.
        embeddings_regularizer: penalty on E, added to the loss.
        embeddings_constraint: applied to E after each update.
        mask_zero: True says that word 0 is padding: later layers that know masks, such as
            ``GlobalAveragePooling1D``, pass over these steps.

    Input shape (batch, ...), whole numbers of any integer type; output shape (batch, ...,
    output_dim). Whole numbers that come as float32 or float64 (the type that ``Input(shape)`` has
    by default) are turned into int32.

    Raises:
        DTypeError: if word numbers come in a type that cannot hold them exactly (bfloat16,
            float16) or is no number.
        DataError: before a fit, if a number is not whole or not in 0 ... input_dim - 1. (Inside a
            compiled step nothing can be raised; see ``ops.embedding`` for what happens there.)

    Example:
        >>> from pellucid.layers import Embedding, Input
        >>> Embedding(10000, 16)(Input((256,), dtype="int32")).shape
        (None, 256, 16)

    References:
        Bengio, Ducharme, Vincent, Jauvin, A neural probabilistic language model (2003), section 2.
    """

    input_dim: int
    output_dim: int
    embeddings_initializer: Any = "uniform"
    embeddings_regularizer: Any = None
    embeddings_constraint: Any = None
    mask_zero: bool = False

    formula: ClassVar[str] = "y[n, t] = E[x[n, t]]"
    symbols: ClassVar[Symbols] = {
        "x": "word numbers, (batch, ...)",
        "E": "table, (input_dim, output_dim)",
        "y": "vectors, (batch, ..., output_dim)",
    }
    operations: ClassVar[tuple[str, ...]] = ("embedding",)
    parameter_count: ClassVar[str] = "input_dim output_dim"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("Embedding", "input_dim", self.input_dim)
        check_positive_int("Embedding", "output_dim", self.output_dim)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``embeddings`` (input_dim, output_dim)."""
        shape = (self.input_dim, self.output_dim)
        return {"embeddings": self.make_variable(key, "embeddings", shape, input_spec)}

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the vectors of the words in x."""
        check_min_rank("Embedding", x.shape, 1, "(batch, ...)", "add a batch axis with x[None]")
        words = _as_integers(x)
        if self.mask_zero:
            context.set_mask(words != 0)
        return ops.embedding(variables["embeddings"], words)

    def check_data(self, x: Any) -> None:
        """Raise DataError unless the data are whole numbers from 0 to input_dim - 1."""
        words = np.asarray(x)
        if words.size == 0 or words.dtype.kind not in "iuf":
            return  # apply says what is wrong with other types
        broken = words[~(np.isfinite(words) & (words == np.floor(words)))]
        if broken.size:
            raise DataError(
                f"Embedding expected whole word numbers, got {broken[0]}; numbers that measure "
                "something go into a Dense layer instead."
            )
        low, high = int(words.min()), int(words.max())
        if low < 0 or high >= self.input_dim:
            raise DataError(
                f"Embedding expected word numbers from 0 to {self.input_dim - 1}, got numbers from "
                f"{low} to {high}; "
                + (
                    "shift them so that they start at 0."
                    if low < 0
                    else f"type Embedding({high + 1}, {self.output_dim}), or limit the words where "
                    "the data are loaded."
                )
            )


def _as_integers(x: Array) -> Array:
    """Return word numbers in an integer type."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return x
    if x.dtype not in (jnp.float32, jnp.float64):
        raise DTypeError(
            f"Embedding expected word numbers of an integer type, got {x.dtype}, which does not "
            "hold all whole numbers exactly; feed them as int32: x.astype('int32')."
        )
    return x.astype("int32")
