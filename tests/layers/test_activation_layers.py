"""The activation layers against numbers by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid import ops
from pellucid.errors import ArgumentError
from pellucid.layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax

X = np.array([[-2.0, -0.5, 0.5, 3.0]], "float32")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (ReLU(), [0, 0, 0.5, 3]),
        (ReLU(max_value=1.0), [0, 0, 0.5, 1]),
        (ReLU(negative_slope=0.5), [-1, -0.25, 0.5, 3]),
        (ReLU(max_value=2.5, negative_slope=0.5), [-1, -0.25, 0.5, 2.5]),
        (LeakyReLU(), [-0.6, -0.15, 0.5, 3]),
        (PReLU("ones"), [-2, -0.5, 0.5, 3]),
        (PReLU(), [0, 0, 0.5, 3]),
        (ELU(), [np.expm1(-2), np.expm1(-0.5), 0.5, 3]),
        (ELU(alpha=2.0), [2 * np.expm1(-2), 2 * np.expm1(-0.5), 0.5, 3]),
        (Softmax(), np.exp(X[0]) / np.exp(X[0]).sum()),
        (Activation("tanh"), np.tanh(X[0])),
        pytest.param(Activation(lambda x: x * x), [4, 0.25, 0.25, 9], id="own function"),
    ],
    ids=repr,
)
def test_by_hand(layer, expected):
    y, _ = call(layer, X)
    np.testing.assert_allclose(y[0], np.asarray(expected, "float32"), rtol=1e-6, atol=1e-7)


def test_prelu_shares_its_slope_along_axes():
    layer = PReLU(shared_axes=(1, 2))
    variables = layer.make_variables(jax.random.key(0), spec(2, 5, 4, 3))
    assert variables["alpha"].shape == (1, 1, 3)


def test_prelu_refuses_an_axis_that_is_not_there():
    with pytest.raises(ArgumentError, match="PReLU expected shared_axes from 1 to 2 .* got 3"):
        call(PReLU(shared_axes=(3,)), np.zeros((2, 4, 3), "float32"))


@pytest.mark.parametrize("layer", [lambda: Softmax(axis=0), lambda: Softmax(axis=-2)])
def test_softmax_never_mixes_rows(layer):
    with pytest.raises(ValueError, match="Softmax expected .* an? axis"):
        call(layer(), X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReLU(max_value=0), "ReLU expected max_value to be a number in \\(0"),
        (lambda: ReLU(negative_slope=-1), "ReLU expected negative_slope"),
        (lambda: LeakyReLU(negative_slope=-0.1), "LeakyReLU expected negative_slope"),
        (lambda: ELU(alpha=-1), "ELU expected alpha"),
        (lambda: PReLU(shared_axes=(0,)), "every axis in shared_axes to be an integer of 1"),
    ],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_flops_of_an_activation_are_those_of_its_operation():
    x = spec(2, 5)
    assert Activation("sigmoid").flops(x, x) == ops.sigmoid.flops((2, 5))
    assert Activation(jnp.sin).flops(x, x) == 0


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Activation("sigmoid"), "sigmoid"),
        (Softmax(), "softmax"),
        (ReLU(), "relu"),
        (LeakyReLU(), "leaky_relu"),
        (ELU(), "elu"),
        (PReLU(), None),
    ],
    ids=repr,
)
def test_the_activation_of_the_output_is_known(layer, name):
    assert layer.output_activation() == name
