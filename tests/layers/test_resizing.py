"""Zero padding, upsampling and rescaling."""

import numpy as np
import pytest

from layers.calls import call
from pellucid.errors import ArgumentError
from pellucid.layers import Rescaling, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D

RNG = np.random.default_rng(0)
SEQUENCE = RNG.standard_normal((2, 4, 3)).astype("float32")
IMAGE = RNG.standard_normal((2, 4, 5, 3)).astype("float32")


@pytest.mark.parametrize(
    ("padding", "frame"),
    [
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 0), (2, 3)), ((1, 0), (2, 3))),
        ((1, (0, 2)), ((1, 1), (0, 2))),
        (0, ((0, 0), (0, 0))),
    ],
)
def test_frame_of_zeros(padding, frame):
    y, _ = call(ZeroPadding2D(padding), IMAGE)
    np.testing.assert_array_equal(y, np.pad(IMAGE, ((0, 0), *frame, (0, 0))))


@pytest.mark.parametrize(("padding", "sides"), [(2, (2, 2)), ((2, 0), (2, 0))])
def test_zeros_around_a_sequence(padding, sides):
    y, _ = call(ZeroPadding1D(padding), SEQUENCE)
    np.testing.assert_array_equal(y, np.pad(SEQUENCE, ((0, 0), sides, (0, 0))))


def test_every_step_is_repeated():
    y, _ = call(UpSampling1D(3), SEQUENCE)
    np.testing.assert_array_equal(y, SEQUENCE.repeat(3, axis=1))


@pytest.mark.parametrize(("size", "rows", "columns"), [(2, 2, 2), ((1, 3), 1, 3)])
def test_every_pixel_is_repeated(size, rows, columns):
    y, _ = call(UpSampling2D(size), IMAGE)
    np.testing.assert_array_equal(y, IMAGE.repeat(rows, axis=1).repeat(columns, axis=2))


def test_bytes_become_small_floats():
    y, _ = call(Rescaling(1 / 127.5, offset=-1), np.array([[0, 255, 51]], "uint8"))
    assert y.dtype == "float32"
    np.testing.assert_allclose(y, [[-1, 1, -0.6]], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ZeroPadding1D((1, 2, 3)), "ZeroPadding1D expected padding to be integers of 0"),
        (lambda: ZeroPadding2D(-1), "ZeroPadding2D expected padding to be integers of 0 or more"),
        (lambda: ZeroPadding2D((1, 2, 3)), r"got \(1, 2, 3\); type ZeroPadding2D\(\(\(top, bot"),
        (lambda: ZeroPadding2D(1.5), "ZeroPadding2D expected padding .* got 1.5"),
        (lambda: UpSampling1D(0), "UpSampling1D expected size to be an integer of 1 or more"),
        (lambda: UpSampling2D((2, 2, 2)), "UpSampling2D expected size to be 1 or 2 integers"),
        (
            lambda: UpSampling2D(2, interpolation="bilinear"),
            "UpSampling2D expected interpolation to be one of 'nearest', got 'bilinear'",
        ),
        (lambda: Rescaling("1/255"), "Rescaling expected scale to be a number"),
        (lambda: Rescaling(2.0, offset=None), "Rescaling expected offset to be a number"),
    ],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
