"""A map of handwritten digits that organizes itself, without answers.

Task: place 100 prototypes on a grid of 10 x 10, so that every digit has one that looks like it and
    neighbours look alike (``pellucid.zoo.som``; 6,400 parameters); no answers are used.
Data: 1,797 scanned digits of 8x8 pixels inside scikit-learn: 1,438 to learn from, 359 for the test.
Command: pellucid train digits_som
Time: a few seconds on one core.
Expected: nine of ten test digits are won by a unit that mostly won training digits of their class
    (0.928 with seed 0; 0.962 of the training digits).

In the run folder: ``map.png``, the prototypes in their places, each under the digit that it won
most often. Your own images: ``pellucid predict runs/latest photo.png``; the answer's shares are
those of the training digits that the winning unit won.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.datasets import digits
from pellucid.inspection import plot_pictures
from pellucid.recipes._ink import SUFFIXES, counts_of_ink, read_grey
from pellucid.recipes._recipe import (
    Answer,
    Data,
    Example,
    Learning,
    Part,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo import som
from pellucid.zoo.som import SelfOrganizingMap

LABELS = tuple("0123456789")
FULL = 16.0
"""The count of a block that is all ink."""


@dataclass(frozen=True)
class DigitsSOM(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(30, "passes over the training part")
    batch_size: int = setting(64, "digits per step; the result does not depend on it")
    side: int = setting(10, "rows and columns of units")
    first_rate: float = setting(0.5, "share of the way that a winner moves at first")
    last_rate: float = setting(0.02, "and at last")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("Recipe 'digits_som'", "side", self.side)
        for name in ("first_rate", "last_rate"):
            check_range("Recipe 'digits_som'", name, getattr(self, name), 0, 1, open_low=True)

    def data(self) -> Data:
        """Return the scans as (samples, 64) in [0, 1]; there is no validation part."""
        (x, y), (x_test, y_test) = digits.load_data()
        return Data(Part(as_rows(x), y), None, Part(as_rows(x_test), y_test), labels=LABELS)

    def model(self, data: Data) -> Any:
        """Return the units: the distance of an input from each prototype."""
        return som.network(64, (self.side, self.side), self.seed)

    def objective(self, data: Data) -> Learning:
        """Return Kohonen's learning; it does not look at the answers."""
        grid, inputs = (self.side, self.side), self.epochs * len(data.train.x)
        rates = (self.first_rate, self.last_rate)
        return Learning(lambda model: SelfOrganizingMap(model, grid, inputs, rates))

    def report(self, model: Any, data: Data) -> Report:
        """Return how near and how well ordered the prototypes are, and the map."""
        shares = self.shares(model)
        measures = {}
        for name, part in reversed(data.parts().items()):
            distance = model.predict(part.x)
            won = shares[distance.argmin(axis=1)].argmax(axis=1)
            measures[name] = {
                "quantization_error": float(np.sqrt(distance.min(axis=1)).mean()),
                "topographic_error": som.topographic_error(model, (self.side, self.side), part.x),
                "accuracy": float(np.mean(won == part.y)),
            }
        prototypes = np.asarray(model.variables.parameters["units"]["centers"])
        names = [LABELS[row.argmax()] if row.any() else "" for row in shares]
        pictures = prototypes.reshape(-1, 8, 8)
        figure = plot_pictures(pictures, columns=self.side, titles=names)
        return Report(measures, {"map.png": figure})

    def shares(self, model: Any) -> np.ndarray:
        """Return the share of each class in the training digits that each unit won, (units, 10)."""
        train = self.data().train
        counts = np.zeros((self.side**2, len(LABELS)))
        np.add.at(counts, (som.winners(model, train.x), train.y.astype(int)), 1)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return the class that the winning unit stands for, with the shares of all classes.

        Where that unit won no training digit, the nearest one that did answers.
        """
        shares = self.shares(model)
        distance = model.predict(np.stack([example.x for example in examples]))
        distance = np.where(shares.any(axis=1), distance, np.inf)
        answers = []
        for example, row in zip(examples, shares[distance.argmin(axis=1)], strict=True):
            probabilities = dict(zip(LABELS, row.tolist(), strict=True))
            answers.append(Prediction(example, LABELS[int(row.argmax())], probabilities))
        return answers

    def example(self, source: str) -> Example:
        """Return the digit that an image file shows, brought to the form of the data set."""
        counts = counts_of_ink(read_grey(source), source)
        return Example(source, as_rows(counts[None])[0], picture=counts / FULL)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        example = super().sample(data, number)
        truth = data.labels[int(data.test.y[number - 1])]
        return replace(example, picture=example.x.reshape(8, 8), truth=truth)


def as_rows(counts: np.ndarray) -> np.ndarray:
    """Return counts of ink (samples, 8, 8) as inputs (samples, 64) in [0, 1]."""
    return (counts.reshape(len(counts), 64) / FULL).astype(np.float32)
