"""The compiled matrix product against NumPy's in float64 on odd shapes, and bit-equal again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

# rows, depth, columns
SHAPES = [
    (1, 1, 1),
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (2, 5, 10),
    (13, 17, 31),
    (32, 784, 128),  # the threads share the depth
    (784, 32, 128),
    (57, 100, 257),
    (130, 1024, 33),  # rows that compete for the first cache
    (40, 2100, 70),  # deeper than a block
    (300, 60, 90),
    (30, 70, 2048),
]


def draw(rows, depth, columns, transpose_a, transpose_b):
    rng = np.random.default_rng(rows + depth + columns)
    a = rng.standard_normal((depth, rows) if transpose_a else (rows, depth), np.float32)
    b = rng.standard_normal((columns, depth) if transpose_b else (depth, columns), np.float32)
    return a, b


@needs_kernels
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_the_product_in_float64(shape, transpose_a, transpose_b):
    a, b = draw(*shape, transpose_a, transpose_b)
    settings = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    ours = kernels.matrix.multiply(jnp.asarray(a), jnp.asarray(b), **settings)
    again = kernels.matrix.multiply(jnp.asarray(a), jnp.asarray(b), **settings)
    expected = (a.T if transpose_a else a).astype(np.float64) @ (b.T if transpose_b else b)
    assert ours.shape == expected.shape
    np.testing.assert_array_equal(ours, again)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=4e-6 * max(1, shape[1]) ** 0.5)


@needs_kernels
def test_a_mapped_product_is_computed_by_xla():
    a, b = draw(5, 6, 7, False, False)
    stack = jnp.stack([a, 2 * a, -a])
    text = jax.jit(jax.vmap(ops.matmul, (0, None))).lower(stack, b).as_text()
    assert "pellucid_multiply" not in text
    mapped = jax.vmap(ops.matmul, (0, None))(stack, b)
    np.testing.assert_allclose(mapped, stack @ b, rtol=1e-5, atol=1e-6)


def test_other_types_are_taken_too():
    a, b = draw(5, 6, 7, False, False)
    for dtype, tolerance in ((jnp.bfloat16, 0.05), (jnp.float16, 5e-3)):
        c = ops.matmul(jnp.asarray(a, dtype), jnp.asarray(b, dtype))
        assert c.dtype == dtype
        np.testing.assert_allclose(c.astype("float32"), a @ b, rtol=tolerance, atol=tolerance)
