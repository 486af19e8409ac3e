"""Flatten, Reshape and Permute: which number goes where."""

import numpy as np
import pytest

from layers.calls import call
from pellucid.errors import ArgumentError
from pellucid.layers import Flatten, Input, Permute, Reshape

X = np.arange(24.0, dtype="float32").reshape(2, 3, 4)


def test_flatten_writes_the_last_axis_fastest():
    y, _ = call(Flatten(), X)
    np.testing.assert_array_equal(y[1], np.arange(12.0, 24.0))


def test_flatten_makes_a_row_of_a_number():
    y, _ = call(Flatten(), np.array([3.0, 5.0], "float32"))
    np.testing.assert_array_equal(y, [[3.0], [5.0]])


def test_flatten_takes_an_empty_batch():
    y, _ = call(Flatten(), np.zeros((0, 3, 4), "float32"))
    assert y.shape == (0, 12)


def test_flatten_of_an_unknown_size_is_unknown():
    assert Flatten()(Input((None, 4))).shape == (None, None)


@pytest.mark.parametrize("target", [(2, 6), (-1, 6), (2, -1)])
def test_reshape_is_numpys(target):
    y, _ = call(Reshape(target), X)
    np.testing.assert_array_equal(y, X.reshape(2, 2, 6))


def test_reshape_to_a_number():
    y, _ = call(Reshape(()), np.array([[3.0], [5.0]], "float32"))
    np.testing.assert_array_equal(y, [3.0, 5.0])


@pytest.mark.parametrize("target", [(-1, -1), (0, 3), (-2,), 12, ("a",), (2.0, 6)])
def test_reshape_refuses_a_target_that_is_no_shape(target):
    with pytest.raises(ArgumentError, match="Reshape expected target_shape to be a tuple of sizes"):
        Reshape(target)


def test_permute_counts_from_one():
    y, _ = call(Permute((2, 1)), X)
    np.testing.assert_array_equal(y, X.transpose(0, 2, 1))


def test_permute_moves_channels():
    x = np.zeros((2, 3, 5, 7), "float32")
    y, _ = call(Permute((2, 3, 1)), x)
    assert y.shape == (2, 5, 7, 3)


@pytest.mark.parametrize("dims", [(0, 1), (1, 1), (2,), (1, 3), 1])
def test_permute_refuses_dims_that_are_no_order(dims):
    with pytest.raises(ArgumentError, match="Permute expected dims to name each axis"):
        Permute(dims)


def test_channels_first_is_refused():
    with pytest.raises(ArgumentError, match="Flatten expected data_format to be 'channels_last'"):
        Flatten(data_format="channels_first")
