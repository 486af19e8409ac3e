"""Batch normalization against its formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import BatchNormalization, Variables

RNG = np.random.default_rng(0)
X = (3 * RNG.standard_normal((6, 4, 3)) + 2).astype("float32")
MEAN = X.reshape(-1, 3).mean(0)
VARIANCE = X.reshape(-1, 3).var(0)  # biased: divides by the number, as in Keras
STATE = {"moving_mean": jnp.array([1.0, 2.0, 3.0]), "moving_variance": jnp.array([4.0, 5.0, 6.0])}
PARAMETERS = {"gamma": jnp.array([1.0, 2.0, -1.0]), "beta": jnp.array([0.5, 0.0, 1.0])}


def new_state(context):
    return context.collected.state[("layer",)]


def test_two_numbers_by_hand():
    # 1, 3: mean 2, variance 1; with epsilon = 3 the divisor is 2.
    layer = BatchNormalization(momentum=0.9, epsilon=3.0)
    y, context = call(layer, np.array([[1.0], [3.0]], "float32"), training=True)
    np.testing.assert_allclose(y, [[-0.5], [0.5]], rtol=1e-6)
    np.testing.assert_allclose(new_state(context)["moving_mean"], [0.2], rtol=1e-6)
    np.testing.assert_allclose(new_state(context)["moving_variance"], [1.0], rtol=1e-6)


def test_training_uses_the_batch():
    y, _ = call(BatchNormalization(), X, Variables(PARAMETERS, STATE), training=True)
    plain = (X - MEAN) / np.sqrt(VARIANCE + 1e-3)
    expected = plain * PARAMETERS["gamma"] + PARAMETERS["beta"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.99, 1.0])
def test_momentum_is_the_fraction_kept(momentum):
    layer = BatchNormalization(momentum=momentum)
    _, context = call(layer, X, Variables(PARAMETERS, STATE), training=True)
    for name, batch in (("moving_mean", MEAN), ("moving_variance", VARIANCE)):
        expected = momentum * STATE[name] + (1 - momentum) * batch
        np.testing.assert_allclose(new_state(context)[name], expected, rtol=1e-5)


def test_evaluation_uses_the_moving_averages_and_keeps_them():
    y, context = call(BatchNormalization(), X, Variables(PARAMETERS, STATE))
    plain = (X - STATE["moving_mean"]) / np.sqrt(STATE["moving_variance"] + 1e-3)
    expected = plain * PARAMETERS["gamma"] + PARAMETERS["beta"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    assert context.collected.state == {}


def test_frozen_layer_evaluates_while_the_rest_learns():
    frozen = BatchNormalization(trainable=False)
    y, context = call(frozen, X, Variables(PARAMETERS, STATE), training=True)
    expected, _ = call(BatchNormalization(), X, Variables(PARAMETERS, STATE))
    np.testing.assert_array_equal(y, expected)
    assert context.collected.state == {}


def test_padding_rows_do_not_count():
    variables = Variables(PARAMETERS, STATE)
    short, context = call(BatchNormalization(), X[:4], variables, training=True)
    padded = np.concatenate([X[:4], np.full((2, 4, 3), 1e3, "float32")])
    weights = jnp.array([1.0, 1, 1, 1, 0, 0])
    y, padded_context = call(
        BatchNormalization(), padded, variables, training=True, row_weights=weights
    )
    np.testing.assert_allclose(y[:4], short, rtol=1e-5, atol=1e-5)
    for name, value in new_state(context).items():
        np.testing.assert_allclose(new_state(padded_context)[name], value, rtol=1e-5)


def test_no_gradient_flows_from_the_moving_averages():
    layer = BatchNormalization()

    def moved(x):
        _, context = call(layer, x, Variables(PARAMETERS, STATE), training=True)
        return jnp.sum(new_state(context)["moving_mean"])

    np.testing.assert_array_equal(jax.grad(moved)(jnp.asarray(X)), np.zeros_like(X))


def test_one_row_gives_beta():
    y, _ = call(BatchNormalization(beta_initializer="ones"), X[:1, 0], training=True)
    np.testing.assert_allclose(y, np.ones((1, 3)), atol=1e-6)


def test_variables_are_named_as_in_keras():
    variables = BatchNormalization().make_variables(jax.random.key(0), spec(2, 3))
    assert sorted(variables.parameters) == ["beta", "gamma"]
    assert sorted(variables.state) == ["moving_mean", "moving_variance"]
    bare = BatchNormalization(center=False, scale=False).make_variables(
        jax.random.key(0), spec(2, 3)
    )
    assert bare.parameters == {}


def test_moving_averages_stay_wide():
    """Steps of 0.01 would be lost in bfloat16, which keeps 8 bits."""
    variables = BatchNormalization().make_variables(jax.random.key(0), spec(2, 3, dtype="bfloat16"))
    assert variables["gamma"].dtype == "bfloat16"
    assert variables["moving_mean"].dtype == "float32"


def test_another_axis_is_refused():
    with pytest.raises(ArgumentError, match="BatchNormalization expected axis to be -1"):
        BatchNormalization(axis=1)


def test_other_channels_are_refused():
    variables = BatchNormalization().make_variables(jax.random.key(0), spec(2, 4))
    for training in (False, True):
        with pytest.raises(ShapeError, match="last axis has size 4"):
            call(BatchNormalization(), np.zeros((2, 3)), variables, training=training)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"momentum": 1.5}, "momentum to be a number in \\[0, 1\\], got 1.5"),
        ({"epsilon": 0}, "epsilon to be a number in \\(0"),
    ],
)
def test_settings_outside_their_domain_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        BatchNormalization(**settings)
