"""Handwritten digits of 8x8 pixels, by nearness to typical digits.

Task: classification of a small grey image into ten classes, by 200 Gaussian units around typical
    digits (``pellucid.zoo.rbf_network``; 15,010 parameters).
Data: 1,797 scanned digits inside scikit-learn: 1,294 for training and 144 for validation (drawn by
    the seed), 359 for the test (always the same).
Command: pellucid train rbf
    pellucid train rbf --set centers=kmeans     (centers and widths stay where k-means puts them)
Time: a few seconds on two cores.
Expected: test accuracy from 0.955 to 0.961 over the seeds 0 to 2 (0.986 to 0.993 of the validation
    part); from 0.950 to 0.967 with ``centers=kmeans``.

In the run folder: ``centers.png``, what each unit is near to. Your own images: ``pellucid predict
runs/latest photo.png``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.datasets import digits
from pellucid.inspection import plot_pictures
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._image_classes import class_answers, classes_report
from pellucid.recipes._ink import SUFFIXES, counts_of_ink, read_grey
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Part,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.recipes.digits import FULL, LABELS
from pellucid.recipes.digits_som import as_rows
from pellucid.zoo import rbf_network

CENTERS = ("learned", "kmeans")
COLUMNS = 20
"""Pictures in a row."""


@dataclass(frozen=True)
class RBF(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(30, "passes over the training part")
    units: int = setting(200, "Gaussian units")
    centers: str = setting("learned", "learned from where k-means puts them, or kmeans: they stay")
    learning_rate: float = setting(3e-2, "Adam's rate at first; it ends at 0")
    validation: float = setting(0.1, "fraction of the training part kept for validation")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("Recipe 'rbf'", "units", self.units)
        check_one_of("Recipe 'rbf'", "centers", self.centers, CENTERS)
        check_range("Recipe 'rbf'", "learning_rate", self.learning_rate, 0, open_low=True)
        check_range("Recipe 'rbf'", "validation", self.validation, 0.01, 0.9)

    def data(self) -> Data:
        """Return the scans as (samples, 64) in [0, 1]; the seed draws the validation part."""
        (x, y), (x_test, y_test) = digits.load_data()
        order = np.random.default_rng(self.seed).permutation(len(x))
        held_out, kept = np.split(order, [round(self.validation * len(x))])
        x, x_test = as_rows(x), as_rows(x_test)
        parts = [Part(x[kept], y[kept]), Part(x[held_out], y[held_out]), Part(x_test, y_test)]
        return Data(parts[0], parts[1], parts[2], labels=LABELS)

    def model(self, data: Data) -> Any:
        """Return the network, its units at the means of clusters of the training digits."""
        features, classes = data.train.x.shape[1], len(data.labels)
        learned = self.centers == "learned"
        network = rbf_network.rbf_network(features, self.units, classes, learned, self.seed)
        rbf_network.place(network, data.train.x, self.seed)
        return network

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and Adam, its rate let down on a cosine."""
        steps = self.epochs * -(-data.train.rows // self.batch_size)
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=True),
            optimizer=Adam(CosineDecay(self.learning_rate, decay_steps=steps)),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, accuracy and confusion matrix of the test part, and the centers."""
        report = classes_report(model, data)
        centers = np.asarray(model.variables.parameters[rbf_network.UNITS]["centers"])
        pictures = plot_pictures(centers.reshape(-1, 8, 8), columns=min(COLUMNS, self.units))
        return replace(report, figures={**report.figures, "centers.png": pictures})

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return the most probable digit of each example, with all probabilities."""
        return class_answers(model, examples, LABELS)

    def example(self, source: str) -> Example:
        """Return the digit that an image file shows, brought to the form of the data set."""
        counts = counts_of_ink(read_grey(source), source)
        return Example(source, as_rows(counts[None])[0], picture=counts / FULL)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        example = super().sample(data, number)
        truth = data.labels[int(data.test.y[number - 1])]
        return replace(example, picture=example.x.reshape(8, 8), truth=truth)
