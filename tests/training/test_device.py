"""Arrays brought to the device: the same numbers, in memory of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels
from pellucid._tree import tree_copy
from pellucid.training._device import ALIGNMENT, aligned, canonical, to_device

LARGE = 1 << 18


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
@pytest.mark.parametrize("size", [0, 7, LARGE])
def test_numbers_and_types_are_those_of_jax(size, dtype):
    array = np.random.default_rng(0).integers(0, 2, (size, 4)).astype(dtype)
    given, expected = canonical(array), jnp.asarray(array)
    assert given.dtype == expected.dtype
    np.testing.assert_array_equal(given, expected)
    np.testing.assert_array_equal(to_device({"x": given})["x"], expected)


def test_a_strided_array_is_brought_in_order():
    array = np.arange(2 * LARGE, dtype=np.float32).reshape(-1, 2)[:, ::-1]
    given = canonical(array)
    assert given.flags.c_contiguous
    np.testing.assert_array_equal(given, array)


def test_an_array_that_needs_no_change_is_not_copied():
    array = np.ones((3, 5), np.float32)
    assert canonical(array) is array


@pytest.mark.skipif(not kernels.status().ready, reason="the kernels are not in use")
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_long_rows_are_read_where_they_are(dtype, offset):
    array = np.arange(9 * 20 * 16).reshape(9, 20, 16).astype(dtype)[offset:]
    placed = to_device(canonical(array))
    assert kernels.rows.is_in_place(placed)
    rows = np.array([0, 2, 2, 5, -1], np.int32)
    taken = jax.jit(kernels.rows.take)(placed, rows)
    np.testing.assert_array_equal(taken, array[np.clip(rows, 0, None)])


def test_arrays_of_the_device_stay_as_they_are():
    array = jnp.ones(LARGE)
    assert to_device(array).unsafe_buffer_pointer() == array.unsafe_buffer_pointer()


@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (LARGE,)])
def test_aligned(shape):
    array = aligned(shape, np.float32)
    assert array.shape == shape
    array[...] = 1
    assert array.dtype == np.float32
    assert array.ctypes.data % ALIGNMENT == 0
    assert array.flags.writeable


def test_a_copied_tree_outlives_its_source():
    tree = {"key": jax.random.key(3), "w": jnp.ones((5, 7)), "b": {"n": jnp.int32(4)}}
    copy = tree_copy(tree)
    expected = np.array(jax.random.key_data(tree["key"]))
    jax.jit(lambda tree: tree, donate_argnums=0)(tree)
    np.testing.assert_array_equal(jax.random.key_data(copy["key"]), expected)
    np.testing.assert_array_equal(copy["w"], np.ones((5, 7)))
    assert copy["b"]["n"] == 4
