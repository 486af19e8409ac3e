"""What layers are in evaluation, whatever they are written in."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import layers
from pellucid.layers import Layer
from pellucid.layers._augmentation import RandomImageLayer
from pellucid.layers._normalization import SMALLEST

UNCHANGED: tuple[type[Layer], ...] = (
    layers.Dropout,
    layers.GaussianNoise,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    *(
        layer
        for layer in layers.REGISTRY.entries.values()
        if isinstance(layer, type)
        and issubclass(layer, RandomImageLayer)
        and layer is not layers.RandomCrop
    ),
)
"""Layers that draw something in training and return their input in evaluation."""

CROPPING: dict[type[Layer], Callable[[Any], Any]] = {
    layers.Cropping1D: lambda layer: layer._ends(),
    layers.Cropping2D: lambda layer: layer._frame(),
    layers.Cropping3D: lambda layer: layer._shell(),
}
"""How much is cut off, (before, after) for each axis."""

PADDING: dict[type[Layer], Callable[[Any], Any]] = {
    layers.ZeroPadding1D: lambda layer: (layer._sides(),),
    layers.ZeroPadding2D: lambda layer: layer._frame(),
    layers.ZeroPadding3D: lambda layer: layer._shell(),
}
"""How many zeros are put on, likewise."""


def mean_and_deviation(layer: layers.Normalization) -> tuple[np.ndarray, np.ndarray]:
    """Return m and max(sqrt(v), 1e-7) in float64."""
    m, v = np.asarray(layer.mean, np.float64), np.asarray(layer.variance, np.float64)
    return m, np.maximum(np.sqrt(v), SMALLEST)
