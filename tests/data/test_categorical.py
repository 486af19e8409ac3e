"""to_categorical: Keras's behavior by hand, and what is refused."""

import numpy as np
import pytest

from pellucid.data import to_categorical
from pellucid.errors import ArgumentError, DataError, DTypeError


@pytest.mark.parametrize(
    ("labels", "num_classes", "expected"),
    [
        ([0, 2, 1], None, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ([0, 1], 3, [[1, 0, 0], [0, 1, 0]]),
        ([[1], [0]], None, [[0, 1], [1, 0]]),
        ([[0, 1], [1, 0]], 2, [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]),
        (np.uint8([1, 0]), None, [[0, 1], [1, 0]]),
        ([1.0, 0.0], np.int64(2), [[0, 1], [1, 0]]),
        ([True, False], None, [[0, 1], [1, 0]]),
        (1, 3, [0, 1, 0]),
        ([1], None, [[0, 1]]),
    ],
)
def test_by_hand(labels, num_classes, expected):
    rows = to_categorical(labels, num_classes)
    assert rows.dtype == np.float32
    assert rows.tolist() == expected


def test_no_labels_of_known_classes():
    assert to_categorical([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "num_classes", "error", "message"),
    [
        ([0, 3], 3, DataError, r"labels from 0 to 2, got 3; .* a larger num_classes="),
        ([0, -1], 3, DataError, "labels from 0 to 2, got -1"),
        ([-1], None, DataError, "got -1; count classes from 0"),
        ([0, 0.5], None, DataError, r"whole numbers as labels, got 0\.5"),
        ([0, float("nan")], None, DataError, "whole numbers as labels, got nan"),
        ([], None, DataError, "at least one label, got none; pass num_classes="),
        ([[0], [1, 2]], None, DataError, "labels of one shape, got a ragged list"),
        (["cat", "dog"], None, DTypeError, "whole numbers as labels, got <U3; number the classes"),
        ([None], None, DTypeError, "whole numbers as labels, got object"),
        ([0], 0, ArgumentError, "num_classes to be an integer of 1 or more, got 0"),
        ([0], 2.0, ArgumentError, r"num_classes to be an integer of 1 or more, got 2\.0"),
    ],
)
def test_refused(labels, num_classes, error, message):
    with pytest.raises(error, match=message):
        to_categorical(labels, num_classes)
