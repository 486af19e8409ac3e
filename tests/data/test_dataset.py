"""Dataset: conversion, checks, rows, splits, batches and streams."""

import numpy as np
import pytest

from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError, DTypeError, ShapeError

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.arange(6, dtype=np.int32)


class FrameLike:
    """Is no array, but ``numpy.asarray`` takes it, as with a data frame."""

    def __init__(self, array):
        self.array = array
        self.ndim = array.ndim

    def __array__(self, dtype=None, copy=None):
        return self.array


class Sparse:
    """Looks like scipy's sparse matrices to NumPy."""

    ndim = 2

    def toarray(self):
        return np.eye(2)


# --- conversion ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("float64", "float32"),
        ("float32", "float32"),
        ("float16", "float16"),
        (">f4", "float32"),
        ("longdouble", "float32"),
        ("int64", "int32"),
        ("uint64", "int32"),
        ("int32", "int32"),
        (">i2", "int16"),
        ("uint8", "uint8"),
        ("uint32", "uint32"),
        ("bool", "bool"),
    ],
)
def test_types(given, kept):
    dataset = Dataset.from_arrays(np.array([[0], [1]], given))
    assert dataset.x.dtype == kept
    assert dataset.x.dtype.isnative
    assert dataset.x.tolist() == [[0], [1]]


def test_an_array_of_the_right_type_is_not_copied():
    assert np.shares_memory(Dataset.from_arrays(X).x, X)


@pytest.mark.parametrize("x", [[[0, 1], [2, 3]], ((0, 1), (2, 3)), FrameLike(np.arange(4.0))])
def test_lists_and_frames_become_one_array(x):
    dataset = Dataset.from_arrays(x)
    assert isinstance(dataset.x, np.ndarray)
    np.testing.assert_array_equal(dataset.x, np.asarray(x))


def test_several_inputs_and_outputs():
    dataset = Dataset.from_arrays([X, FrameLike(Y)], {"a": Y, "b": X.tolist()}, Y)
    assert isinstance(dataset.x, tuple)
    assert [array.shape for array in dataset.x] == [(6, 2), (6,)]
    assert list(dataset.y) == ["a", "b"]
    assert dataset.y["b"].dtype == np.float32
    assert dataset.sample_weight.dtype == np.float32
    assert len(dataset) == 6


def test_frozen():
    with pytest.raises(AttributeError, match="cannot assign to field 'x'"):
        Dataset.from_arrays(X).x = Y


# --- refusals -----------------------------------------------------------------------------------

