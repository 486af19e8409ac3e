"""Add, Multiply and Concatenate: numbers, masks, refusals."""

import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import Add, Concatenate, Input, Multiply

A = jnp.array([[1.0, 2.0], [3.0, 4.0]])
B = jnp.array([[10.0, 20.0], [30.0, 40.0]])


def test_by_hand():
    np.testing.assert_array_equal(call(Add(), [A, B, A])[0], [[12, 24], [36, 48]])
    np.testing.assert_array_equal(call(Multiply(), [A, B])[0], [[10, 40], [90, 160]])
    np.testing.assert_array_equal(call(Concatenate(), [A, B])[0], [[1, 2, 10, 20], [3, 4, 30, 40]])


@pytest.mark.parametrize("layer", [Add(), Multiply(), Concatenate()], ids=repr)
def test_one_input_in_a_list_passes(layer):
    np.testing.assert_array_equal(call(layer, [A])[0], A)


def test_size_one_is_stretched():
    y, _ = call(Multiply(), [jnp.ones((2, 3, 4)), 2 * jnp.ones((2, 1, 4))])
    np.testing.assert_array_equal(y, np.full((2, 3, 4), 2.0))


def test_both_inputs_may_be_stretched():
    assert Add()([Input((3, 1)), Input((1, 4))]).shape == (None, 3, 4)


def test_time_of_unknown_size():
    assert Concatenate(axis=1)([Input((None, 4)), Input((3, 4))]).shape == (None, None, 4)
    assert Concatenate()([Input((None, 4)), Input((None, 3))]).shape == (None, None, 7)


TIMES = [jnp.zeros((1, 3, 2)), jnp.zeros((1, 3, 2))]
LEFT = jnp.array([[True, True, False]])
RIGHT = jnp.array([[True, False, False]])


@pytest.mark.parametrize(
    ("layer", "masks", "expected"),
    [
        (Add(), [LEFT, RIGHT], [[True, True, False]]),
        (Multiply(), [LEFT, LEFT], [[True, True, False]]),
        (Add(), [LEFT, None], None),
        (Add(), None, None),
        (Concatenate(), [LEFT, RIGHT], [[True, False, False]]),
        (Concatenate(), [LEFT, None], [[True, True, False]]),
        (Concatenate(axis=1), [LEFT, RIGHT], [[True, True, False, True, False, False]]),
        (Concatenate(axis=1), [None, RIGHT], [[True, True, True, True, False, False]]),
        (Concatenate(), [None, None], None),
    ],
)
def test_masks_are_joined(layer, masks, expected):
    _, context = call(layer, TIMES, mask=masks)
    if expected is None:
        assert context.output_mask is None
    else:
        np.testing.assert_array_equal(context.output_mask, expected)


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (Add(), [(2, 3), (2, 4)], r"shapes \(2, 3\), \(2, 4\), which differ on axis 1; make"),
        (Add(), [(2, 3), (2, 3, 1)], r"inputs of one rank, got shapes \(2, 3\), \(2, 3, 1\)"),
        (Multiply(), [(2, 3), (1, 3)], "differ on axis 0"),
        (Concatenate(), [(2, 3), (3, 3)], r"equal shape but for axis 1, got shapes \(2, 3\)"),
        (Concatenate(axis=2), [(2, 3), (2, 3)], "an axis 2 beside the batch"),
        (Concatenate(axis=-2), [(2, 3), (2, 3)], "an axis -2 beside the batch"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shapes, message):
    with pytest.raises(ShapeError, match=message):
        call(layer, [jnp.zeros(shape) for shape in shapes])


def test_no_list_is_refused():
    with pytest.raises(ShapeError, match=r"Add expected a list of inputs.*write Add\(\)\(\[a, b\]"):
        Add()(Input((3,)))


@pytest.mark.parametrize("axis", [0, "features", None, 1.0])
def test_concatenating_the_batch_is_refused(axis):
    with pytest.raises(ArgumentError, match="Concatenate expected axis to be an integer other"):
        Concatenate(axis)


def test_flops_by_hand():
    specs = [spec(2, 3), spec(2, 3), spec(2, 3)]
    assert Add().flops(specs, spec(2, 3)) == 12
    assert Concatenate().flops(specs, spec(2, 9)) == 0
