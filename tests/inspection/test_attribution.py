"""Attributions: each satisfies the identity that it states, and points at what was planted."""

import re

import numpy as np
import pytest

from pellucid.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from pellucid.inspection import (
    grad_cam,
    gradient,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    plot_attribution,
    plot_receptive_field,
    randomization_check,
    shapley_values,
    smooth_grad,
)
from pellucid.layers import (
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    Input,
)
from pellucid.models import Model, Sequential

RNG = np.random.default_rng(7)
WEIGHTS = RNG.normal(size=(5, 3)).astype("float32")
ROWS = RNG.normal(size=(4, 5)).astype("float32")
SCENE = 16  # the digits lie in a larger field, with a patch in a corner for class 1
BY_GRADIENT = (gradient, input_x_gradient, smooth_grad, integrated_gradients)


@pytest.fixture(scope="module")
def linear():
    """scores = x W + b."""
    model = Sequential([Input((5,)), Dense(3, name="dense")])
    model.set_weights([WEIGHTS, np.array([1.0, -2.0, 0.5], "float32")])
    return model


@pytest.fixture(scope="module")
def curved():
    """A network with two bent layers, softmax at its end."""
    return Sequential(
        [Input((5,)), Dense(16, "tanh"), Dense(16, "relu"), Dense(3, "softmax")], seed=3
    )


def scenes(digits, rng):
    """Return digits at random places; half of them with a checkered patch of 3 x 3, and where."""
    x = np.zeros((len(digits), SCENE, SCENE, 1), "float32")
    places = np.zeros((len(digits), 2), int)
    y = np.arange(len(digits)) % 2
    patch = (np.indices((3, 3)).sum(axis=0) % 2 == 0).astype("float32")
    for n, digit in enumerate(digits):
        top = rng.integers(0, 9)
        left = rng.integers(0, 9)
        x[n, top : top + 8, left : left + 8, 0] = digit / 16
        places[n] = rng.integers(0, SCENE - 3, 2)
        if y[n]:
            r, c = places[n]
            x[n, r : r + 3, c : c + 3, 0] = 1.5 * patch
    return x, y, places


@pytest.fixture(scope="module")
def planted():
    """A small network that has learned to find the patch in pictures with real digits."""
    from pellucid.datasets import digits

    (x_train, _), (x_test, _) = digits.load_data()
    rng = np.random.default_rng(0)
    x, y, _ = scenes(x_train[:1000], rng)
    model = Sequential(
        [
            Input((SCENE, SCENE, 1)),
            Conv2D(8, 3, padding="same", activation="relu", name="edges"),
            Conv2D(16, 3, padding="same", activation="relu", name="last"),
            GlobalAveragePooling2D(),
            Dense(2, "softmax"),
        ],
        seed=1,
    )
    from pellucid.optimizers import Adam

    model.compile(Adam(0.02), "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(x, y, epochs=12, batch_size=50, verbose=0)
    x, y, places = scenes(x_test[:120], rng)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.9
    right = model.predict(x).argmax(axis=1) == y
    chosen = np.flatnonzero((y == 1) & right)[:30]
    return model, x[chosen], places[chosen]


def strongest(maps):
    """Return row and column of the largest value of each map."""
    flat = maps.reshape(len(maps), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, maps.shape[1:]), axis=1)


# A linear model gives its weights


@pytest.mark.parametrize("method", [gradient, smooth_grad], ids=["gradient", "smooth"])
def test_gradient_of_a_linear_model_is_its_weights(linear, method):
    found = method(linear, ROWS, target=1)
    np.testing.assert_allclose(found.values, np.tile(WEIGHTS[:, 1], (4, 1)), rtol=1e-5)
    assert found.error.max() < 1e-2


@pytest.mark.parametrize(
    "method",
    [input_x_gradient, integrated_gradients, occlusion, shapley_values],
    ids=["input-x-gradient", "integrated", "occlusion", "shapley"],
)
def test_parts_of_a_linear_model(linear, method):
    found = method(linear, ROWS, target=[0, 1, 2, 0])
    expected = ROWS * WEIGHTS[:, [0, 1, 2, 0]].T
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-5)
    assert found.error.max() < 1e-4


@pytest.mark.parametrize(
    "method",
    [integrated_gradients, occlusion, shapley_values],
    ids=["integrated", "occlusion", "shapley"],
)
def test_baseline_of_a_linear_model(linear, method):
    baseline = np.full(5, 0.5, "float32")
    found = method(linear, ROWS, target=2, baseline=baseline)
    np.testing.assert_allclose(found.values, (ROWS - 0.5) * WEIGHTS[:, 2], rtol=1e-4, atol=1e-5)


