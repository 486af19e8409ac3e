"""Relevance and guided gradients layer by layer, and attention roll-out: each on its identity."""

import numpy as np
import pytest

from inspection.test_attribution import ROWS, planted, strongest  # noqa: F401  (a fixture)
from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection import (
    attention_rollout,
    gradient,
    guided_backpropagation,
    input_x_gradient,
    integrated_gradients,
    layerwise_relevance,
    occlusion,
    randomization_check,
    shapley_values,
)
from pellucid.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    MaxPooling2D,
    MultiHeadAttention,
    Multiply,
    ReLU,
    TransformerEncoder,
)
from pellucid.models import Model, Sequential

RNG = np.random.default_rng(3)
IMAGES = RNG.normal(size=(3, 8, 8, 2)).astype("float32")


def pictures(bias):
    return Sequential(
        [
            Input((8, 8, 2)),
            Conv2D(4, 3, use_bias=bias, bias_initializer="ones", activation="relu", name="first"),
            MaxPooling2D(2),
            Conv2D(5, 2, use_bias=bias, activation="relu"),
            AveragePooling2D(2),
            Flatten(),
            Dense(6, use_bias=bias),
            ReLU(),
            Dense(3, "softmax", use_bias=bias, name="scores"),
        ],
        seed=4,
    )


def branches():
    x = Input((5,))
    a = Dense(4, "relu", use_bias=False)(x)
    b = Dense(4, use_bias=False)(x)
    both = Multiply()([a, Dense(4, use_bias=False)(b)])
    inner = Sequential([Input((4,)), Dense(3, "relu", use_bias=False)], name="inner")
    return Model(x, Dense(2, use_bias=False)(inner(Add()([a, b, both]))), seed=5)


# Layer-wise relevance: conservation


@pytest.mark.parametrize("make", [lambda: pictures(False), branches], ids=["pictures", "branches"])
def test_relevance_is_conserved_without_biases(make):
    model = make()
    x = ROWS if model.graph.input_symbols[0].shape[1:] == (5,) else IMAGES
    found = layerwise_relevance(model, x)
    np.testing.assert_allclose(found.values.reshape(len(x), -1).sum(axis=1), found.score, rtol=2e-3)
    assert found.error.max() < 2e-3


def test_relevance_of_a_network_of_relus_is_input_times_gradient():
    model = pictures(False)
    found = layerwise_relevance(model, IMAGES, target=1, epsilon=1e-9)
    expected = input_x_gradient(model, IMAGES, target=1).values
    np.testing.assert_allclose(found.values, expected, atol=1e-4 * np.abs(expected).max())


def test_biases_take_relevance_and_the_error_says_how_much():
    model = pictures(True)
    found = layerwise_relevance(model, IMAGES)
    missing = found.values.reshape(3, -1).sum(axis=1) - found.score
    np.testing.assert_allclose(np.abs(missing / found.score), found.error, rtol=1e-4)
    assert found.error.max() > 0.01


def test_relevance_by_hand():
    """Two units: z = (3, -1), scores 2 z_1 + 5 relu(z_2) = 6; the second unit is silent."""
    model = Sequential([Input((2,)), Dense(2, "relu", use_bias=False), Dense(1, use_bias=False)])
    model.set_weights([[[1.0, 1.0], [2.0, -2.0]], [[2.0], [5.0]]])
    found = layerwise_relevance(model, np.array([[1.0, 1.0]], "float32"), epsilon=1e-9)
    np.testing.assert_allclose(found.values, [[2.0, 4.0]], rtol=1e-5)


def test_epsilon_takes_relevance():
    model = pictures(False)
    errors = [layerwise_relevance(model, IMAGES, epsilon=e).error.mean() for e in (1e-6, 0.1, 1.0)]
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(ArgumentError, match="epsilon to be a number in"):
        layerwise_relevance(model, IMAGES, epsilon=0.0)


def test_relevance_passes_an_activation_and_batch_normalization():
    model = Sequential(
        [
            Input((5,)),
            Dense(6, use_bias=False),
            BatchNormalization(center=False),
            Activation("tanh"),
            Dense(2, use_bias=False),
        ],
        seed=2,
    )
    assert layerwise_relevance(model, ROWS).error.max() < 2e-3


def test_relevance_finds_the_patch(planted):  # noqa: F811
    model, x, places = planted
    found = layerwise_relevance(model, x, target=1)
    inside = np.zeros(found.values.shape[:3], bool)
    for n, (r, c) in enumerate(places):
        inside[n, r : r + 3, c : c + 3] = True
    size = np.abs(found.by_position())
    share = (size * inside).sum(axis=(1, 2)) / size.sum(axis=(1, 2))
    assert share.mean() > 3 * 9 / (8 * 8 + 9)


# Guided back-propagation


