"""Figures of the inside: what is in them is what the network and the data say."""

import numpy as np
import pytest

from pellucid.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from pellucid.inspection import (
    exciting_pictures,
    layer_flow,
    layer_output,
    most_exciting,
    plot_attention_maps,
    plot_confusion_examples,
    plot_embedding,
    plot_exciting,
    plot_feature_maps,
    plot_gradient_flow,
    plot_update_ratios,
    plot_weight_maps,
    principal_components,
    trace,
)
from pellucid.inspection._embedding import embed
from pellucid.layers import Conv2D, Dense, Embedding, Flatten, Input, MultiHeadAttention
from pellucid.models import Model, Sequential

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def bars():
    """A network whose first channel answers to a bright column, its second to a bright row."""
    model = Sequential([Input((8, 8, 1)), Conv2D(2, 3, name="conv"), Flatten(), Dense(2)])
    kernel = np.zeros((3, 3, 1, 2), "float32")
    kernel[:, :, 0, 0] = [[-1, 2, -1]] * 3
    kernel[:, :, 0, 1] = kernel[:, :, 0, 0].T
    dense = RNG.normal(size=(72, 2)).astype("float32")
    model.set_weights([kernel, np.zeros(2, "float32"), dense, np.zeros(2, "float32")])
    return model


@pytest.fixture(scope="module")
def pictures():
    """Noise; a bright column in picture 4 at column 5, a bright row in picture 7."""
    x = 0.1 * RNG.random((10, 8, 8, 1)).astype("float32")
    x[4, 2:5, 5] = 1
    x[7, 6, 1:4] = 1
    return x


def images_of(figure):
    return [np.asarray(image.get_array()) for image in figure.axes[0].get_images()]


def test_feature_maps_are_the_layer_s_output(bars, pictures):
    figure = plot_feature_maps(bars, "conv", pictures[4])
    expected = layer_output(bars, "conv", pictures[4:5])[0]
    shown = images_of(figure)
    assert len(shown) == 2
    np.testing.assert_array_equal(shown[0], expected[..., 0])
    assert len(plot_feature_maps(bars, "conv", pictures[4], most=1).axes[0].get_images()) == 1


def test_weight_maps_of_a_convolution_and_of_a_dense_layer(bars):
    shown = images_of(plot_weight_maps(bars, "conv"))
    np.testing.assert_array_equal(shown[0], [[-1, 2, -1]] * 3)
    dense = Sequential([Input((4, 3)), Flatten(), Dense(2, name="first")])
    kernel = np.asarray(dense.variables.parameters["first"]["kernel"])
    shown = images_of(plot_weight_maps(dense, "first"))
    np.testing.assert_allclose(shown[1], kernel[:, 1].reshape(4, 3))
    many = Sequential([Input((6, 6, 5)), Conv2D(4, 3)])
    assert len(images_of(plot_weight_maps(many, "conv2d"))) == 4 * 5


def test_most_exciting_finds_picture_and_place(bars, pictures):
    best = most_exciting(bars, "conv", 0, pictures, count=3)
    assert best[0].row == 4
    assert best[0].position == (2, 4)
    assert best[0].box == ((2, 5), (4, 7))
    assert best[0].value == pytest.approx(layer_output(bars, "conv", pictures)[4, 2, 4, 0])
    assert [one.value for one in best] == sorted((one.value for one in best), reverse=True)
    assert most_exciting(bars, "conv", 1, pictures, count=1)[0].row == 7
    assert most_exciting(bars, "dense", 1, pictures, count=1)[0].box == ()


def test_going_uphill_makes_what_the_unit_likes(bars):
    made = exciting_pictures(bars, "conv", [0, 1], seed=1)
    assert made.shape == (2, 8, 8, 1)
    assert made.min() >= 0
    assert made.max() <= 1
    said = layer_output(bars, "conv", made)
    even = layer_output(bars, "conv", np.full((1, 8, 8, 1), 0.5, "float32"))
    for row, channel in enumerate((0, 1)):
        # Three bright pixels between dark ones give 6, the most there is.
        assert said[row, 3, 3, channel] > even[0, 3, 3, channel] + 4.5
    np.testing.assert_array_equal(made, exciting_pictures(bars, "conv", [0, 1], seed=1))
    assert np.any(made != exciting_pictures(bars, "conv", [0, 1], seed=2))


def test_exciting_figure_has_the_made_picture_and_the_found_ones(bars, pictures):
    figure = plot_exciting(bars, "conv", [0, 1], pictures, count=3, steps=5)
    shown = images_of(figure)
    assert len(shown) == 2 * 4
    # A unit sees 3 x 3 pixels.
    assert {picture.shape for picture in shown} == {(3, 3)}


