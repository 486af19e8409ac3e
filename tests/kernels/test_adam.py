"""Adam's step in one pass equals the formula, and is bit-equal when run again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels
from pellucid.optimizers import Adam, AdamW

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)


@needs_kernels
@pytest.mark.parametrize("size", [4096, 4097, 10_007])
@pytest.mark.parametrize("optimizer", [Adam(0.01), AdamW(0.1, weight_decay=0.3)], ids=repr)
def test_equals_the_formula_over_ten_steps(size, optimizer):
    rng = np.random.default_rng(size)
    w = plain_w = jnp.asarray(rng.standard_normal(size), jnp.float32)
    state = plain = optimizer.init(w)
    assert "pellucid_adam" in jax.jit(optimizer.apply).lower(w, state, w).as_text()
    largest = np.zeros(size)
    for _ in range(10):
        g = jnp.asarray(rng.standard_normal(size) * 10.0 ** rng.uniform(-6, 3, size), jnp.float32)
        largest = np.maximum(largest, np.abs(g))
        again, _ = optimizer.apply(g, state, w)
        w, state = optimizer.apply(g, state, w)
        np.testing.assert_array_equal(w, again)
        delta, plain = optimizer.update(g, plain, plain_w)
        plain_w = plain_w + delta
    np.testing.assert_allclose(w, plain_w, rtol=2e-5, atol=1e-5)
    # Terms of m may cancel: its rounding is that of the largest one.
    m, plain_m = state["slots"]["m"], plain["slots"]["m"]
    assert np.all(np.abs(m - plain_m) <= 1e-6 * largest)
    np.testing.assert_allclose(state["slots"]["v"], plain["slots"]["v"], rtol=2e-6)


@needs_kernels
def test_a_gradient_of_zero_moves_nothing():
    w = jnp.linspace(-1.0, 1.0, 5000)
    new, state = Adam().apply(jnp.zeros(5000), Adam().init(w), w)
    np.testing.assert_array_equal(new, w)
    assert not np.any(state["slots"]["m"])


@needs_kernels
def test_a_population_steps_side_by_side():
    optimizer = Adam(0.01)
    w = jnp.linspace(-1.0, 1.0, 3 * 5000).reshape(3, 5000)
    states = jax.vmap(optimizer.init)(w)
    together, _ = jax.vmap(optimizer.apply)(2 * w, states, w)
    for i in range(3):
        alone, _ = optimizer.apply(2 * w[i], optimizer.init(w[i]), w[i])
        np.testing.assert_allclose(together[i], alone, rtol=1e-6, atol=1e-7)
