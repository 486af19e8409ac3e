"""Random maps against Keras's, where Keras is installed: ranges of one number leave no chance."""

import os
import warnings

import numpy as np
import pytest

from layers.calls import call
from pellucid import layers

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("RandomRotation", {"factor": (0.07, 0.07)}),
        ("RandomTranslation", {"height_factor": (0.3, 0.3), "width_factor": (-0.15, -0.15)}),
        ("RandomZoom", {"height_factor": (0.4, 0.4), "width_factor": (-0.3, -0.3)}),
    ],
)
def test_maps_are_keras_s(name, settings, fill_mode):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 2)).astype("float32")
    settings = {**settings, "fill_mode": fill_mode, "fill_value": 0.5}
    y, _ = call(getattr(layers, name)(**settings), x, training=True)
    expected = getattr(keras.layers, name)(**settings)(x, training=True)
    np.testing.assert_allclose(y, expected, **CLOSE)


def test_brightness_is_keras_s():
    x = np.random.default_rng(0).uniform(0, 255, (2, 7, 6, 3)).astype("float32")
    y, _ = call(layers.RandomBrightness((0.3, 0.3)), x, training=True)
    expected = keras.layers.RandomBrightness((0.3, 0.3))(x, training=True)
    np.testing.assert_allclose(y, expected, **CLOSE)
