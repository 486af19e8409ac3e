"""Dropout and GaussianNoise: statistics, scaling, keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call
from pellucid.errors import ArgumentError, NotReadyError
from pellucid.layers import Context, Dropout, GaussianNoise, Variables

ONES = np.ones((200, 500), "float32")


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_rate_is_the_fraction_dropped(rate):
    y, _ = call(Dropout(rate), ONES, training=True)
    dropped = float(np.mean(np.asarray(y) == 0))
    # 100,000 draws: the standard deviation of the fraction is at most 0.0016.
    assert abs(dropped - rate) < 0.008


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_what_is_kept_is_enlarged(rate):
    y, _ = call(Dropout(rate), ONES, training=True)
    kept = np.asarray(y)[np.asarray(y) != 0]
    np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=1e-6)


def test_dropped_entries_get_no_gradient():
    def loss(x):
        return jnp.sum(call(Dropout(0.5), x, training=True)[0])

    x = jnp.ones((20, 20))
    y, _ = call(Dropout(0.5), x, training=True)
    np.testing.assert_array_equal(jax.grad(loss)(x), y)


@pytest.mark.parametrize("layer", [Dropout(0.5), GaussianNoise(1.0)], ids=repr)
def test_evaluation_changes_nothing(layer):
    y, _ = call(layer, ONES)
    np.testing.assert_array_equal(y, ONES)


@pytest.mark.parametrize("layer", [Dropout(0), GaussianNoise(0)], ids=repr)
def test_no_disturbance_needs_no_key(layer):
    y = layer.run_checked(Variables(), jnp.asarray(ONES), Context(training=True))
    np.testing.assert_array_equal(y, ONES)


@pytest.mark.parametrize("layer", [Dropout(0.5), GaussianNoise(1.0)], ids=repr)
def test_training_without_a_key_is_refused(layer):
    with pytest.raises(NotReadyError, match="Layer 'noisy' needs random numbers.*pass key="):
        layer.run_checked(Variables(), jnp.asarray(ONES), Context(training=True, path=("noisy",)))


@pytest.mark.parametrize("layer", [Dropout(0.5), GaussianNoise(1.0)], ids=repr)
def test_another_key_gives_other_numbers(layer):
    first, _ = call(layer, ONES, training=True, seed=0)
    second, _ = call(layer, ONES, training=True, seed=1)
    assert np.mean(np.asarray(first) != np.asarray(second)) > 0.4


def test_noise_has_the_mean_and_deviation_that_are_said():
    y, _ = call(GaussianNoise(0.3), 5 * ONES, training=True)
    # 100,000 draws: the standard error of the mean is 0.001, of the deviation 0.0007.
    assert abs(float(jnp.mean(y)) - 5) < 0.005
    assert abs(float(jnp.std(y)) - 0.3) < 0.0035


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, "half", None])
def test_rate_outside_its_domain_is_refused(rate):
    with pytest.raises(ArgumentError, match="Dropout expected rate to be a number in \\[0, 1\\)"):
        Dropout(rate)


def test_negative_deviation_is_refused():
    with pytest.raises(ArgumentError, match="GaussianNoise expected stddev to be a number in \\[0"):
        GaussianNoise(-1)
