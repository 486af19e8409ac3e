"""Pooling layers: numbers by hand, windows at the border, masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    Input,
    MaxPooling1D,
    MaxPooling2D,
)

SEQUENCE = np.array([1.0, 5.0, 2.0, -4.0, -3.0], "float32").reshape(1, 5, 1)
IMAGE = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (MaxPooling1D(2), [5, 2]),
        (MaxPooling1D(2, padding="same"), [5, 2, -3]),
        (MaxPooling1D(3, 1), [5, 5, 2]),
        (MaxPooling1D(3, 1, "same"), [5, 5, 5, 2, -3]),
        (AveragePooling1D(2), [3, -1]),
        (AveragePooling1D(2, padding="same"), [3, -1, -3]),
        (AveragePooling1D(3, 2), [8 / 3, -5 / 3]),
    ],
    ids=repr,
)
def test_a_sequence_by_hand(layer, expected):
    y, _ = call(layer, SEQUENCE)
    np.testing.assert_allclose(y[0, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (MaxPooling2D(), [[5, 7], [13, 15]]),
        (MaxPooling2D((3, 2), strides=1), [[9, 10, 11], [13, 14, 15]]),
        (AveragePooling2D(2), [[2.5, 4.5], [10.5, 12.5]]),
        (AveragePooling2D((4, 1)), [[6, 7, 8, 9]]),
    ],
    ids=repr,
)
def test_an_image_by_hand(layer, expected):
    y, _ = call(layer, IMAGE)
    np.testing.assert_allclose(y[0, ..., 0], expected, rtol=1e-6)


def test_channels_are_pooled_apart():
    x = np.concatenate([IMAGE, -IMAGE], axis=-1)
    y, _ = call(MaxPooling2D(), x)
    np.testing.assert_allclose(y[0, ..., 1], [[0, -2], [-8, -10]])


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (GlobalMaxPooling1D(), [4.0, 9.0]),
        (GlobalAveragePooling1D(), [3.0, 5.0]),
    ],
    ids=repr,
)
def test_a_whole_sequence(layer, expected):
    x = np.array([[[2.0, 9.0], [4.0, 1.0], [3.0, 5.0]]], "float32")
    y, _ = call(layer, x)
    np.testing.assert_allclose(y, [expected], rtol=1e-6)


def test_a_whole_image():
    np.testing.assert_allclose(call(GlobalMaxPooling2D(), IMAGE)[0], [[15.0]])
    np.testing.assert_allclose(call(GlobalAveragePooling2D(), IMAGE)[0], [[7.5]])


@pytest.mark.parametrize(
    ("layer", "expected"),
    [(GlobalMaxPooling1D(), [[2.0], [7.0]]), (GlobalAveragePooling1D(), [[1.5], [7.0]])],
    ids=repr,
)
def test_masked_steps_do_not_count(layer, expected):
    x = np.array([[1.0, 2.0, 100.0], [7.0, 100.0, 100.0]], "float32")[..., None]
    mask = jnp.array([[True, True, False], [True, False, False]])
    y, context = call(layer, x, mask=mask)
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    assert context.output_mask is None


@pytest.mark.parametrize("layer", [GlobalMaxPooling1D(), GlobalAveragePooling1D()], ids=repr)
def test_a_row_without_steps_stays_finite(layer):
    """A text of nothing but padding must not turn the weights into NaN."""
    mask = jnp.zeros((2, 3), bool)

    def loss(x):
        return jnp.sum(call(layer, x, mask=mask)[0])

    x = jnp.ones((2, 3, 4))
    assert jnp.isfinite(loss(x))
    assert jnp.isfinite(jax.grad(loss)(x)).all()


def test_unknown_time_is_pooled_away():
    assert GlobalAveragePooling1D()(Input((None, 16))).shape == (None, 16)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (MaxPooling2D(5), "5"),
        (AveragePooling2D((1, 5)), "5"),
    ],
    ids=repr,
)
def test_an_image_smaller_than_a_window_is_refused(layer, message):
    with pytest.raises(ShapeError, match=f"window.*{message}|{message}.*window"):
        call(layer, IMAGE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxPooling2D(0), "MaxPooling2D expected pool_size to be an integer of 1 or more"),
        (lambda: MaxPooling1D((2, 2)), "MaxPooling1D expected pool_size to be 1 or 1 integers"),
        (lambda: AveragePooling2D(2, strides=(1, 0)), "AveragePooling2D expected strides"),
        (lambda: AveragePooling1D(2, padding="sam"), "AveragePooling1D expected padding .*'sam'"),
        (lambda: MaxPooling2D(padding="causal"), "MaxPooling2D expected padding .*'causal'"),
        (
            lambda: GlobalMaxPooling2D(data_format="channels_first"),
            "GlobalMaxPooling2D expected data_format to be 'channels_last'",
        ),
    ],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_flops_are_those_of_the_operation():
    layer = AveragePooling2D(2)
    assert layer.flops(spec(1, 4, 4, 3), spec(1, 2, 2, 3)) > 0
