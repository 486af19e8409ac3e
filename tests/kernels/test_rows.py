"""Rows copied out of the data, whatever their type and wherever the numbers point."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
@pytest.mark.parametrize("shape", [(7, 300), (5, 16, 17, 3), (1, 1001)], ids=str)
@pytest.mark.parametrize("count", [0, 1, 9, 64])
def test_equals_indexing(dtype, shape, count):
    rng = np.random.default_rng(count)
    data = jnp.asarray(rng.integers(0, 200, shape), dtype)
    assert kernels.rows.takes(data) == (data[0].nbytes >= 256)
    rows = jnp.asarray(rng.integers(-3, shape[0] + 3, count), jnp.int32)
    taken = kernels.rows.take(data, rows)
    assert taken.dtype == data.dtype
    np.testing.assert_array_equal(taken, np.asarray(data)[np.clip(rows, 0, shape[0] - 1)])


@needs_kernels
def test_mapped_over_orders():
    data = jnp.arange(1200.0).reshape(4, 300)
    orders = jnp.asarray([[0, 3], [2, 2], [1, 0]], jnp.int32)
    np.testing.assert_array_equal(
        jax.vmap(kernels.rows.take, (None, 0))(data, orders), data[orders]
    )


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_rows_of_the_host_are_read_in_place(dtype, count):
    data = np.random.default_rng(count).integers(0, 200, (6, 301)).astype(dtype)
    rows = np.random.default_rng(1).integers(-3, 9, count).astype(np.int32)
    take = jax.jit(kernels.rows.take)
    expected = data[np.clip(rows, 0, 5)]
    np.testing.assert_array_equal(take(kernels.rows.in_place(data), rows), expected)
    # A view that starts in the middle of a word.
    memory = np.zeros(data.nbytes + 1, np.uint8)
    memory[1:] = data.view(np.uint8).ravel()
    view = memory[1:].view(dtype).reshape(data.shape)
    np.testing.assert_array_equal(take(kernels.rows.in_place(view), rows), expected)


@needs_kernels
def test_rows_of_the_host_mapped_over_orders():
    data = np.arange(1200, dtype=np.float32).reshape(4, 300)
    orders = jnp.asarray([[0, 3], [2, 2], [1, 0]], jnp.int32)
    taken = jax.vmap(kernels.rows.take, (None, 0))(kernels.rows.in_place(data), orders)
    np.testing.assert_array_equal(taken, data[orders])


@needs_kernels
@pytest.mark.parametrize("axes", [(0, None), (0, 0)], ids=["one order", "own orders"])
def test_arrays_of_the_host_that_are_mapped(axes):
    data = np.arange(2 * 4 * 300, dtype=np.float32).reshape(2, 4, 300)
    places = [kernels.rows.in_place(one) for one in data]
    stacked = jax.tree.map(lambda *addresses: jnp.stack(addresses), *places)
    rows = jnp.asarray([[0, 3, 1], [2, 2, 0]], jnp.int32)
    orders = rows if axes[1] == 0 else rows[0]
    taken = jax.vmap(kernels.rows.take, axes)(stacked, orders)
    expected = [
        one[order] for one, order in zip(data, np.broadcast_to(orders, (2, 3)), strict=True)
    ]
    np.testing.assert_array_equal(taken, expected)
