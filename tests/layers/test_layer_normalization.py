"""Layer normalization against its formula."""

import jax
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import LayerNormalization


def test_one_row_by_hand():
    # 1, 3: mean 2, variance 1; with epsilon = 3 the divisor is 2.
    layer = LayerNormalization(epsilon=3.0)
    parameters = {"gamma": np.array([2.0, 4.0]), "beta": np.array([0.0, 1.0])}
    y, _ = call(layer, np.array([[1.0, 3.0]]), parameters)
    np.testing.assert_allclose(y, [[-1.0, 3.0]], rtol=1e-6)


def test_every_row_has_mean_0_and_variance_1():
    x = 5 + 3 * np.random.default_rng(0).standard_normal((4, 6, 50)).astype("float32")
    y, _ = call(LayerNormalization(epsilon=1e-6), x)
    np.testing.assert_allclose(y.mean(-1), np.zeros((4, 6)), atol=1e-5)
    np.testing.assert_allclose(y.var(-1), np.ones((4, 6)), rtol=1e-4)


def test_training_and_evaluation_are_the_same():
    x = np.random.default_rng(0).standard_normal((4, 5)).astype("float32")
    evaluated, _ = call(LayerNormalization(), x)
    trained, context = call(LayerNormalization(), x, training=True)
    np.testing.assert_array_equal(evaluated, trained)
    assert context.collected.state == {}


def test_center_and_scale_leave_variables_out():
    key = jax.random.key(0)
    assert set(LayerNormalization(center=False).make_variables(key, spec(2, 3)).parameters) == {
        "gamma"
    }
    assert set(LayerNormalization(scale=False).make_variables(key, spec(2, 3)).parameters) == {
        "beta"
    }


def test_another_axis_is_refused():
    with pytest.raises(ArgumentError, match="LayerNormalization expected axis to be -1"):
        LayerNormalization(axis=1)


def test_other_features_are_refused():
    variables = LayerNormalization().make_variables(jax.random.key(0), spec(2, 4))
    with pytest.raises(ShapeError, match="last axis has size 4"):
        call(LayerNormalization(), np.zeros((2, 3)), variables)
