"""Figures: what is drawn, not how it looks."""

import numpy as np
import pytest

from pellucid.errors import DataError, ShapeError
from pellucid.inspection._plots import plot_attention, plot_confusion_matrix, plot_learning_curve


def test_learning_curve_draws_every_measure():
    figure = plot_learning_curve(
        {"loss": [2.0, 1.0, 0.5], "accuracy": [0.2, 0.5, 0.9], "val_loss": [2.1, None, 0.7]}
    )
    left, right = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy"]
    assert [line.get_label() for line in left.lines] == ["training", "validation"]
    np.testing.assert_array_equal(left.lines[0].get_xydata(), [[1, 2.0], [2, 1.0], [3, 0.5]])
    np.testing.assert_array_equal(left.lines[1].get_ydata(), [2.1, np.nan, 0.7])
    assert len(right.lines) == 1


@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_learning_curve_needs_an_epoch(history):
    with pytest.raises(DataError, match="at least one epoch, got none"):
        plot_learning_curve(history)


def test_a_single_epoch_is_visible():
    (axes,) = plot_learning_curve({"loss": [1.0]}).axes
    assert axes.lines[0].get_marker() == "o"


def test_confusion_matrix_says_its_numbers():
    figure = plot_confusion_matrix([[8, 2], [0, 5]], ["cat", "dog"])
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "13 of 15 right, 86.67%"
    # Row 0 is drawn on top; cells without a case stay empty.
    cells = {text.get_text(): text.get_position() for text in axes.texts}
    assert cells == {"8": (0.5, 1.5), "2": (1.5, 1.5), "5": (1.5, 0.5)}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("matrix", "labels", "message"),
    [
        ([1, 2], ["a", "b"], "rank 2"),
        ([[1, 2, 3], [4, 5, 6]], ["a", "b"], "rows and columns of equal shape"),
        ([[1, 2], [3, 4]], ["a"], "give one label for each class"),
    ],
)
def test_confusion_matrix_of_the_wrong_shape(matrix, labels, message):
    with pytest.raises(ShapeError, match=message):
        plot_confusion_matrix(matrix, labels)


def test_attention_maps_stand_side_by_side():
    maps = {"copy": [[0.9, 0.1], [0.0, 1.0]], "turn": np.eye(3)}
    words = {"copy": (["a", "b"], ["a", "b"]), "turn": (["x", "y", "z"], ["p", "q", "r"])}
    left, right = plot_attention(maps, words).axes
    assert left.get_title(loc="left") == "copy"
    # The first row is drawn on top.
    np.testing.assert_allclose(left.collections[0].get_array(), [[0.0, 1.0], [0.9, 0.1]])
    assert [text.get_text() for text in right.get_yticklabels()] == ["z", "y", "x"]
    assert [text.get_text() for text in right.get_xticklabels()] == ["p", "q", "r"]


def test_attention_map_without_its_words():
    with pytest.raises(
        ShapeError, match=r"the map 'copy' and its words .* got \(2, 2\) and \(1, 2"
    ):
        plot_attention({"copy": np.eye(2)}, {"copy": (["a"], ["a", "b"])})
