"""What the recipes share whose network gives back the image that it was given."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid import activations
from pellucid.datasets import mnist
from pellucid.inspection import plot_pictures
from pellucid.recipes._ink import bright_ink, cut_to_box, read_grey
from pellucid.recipes._recipe import Data, Example, Part, PictureAnswer
from pellucid.recipes.mnist import LABELS, in_the_middle, scaled

PIXELS = 28 * 28


def digits_as_targets(held_out: int, seed: int) -> Data:
    """Return MNIST's images (samples, 28, 28) in [0, 1], each its own answer.

    Args:
        held_out: images of the training part kept for validation, drawn by the seed.
        seed: draws them.
    """
    (train, _), (test, _) = mnist.load_data()
    order = np.random.default_rng(seed).permutation(len(train))
    drawn, kept = np.split(order, [min(held_out, len(train) // 2)])
    parts = [Part(x, x) for x in (as_grey(i) for i in (train[kept], train[drawn], test))]
    return Data(parts[0], parts[1], parts[2], LABELS)


def as_grey(images: np.ndarray) -> np.ndarray:
    """Return pixels from 0 to 255 as numbers in [0, 1]."""
    return images / np.float32(255)


def classes_of_test() -> np.ndarray:
    """Return which digit each test image shows."""
    return mnist.load_data()[1][1].astype(int)


def measured(model: Any, data: Data) -> dict[str, dict[str, float]]:
    """Return the loss of test and validation part, and the cross-entropy of a whole image."""
    parts = data.parts()
    losses = {
        name: float(model.evaluate(*parts[name], batch_size=500, verbose=0))
        for name in ("test", "validation")
    }
    return {name: {"loss": loss, "nats": PIXELS * loss} for name, loss in losses.items()}


def redrawn(model: Any, images: np.ndarray) -> np.ndarray:
    """Return what the network makes of images, in [0, 1]."""
    return np.asarray(activations.sigmoid(model.predict(images)))


def beside_each_other(model: Any, images: np.ndarray, count: int = 12) -> Any:
    """Return a figure of images, and below each what the network makes of it."""
    chosen = images[:count]
    both = np.concatenate([chosen, redrawn(model, chosen)])
    return plot_pictures(both.reshape(2 * len(chosen), 28, 28), columns=len(chosen))


def picture_answers(
    model: Any, codes: np.ndarray, examples: Sequence[Example]
) -> list[PictureAnswer]:
    """Return what the network makes of each example, with its code and its cross-entropy."""
    x = np.stack([example.x for example in examples]).astype(np.float64)
    y = redrawn(model, x.astype(np.float32))
    p = np.clip(y, 1e-7, 1 - 1e-7)
    nats = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=tuple(range(1, x.ndim)))
    return [
        PictureAnswer(
            example,
            picture.reshape(28, 28),
            {"nats": round(float(far), 2), "code": np.round(code.astype(float), 3).tolist()},
        )
        for example, picture, far, code in zip(examples, y, nats, codes, strict=True)
    ]


def own_digit(source: str) -> Example:
    """Return the digit that an image file shows, brought to the form of the data set."""
    picture = in_the_middle(scaled(cut_to_box(bright_ink(read_grey(source), source))))
    return Example(source, picture.astype(np.float32), picture)


def known_digit(example: Example, number: int) -> Example:
    """Return test sample ``number``, counted from 1, with its picture and its true class."""
    truth = LABELS[classes_of_test()[number - 1]]
    return replace(example, picture=example.x.reshape(28, 28), truth=truth)
