"""A map of handwritten digits: a variational auto-encoder of two numbers.

Task: find for every image of a digit a point of the plane, so that near points look alike and every
    point makes a digit, without being told which digit is which (``pellucid.zoo.vae``; 631,188
    parameters).
Data: MNIST: 58,000 images for training, 2,000 for validation (drawn by the seed), 10,000 for the
    test; the labels are used to colour the map, and for nothing else.
Command: pellucid train mnist_vae
    pellucid train mnist_vae latent=16
Time: about two minutes on two cores.
Expected: ``nats`` of a test image below 155 with two numbers (151.4 with seed 0): the cross-entropy
    of its pixels, the code at its mean, and the distance of the code's distribution from N(0, 1).

In the run folder: ``reconstructions.png``, ``latent_map.png`` (where the test images lie) and
``plane.png`` (what each point of the plane makes), the last two for two numbers alone. Your own
images: ``pellucid predict runs/latest photo.png`` gives the code and what is made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import activations
from pellucid._checks import check_positive_int, check_range
from pellucid.inspection import plot_map, plot_pictures
from pellucid.losses import BinaryCrossentropy
from pellucid.optimizers import Adam
from pellucid.recipes._ink import SUFFIXES
from pellucid.recipes._recipe import Answer, Data, Example, Objective, Recipe, Report, setting
from pellucid.recipes._redrawing import (
    beside_each_other,
    classes_of_test,
    digits_as_targets,
    known_digit,
    measured,
    own_digit,
    picture_answers,
)
from pellucid.zoo import vae

SIDE = 16
"""Pictures in a row of ``plane.png``."""
REACH = 2.0
"""How far from 0 the plane is drawn: 95 % of N(0, 1) lies within."""


@dataclass(frozen=True)
class MnistVAE(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(20, "passes over the training part")
    batch_size: int = setting(128, "examples per step")
    latent: int = setting(2, "numbers in the code")
    units: int = setting(400, "width of the layers on both sides of it")
    beta: float = setting(1.0, "weight of the distance from N(0, 1)")
    learning_rate: float = setting(1e-3, "Adam's rate")
    validation: int = setting(2000, "images of the training part kept for validation")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("latent", "units", "validation"):
            check_positive_int("Recipe 'mnist_vae'", name, getattr(self, name))
        check_range("Recipe 'mnist_vae'", "learning_rate", self.learning_rate, 0, open_low=True)
        check_range("Recipe 'mnist_vae'", "beta", self.beta, 0)

    def data(self) -> Data:
        """Return the images as (samples, 28, 28) in [0, 1], each its own answer."""
        return digits_as_targets(self.validation, self.seed)

    def model(self, data: Data) -> Any:
        """Return the variational auto-encoder."""
        return vae.vae(self.latent, self.units, self.beta, self.seed)

    def objective(self, data: Data) -> Objective:
        """Return the cross-entropy of the pixels, to which the network adds its own term."""
        return Objective(BinaryCrossentropy(from_logits=True), Adam(self.learning_rate))

    def report(self, model: Any, data: Data) -> Report:
        """Return the loss of the test part, and the pictures."""
        figures = {"reconstructions.png": beside_each_other(model, data.test.x)}
        if self.latent == 2:
            codes = vae.encoder(model).predict(data.test.x)
            figures["latent_map.png"] = plot_map(codes, classes_of_test(), data.labels)
            steps = np.linspace(-REACH, REACH, SIDE, dtype=np.float32)
            places = np.stack(np.meshgrid(steps, -steps), axis=-1).reshape(-1, 2)
            made = np.asarray(activations.sigmoid(vae.decoder(model).predict(places)))
            figures["plane.png"] = plot_pictures(made, columns=SIDE)
        return Report(dict(measured(model, data)), figures)

    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return each example's code, and what is made of it."""
        x = np.stack([example.x for example in examples])
        return picture_answers(model, vae.encoder(model).predict(x), examples)

    def example(self, source: str) -> Example:
        """Return the digit that an image file shows, brought to the form of the data set."""
        return own_digit(source)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        return known_digit(super().sample(data, number), number)
