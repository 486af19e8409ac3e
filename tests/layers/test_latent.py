"""Gaussian codes: what is drawn, and what is added to the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import Context, Dueling, GaussianSampling, PairDistance, Variables

M = jnp.array([[1.0, 2.0], [0.0, -1.0], [5.0, 5.0]])
V = jnp.array([[0.0, 1.0], [-1.0, 0.0], [3.0, 3.0]])


def run(layer, x, **settings):
    context = Context(**settings)
    return layer.run_checked(Variables(), x, context), context.collected.penalties


def test_draws_have_the_mean_and_the_spread():
    many = [jnp.full((20_000, 1), 3.0), jnp.full((20_000, 1), 2 * np.log(0.5))]
    z, _ = run(GaussianSampling(), many, training=True, key=jax.random.key(0))
    np.testing.assert_allclose([z.mean(), z.std()], [3.0, 0.5], atol=0.02)


def test_evaluation_gives_the_mean():
    z, _ = run(GaussianSampling(), [M, V])
    np.testing.assert_array_equal(z, M)


def test_the_penalty_is_beta_times_the_mean_divergence_of_real_rows():
    each = 0.5 * (np.square(M) + np.exp(V) - 1 - V).sum(1)
    _, (all_rows,) = run(GaussianSampling(0.5), [M, V])
    np.testing.assert_allclose(all_rows, 0.5 * each.mean(), rtol=1e-6)
    _, (real,) = run(GaussianSampling(0.5), [M, V], row_weights=jnp.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(real, 0.5 * each[:2].mean(), rtol=1e-6)


def test_equal_points_have_distance_and_slope_zero():
    distance, slope = jax.value_and_grad(lambda a: run(PairDistance(), [a, M])[0].sum())(M)
    np.testing.assert_allclose(distance, 0, atol=1e-5)
    np.testing.assert_array_equal(slope, jnp.zeros_like(M))


def test_refusals():
    with pytest.raises(ShapeError, match="two inputs, mean and log variance, got 3; write Gaussi"):
        run(GaussianSampling(), [M, V, V])
    with pytest.raises(ShapeError, match="two inputs, value and advantages, got 1; write Dueling"):
        run(Dueling(), [M])
    with pytest.raises(
        ShapeError, match="PairDistance expected a list of two inputs, got 3; write"
    ):
        run(PairDistance(), [M, V, V])
    with pytest.raises(
        ArgumentError, match=r"GaussianSampling expected beta .* \[0, inf\), got -1"
    ):
        GaussianSampling(-1)
