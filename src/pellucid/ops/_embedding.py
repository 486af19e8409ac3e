"""The embedding: a table of vectors, looked up by number."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_rank
from pellucid.errors import DTypeError
from pellucid.ops._registry import register


class EmbeddingSaved(NamedTuple):
    """What the backward pass of ``embedding`` reads."""

    table: Array
    indices: Array


def embedding_save(y: Array, table: Array, indices: Array) -> EmbeddingSaved:
    """Return what the backward pass of ``embedding`` reads: its arguments alone."""
    return EmbeddingSaved(table, indices)


def embedding_forward(table: Array, indices: Array) -> tuple[Array, EmbeddingSaved]:
    """Rows of a table by number, y_p = E_i(p).

    It is the product of a one-hot matrix with E, without the multiplications by 0. A row of E acts
    wherever its number occurs, so its gradient gathers all these places::

        dE_r = sum over the places p with i(p) = r of dy_p

    A number beyond the table reads the nearest row and adds nothing to the gradient; training
    data is checked before it comes here.

    Args:
        table: E, shape (rows, width).
        indices: i, integers from 0 to rows - 1, any shape; they are not differentiated.

    Returns:
        y of shape (*indices.shape, width), and what the backward pass reads.

    Raises:
        ShapeError: if the table is not a matrix.
        DTypeError: if the indices are not integers.

    References:
        Bengio, Ducharme, Vincent, Jauvin, A neural probabilistic language model (2003), section 2.
    """
    check_rank("embedding", table.shape, 2, "(rows, width)")
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise DTypeError(
            f"embedding expected integer indices, got {indices.dtype}; type x.astype('int32')."
        )
    return jnp.take(table, indices, axis=0, mode="clip"), EmbeddingSaved(table, indices)


def embedding_backward(saved: EmbeddingSaved, dy: Array) -> tuple[Array, None]:
    """Return dE: each dy_p added to row i(p)."""
    table, indices = saved
    # JAX counts -1 from the end; here every number outside the table is dropped.
    places = jnp.where(indices < 0, table.shape[0], indices).reshape(-1)
    return jnp.zeros_like(table).at[places].add(dy.reshape(-1, table.shape[1]), mode="drop"), None


def _flops(table: Any, indices: tuple[int, ...]) -> int:
    """Return 0: looking up is no arithmetic."""
    return 0


embedding = register(
    "embedding",
    embedding_forward,
    embedding_backward,
    formula="y_p = E_i(p)",
    gradient="dE_r = sum over the places p with i(p) = r of dy_p",
    symbols={
        "E": "table, (rows, width)",
        "i": "indices, integers",
        "p": "place in the array of indices",
        "dy": "gradient of the loss with respect to y",
        "y": "vectors, (places..., width)",
    },
    reference="Bengio, Ducharme, Vincent, Jauvin, A neural probabilistic language model, JMLR 3 "
    "(2003), section 2",
    flops=_flops,
    save=embedding_save,
)
