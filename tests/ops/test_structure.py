"""Operations that move, join and repeat numbers: hand calculations and errors."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import ops
from pellucid.errors import ArgumentError, ShapeError


def gradients(function, *arrays, dy):
    return jax.vjp(function, *arrays)[1](jnp.asarray(dy, jnp.float32))


def numbers(*shape):
    return jnp.arange(1.0, np.prod(shape) + 1).reshape(shape)


def test_add_by_hand():
    """By hand: the stretched row gets the sum over the rows it was added to."""
    a, row = numbers(2, 3), jnp.array([[10.0, 20.0, 30.0]])
    np.testing.assert_array_equal(ops.add(a, row), [[11, 22, 33], [14, 25, 36]])
    da, drow = gradients(ops.add, a, row, dy=[[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(da, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(drow, [[5, 7, 9]])


def test_multiply_by_hand():
    """By hand: each factor's gradient is the other factor times dy."""
    a, column = numbers(2, 2), jnp.array([[10.0], [100.0]])
    np.testing.assert_array_equal(ops.multiply(a, column), [[10, 20], [300, 400]])
    da, dcolumn = gradients(ops.multiply, a, column, dy=[[1, 1], [2, 3]])
    np.testing.assert_array_equal(da, [[10, 10], [200, 300]])
    np.testing.assert_array_equal(dcolumn, [[3], [18]])


@pytest.mark.parametrize("op", [ops.add, ops.multiply], ids=lambda op: op.name)
@pytest.mark.parametrize(("a", "b"), [((2, 3), (3,)), ((2, 3), (2, 4)), ((2,), (2, 1))])
def test_only_axes_of_size_one_are_stretched(op, a, b):
    expected = re.escape(f"equal shape (axes of size 1 are stretched), got {a} and {b}.")
    with pytest.raises(ShapeError, match=f"{op.name} expected two inputs of " + expected):
        op(jnp.zeros(a), jnp.zeros(b))


def test_concatenate_by_hand():
    a, b = numbers(2, 1), numbers(2, 2)
    np.testing.assert_array_equal(ops.concatenate(a, b), [[1, 1, 2], [2, 3, 4]])
    da, db = gradients(ops.concatenate, a, b, dy=[[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(da, [[1], [4]])
    np.testing.assert_array_equal(db, [[2, 3], [5, 6]])


def test_concatenate_errors():
    with pytest.raises(ShapeError, match=re.escape("equal but for axis -1, got (2, 1), (3, 2).")):
        ops.concatenate(jnp.zeros((2, 1)), jnp.zeros((3, 2)))
    with pytest.raises(ShapeError, match=re.escape("equal but for axis 0, got (2, 1), (2,).")):
        ops.concatenate(jnp.zeros((2, 1)), jnp.zeros(2), axis=0)
    with pytest.raises(ArgumentError, match="axis to be one of -2, -1, 0, 1, got 2"):
        ops.concatenate(jnp.zeros((2, 1)), jnp.zeros((2, 1)), axis=2)


def test_zero_pad_by_hand():
    x = numbers(1, 1, 2, 1)
    pad = {"padding": ((0, 1), (2, 0))}
    y = ops.zero_pad(x, **pad)
    np.testing.assert_array_equal(y[0, ..., 0], [[0, 0, 1, 2], [0, 0, 0, 0]])
    (dx,) = gradients(lambda x: ops.zero_pad(x, **pad), x, dy=numbers(1, 2, 4, 1))
    np.testing.assert_array_equal(dx[0, ..., 0], [[3, 4]])


@pytest.mark.parametrize("padding", [1, ((1, 1),), ((1, 1), (1, -1)), ((1, 1), 1)])
def test_zero_pad_wants_a_pair_for_each_axis(padding):
    expected = (
        "zero_pad expected padding to be a tuple of 2 pairs (low, high) of integers of 0 or more "
        f"such as ((1, 1), (1, 1)), got {padding!r}."
    )
    with pytest.raises(ArgumentError, match=re.escape(expected)):
        ops.zero_pad(jnp.zeros((1, 2, 2, 1)), padding=padding)


def test_upsample_nearest_by_hand():
    """By hand: every number acts on its 1 x 2 copies and gets the sum of their gradients."""
    x = numbers(1, 2, 2, 1)
    y = ops.upsample_nearest(x, size=(1, 2))
    np.testing.assert_array_equal(y[0, ..., 0], [[1, 1, 2, 2], [3, 3, 4, 4]])
    (dx,) = gradients(lambda x: ops.upsample_nearest(x, size=(1, 2)), x, dy=numbers(1, 2, 4, 1))
    np.testing.assert_array_equal(dx[0, ..., 0], [[3, 7], [11, 15]])


def test_upsample_nearest_errors():
    x = jnp.zeros((1, 2, 2, 1))
    with pytest.raises(ArgumentError, match=re.escape("size to have 2 entries, one for each")):
        ops.upsample_nearest(x, size=(2,))
    with pytest.raises(ArgumentError, match="every entry of size to be an integer of 1 or more"):
        ops.upsample_nearest(x, size=(2, 0))


def test_reshape_by_hand():
    y = ops.reshape(numbers(2, 3), shape=(3, 2))
    np.testing.assert_array_equal(y, [[1, 2], [3, 4], [5, 6]])
    (dx,) = gradients(lambda x: ops.reshape(x, shape=(3, 2)), numbers(2, 3), dy=numbers(3, 2))
    np.testing.assert_array_equal(dx, [[1, 2, 3], [4, 5, 6]])
    with pytest.raises(ShapeError, match=re.escape("6 entries, as (2, 3) has, got (4, 2) of 8.")):
        ops.reshape(numbers(2, 3), shape=(4, 2))


def test_permute_by_hand():
    """By hand: y[k, i, j] = x[i, j, k], and dx[i, j, k] = dy[k, i, j]."""
    x, dy = numbers(2, 3, 4), numbers(4, 2, 3)
    y = ops.permute(x, axes=(2, 0, 1))
    (dx,) = gradients(lambda x: ops.permute(x, axes=(2, 0, 1)), x, dy=dy)
    assert y[3, 1, 0] == x[1, 0, 3]
    assert dx[1, 0, 3] == dy[3, 1, 0]


def test_permute_errors():
    with pytest.raises(ShapeError, match=re.escape("rank 2 (2 axes), got shape (2, 3, 4)")):
        ops.permute(numbers(2, 3, 4), axes=(1, 0))
    with pytest.raises(ArgumentError, match=re.escape("the numbers 0 to 2 in some order, got (0")):
        ops.permute(numbers(2, 3, 4), axes=(0, 1, 1))


def test_scale_shift_by_hand():
    """Pixels from 0..255 to -1..1."""

    def rescale(x):
        return ops.scale_shift(x, scale=2 / 255, offset=-1.0)

    x = jnp.array([0.0, 127.5, 255.0])
    np.testing.assert_allclose(rescale(x), [-1, 0, 1], atol=1e-6)
    (dx,) = gradients(rescale, x, dy=[255, 0, -255])
    np.testing.assert_allclose(dx, [2, 0, -2], rtol=1e-6)
