"""Nearest training examples and their influence: identities, and cases made by hand."""

import numpy as np
import pytest

from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection import influence, nearest_examples
from pellucid.layers import Dense, Input
from pellucid.models import Sequential
from pellucid.optimizers import SGD


@pytest.fixture(scope="module")
def learned():
    """Two clouds of points, learned by a small network; the label of one example is wrong."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = (rng.normal(size=(40, 4)) * 0.3 + 2 * y[:, None] - 1).astype("float32")
    y[7] = 1 - y[7]
    model = Sequential([Input((4,)), Dense(6, "tanh", name="hidden"), Dense(2, "softmax")], seed=2)
    model.compile(SGD(0.1), "sparse_categorical_crossentropy", verbose=0)
    saved = []
    for _ in range(3):
        model.fit(x, y, epochs=5, batch_size=8, verbose=0)
        saved.append(model.get_weights())
    return model, x, y, saved


# Nearest


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_example_is_its_own_nearest(learned, metric):
    model, x, _, _ = learned
    found = nearest_examples(model, x[:5], x, count=3, metric=metric)
    np.testing.assert_array_equal(found.index[:, 0], np.arange(5))
    np.testing.assert_allclose(found.distance[:, 0], 0, atol=1e-7)
    assert found.error < 1e-7
    assert (np.diff(found.distance, axis=1) >= 0).all()
    assert found.layer == "hidden"


def test_neighbors_by_hand():
    model = Sequential([Input((2,)), Dense(2, use_bias=False, name="same"), Dense(1)])
    model.set_weights([np.eye(2), [[1.0], [1.0]], [0.0]])
    known = np.array([[0.0, 1.0], [3.0, 0.0], [1.0, 1.0]], "float32")
    found = nearest_examples(model, known[1:2] / 3, known, count=3, metric="euclidean")
    np.testing.assert_array_equal(found.index, [[2, 0, 1]])
    np.testing.assert_allclose(found.distance, [[1.0, np.sqrt(2), 2.0]])
    found = nearest_examples(model, known[1:2] / 3, known, count=3)
    np.testing.assert_array_equal(found.index, [[1, 2, 0]])
    np.testing.assert_allclose(found.distance, [[0.0, 1 - np.sqrt(0.5), 1.0]], atol=1e-7)


def test_neighbors_vote_as_the_network(learned):
    model, x, y, _ = learned
    found = nearest_examples(model, x, x, count=5)
    assert (found.vote(y) == model.predict(x).argmax(axis=1)).mean() > 0.9


def test_bad_neighbors(learned):
    model, x, _, _ = learned
    with pytest.raises(ArgumentError, match="at least count=50 examples, got 40"):
        nearest_examples(model, x, x, count=50)
    with pytest.raises(UnknownNameError, match="no layer in this model named 'hiden'"):
        nearest_examples(model, x, x, layer="hiden")
    single = Sequential([Input((4,)), Dense(2)])
    with pytest.raises(ArgumentError, match="one layer alone; name the layer"):
        nearest_examples(single, x, x)


# Influence


def test_influence_predicts_what_a_small_step_does(learned):
    model, x, y, saved = learned
    found = influence(model, x[:4], y[:4], x, y, checkpoints=saved, learning_rates=0.1)
    assert found.values.shape == (4, 40)
    assert found.error.max() < 0.05
    for before, after in zip(model.get_weights(), saved[-1], strict=True):
        np.testing.assert_array_equal(before, after)


def test_influence_is_symmetric_and_positive_on_itself(learned):
    model, x, y, _ = learned
    found = influence(model, x[:6], y[:6], x[:6], y[:6]).values
    np.testing.assert_allclose(found, found.T, rtol=1e-4, atol=1e-8)
    assert (np.diag(found) > 0).all()


def test_influence_by_hand():
    """One weight w = 2 and J = (w x - t)^2: the gradient of each example is 2 x (w x - t)."""
    model = Sequential([Input((1,)), Dense(1, use_bias=False)])
    model.set_weights([[[2.0]]])
    model.compile("sgd", "mse", verbose=0)
    x, t = np.array([[1.0], [3.0]], "float32"), np.array([[1.0], [7.0]], "float32")
    g = 2 * x[:, 0] * (2 * x[:, 0] - t[:, 0])
    found = influence(model, x, t, x, t, learning_rates=0.5)
    np.testing.assert_allclose(found.values, 0.5 * np.outer(g, g), rtol=1e-5)


def test_the_mislabelled_example_opposes_its_neighbors(learned):
    model, x, y, saved = learned
    right = 1 - y[7]
    alike = [i for i in range(40) if y[i] == right and i != 7][:8]
    found = influence(model, x[alike], y[alike], x, y, checkpoints=saved, learning_rates=0.1)
    assert (found.opponents(1)[:, 0] == 7).mean() >= 0.75
    assert found.proponents(3).shape == (8, 3)


def test_influence_over_checkpoints_is_a_sum(learned):
    model, x, y, saved = learned
    parts = [
        influence(model, x[:2], y[:2], x, y, checkpoints=[w], learning_rates=rate).values
        for w, rate in zip(saved, (0.1, 0.2, 0.3), strict=True)
    ]
    both = influence(model, x[:2], y[:2], x, y, saved, learning_rates=(0.1, 0.2, 0.3)).values
    np.testing.assert_allclose(both, sum(parts), rtol=1e-5)


def test_bad_influence(learned):
    model, x, y, saved = learned
    with pytest.raises(ArgumentError, match="a learning rate for each of 3 checkpoints, got 2"):
        influence(model, x, y, x, y, saved, learning_rates=(0.1, 0.2))