def test_flow_is_that_of_the_trace():
    model = Sequential([Input((3,)), Dense(4, "tanh", name="a"), Dense(1, name="b")])
    model.compile("sgd", "mean_squared_error", verbose=0)
    step = trace(model, RNG.normal(size=(6, 3)), RNG.normal(size=(6, 1)))
    first, second = layer_flow(step)
    assert [first.path, second.path] == ["a", "b"]
    kernel, bias = step["a"].gradients["kernel"], step["a"].gradients["bias"]
    assert first.gradient == pytest.approx(float(np.sqrt(np.sum(kernel**2) + np.sum(bias**2))))
    assert first.delta == pytest.approx(float(np.sqrt(np.mean(np.square(step["a"].delta)))))
    # Plain descent moves by the rate times the gradient.
    assert first.ratio == pytest.approx(0.01 * first.gradient / first.weights, rel=1e-5)
    figure = plot_update_ratios(step)
    np.testing.assert_allclose(
        figure.axes[0].lines[0].get_xdata(), [first.ratio, second.ratio], rtol=1e-6
    )
    names = [text.get_text() for text in plot_gradient_flow(step).axes[0].get_yticklabels()]
    assert names == ["a", "b"]


def test_principal_components_keep_distances_and_tell_the_variance():
    x = RNG.normal(size=(40, 2)) @ np.array([[3.0, 0, 1, 0], [0, 1.0, 0, 2]]) + 5
    points, shares = principal_components(x)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > shares[1]
    gaps = np.linalg.norm(x[:1] - x, axis=1)
    np.testing.assert_allclose(np.linalg.norm(points[:1] - points, axis=1), gaps)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(points.var(axis=0) / x.var(axis=0).sum(), shares)


def test_map_of_a_layer_colors_its_classes(bars, pictures):
    y = np.arange(10) % 2
    figure = plot_embedding(bars, "dense", pictures, y, ["even", "odd"])
    assert figure.axes[0].get_title(loc="left") == "PCA, 100% of the variance"
    assert [len(dots.get_offsets()) for dots in figure.axes[0].collections] == [5, 5]


def test_tsne_keeps_clusters_together():
    x = np.concatenate([RNG.normal(size=(15, 4)), RNG.normal(size=(15, 4)) + 20])
    points, shares = embed(x, "tsne")
    assert shares is None
    inside = np.linalg.norm(points[:15] - points[:15].mean(axis=0), axis=1).max()
    apart = np.linalg.norm(points[:15].mean(axis=0) - points[15:].mean(axis=0))
    assert apart > inside


def test_confusions_show_the_most_confident_of_each_kind():
    truth, said = [0, 0, 0, 1], [0, 1, 1, 1]
    looks = np.arange(4.0)[:, None, None] * np.ones((4, 2, 2))
    looks[:, 0, 0] = -1  # so that the pictures differ after scaling
    figure = plot_confusion_examples(truth, said, looks, ["a", "b"], [0.9, 0.6, 0.8, 0.7])
    axes = figure.axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1", "2"]
    assert len(axes.get_images()) == 3


def test_attention_maps_sum_to_one():
    x = Input((5,), dtype="int32")
    e = Embedding(7, 8)(x)
    model = Model(x, Dense(1)(MultiHeadAttention(2, 4, name="look")([e, e])))
    figure = plot_attention_maps(model, np.arange(5))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["head 0", "head 1"]
    weights = np.asarray(figure.axes[0].collections[0].get_array())
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    named = plot_attention_maps(model, np.arange(5), "look", words=["a", "b", "c"], most=1)
    assert [text.get_text() for text in named.axes[0].get_xticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, x: plot_feature_maps(m, "conv2", x[0]), UnknownNameError, "mean 'conv'"),
        (lambda m, x: plot_weight_maps(m, "convv"), UnknownNameError, "did you mean 'conv'"),
        (lambda m, x: plot_weight_maps(m, "flatten"), ArgumentError, "got 'flatten' with no param"),
        (lambda m, x: plot_weight_maps(m, "dense"), ShapeError, "72 weights of each unit"),
        (lambda m, x: plot_feature_maps(m, "dense", x[0]), ShapeError, "name a convolution"),
        (lambda m, x: most_exciting(m, "conv", 2, x), ArgumentError, "from 0 to 1 of layer 'conv'"),
        (lambda m, x: exciting_pictures(m, "conv", [9]), ArgumentError, "from 0 to 1 of layer"),
        (lambda m, x: exciting_pictures(m, "conv", [0], low=1), ArgumentError, "low below high"),
        (lambda m, x: plot_attention_maps(m, x[0]), ArgumentError, "no attention to draw"),
        (lambda m, x: plot_embedding(m, "dense", x, [0], ["a"]), ShapeError, "each of the 10 rows"),
        (lambda m, x: principal_components(x[:1]), DataError, "at least two rows"),
        (lambda m, x: embed(x, "umap"), ArgumentError, "'pca', 'tsne', got 'umap'"),
        (lambda m, x: embed(x[:4], "tsne"), DataError, "at least 5 rows, got 4"),
        (
            lambda m, x: plot_confusion_examples([0], [0], [], ["a"]),
            ShapeError,
            "one picture for each of the 1 rows, got 0",
        ),
    ],
)
def test_bad_input(bars, pictures, call, error, message):
    with pytest.raises(error, match=message):
        call(bars, pictures)


def test_a_table_s_network_has_no_picture_to_make():
    model = Sequential([Input((3,)), Dense(2)])
    with pytest.raises(ShapeError, match="use most_exciting, which looks for samples"):
        exciting_pictures(model, "dense", [0])