NAN = X.copy()
NAN[2, 1], NAN[4, 0], NAN[5, 1] = np.nan, np.inf, -np.inf


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y[:5]), ShapeError, "x and y with as many samples each, got 6 and 5; give each"),
        ((X, Y, Y[:4]), ShapeError, "x and sample_weight with as many samples each, got 6 and 4"),
        (({"a": X, "b": Y[:1]},), ShapeError, r"x\['a'\] and x\['b'\] .* got 6 and 1"),
        (([X, X[:3]], Y), ShapeError, r"x\[0\] and x\[1\] .* 6 and 3; a list of arrays is several"),
        (([X[0], X[1]], Y[:1]), ShapeError, r"x\[0\] and y .* write numpy\.stack\(list\)"),
        ((X[:0],), DataError, "at least one sample, got x without any"),
        (([],), DataError, "at least one sample, got x without any"),
        (({},), DataError, "expected arrays by name in x, got none"),
        ((3.0,), ShapeError, r"x with a first axis of samples, got the single value 3\.0"),
        ((None,), DTypeError, "x to hold numbers, got object"),
        ((NAN,), DataError, "numbers in x, got 3 that are NaN or infinite, the first in row 2;"),
        ((X, {"a": NAN}), DataError, r"numbers in y\['a'\], got 3 that are NaN or infinite"),
        ((X, Y, NAN[:, 0]), DataError, "in sample_weight, got 1 that are .*, the first in row 4"),
        (([1.0, 1e300],), DataError, "got 1 beyond what float32 can hold, the first in row 1"),
        (([[1, 2**31]],), DataError, "integers in x that fit int32, got 2147483648 in row 0"),
        ((np.uint64([2**63]),), DataError, "fit int32, got 9223372036854775808 in row 0"),
        (([[1, 2], [3]],), DataError, r"got lists of different length; .*pad_sequences\("),
        ((np.array([[1, 2], [3]], object),), DataError, r"array of list objects; .*pad_sequences"),
        ((["cat", "dog"],), DTypeError, "x to hold numbers, got strings; turn words into numbers"),
        ((X[:2], np.array(["a", "b"], object)), DTypeError, "y to hold numbers, got strings"),
        ((Sparse(),), DTypeError, r"got a sparse matrix; pass x\.toarray\(\)"),
        ((np.ma.masked_equal(X, 3),), DTypeError, r"x without a mask; .*x\.filled\("),
        ((np.array(["2020-01-01"], "datetime64[D]"),), DTypeError, r"got datetime64\[D\]; conv"),
        ((X.astype(complex),), DTypeError, r"got complex128; convert it first"),
    ],
)
def test_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Dataset.from_arrays(*arguments)


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -2), [5, 3, 1]),
        ([4, 0, 4], [4, 0, 4]),
        (np.array([-1, 2], np.int8), [5, 2]),
        (Y > 3, [4, 5]),
        ([], []),
    ],
)
def test_take(rows, expected):
    part = Dataset.from_arrays({"a": X, "b": Y}, Y, Y)[rows]
    assert part.x["a"].tolist() == X[expected].tolist()
    assert part.x["b"].tolist() == part.y.tolist() == part.sample_weight.tolist() == expected
    assert len(part) == len(expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (2, r"got int64 of shape \(\); for one sample write dataset\[i : i \+ 1\]"),
        ([0.5], r"got float64 of shape \(1,\)"),
        ([[0]], r"got int64 of shape \(1, 1\)"),
        ([True], r"6 times true or false, got bool of shape \(1,\)"),
        ([0, 6], "6 samples was indexed with rows 0 to 6; the last one is 5"),
        ([-7], "indexed with rows -7 to -7"),
    ],
)
def test_rows_refused(rows, message):
    with pytest.raises(ArgumentError, match=message):
        Dataset.from_arrays(X)[rows]


@pytest.mark.parametrize(
    ("fraction", "at"), [(0.5, 3), (0.2, 4), (0.34, 3), (0.9, 0.6), (1 / 6, 5)]
)
def test_split_takes_the_last_samples(fraction, at):
    dataset = Dataset.from_arrays(X, Y)
    if at < 1:
        with pytest.raises(ArgumentError, match=r"samples on both sides, got 0\.9 of 6 samples"):
            dataset.split(fraction)
        return
    front, back = dataset.split(fraction)
    assert front.y.tolist() == Y[:at].tolist()
    assert back.y.tolist() == Y[at:].tolist()
    np.testing.assert_array_equal(back.x, X[at:])


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, "half", None])
def test_split_outside(fraction):
    with pytest.raises(ArgumentError, match="fraction to be a number in"):
        Dataset.from_arrays(X).split(fraction)


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch_size", "order", "expected"),
    [
        (4, None, [[0, 1, 2, 3], [4, 5]]),
        (3, None, [[0, 1, 2], [3, 4, 5]]),
        (10, None, [[0, 1, 2, 3, 4, 5]]),
        (2, [5, 0, 3], [[5, 0], [3]]),
    ],
)
def test_batches(batch_size, order, expected):
    batches = list(Dataset.from_arrays((X, X), Y).batches(batch_size, order))
    assert [batch.y.tolist() for batch in batches] == expected
    for batch, rows in zip(batches, expected, strict=True):
        assert batch.sample_weight is None
        np.testing.assert_array_equal(batch.x[1], X[rows])


def test_batches_refused():
    dataset = Dataset.from_arrays(X)
    with pytest.raises(ArgumentError, match="batch_size to be an integer of 1 or more, got 0"):
        list(dataset.batches(0))
    with pytest.raises(ArgumentError, match="indexed with rows 0 to 9"):
        list(dataset.batches(2, [0, 9]))


