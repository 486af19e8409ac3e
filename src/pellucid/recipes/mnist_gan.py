"""Drawing handwritten digits: a generator against a discriminator.

Task: draw images that look like MNIST's, of the digit that is asked for, from 64 random numbers
    (``pellucid.zoo.gan``, the conditional form; 265,729 and 41,633 parameters).
Data: MNIST: 20,000 training images with their labels to learn from; 10,000 others train the LeNet-5
    that reads what is drawn, and 10,000 test images say how well it reads.
Command: pellucid train mnist_gan
    pellucid train mnist_gan form=wgan
Time: under ten minutes on two cores.
Expected: a LeNet-5 reads 1,000 drawings as digits of all ten classes, and more than four of five as
    the digit that was asked for (``read_as_asked``: 0.885 with seed 0).

In the run folder: ``drawings.png``, a column for each digit. Draw your own:
``pellucid predict runs/latest 3`` draws a three, ``3:7`` the seventh one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import activations
from pellucid._checks import check_one_of, check_range
from pellucid.datasets import mnist
from pellucid.errors import DataError
from pellucid.inspection import plot_pictures
from pellucid.layers import Input
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Sequential
from pellucid.optimizers import Adam
from pellucid.recipes._recipe import (
    Answer,
    Data,
    Example,
    Learning,
    Part,
    PictureAnswer,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo import gan, lenet

LABELS = tuple("0123456789")
CLASSES = len(LABELS)
LATENT = 64
TEST = 1000
"""Drawings that are read."""
READER_IMAGES = 10_000
FORMS = {"gan": gan.GAN, "wgan": gan.WGAN}


@dataclass(frozen=True)
class MnistGAN(Recipe):
    """Settings and the five parts."""

    form: str = setting("gan", "gan, or wgan: Wasserstein, with a penalty on the slope")
    epochs: int = setting(15, "passes over the training part")
    batch_size: int = setting(64, "images per step; wgan takes a quarter of them a turn")
    images: int = setting(20_000, "images of the training part that are used, at most 50,000")
    learning_rate: float = setting(2e-4, "Adam's rate, of both players")

    def __post_init__(self) -> None:
        super().__post_init__()
        who = "Recipe 'mnist_gan'"
        check_one_of(who, "form", self.form, tuple(FORMS))
        check_range(who, "images", self.images, 10, 60_000 - READER_IMAGES)
        check_range(who, "learning_rate", self.learning_rate, 0, open_low=True)

    def data(self) -> Data:
        """Return images in [-1, 1] with one-hot digits, and noise with the digits to ask for."""
        (x, y), _ = mnist.load_data()
        noise = np.random.default_rng(1).standard_normal((TEST, LATENT)).astype(np.float32)
        return Data(
            train=Part(as_drawn(x[: self.images]), one_hot(y[: self.images])),
            validation=None,
            test=Part(noise, one_hot(np.arange(TEST) % CLASSES)),
            labels=LABELS,
        )

    def model(self, data: Data) -> Any:
        """Return the generator."""
        return gan.generator(LATENT, classes=CLASSES, seed=self.seed)

    def objective(self, data: Data) -> Learning:
        """Return the game of the two players."""

        def players(generator: Any) -> Any:
            return FORMS[self.form](
                generator,
                gan.discriminator(classes=CLASSES, seed=self.seed + 1),
                generator_optimizer=Adam(self.learning_rate, beta_1=0.5),
                discriminator_optimizer=Adam(self.learning_rate, beta_1=0.5),
            )

        return Learning(players)

    def report(self, model: Any, data: Data) -> Report:
        """Return how a LeNet-5 reads the drawings, and the drawings."""
        reader, accuracy = trained_reader()
        noise, asked = data.test.x, data.test.y.argmax(axis=1)
        drawn = model.predict([noise, data.test.y])
        shares = np.asarray(activations.softmax(reader.predict((drawn + 1) / 2)))
        read = shares.argmax(axis=1)
        counts = np.bincount(read, minlength=CLASSES)
        test = {
            "read_as_asked": float(np.mean(read == asked)),
            "confidence": float(shares.max(axis=1).mean()),
            "classes": float(np.count_nonzero(counts)),
        }
        pictures = (drawn[:80, ..., 0] + 1) / 2
        return Report(
            {"test": test, "read_as": dict(zip(LABELS, counts, strict=True)), "reader": accuracy},
            {"drawings.png": plot_pictures(pictures, columns=CLASSES)},
        )

    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return a drawing of each digit that is asked for."""
        given = np.stack([example.x for example in examples])
        drawn = model.predict([given[:, :LATENT], given[:, LATENT:]])
        pictures = (drawn[..., 0] + 1) / 2
        return [PictureAnswer(*pair) for pair in zip(examples, pictures, strict=True)]

    def example(self, source: str) -> Example:
        """Return the noise for the digit that is asked for: ``"3"``, or ``"3:7"`` for another."""
        digit, colon, number = source.partition(":")
        if digit not in LABELS or (colon and not number.isdecimal()):
            raise DataError(
                'Expected a digit from 0 to 9 to draw, such as "3", or "3:7" for the seventh '
                f"drawing of it, got {source!r}."
            )
        which = np.random.default_rng([int(digit), int(number or 1)])
        return self._asked(f"digit {source}", which.standard_normal(LATENT), int(digit))

    def sample(self, data: Data, number: int) -> Example:
        """Return noise of the test part with the digit it goes with; the first is number 1."""
        noise = super().sample(data, number)
        digit = int(data.test.y[number - 1].argmax())
        return self._asked(f"{noise.source}, digit {digit}", noise.x, digit)

    def _asked(self, source: str, noise: np.ndarray, digit: int) -> Example:
        x = np.concatenate([noise, one_hot(np.array([digit]))[0]]).astype(np.float32)
        return Example(source, x)


def as_drawn(images: np.ndarray) -> np.ndarray:
    """Return pixels from 0 to 255 as images (samples, 28, 28, 1) in [-1, 1]."""
    return (images / np.float32(127.5) - 1)[..., None]


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return rows of ten numbers, 1 at the label."""
    return np.eye(CLASSES, dtype=np.float32)[labels.astype(int)]


def trained_reader() -> tuple[Any, float]:
    """Return a LeNet-5 that learned from images the players never saw, and its test accuracy."""
    (x, y), (x_test, y_test) = mnist.load_data()
    reader = Sequential([Input((28, 28, 1)), *lenet.lenet5().layers], name="reader")
    loss = SparseCategoricalCrossentropy(from_logits=True)
    reader.compile("adam", loss, ["accuracy"], verbose=0)
    own = slice(-READER_IMAGES, None)
    grey = [(images / np.float32(255))[..., None] for images in (x[own], x_test)]
    reader.fit(grey[0], y[own], epochs=4, batch_size=64, verbose=0)
    return reader, float(reader.evaluate(grey[1], y_test, verbose=0)[1])
