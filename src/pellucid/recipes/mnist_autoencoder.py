"""Handwritten digits through a narrow place: auto-encoders of four forms.

Task: give every image of a digit back from a code of 32 numbers (``pellucid.zoo.autoencoder``):
    plain, sparse (128 numbers, most of them 0), denoising, convolutional.
Data: MNIST: 58,000 images for training, 2,000 for validation (drawn by the seed), 10,000 for the
    test; the labels are not used.
Command: pellucid train mnist_autoencoder
    pellucid train mnist_autoencoder form=denoising
Time: under half a minute on two cores; the convolutional form takes minutes.
Expected: a cross-entropy (``nats``) of a test image below 70 for the plain form (66.4 with seed 0).

In the run folder: ``reconstructions.png``; for the denoising form, ``denoised.png`` as well. Your
own images: ``pellucid predict runs/latest photo.png``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.losses import BinaryCrossentropy
from pellucid.optimizers import Adam
from pellucid.recipes._ink import SUFFIXES
from pellucid.recipes._recipe import (
    Answer,
    Data,
    Example,
    Objective,
    Part,
    Recipe,
    Report,
    setting,
)
from pellucid.recipes._redrawing import (
    beside_each_other,
    digits_as_targets,
    known_digit,
    measured,
    own_digit,
    picture_answers,
)
from pellucid.zoo import autoencoder

FORMS = ("plain", "sparse", "denoising", "convolutional")


@dataclass(frozen=True)
class MnistAutoencoder(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    form: str = setting("plain", f"one of {', '.join(FORMS)}")
    epochs: int = setting(10, "passes over the training part")
    batch_size: int = setting(128, "examples per step")
    learning_rate: float = setting(1e-3, "Adam's rate")
    validation: int = setting(2000, "images of the training part kept for validation")

    def __post_init__(self) -> None:
        super().__post_init__()
        who = "Recipe 'mnist_autoencoder'"
        check_one_of(who, "form", self.form, FORMS)
        check_positive_int(who, "validation", self.validation)
        check_range(who, "learning_rate", self.learning_rate, 0, open_low=True)

    def data(self) -> Data:
        """Return the images as (samples, 28, 28), or (..., 1), in [0, 1], each its own answer."""
        data = digits_as_targets(self.validation, self.seed)
        if self.form != "convolutional":
            return data
        parts = [Part(part.x[..., None], part.y[..., None]) for part in data.parts().values()]
        return Data(parts[0], parts[1], parts[2], data.labels)

    def model(self, data: Data) -> Any:
        """Return the auto-encoder."""
        return getattr(autoencoder, self.form)(seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return the cross-entropy of the pixels and Adam."""
        return Objective(BinaryCrossentropy(from_logits=True), Adam(self.learning_rate))

    def report(self, model: Any, data: Data) -> Report:
        """Return the loss of the test part, and the pictures."""
        figures = {"reconstructions.png": beside_each_other(model, data.test.x)}
        if self.form == "denoising":
            noise = np.random.default_rng(0).normal(0, 0.5, data.test.x[:12].shape)
            noisy = np.clip(data.test.x[:12] + noise, 0, 1).astype(np.float32)
            figures["denoised.png"] = beside_each_other(model, noisy)
        zeros = float(np.mean(autoencoder.encoder(model).predict(data.test.x) == 0))
        return Report({**measured(model, data), "zeros_in_the_code": zeros}, figures)

    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return each example's code, and what is made of it."""
        x = np.stack([example.x for example in examples])
        return picture_answers(model, autoencoder.encoder(model).predict(x), examples)

    def example(self, source: str) -> Example:
        """Return the digit that an image file shows, brought to the form of the data set."""
        example = own_digit(source)
        if self.form != "convolutional":
            return example
        return Example(source, example.x[..., None], example.picture)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        return known_digit(super().sample(data, number), number)
