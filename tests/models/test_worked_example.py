"""The 2-2-1 network that can be redone by hand, computed by the ordinary model.

W1 = [[.1, .2], [.3, .4]], b1 = [.5, .6], W2 = [[.7, .8]], b2 = [.9], x = [1, 2], y = 1, sigmoid in
both layers. The cost is J = 1/2 (y - a)^2, so that grad_a J = a - y, and one step of gradient
descent is taken with the rate 0.1. The golden numbers below follow from these formulas::

    z1 = W1 x + b1 = [1.0, 1.7]          a1 = s(z1)
    z2 = W2 a1 + b2                       a2 = s(z2)
    d2 = (a2 - y) a2 (1 - a2)             dW2 = d2 a1^T      db2 = d2
    d1 = W2^T d2 * a1 (1 - a1)            dW1 = d1 x^T       db1 = d1
"""

from math import exp

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import Input, Model, losses, optimizers
from pellucid.inspection import trace
from pellucid.layers import Dense

RATE = 0.1


def s(z):
    return 1 / (1 + exp(-z))


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def model():
    x = Input((2,), dtype="float64")
    hidden = Dense(2, activation="sigmoid", name="hidden")(x)
    model = Model(x, Dense(1, activation="sigmoid", name="output")(hidden))
    # Keras's layout is x W with W (in, units): the transpose of the column notation above.
    model.set_weights([[[0.1, 0.3], [0.2, 0.4]], [0.5, 0.6], [[0.7], [0.8]], [0.9]])

    def half_squared_error(y_true, y_pred):
        return 0.5 * jnp.sum(jnp.square(y_true - y_pred), axis=-1)

    model.compile(optimizers.SGD(RATE), half_squared_error, verbose=0)
    return model


def by_hand():
    a1 = [s(1.0), s(1.7)]
    z2 = 0.7 * a1[0] + 0.8 * a1[1] + 0.9
    a2 = s(z2)
    d2 = (a2 - 1) * a2 * (1 - a2)
    d1 = [0.7 * d2 * a1[0] * (1 - a1[0]), 0.8 * d2 * a1[1] * (1 - a1[1])]
    return a1, z2, a2, d2, d1


def exactly(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=5e-11)


def test_golden_numbers_of_the_hand_calculation():
    a1, z2, a2, d2, d1 = by_hand()
    exactly(a1, [0.7310585786, 0.8455347349])
    exactly(z2, 2.0881687930)
    exactly(a2, 0.8897479187)
    exactly(d2, -0.0108153499)
    exactly(d1, [-0.0014884988, -0.0011300375])


def test_forward(model):
    a1, z2, a2, _, _ = by_hand()
    seen = trace(model, [[1.0, 2.0]], [[1.0]])
    exactly(seen["hidden"].pre_activation, [[1.0, 1.7]])
    exactly(seen["hidden"].output, [a1])
    exactly(seen["output"].pre_activation, [[z2]])
    exactly(seen["output"].output, [[a2]])
    exactly(seen.loss, 0.5 * (1 - a2) ** 2)
    exactly(model.predict(np.array([[1.0, 2.0]])), [[a2]])


def test_deltas_and_gradients(model):
    a1, _, _, d2, d1 = by_hand()
    seen = trace(model, [[1.0, 2.0]], [[1.0]])
    exactly(seen["output"].delta, [[d2]])
    exactly(seen["hidden"].delta, [d1])
    exactly(seen["output"].gradients["kernel"], [[d2 * a1[0]], [d2 * a1[1]]])
    exactly(seen["output"].gradients["bias"], [d2])
    exactly(seen["hidden"].gradients["kernel"], [[d1[0], d1[1]], [2 * d1[0], 2 * d1[1]]])
    exactly(seen["hidden"].gradients["bias"], d1)


def test_one_update(model):
    a1, _, _, d2, d1 = by_hand()
    expected = [
        [
            [0.1 - RATE * d1[0], 0.3 - RATE * d1[1]],
            [0.2 - RATE * 2 * d1[0], 0.4 - RATE * 2 * d1[1]],
        ],
        [0.5 - RATE * d1[0], 0.6 - RATE * d1[1]],
        [[0.7 - RATE * d2 * a1[0]], [0.8 - RATE * d2 * a1[1]]],
        [0.9 - RATE * d2],
    ]
    seen = trace(model, [[1.0, 2.0]], [[1.0]])
    exactly(seen.parameters["hidden"]["kernel"], expected[0])
    model.fit([[1.0, 2.0]], [[1.0]], epochs=1, verbose=0)
    for actual, wanted in zip(model.get_weights(), expected, strict=True):
        exactly(actual, wanted)


def test_the_mean_squared_error_has_twice_these_deltas(model):
    """Keras's mean squared error leaves out the factor 1/2."""
    model.compile(optimizers.SGD(RATE), losses.MeanSquaredError(), verbose=0)
    _, _, _, d2, _ = by_hand()
    exactly(trace(model, [[1.0, 2.0]], [[1.0]])["output"].delta, [[2 * d2]])
