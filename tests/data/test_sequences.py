"""pad_sequences: Keras's behavior by hand, and what is refused."""

import numpy as np
import pytest

from pellucid.data import pad_sequences
from pellucid.errors import ArgumentError, DataError, DTypeError, ShapeError

SEQUENCES = [[1], [2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ({"padding": "post"}, [[1, 0, 0], [2, 3, 0], [4, 5, 6]]),
        ({"value": -1}, [[-1, -1, 1], [-1, 2, 3], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
        ({"maxlen": 2, "padding": "post", "truncating": "post"}, [[1, 0], [2, 3], [4, 5]]),
        ({"maxlen": np.int64(4)}, [[0, 0, 0, 1], [0, 0, 2, 3], [0, 4, 5, 6]]),
        ({"maxlen": 1}, [[1], [3], [6]]),
    ],
    ids=str,
)
def test_by_hand(options, expected):
    padded = pad_sequences(SEQUENCES, **options)
    assert padded.dtype == np.int32
    assert padded.tolist() == expected


@pytest.mark.parametrize(
    "sequences",
    [
        tuple(map(tuple, SEQUENCES)),
        [np.array(sequence) for sequence in SEQUENCES],
        np.array(SEQUENCES, dtype=object),
        [[1.0], [2.0, 3.0], [4.0, 5.0, 6.0]],
        [[True], [2, 3], [4, 5, 6]],
    ],
)
def test_other_forms_of_sequences(sequences):
    assert pad_sequences(sequences).tolist() == [[0, 0, 1], [0, 2, 3], [4, 5, 6]]


def test_sequences_of_vectors():
    padded = pad_sequences([[], [[1, 2]], [[3, 4], [5, 6]]], padding="post")
    assert padded.tolist() == [[[0, 0], [0, 0]], [[1, 2], [0, 0]], [[3, 4], [5, 6]]]


def test_empty_sequences():
    assert pad_sequences([[], []]).shape == (2, 0)
    assert pad_sequences([[], []], maxlen=2, value=7).tolist() == [[7, 7], [7, 7]]


def test_other_types():
    padded = pad_sequences([[0.5], [1.5, 2.5]], dtype="float32", value=-1.0)
    assert padded.dtype == np.float32
    assert padded.tolist() == [[-1.0, 0.5], [1.5, 2.5]]
    words = pad_sequences([["a"], ["b", "c"]], dtype=object, value="<pad>")
    assert words.tolist() == [["<pad>", "a"], ["b", "c"]]


@pytest.mark.parametrize(
    ("sequences", "options", "error", "message"),
    [
        (SEQUENCES, {"padding": "left"}, ArgumentError, "padding to be one of 'pre', 'post', got"),
        (SEQUENCES, {"truncating": "end"}, ArgumentError, "truncating to be one of 'pre', 'post'"),
        (SEQUENCES, {"maxlen": 0}, ArgumentError, "maxlen to be an integer of 1 or more, got 0"),
        (SEQUENCES, {"value": 0.5}, ArgumentError, "fits dtype=int32, got 0.5; pass another value"),
        (SEQUENCES, {"value": "x"}, ArgumentError, "a value that fits dtype=int32, got 'x'"),
        (SEQUENCES, {"value": float("nan")}, ArgumentError, "fits dtype=int32, got nan"),
        (SEQUENCES, {"value": 2**40}, ArgumentError, "fits dtype=int32, got 1099511627776"),
        (SEQUENCES, {"value": None, "dtype": "float32"}, ArgumentError, "dtype=float32, got None"),
        ([], {}, DataError, "expected at least one sequence, got none"),
        ([[0.5], [2]], {}, DataError, r"got 0\.5 in sequences\[0\]; pass another dtype"),
        ([[1], [float("nan")]], {}, DataError, r"got nan in sequences\[1\]"),
        ([[1], [2**40]], {}, DataError, r"got 1099511627776 in sequences\[1\]"),
        ([[-1]], {"dtype": "uint8"}, DataError, r"fit dtype=uint8, got -1 in sequences\[0\]"),
        ([["a"], ["b"]], {}, DataError, r"sequences\[0\]; turn words into numbers first"),
        ([1, 2, 3], {}, DTypeError, r"got 1 as sequences\[0\]; one sequence alone is passed as"),
        (["ab", "c"], {}, DTypeError, r"got 'ab' as sequences\[0\]"),
        ("abc", {}, DTypeError, "expected a list of sequences, got str"),
        (iter(SEQUENCES), {}, DTypeError, r"got list_iterator; pass list\(\.\.\.\) of it"),
        ([[[1, 2]], [[3]]], {}, ShapeError, r"shape \(2,\) .*, got \(1,\) in sequences\[1\]"),
        ([[1, [2]]], {}, ShapeError, r"entries of one shape, and those of sequences\[0\] differ"),
    ],
)
def test_refused(sequences, options, error, message):
    with pytest.raises(error, match=message):
        pad_sequences(sequences, **options)