# --- streams ------------------------------------------------------------------------------------


def pairs():
    for start in range(0, 6, 2):
        yield X[start : start + 2].astype(np.float64), Y[start : start + 2].tolist()


@pytest.mark.parametrize("source", [pairs, list(pairs())], ids=["function", "list"])
def test_a_stream_can_be_read_again_and_again(source):
    dataset = Dataset.from_batches(source)
    for _ in range(2):
        batches = list(dataset)
        assert np.concatenate([batch.y for batch in batches]).tolist() == Y.tolist()
        assert {batch.x.dtype for batch in batches} == {np.dtype(np.float32)}
        assert all(batch.sample_weight is None for batch in batches)


def test_a_stream_of_inputs_alone_or_with_weights():
    (alone,) = Dataset.from_batches([X])
    assert alone.y is None
    (named,) = Dataset.from_batches([{"a": X}])
    assert list(named.x) == ["a"]
    (weighted,) = Dataset.from_batches([[(X, X), Y, Y]])
    assert isinstance(weighted.x, tuple)
    assert weighted.sample_weight.tolist() == Y.tolist()


def test_an_endless_stream_has_epochs():
    def endless():
        while True:
            yield X, Y

    dataset = Dataset.from_batches(endless, batches=3)
    assert dataset.batch_count == 3
    assert len(list(dataset)) == len(list(dataset)) == 3


@pytest.mark.parametrize("rows", [6, 1])
def test_the_size_of_a_batch_may_vary(rows):
    assert len(list(Dataset.from_batches([(X, Y), (X[:rows], Y[:rows])]))) == 2


BAD = [(X, Y), (X, Y)]


@pytest.mark.parametrize(
    ("batches", "count", "error", "message"),
    [
        ([*BAD, (NAN, Y)], None, DataError, "the first in row 2 in batch 2;"),
        ([(X, Y[:3])], None, ShapeError, "as many samples each in batch 0, got 6 and 3"),
        ([*BAD, (X[:0], Y[:0])], None, DataError, "got x without any in batch 2"),
        ([*BAD, (["a"], [1])], None, DTypeError, "got strings in batch 2"),
        ([*BAD, ([[1, 2], [3]], [1, 2])], None, DataError, "of different length in batch 2"),
        (
            [*BAD, (X[:, :1], Y)],
            None,
            ShapeError,
            r"like the first, x float32 of \('n', 2\), y int32 .*, got x float32 of \('n', 1\), y",
        ),
        ([*BAD, (X, Y.astype(float))], None, ShapeError, r"y float32 of \('n',\) in batch 2"),
        ([*BAD, X], None, ShapeError, r"got x float32 of \('n', 2\) in batch 2"),
        ([(X, Y, Y, Y)], None, DataError, "got 4 parts in batch 0; several inputs go together"),
        ([()], None, DataError, "got 0 parts in batch 0"),
        ([], None, DataError, "expected at least one batch, and the iterator ended after 0"),
        (BAD, 3, DataError, "expected 3, and the iterator ended after 2; pass a smaller batches="),
    ],
)
def test_bad_batches_are_named(batches, count, error, message):
    dataset = Dataset.from_batches(batches, count)
    with pytest.raises(error, match=message):
        list(dataset)


def test_a_function_that_gives_one_iterator_for_all_epochs():
    stream = pairs()
    dataset = Dataset.from_batches(lambda: stream)
    assert len(list(dataset)) == 3
    with pytest.raises(DataError, match="a function that gives a new iterator every time"):
        list(dataset)


@pytest.mark.parametrize(
    ("source", "count", "error", "message"),
    [
        (pairs(), None, DTypeError, "an iterator that can be read only once; pass the generator"),
        (3, None, DTypeError, "expected a function that returns an iterator, got int"),
        (pairs, 0, ArgumentError, "batches to be an integer of 1 or more, got 0"),
    ],
)
def test_streams_refused(source, count, error, message):
    with pytest.raises(error, match=message):
        Dataset.from_batches(source, count)
