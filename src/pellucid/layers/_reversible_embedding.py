"""One table for words at both ends of a network: weight tying."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_last_axis, check_min_rank
from pellucid._named import Symbols
from pellucid.layers._base import Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._embedding import Embedding
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class ReversibleEmbedding(Embedding):
    """A table of word vectors that is read in both directions: words to vectors, vectors to scores.

    Called with word numbers (of an integer type) it looks their vectors up; called again, at the
    end of the network, with vectors (floating numbers), it scores every word with them::

        y[n, t] = E[x[n, t]]              for words x
        z[n, t, j] = sum_i x[n, t, i] E[j, i]       for vectors x, z = x E^T

    Both calls share E, as every layer that is called twice shares its weights: the gradients of
    the two uses are added. So a network does without a last layer of the same size.

    Args:
        input_dim: number of words.
        output_dim: length of a vector.
        embeddings_initializer: how E (input_dim, output_dim) starts.
        embeddings_regularizer: penalty on E, added to the loss.
        embeddings_constraint: applied to E after each update.
        mask_zero: True says that word 0 is padding.

    Input shape (batch, ...) of integers, output shape (batch, ..., output_dim); or input shape
    (batch, ..., output_dim) of floating numbers, output shape (batch, ..., input_dim). Unlike
    ``Embedding`` it takes word numbers in integer types alone: ``Input(shape, dtype="int32")``.

    Raises:
        ShapeError: if vectors have another length than those of the table.

    Example:
        >>> from pellucid.layers import Dense, Input, ReversibleEmbedding
        >>> table = ReversibleEmbedding(1000, 16)
        >>> table(Dense(16)(table(Input((20,), dtype="int32")))).shape
        (None, 20, 1000)

    References:
        Press, Wolf, Using the output embedding to improve language models (2017).
    """

    formula: ClassVar[str] = "y[n, t] = E[x[n, t]] for words, z = x E^T for vectors"
    symbols: ClassVar[Symbols] = {
        "x": "word numbers, or vectors",
        "E": "table, (input_dim, output_dim)",
        "y": "vectors",
        "z": "scores of all words",
    }
    operations: ClassVar[tuple[str, ...]] = ("embedding", "dense", "permute")
    parameter_count: ClassVar[str] = "input_dim output_dim"

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the vectors of words, or the scores of all words with vectors."""
        if jnp.issubdtype(x.dtype, jnp.integer):
            return super().apply(variables, x, context)
        hint = "for word numbers, type Input(shape, dtype='int32')"
        check_min_rank("ReversibleEmbedding", x.shape, 2, "(batch, ..., output_dim)", hint)
        check_last_axis("ReversibleEmbedding", x.shape, self.output_dim, hint)
        return ops.dense(x, ops.permute(variables["embeddings"], axes=(1, 0)))

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return none for looking up; those of the matrix product for scores."""
        if jnp.issubdtype(input_spec.dtype, jnp.integer):
            return 0
        return ops.dense.flops(input_spec.shape, (self.output_dim, self.input_dim), None)
