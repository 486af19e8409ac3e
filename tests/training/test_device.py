"""Arrays brought to the device: the same numbers, in memory of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid._tree import tree_copy
from pellucid.training._device import ALIGNMENT, aligned_zeros, to_device

LARGE = 1 << 18


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
@pytest.mark.parametrize("size", [0, 7, LARGE])
def test_numbers_and_types_are_those_of_jax(size, dtype):
    array = np.random.default_rng(0).integers(0, 2, (size, 4)).astype(dtype)
    given, expected = to_device({"x": array})["x"], jnp.asarray(array)
    assert given.dtype == expected.dtype
    np.testing.assert_array_equal(given, expected)


def test_a_strided_array():
    array = np.arange(2 * LARGE, dtype=np.float32).reshape(-1, 2)[:, ::-1]
    np.testing.assert_array_equal(to_device(array), array)


@pytest.mark.parametrize("size", [7, LARGE])
def test_later_changes_of_the_source_do_not_reach_the_device(size):
    array = np.ones(size, np.float32)
    given = to_device(array)
    array[:] = 2
    np.testing.assert_array_equal(given, np.ones(size, np.float32))


def test_arrays_of_the_device_stay_as_they_are():
    array = jnp.ones(LARGE)
    assert to_device(array).unsafe_buffer_pointer() == array.unsafe_buffer_pointer()


@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (LARGE,)])
def test_aligned_zeros(shape):
    array = aligned_zeros(shape, np.float32)
    assert array.shape == shape
    assert array.dtype == np.float32
    assert not array.any()
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
