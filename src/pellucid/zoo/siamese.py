"""Siamese and triplet networks: distances instead of classes.

One network f makes a point of an image, and is used for all images alike (its weights are shared).
Trained on pairs or on classes, images of one kind come to lie near each other, also of kinds that
were never seen in training: who is this, when there is one picture of each person?

- **pairs**: two images go through the same f, and the output is their distance::

      d = |f(x_1) - f(x_2)|

  trained with ``Contrastive``: 1 for a pair that is alike, 0 for one that is not;
- **triplets**: ``embedding()`` by itself, trained with ``Triplet`` and class labels.

Papers: J. Bromley and others, Signature verification using a "siamese" time delay neural network
(1993); R. Hadsell, S. Chopra, Y. LeCun, Dimensionality reduction by learning an invariant mapping
(2006); F. Schroff, D. Kalenichenko, J. Philbin, FaceNet (2015).

::

    embedding(features=32)        shape          parameters
    image                         (28, 28, 1)
    Conv 16, 5x5, ReLU, pool 2    (12, 12, 16)   416
    Conv 32, 5x5, ReLU, pool 2    (4, 4, 32)     12,832
    Dense 128, ReLU               (128,)         65,664
    Dense                         (features,)    4,128; total 83,040

``siamese()`` has the same 83,040: both images share them. For faces, ``input_shape=(56, 46, 1)``,
it has 377,952, most of them in the dense layer after the second pooling, (11, 8, 32).
"""

from typing import Any

import numpy as np

from pellucid._checks import check_positive_int
from pellucid.errors import DataError
from pellucid.layers import (
    Conv2D,
    Dense,
    Flatten,
    Input,
    MaxPooling2D,
    PairDistance,
)
from pellucid.models import Model
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]
IMAGE: Shape = (28, 28, 1)


@needs_pixels(16)
def embedding(features: int = 32, seed: int = 0, input_shape: Shape = IMAGE) -> Model:
    """Return the network that makes a point of an image.

    Args:
        features: numbers of the point.
        seed: makes the initial weights.
        input_shape: (height, width, channels) of an image, 16x16 or more.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    x = Input(input_shape, name="image")
    return Model(x, _towers([x], features)[0], name="embedding", seed=seed)


@needs_pixels(16)
def siamese(features: int = 32, seed: int = 0, input_shape: Shape = IMAGE) -> Model:
    """Return the network that gives the distance of two images, inputs ``first`` and ``second``.

    Args:
        features: numbers of the point that each image becomes.
        seed: makes the initial weights.
        input_shape: (height, width, channels) of an image, 16x16 or more.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    both = [Input(input_shape, name=name) for name in ("first", "second")]
    distance = PairDistance(name="distance")(_towers(both, features))
    return Model(both, distance, name="siamese", seed=seed)


def _towers(images: list[Any], features: int) -> list[Any]:
    """Return the point of each image; the same layers, and so the same weights, for all."""
    layers = [
        Conv2D(16, 5, activation="relu", name="conv_1"),
        MaxPooling2D(2, name="pool_1"),
        Conv2D(32, 5, activation="relu", name="conv_2"),
        MaxPooling2D(2, name="pool_2"),
        Flatten(name="flatten"),
        Dense(128, activation="relu", name="dense"),
        Dense(features, name="point"),
    ]
    points = images
    for layer in layers:
        points = [layer(point) for point in points]
    return points


def make_pairs(
    x: Any, y: Any, count: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of samples, every second one of the same class.

    Args:
        x: samples, shape (rows, ...).
        y: their class labels, shape (rows,).
        count: how many pairs.
        seed: makes the choice.

    Returns:
        First and second samples, shape (count, ...) each, and 1 for a pair of one class, else 0,
        shape (count, 1).

    Raises:
        DataError: there are not two classes, or one of them has a single sample.
    """
    check_positive_int("make_pairs", "count", count)
    x, y = np.asarray(x), np.asarray(y).reshape(-1)
    members = {label: np.flatnonzero(y == label) for label in np.unique(y)}
    if len(members) < 2 or min(map(len, members.values())) < 2:
        raise DataError(
            "Pairs need two classes at least, each with two samples at least, got "
            f"{ {label: len(rows) for label, rows in members.items()} }."
        )
    rng = np.random.default_rng(seed)
    labels = list(members)
    first, second = np.empty(count, int), np.empty(count, int)
    for number in range(count):
        if number % 2 == 0:
            chosen = members[labels[rng.integers(len(labels))]]
            first[number], second[number] = rng.choice(chosen, 2, replace=False)
        else:
            one, other = rng.choice(len(labels), 2, replace=False)
            first[number] = rng.choice(members[labels[one]])
            second[number] = rng.choice(members[labels[other]])
    alike = (np.arange(count) % 2 == 0).astype(np.float32)[:, None]
    return x[first], x[second], alike


def nearest_classes(points: Any, known: Any, labels: Any) -> np.ndarray:
    """Return for each point the label of the known point nearest to it.

    Args:
        points: shape (rows, features).
        known: points whose class is known, one of each class is enough, shape (known, features).
        labels: their classes, shape (known,).
    """
    points, known = np.asarray(points), np.asarray(known)
    apart = np.square(points).sum(1)[:, None] - 2 * points @ known.T + np.square(known).sum(1)
    return np.asarray(labels)[apart.argmin(axis=1)]