# The identities on a network that bends


def test_integrated_gradients_are_complete(curved):
    found = integrated_gradients(curved, ROWS)
    missing = found.values.sum(axis=1) - (found.score - found.baseline_score)
    np.testing.assert_allclose(
        np.abs(missing) / np.abs(found.score - found.baseline_score), found.error
    )
    assert found.error.max() < 0.01
    coarse = integrated_gradients(curved, ROWS, steps=2, most_steps=2)
    assert coarse.error.max() > found.error.max()


def test_shapley_values_are_efficient(curved):
    found = shapley_values(curved, ROWS, orders=10)
    assert found.error.max() < 0.01
    np.testing.assert_allclose(
        found.values.sum(axis=1), found.score - found.baseline_score, rtol=0.01
    )


def test_shapley_values_approach_the_exact_ones(curved):
    from itertools import combinations
    from math import comb

    x = ROWS[:1]
    subsets = [s for k in range(6) for s in combinations(range(5), k)]
    kept = np.array([[i in s for i in range(5)] for s in subsets])
    target = gradient(curved, x).target[0]
    scores = gradient(curved, kept * x, target=target).score
    value = dict(zip(subsets, scores, strict=True))
    exact = [
        sum(
            (value[tuple(sorted((*s, i)))] - value[s]) / (5 * comb(4, len(s)))
            for s in subsets
            if i not in s
        )
        for i in range(5)
    ]
    found = shapley_values(curved, x, orders=400)
    np.testing.assert_allclose(found.values[0], exact, atol=0.05 * np.abs(exact).max())


def test_gradient_predicts_small_steps(curved):
    found = gradient(curved, ROWS)
    assert found.error.max() < 0.02


def test_score_is_what_goes_into_the_softmax(curved):
    found = gradient(curved, ROWS)
    probabilities = curved.predict(ROWS)
    np.testing.assert_array_equal(found.target, probabilities.argmax(axis=1))
    scores = np.stack([gradient(curved, ROWS, target=k).score for k in range(3)], axis=1)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, probabilities, rtol=1e-5)


# Pictures


def test_grad_cam_and_occlusion_point_at_the_patch(planted):
    model, x, places = planted
    middle = places + 1
    cam = grad_cam(model, x, "last", target=1)
    near = np.abs(strongest(cam.values) - middle).max(axis=1) <= 2
    assert near.mean() >= 0.9
    # Behind the last convolution are a mean and a linear layer, so the map adds up.
    assert cam.error.max() < 1e-3
    covered = occlusion(model, x, target=1, window=3, strides=1)
    near = np.abs(strongest(covered.values) - middle).max(axis=1) <= 2
    assert near.mean() >= 0.9


def test_integrated_gradients_find_the_patch(planted):
    model, x, places = planted
    found = integrated_gradients(model, x[:8], target=1)
    assert found.error.max() < 0.01
    inside = np.zeros(found.values.shape[:3], bool)
    for n, (r, c) in enumerate(places[:8]):
        inside[n, r : r + 3, c : c + 3] = True
    size = np.abs(found.by_position())
    share = (size * inside).sum(axis=(1, 2)) / size.sum(axis=(1, 2))
    assert share.mean() > 3 * 9 / (8 * 8 + 9)


@pytest.mark.parametrize(
    ("method", "settings", "limit"),
    [(gradient, {}, 0.5), (smooth_grad, {"samples": 10}, 0.5), (grad_cam, {"layer": "last"}, 0.5)],
    ids=["gradient", "smooth", "cam"],
)
def test_random_weights_change_the_attribution(planted, method, settings, limit):
    model, x, _ = planted
    assert abs(randomization_check(method, model, x[:10], target=1, **settings)) < limit


def test_randomization_check_notices_an_edge_detector(planted):
    model, x, _ = planted

    def edges(model, x, target=None):
        found = gradient(model, x, target)
        lines = np.abs(np.diff(x, axis=1, prepend=0))
        return type(found)("edges", lines, found.target, found.score, "", found.error)

    assert randomization_check(edges, model, x[:4]) == pytest.approx(1)


def test_cam_of_an_early_layer_says_how_far_off_it_is(planted):
    model, x, _ = planted
    assert grad_cam(model, x[:4], "edges").error.max() > 0.01


def test_grad_cam_has_the_size_of_the_picture():
    model = Sequential(
        [Input((13, 11, 2)), Conv2D(3, 3, strides=2), GlobalAveragePooling2D(), Dense(2)]
    )
    x = RNG.uniform(size=(2, 13, 11, 2)).astype("float32")
    found = grad_cam(model, x, "conv2d")
    assert found.values.shape == (2, 13, 11)
    assert found.values.min() >= 0


