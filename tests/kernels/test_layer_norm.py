"""Compiled layer normalization against the plain body in float64 on odd shapes, bit-equal again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops
from pellucid.ops import _normalization as plain

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

EPSILON = 1e-3
SHAPES = [(1,), (1, 1), (3, 16), (2, 5, 33), (7, 300), (150, 2, 128), (4099, 17), (2, 5000)]


def draw(shape, vectors=True):
    rng = np.random.default_rng(sum(shape))
    x = jnp.asarray(2 + 3 * rng.standard_normal(shape), jnp.float32)
    dy = jnp.asarray(rng.standard_normal(shape), jnp.float32)
    gamma, beta = jnp.asarray(rng.standard_normal((2, shape[-1])), jnp.float32)
    return (x, gamma, beta, dy) if vectors else (x, None, None, dy)


def close(ours, expected, scale=None):
    atol = 2e-6 * max(1.0, float(np.max(np.abs(expected) if scale is None else scale)))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=atol)


@needs_kernels
@pytest.mark.parametrize("vectors", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_the_plain_body_in_float64(shape, vectors):
    x, gamma, beta, dy = draw(shape, vectors)

    def native():
        return (
            kernels.normalization.layer_norm(x, gamma, beta, epsilon=EPSILON),
            kernels.normalization.layer_norm_gradient(x, gamma, dy, epsilon=EPSILON),
        )

    y, (dx, dgamma, dbeta) = native()
    jax.tree.map(np.testing.assert_array_equal, (y, (dx, dgamma, dbeta)), native())
    with jax.enable_x64(True):
        wide = [None if a is None else jnp.asarray(a, jnp.float64) for a in (x, gamma, beta, dy)]
        expected = plain._plain_layer(EPSILON, *wide[:3])
        gradients = plain._plain_layer_gradient(EPSILON, wide[0], wide[1], wide[3])
    close(y, expected)
    close(dx, gradients[0])
    for ours, sums in zip((dgamma, dbeta), gradients[1:], strict=True):
        close(ours, sums, scale=np.sqrt(x.size))


@needs_kernels
def test_nan_stays_in_its_row():
    x = jnp.ones((3, 40)).at[1, 20].set(jnp.nan)
    y = kernels.normalization.layer_norm(x, None, None, epsilon=EPSILON)
    np.testing.assert_array_equal(jnp.isnan(y).all(axis=1), [False, True, False])
    assert not jnp.isnan(y[::2]).any()


@needs_kernels
def test_the_operation_uses_the_kernels_and_maps_and_differentiates_the_plain_body():
    x, gamma, beta, _ = draw((64, 3, 40))

    def value(x):
        return jnp.sum(jnp.sin(ops.layer_norm(x, gamma, beta)))

    def penalty(x):
        return jnp.sum(jnp.square(jax.grad(value)(x)))

    text = jax.jit(jax.grad(value)).lower(x).as_text()
    assert text.count("@pellucid_layer_norm(") == 1
    assert text.count("@pellucid_layer_norm_gradient(") == 1
    mapped = jax.jit(jax.vmap(jax.grad(value)))
    assert "@pellucid" not in mapped.lower(x).as_text()
    np.testing.assert_allclose(mapped(x), jax.grad(value)(x), rtol=1e-4, atol=1e-5)
    ours = jax.grad(penalty)(x)
    with jax.enable_x64(True):
        expected = jax.grad(penalty)(jnp.asarray(x, jnp.float64))
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)
