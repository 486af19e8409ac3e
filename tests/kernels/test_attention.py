"""The compiled attention against the plain one on odd shapes, and bit-equal when run again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops

needs_kernels = pytest.mark.skipif(not kernels.status().ready, reason="kernels are not built")

# Leading axes, queries, keys, width, value width.
SHAPES = [
    ((), 1, 1, 1, 1),
    ((2, 3), 64, 64, 16, 16),
    ((4,), 65, 130, 17, 40),
    ((1,), 150, 9, 3, 5),
    ((3,), 7, 150, 33, 1),
]
MASKS = ["none", "keys", "causal", "both"]


def draw(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def arrays(shape):
    lead, queries, keys, width, value_width = shape
    q, k = draw((*lead, queries, width), 0), draw((*lead, keys, width), 1)
    v, dy = draw((*lead, keys, value_width), 2), draw((*lead, queries, value_width), 3)
    return q, k, v, dy


def key_mask(lead, keys):
    """Return a mask (..., 1, keys); the first row forbids everything."""
    mask = np.random.default_rng(4).random((*lead, 1, keys)) > 0.4
    mask.reshape(-1, keys)[0] = False
    return jnp.asarray(mask)


def through(q, k, v, dy, mask, causal):
    def attention(q, k, v):
        return ops.scaled_dot_product_attention(q, k, v, mask, causal=causal)

    y, back = jax.vjp(attention, q, k, v)
    return y, *back(dy)


@needs_kernels
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_against_the_plain_body(shape, kind):
    lead, queries, keys = shape[:3]
    q, k, v, dy = arrays(shape)
    mask = key_mask(lead, keys) if kind in ("keys", "both") else None
    causal = kind in ("causal", "both")
    assert kernels.attention.takes(q, k, v, mask)
    # A mask with an axis of queries goes to the plain body.
    whole = jnp.ones((*lead, 1, keys), bool) if mask is None else mask
    whole = jnp.broadcast_to(whole, (*lead, queries, keys))
    if queries == 1:
        whole = jnp.where(whole, 0.0, -jnp.inf)
    assert not kernels.attention.takes(q, k, v, whole)
    ours = through(q, k, v, dy, mask, causal)
    again = through(q, k, v, dy, mask, causal)
    plain = through(q, k, v, dy, whole, causal)
    for a, b, expected in zip(ours, again, plain, strict=True):
        np.testing.assert_array_equal(a, b)
        scale = float(jnp.max(jnp.abs(expected), initial=1e-3))
        np.testing.assert_allclose(a, expected, rtol=1e-5, atol=3e-6 * scale)


@needs_kernels
def test_large_scores_and_numbers_that_are_not_finite():
    q, k, v, _ = arrays(((), 3, 5, 4, 2))
    y = ops.scaled_dot_product_attention(1e4 * q, k, v)
    rows = jnp.argmax(q @ k.T, axis=-1)
    np.testing.assert_allclose(y, v[rows], rtol=1e-5)
    y = ops.scaled_dot_product_attention(q.at[1, 0].set(jnp.nan), k, v)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[jnp.array([0, 2])]).all()


@needs_kernels
def test_under_vmap_and_for_a_gradient_of_a_gradient():
    q, k, v, dy = arrays(((3, 2), 6, 7, 5, 4))
    each = jax.vmap(ops.scaled_dot_product_attention, (0, None, 0))(q, k[0], v)
    for n in range(3):
        one = ops.scaled_dot_product_attention(q[n], k[0], v[n])
        np.testing.assert_allclose(each[n], one, rtol=1e-6, atol=1e-6)

    def penalty(q, mask):
        def loss(q):
            return jnp.sum(dy * ops.scaled_dot_product_attention(q, k, v, mask))

        return jnp.sum(jax.grad(loss)(q) ** 2)

    ours = jax.grad(penalty)(q, None)
    plain = jax.grad(penalty)(q, jnp.ones((6, 7), bool))
    np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-5)
