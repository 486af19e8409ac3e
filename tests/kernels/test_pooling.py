"""Compiled pooling against the plain bodies on odd shapes, and bit-equal when run again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops
from pellucid.ops import _pooling as plain
from pellucid.ops._windows import lay_windows

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

CHANNELS = [1, 3, 16, 40]
# size, strides, padding
WINDOWS = [
    ((2, 2), (2, 2), "valid"),
    ((3, 3), (2, 2), "valid"),
    ((3, 3), (1, 1), "same"),
    ((3, 3), (2, 2), "same"),
    ((2, 2), (1, 1), ((1, 0), (0, 1))),
    ((1, 1), (3, 2), "valid"),  # gaps
    ((2, 5), (3, 1), ((1, 1), (4, 2))),
    ((11, 13), (1, 1), "valid"),  # all in one
]
CASES = [(21, *window) for window in WINDOWS]
CASES += [(channels, *window) for channels in CHANNELS for window in WINDOWS[:2]]


def compare(x, size, strides, padding):
    """Both poolings and their gradients, natively, again, and by the plain bodies."""
    windows = lay_windows("test", "window", x.shape[1:-1], size, strides, padding)
    rng = np.random.default_rng(1)
    output = (x.shape[0], *(w.output for w in windows), x.shape[-1])
    dy = jnp.asarray(rng.standard_normal(output), jnp.float32)

    def native():
        return (
            kernels.pooling.max_pool(x, windows),
            kernels.pooling.max_pool_gradient(x, dy, windows),
            kernels.pooling.average_pool(x, windows),
            kernels.pooling.average_pool_gradient(dy, windows),
        )

    @jax.jit
    def formulas(x, dy):
        return (
            plain._largest(x, windows),
            plain._to_largest(x, dy, windows),
            plain._mean(x, windows),
            plain._to_all(dy, windows),
        )

    expected = formulas(x, dy)
    ours = native()
    jax.tree.map(np.testing.assert_array_equal, ours, native())
    np.testing.assert_array_equal(ours[0], expected[0])
    for a, e in zip(ours[1:], expected[1:], strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=2e-6, atol=2e-6)


def draw(shape):
    """Whole numbers, so that windows hold equal maxima."""
    return jnp.asarray(np.random.default_rng(0).integers(-2, 3, shape), jnp.float32)


@needs_kernels
@pytest.mark.parametrize(("channels", "size", "strides", "padding"), CASES, ids=str)
def test_images(channels, size, strides, padding):
    compare(draw((3, 11, 13, channels)), size, strides, padding)


@needs_kernels
@pytest.mark.parametrize("shape", [(0, 6, 6, 3), (3, 6, 6, 0), (1, 40, 30, 70), (8, 24, 25, 5)])
def test_no_one_and_many_samples(shape):
    compare(draw(shape), (3, 3), (2, 2), "same")


@needs_kernels
@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 1, "same"), (2, 2, "valid")])
def test_sequences(size, stride, padding):
    compare(draw((4, 17, 9)), (size,), (stride,), padding)


@needs_kernels
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(value):
    x = draw((2, 11, 13, 19))
    x = jnp.where(np.random.default_rng(2).random(x.shape) < 0.2, value, x)
    windows = lay_windows("test", "window", (11, 13), (3, 2), 2, ((0, 1), (0, 1)))
    y = kernels.pooling.max_pool(x, windows)
    np.testing.assert_array_equal(y, plain._largest(x, windows))
    dy = jnp.ones_like(y)
    dx = kernels.pooling.max_pool_gradient(x, dy, windows)
    np.testing.assert_array_equal(dx, plain._to_largest(x, dy, windows))


@needs_kernels
@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_the_operations_use_the_kernels_and_map_the_plain_bodies(name):
    op = getattr(ops, name)
    x = jnp.asarray(np.random.default_rng(3).standard_normal((3, 4, 12, 10, 7)), jnp.float32)

    def value(x):
        return jnp.sum(jnp.sin(op(x, pool_size=3, strides=2, padding="same")))

    text = jax.jit(jax.grad(value)).lower(x[0]).as_text()
    assert text.count(f"@pellucid_{name}(") == 1
    assert text.count(f"@pellucid_{name}_gradient(") == 1
    mapped = jax.jit(jax.vmap(jax.grad(value)))
    assert "@pellucid" not in mapped.lower(x).as_text()
    for one, dx in zip(x, mapped(x), strict=True):
        np.testing.assert_allclose(jax.grad(value)(one), dx, rtol=1e-5, atol=1e-6)


@needs_kernels
@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_gradients_of_gradients_equal_those_of_the_plain_body(name):
    op = getattr(ops, name)
    x = jnp.asarray(np.random.default_rng(3).standard_normal((4, 12, 10, 7)), jnp.float32)

    def penalty(x):
        def value(x):
            return jnp.sum(op(x, pool_size=3, strides=2, padding="same") ** 3)

        return jnp.sum(jnp.square(jax.grad(value)(x)))

    ours = jax.jit(jax.grad(penalty))(x)
    with jax.enable_x64(True):
        expected = jax.jit(jax.grad(penalty))(jnp.asarray(x, jnp.float64))
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
