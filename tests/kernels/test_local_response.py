"""Compiled local response normalization against the plain body in float64, bit-equal again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops
from pellucid.ops import _local_response_normalization as plain

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

SETTINGS = [
    {"size": 5, "k": 2.0, "alpha": 1e-4, "beta": 0.75},
    {"size": 1, "k": 0.01, "alpha": 3.0, "beta": 0.5},
    {"size": 7, "k": 1.0, "alpha": 0.5, "beta": 2.5},
]
SHAPES = [(0, 4), (3, 0), (1, 1), (2, 3, 5), (7, 16), (3, 33), (20, 21, 47)]  # the last is shared


def draw(shape, scale=3.0):
    rng = np.random.default_rng(sum(shape))
    return jnp.asarray(scale * rng.standard_normal((2, *shape)), jnp.float32)


@needs_kernels
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_equals_the_plain_body_in_float64(shape, settings, scale):
    x, dy = draw(shape, scale)

    def native():
        return (
            kernels.local_response.local_response_norm(x, **settings),
            kernels.local_response.local_response_gradient(x, dy, **settings),
        )

    ours = native()
    jax.tree.map(np.testing.assert_array_equal, ours, native())
    with jax.enable_x64(True):
        wide = jnp.asarray(x, jnp.float64), jnp.asarray(dy, jnp.float64)
        y, dx = plain._y(wide[0], **settings), plain._dx(*wide, **settings)
    # The two terms of dx may cancel: its rounding is that of the first one, dy y / x.
    direct = np.abs(wide[1] * y / wide[0])
    np.testing.assert_allclose(ours[0], y, rtol=1e-5)
    np.testing.assert_allclose(ours[1], dx, rtol=1e-5, atol=3e-6 * np.max(direct, initial=0))


@needs_kernels
def test_nan_reaches_its_neighbors_and_no_further():
    x = jnp.ones((2, 40)).at[1, 20].set(jnp.nan)
    y = kernels.local_response.local_response_norm(x, **SETTINGS[0])
    expected = np.zeros((2, 40), bool)
    expected[1, 18:23] = True
    np.testing.assert_array_equal(jnp.isnan(y), expected)


@needs_kernels
def test_the_operation_uses_the_kernels_and_maps_and_differentiates_the_plain_body():
    x, _ = draw((3, 4, 21))

    def value(x):
        return jnp.sum(jnp.sin(ops.local_response_norm(x, alpha=0.1)))

    def penalty(x):
        return jnp.sum(jnp.square(jax.grad(value)(x)))

    text = jax.jit(jax.grad(value)).lower(x).as_text()
    assert text.count("@pellucid_local_response_norm(") == 1
    assert text.count("@pellucid_local_response_gradient(") == 1
    mapped = jax.jit(jax.vmap(jax.grad(value)))
    assert "@pellucid" not in mapped.lower(x).as_text()
    np.testing.assert_allclose(mapped(x), jax.grad(value)(x), rtol=1e-5, atol=1e-6)
    ours = jax.grad(penalty)(x)
    with jax.enable_x64(True):
        expected = jax.grad(penalty)(jnp.asarray(x, jnp.float64))
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
