"""Figures of objects in images, and the learning curve of a measure that only validation has."""

import numpy as np
import pytest

from pellucid.errors import ShapeError
from pellucid.inspection import plot_boxes
from pellucid.inspection._plots import plot_learning_curve

IMAGES = np.zeros((2, 12, 16, 3), np.uint8)
TRUE = np.array([[[1.0, 1, 5, 5], [0, 0, 0, 0]]] * 2), np.array([[1, -1]] * 2)
FOUND = (
    np.array([[[1.0, 1, 5, 6], [8, 8, 10, 12], [0, 0, 3, 3]]] * 2),
    np.array([[1, 0, 1]] * 2),
    np.array([[0.9, 0.6, 0.2]] * 2),
)


def test_true_and_found_boxes_are_drawn():
    figure = plot_boxes(IMAGES, TRUE, FOUND, ["red", "white"], least_score=0.5)
    above, below = figure.axes[:2], figure.axes[2:]
    assert [len(axes.patches) for axes in above] == [1, 1]
    assert [len(axes.patches) for axes in below] == [2, 2], "the third is not certain enough"
    assert below[0].patches[0].get_bbox().extents.tolist() == [1, 1, 5, 6]
    assert [text.get_text() for text in below[0].texts] == ["90", "60"]
    assert below[0].get_xlabel() == "1 red, 1 white"
    assert above[0].get_xlabel() == "1 white"
    assert [text.get_text() for text in figure.legends[0].texts] == ["red", "white"]


def test_boxes_for_other_images_are_refused():
    with pytest.raises(ShapeError, match="true boxes for 1 and found ones for 2"):
        plot_boxes(IMAGES, (TRUE[0][:1], TRUE[1][:1]), FOUND, ["red", "white"])


def test_a_measure_of_validation_alone_has_a_panel():
    figure = plot_learning_curve({"loss": [2.0, 1.0], "val_precision": [0.1, 0.5]})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "precision"]
    (line,) = figure.axes[1].lines
    assert line.get_ydata().tolist() == [0.1, 0.5]
    assert line.get_label() == "validation"