# Text


@pytest.mark.parametrize(
    "method",
    [gradient, input_x_gradient, integrated_gradients, smooth_grad, occlusion, shapley_values],
    ids=["gradient", "product", "integrated", "smooth", "occlusion", "shapley"],
)
def test_text_is_explained_through_its_embedding(method):
    model = Sequential(
        [Input((6,), "int32"), Embedding(20, 4, name="words"), GlobalAveragePooling1D(), Dense(2)]
    )
    x = np.array([[1, 2, 3, 4, 5, 6]])
    found = method(model, x, target=0, at="words")
    assert found.by_position().shape == (1, 6)
    assert found.error.max() < 0.05 or method is smooth_grad
    if method in (input_x_gradient, integrated_gradients, occlusion, shapley_values):
        # Mean and dense are linear: every word counts by itself.
        table, kernel, _ = model.get_weights()
        expected = table[x[0]] @ kernel[:, 0] / 6
        np.testing.assert_allclose(found.by_position()[0], expected, rtol=1e-3, atol=1e-6)


# Bad input


@pytest.mark.parametrize("target", [3, -1, [0, 1, 2, 5]])
def test_target_outside_the_classes(linear, target):
    with pytest.raises(ArgumentError, match="one of the model's classes 0 to 2, got"):
        gradient(linear, ROWS, target=target)


@pytest.mark.parametrize("target", [0.5, [0, 1]])
def test_target_that_is_no_class(linear, target):
    with pytest.raises(ArgumentError, match="a class number, or one for each of the 4 rows"):
        occlusion(linear, ROWS, target=target)


def test_sample_that_does_not_fit(linear):
    with pytest.raises(ShapeError, match=re.escape("One sample needs a batch axis: type x[None]")):
        integrated_gradients(linear, ROWS[0])


def test_path_that_is_no_layer(linear):
    with pytest.raises(UnknownNameError, match="no layer in this model named 'dens'; did you mean"):
        gradient(linear, ROWS, at="dens")


def test_words_without_a_layer():
    model = Sequential([Input((6,), "int32"), Embedding(20, 4, name="words"), Flatten(), Dense(2)])
    with pytest.raises(DTypeError, match="name the layer whose output is explained, such as at="):
        gradient(model, np.zeros((1, 6), int))


def test_cam_of_a_layer_without_positions(linear):
    with pytest.raises(ShapeError, match="got 'dense' with .*name the last convolution"):
        grad_cam(linear, ROWS, "dense")


def test_several_inputs():
    a, b = Input((2,)), Input((2,))
    model = Model([a, b], Dense(1)(a))
    with pytest.raises(ArgumentError, match="explains a model of one input, got 2"):
        gradient(model, [ROWS[:, :2], ROWS[:, :2]])


def test_output_that_is_no_list_of_classes():
    model = Sequential([Input((8, 8, 1)), Conv2D(2, 3)])
    with pytest.raises(ShapeError, match=re.escape("one output of shape (batch, classes), got")):
        gradient(model, np.zeros((1, 8, 8, 1), "float32"))


@pytest.mark.parametrize("method", [integrated_gradients, occlusion, shapley_values])
def test_baseline_that_does_not_fit(linear, method):
    with pytest.raises(ShapeError, match="The baseline must be a number, one sample of shape"):
        method(linear, ROWS, baseline=np.zeros(4))


def test_window_larger_than_the_input(linear):
    with pytest.raises(ShapeError, match="does not fit into"):
        occlusion(linear, ROWS, window=6)


# Figures


def test_attribution_figure(planted):
    model, x, _ = planted
    found = gradient(model, x[:3])
    figure = plot_attribution(found, x[:3], names=["plain", "patch"], rows=2)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0].startswith("patch, score")
    assert titles[1] == "gradient"
    assert len(figure.axes) == 4
    with pytest.raises(ShapeError, match="give the pictures that were explained"):
        plot_attribution(found, x[:2])


def test_field_figure(planted):
    model, x, _ = planted
    figure = plot_receptive_field(model, "last", x[0], unit=(0, 5))
    assert figure.axes[0].get_title(loc="left") == "last, unit (0, 5): sees 5 x 5 pixels"
    frames = [patch.get_bbox().bounds for patch in figure.axes[1].patches]
    assert frames == [(2.5, -2.5, 5, 5), (2.5, -0.5, 5, 3)]
    with pytest.raises(ShapeError, match="must have the .* pixels of the model's input"):
        plot_receptive_field(model, "last", x[0, :4])
