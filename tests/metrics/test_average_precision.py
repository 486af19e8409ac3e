"""Average precision by hand, and what is refused."""

import numpy as np
import pytest

from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.metrics import mean_average_precision

A, B, FAR = [0.0, 0, 10, 10], [20.0, 20, 30, 30], [60.0, 60, 70, 70]
NEAR_A = [0.0, 0, 10, 8]  # IoU 0.8 with A


def measured(true, found, classes=1, **settings):
    """Return the result for images given as lists of (label, box) and (label, box, score)."""
    sizes = max(len(image) for image in true), max(max(len(image) for image in found), 1)
    images = len(true)
    boxes = [np.zeros((images, n, 4)) for n in sizes]
    labels = [np.full((images, n), -1) for n in sizes]
    scores = np.zeros((images, sizes[1]))
    for row in range(images):
        for which, entries in enumerate((true[row], found[row])):
            for place, (label, box, *score) in enumerate(entries):
                boxes[which][row, place], labels[which][row, place] = box, label
                if score:
                    scores[row, place] = score[0]
    return mean_average_precision(
        boxes[0], labels[0], boxes[1], labels[1], scores, classes, **settings
    )


def test_by_hand():
    """Right, wrong, right, of three: precisions 1, 1/2, 2/3 at recalls 1/3, 1/3, 2/3.

    The area is 1/3 at precision 1 and 1/3 at 2/3: 5/9.
    """
    true = [[(0, A), (0, B)], [(0, A)]]
    found = [[(0, A, 0.9), (0, FAR, 0.8)], [(0, NEAR_A, 0.7)]]
    assert measured(true, found).mean == pytest.approx(5 / 9)
    assert measured(true, found, iou=0.85).mean == pytest.approx(1 / 3), "the last is now wrong"


def test_a_lower_precision_is_raised_to_a_later_one():
    """Wrong, right, right, of two: precisions 0, 1/2, 2/3; both steps count at 2/3."""
    true = [[(0, A), (0, B)]]
    found = [[(0, FAR, 0.9), (0, A, 0.8), (0, B, 0.7)]]
    assert measured(true, found).mean == pytest.approx(2 / 3)


def test_a_box_is_found_once():
    """The second box on A is wrong, though it lies well; B is found third: (1 + 2/3) / 2."""
    true = [[(0, A), (0, B)]]
    found = [[(0, A, 0.9), (0, NEAR_A, 0.8), (0, B, 0.7)]]
    assert measured(true, found).mean == pytest.approx((1 + 2 / 3) / 2)
    worse_first = [[(0, A, 0.8), (0, NEAR_A, 0.9), (0, B, 0.7)]]
    assert measured(true, worse_first).mean == pytest.approx((1 + 2 / 3) / 2)


def test_classes_are_apart():
    """Class 0 is found as class 1; class 2 is found; class 3 has no true box."""
    true = [[(0, A), (2, B)]]
    found = [[(1, A, 0.9), (2, B, 0.8), (3, FAR, 0.9)]]
    mean, by_class = measured(true, found, classes=4)
    np.testing.assert_array_equal(by_class, [0, np.nan, 1, np.nan])
    assert mean == 0.5


def test_images_are_apart_and_nothing_found_is_0():
    assert measured([[(0, A)], []], [[], [(0, A, 0.9)]]).mean == 0
    assert measured([[(0, A)]], [[]]).mean == 0
    assert np.isnan(measured([[]] * 2, [[(0, A, 0.5)], []]).mean), "no true box, no number"


GOOD = (np.zeros((2, 3, 4)), np.zeros((2, 3), int), np.zeros((2, 5, 4)), np.zeros((2, 5), int))


@pytest.mark.parametrize(
    ("arrays", "scores", "settings", "error", "message"),
    [
        (GOOD, (2, 4), {}, ShapeError, r"scores of shape \(2, 4\) for labels of \(2, 5\)"),
        (
            (GOOD[0][:1], GOOD[1][:1], *GOOD[2:]),
            (2, 5),
            {},
            ShapeError,
            "and 2 images for 1",
        ),
        ((GOOD[0], GOOD[1][:, :2], *GOOD[2:]), (2, 5), {}, ShapeError, r"true_boxes of shape \(im"),
        ((*GOOD[:2], GOOD[2][..., :3], GOOD[3]), (2, 5), {}, ShapeError, "boxes of shape"),
        ((*GOOD[:3], GOOD[3] + 1), (2, 5), {}, DataError, "labels from 0 to 0, .* got 1 among"),
        (GOOD, (2, 5), {"iou": 0.0}, ArgumentError, r"iou to be a number in \(0, 1\]"),
        (GOOD, (2, 5), {"classes": 0}, ArgumentError, "classes to be an integer of 1 or more"),
    ],
)
def test_bad_input(arrays, scores, settings, error, message):
    settings = {"classes": 1, **settings}
    with pytest.raises(error, match=message):
        mean_average_precision(*arrays, np.zeros(scores), **settings)