def test_guided_is_the_gradient_where_there_is_no_relu():
    model = Sequential([Input((5,)), Dense(6, "tanh"), Dense(3, "softmax")], seed=1)
    found = guided_backpropagation(model, ROWS)
    np.testing.assert_allclose(found.values, gradient(model, ROWS).values, rtol=1e-5)
    assert found.error.max() < 1e-6


def test_guided_is_the_gradient_where_all_gradients_are_positive():
    model = Sequential([Input((5,)), Dense(6, "relu"), Dense(1)], seed=1)
    w, b, v, c = model.get_weights()
    model.set_weights([w, b, np.abs(v), c])
    np.testing.assert_allclose(
        guided_backpropagation(model, ROWS).values, gradient(model, ROWS).values, rtol=1e-5
    )


def test_guided_by_hand():
    """S = relu(x_1) - relu(x_2): the second gradient is negative and cut off."""
    model = Sequential([Input((2,)), Dense(2, use_bias=False), ReLU(), Dense(1, use_bias=False)])
    model.set_weights([np.eye(2), [[1.0], [-1.0]]])
    x = np.array([[2.0, 3.0]], "float32")
    found = guided_backpropagation(model, x)
    np.testing.assert_array_equal(found.values, [[1.0, 0.0]])
    np.testing.assert_allclose(found.error, np.sqrt(0.5), rtol=1e-6)


def test_guided_of_pictures_is_not_the_gradient():
    assert guided_backpropagation(pictures(True), IMAGES).error.min() > 0.05


@pytest.mark.parametrize("method", [layerwise_relevance, guided_backpropagation])
def test_at_a_layer(method):
    model = Sequential(
        [
            Input((6,), "int32"),
            Embedding(20, 4, name="words"),
            GlobalAveragePooling1D(),
            Dense(5, "relu", use_bias=False),
            Dense(2, use_bias=False),
        ],
        seed=3,
    )
    found = method(model, np.array([[1, 2, 3, 4, 5, 6]]), target=0, at="words")
    assert found.by_position().shape == (1, 6)
    assert np.abs(found.values).max() > 0
    if method is layerwise_relevance:
        assert found.error.max() < 2e-3


# Sanity checks on real pictures


CLAIMS = [
    (input_x_gradient, {}),
    (integrated_gradients, {}),
    (layerwise_relevance, {}),
    (occlusion, {"window": 3}),
    (shapley_values, {"window": 4, "orders": 4}),
]


@pytest.mark.parametrize(
    ("method", "settings"), CLAIMS, ids=[method.__name__ for method, _ in CLAIMS]
)
def test_random_weights_change_the_attribution(planted, method, settings):  # noqa: F811
    """Only where the picture is not empty: where it is 0 these methods are 0 for all weights."""
    model, x, _ = planted
    drawn = x[:6] + 0.5
    alike = randomization_check(method, model, drawn, target=1, **settings)
    assert abs(alike) < 0.6


def test_complete_to_one_percent_on_pictures(planted):  # noqa: F811
    model, x, _ = planted
    assert integrated_gradients(model, x[:4], target=1).error.max() < 0.01
    assert shapley_values(model, x[:2], target=1, window=4, orders=2).error.max() < 0.01


# Attention roll-out


def text_model(layers_of_attention=2):
    x = Input((6,), "int32")
    h = Embedding(20, 8, name="words")(x)
    for n in range(layers_of_attention):
        h = TransformerEncoder(16, 2, name=f"block_{n}")(h)
    return Model(x, Dense(2)(GlobalAveragePooling1D()(h)), seed=1)


WORDS = RNG.integers(0, 20, (3, 6))


def test_rollout_rows_sum_to_one():
    found = attention_rollout(text_model(), WORDS)
    assert found.layers == ["block_0/self_attention", "block_1/self_attention"]
    assert found.values.shape == (3, 6, 6)
    np.testing.assert_allclose(found.values.sum(axis=2), 1, rtol=1e-5)
    assert found.error.max() < 1e-5
    np.testing.assert_allclose(found.of_step().sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found.of_step(2), found.values[:, 2])


def test_rollout_is_the_product_of_the_layers():
    found = attention_rollout(text_model(), WORDS, residual=0.25)
    a, b = (0.75 * layer + 0.25 * np.eye(6) for layer in found.by_layer)
    np.testing.assert_allclose(found.values, b @ a, rtol=1e-5)
    alone = attention_rollout(text_model(1), WORDS, residual=1.0)
    np.testing.assert_allclose(alone.values, np.broadcast_to(np.eye(6), (3, 6, 6)))


def test_rollout_needs_attention_over_own_steps():
    with pytest.raises(ArgumentError, match="expected a model with layers of attention"):
        attention_rollout(pictures(False), IMAGES)
    q, v = Input((4, 6)), Input((5, 6))
    model = Model([q, v], MultiHeadAttention(2, 3)(q, v))
    x = [RNG.normal(size=(1, n, 6)).astype("float32") for n in (4, 5)]
    with pytest.raises(ShapeError, match="every layer to read its own steps"):
        attention_rollout(model, x)
