"""Embedding: hand calculations, indices beyond the table, errors, PyTorch as an oracle."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import DTypeError, ShapeError
from pellucid.ops import embedding

TABLE = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_by_hand():
    """By hand: row 2 occurs twice and adds both gradients up, row 1 never occurs."""
    indices = jnp.array([[2, 0], [2, 0]])
    y, pullback = jax.vjp(lambda table: embedding(table, indices), TABLE)
    np.testing.assert_array_equal(y, [[[5, 6], [1, 2]], [[5, 6], [1, 2]]])
    dy = jnp.array([[[1.0, 2.0], [3.0, 4.0]], [[10.0, 20.0], [30.0, 40.0]]])
    np.testing.assert_array_equal(pullback(dy)[0], [[33, 44], [0, 0], [11, 22]])


def test_an_index_beyond_the_table_reads_the_nearest_row_and_gets_no_gradient():
    indices = jnp.array([-7, -1, 1, 3, 9])
    y, pullback = jax.vjp(lambda table: embedding(table, indices), TABLE)
    np.testing.assert_array_equal(y, TABLE[jnp.array([0, 0, 1, 2, 2])])
    np.testing.assert_array_equal(pullback(jnp.ones((5, 2)))[0], [[0, 0], [1, 1], [0, 0]])


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8, jnp.int8])
def test_every_integer_type_is_an_index(dtype):
    y, pullback = jax.vjp(lambda table: embedding(table, jnp.array([2, 1], dtype)), TABLE)
    np.testing.assert_array_equal(y, [[5, 6], [3, 4]])
    np.testing.assert_array_equal(pullback(y)[0], [[0, 0], [3, 4], [5, 6]])


def test_an_empty_batch():
    y, pullback = jax.vjp(lambda table: embedding(table, jnp.zeros((0, 4), jnp.int32)), TABLE)
    assert y.shape == (0, 4, 2)
    np.testing.assert_array_equal(pullback(y)[0], jnp.zeros((3, 2)))


def test_errors():
    with pytest.raises(DTypeError, match=re.escape("got float32; type x.astype('int32').")):
        embedding(TABLE, jnp.zeros((2, 3)))
    with pytest.raises(ShapeError, match=re.escape("rank 2 (rows, width), got shape (3,)")):
        embedding(jnp.zeros(3), jnp.zeros((2, 3), jnp.int32))


def test_equals_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    table = rng.standard_normal((7, 3)).astype(np.float32)
    indices, dy = rng.integers(0, 7, (4, 5)), rng.standard_normal((4, 5, 3)).astype(np.float32)
    y, pullback = jax.vjp(lambda table: embedding(table, jnp.asarray(indices)), table)
    leaf = torch.tensor(table, requires_grad=True)
    theirs = torch.nn.functional.embedding(torch.tensor(indices), leaf)
    theirs.backward(torch.tensor(dy))
    np.testing.assert_array_equal(y, theirs.detach().numpy())
    np.testing.assert_allclose(pullback(jnp.asarray(dy))[0], leaf.grad.numpy(), rtol=1e-5)
