"""Two species of iris, by one unit that learns from its mistakes alone.

Task: classification of a flower by two of its measures into one of two species, by Rosenblatt's
    error correction (``pellucid.zoo.perceptron``; 3 parameters). Other pairs of species and other
    measures with ``--set species=...`` and ``--set measures=...``.
Data: iris, inside scikit-learn: of two species 40 flowers each to learn from, 10 each for the test.
Command: pellucid train perceptron
    pellucid train perceptron --epochs 50 --set "species=versicolor, virginica"    (never rests)
Time: a few seconds on one core.
Expected: all training flowers right after 3 or 4 corrections, and 19 or 20 of the 20 test flowers,
    over the seeds 0 to 2. Versicolor and virginica overlap in these two measures: after 50 epochs
    and 255 corrections (seed 0) 0.90 of the training flowers are right and 0.80 of the others.

In the run folder: ``lines.png``, where the line lay after each of the last 40 corrections, the
newest one darkest.
Your own flower: ``pellucid predict runs/latest 5.0,1.4``; the probabilities are 1 and 0, because a
perceptron knows no doubt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_range
from pellucid.data.iris import class_names, feature_names
from pellucid.datasets import iris
from pellucid.errors import ArgumentError, DataError
from pellucid.inspection import plot_lines
from pellucid.recipes._recipe import (
    Data,
    Example,
    Learning,
    Part,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.training import train
from pellucid.zoo import perceptron
from pellucid.zoo.perceptron import Lines, as_sides

SHOWN = 40
"""Lines in the figure, the last ones."""


@dataclass(frozen=True)
class Perceptron(Recipe):
    """Settings and the five parts."""

    epochs: int = setting(10, "passes over the training part")
    batch_size: int = setting(1, "flowers per step; they are shown one by one all the same")
    species: str = setting("setosa, versicolor", "the two species")
    measures: str = setting("sepal length, petal length", "what is measured, one or more of four")
    rate: float = setting(1.0, "share of a flower that corrects the weights")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Recipe 'perceptron'", "rate", self.rate, 0, open_low=True)
        species = listed("species", self.species, class_names)
        if len(species) != 2:
            raise ArgumentError(
                f"Recipe 'perceptron' expected two species, got {self.species!r}; type species="
                '"setosa, virginica", for example.'
            )
        listed("measures", self.measures, feature_names)

    def data(self) -> Data:
        """Return the flowers as (samples, measures), centimeters, with sides -1 and 1.

        Measures are told from the middle of the training part, so that the line can turn around it.
        """
        species = listed("species", self.species, class_names)
        numbers = [class_names.index(name) for name in species]
        middle = self.middle()

        def part(x: np.ndarray, y: np.ndarray) -> Part:
            chosen = np.isin(y, numbers)
            return Part(self.chosen(x[chosen]) - middle, as_sides(y[chosen] == numbers[1]))

        train, test = iris.load_data()
        return Data(part(*train), None, part(*test), labels=tuple(species))

    def chosen(self, x: np.ndarray) -> np.ndarray:
        """Return the columns of the chosen measures."""
        return x[:, [feature_names.index(name) for name in self.columns()]]

    def columns(self) -> list[str]:
        """Return the names of the chosen measures."""
        return listed("measures", self.measures, feature_names)

    def middle(self) -> np.ndarray:
        """Return the mean of each measure in the training part, flowers of all species."""
        (x, _), _ = iris.load_data()
        return self.chosen(x).mean(axis=0).round(1)

    def model(self, data: Data) -> Any:
        """Return one unit with weights of zero."""
        return perceptron.network(data.train.x.shape[1])

    def objective(self, data: Data) -> Learning:
        """Return error correction."""
        return Learning(self.learner)

    def learner(self, model: Any) -> perceptron.Perceptron:
        """Return what corrects this unit."""
        return perceptron.Perceptron(model, self.rate)

    def report(self, model: Any, data: Data) -> Report:
        """Return the share of right answers, the corrections it took, and the line's way."""
        measures: dict[str, Any] = {
            name: {"accuracy": float(np.mean(sides(model, part.x) == part.y))}
            for name, part in reversed(data.parts().items())
        }
        lines = self.lines(data)
        measures["corrections"] = len(lines)
        if data.train.x.shape[1] != 2:
            return Report(measures)
        names = [
            f"{name} - {there:.1f} cm"
            for name, there in zip(self.columns(), self.middle(), strict=True)
        ]
        figure = plot_lines(data.train.x, data.train.y, lines[-SHOWN:], data.labels, names)
        return Report(measures, {"lines.png": figure})

    def lines(self, data: Data) -> list[tuple[np.ndarray, float]]:
        """Return the line after each correction; the training again, which repeats bit for bit."""
        lines = Lines()
        learner = self.learner(self.model(data))
        train(
            learner.step,
            learner.start(self.seed),
            tuple(data.train),
            batch_size=self.batch_size,
            epochs=self.epochs,
            callbacks=[lines],
            seed=self.seed,
        )
        moved, before = [], (np.zeros(data.train.x.shape[1]), 0.0)
        for w, b in lines.lines:
            if b != before[1] or not np.array_equal(w, before[0]):
                moved.append((w, b))
                before = w, b
        return moved

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return the species on whose side of the line each flower lies."""
        species = listed("species", self.species, class_names)
        answers = []
        for example, side in zip(examples, sides(model, [e.x for e in examples]), strict=True):
            label = species[int(side > 0)]
            answers.append(Prediction(example, label, {n: float(n == label) for n in species}))
        return answers

    def example(self, source: str) -> Example:
        """Return the flower whose measures are given as numbers with commas between them."""
        measures = self.columns()
        try:
            x = np.array([float(number) for number in source.split(",")], np.float32)
        except ValueError:
            x = np.zeros(0, np.float32)
        if x.shape != (len(measures),) or not np.isfinite(x).all():
            raise DataError(
                f"Expected {', '.join(measures)} in centimeters, numbers with commas between them, "
                f'such as "{",".join(["5.0"] * len(measures))}", got {source!r}.'
            )
        return Example(f"flower {source.strip()}", x - self.middle())

    def sample(self, data: Data, number: int) -> Example:
        """Return a flower of the test part with its species; the first one is number 1."""
        example = super().sample(data, number)
        return replace(example, truth=data.labels[int(data.test.y[number - 1] > 0)])


def sides(model: Any, x: Any) -> np.ndarray:
    """Return on which side of the line each flower lies, 1 or -1."""
    return np.where(model.predict(np.stack(x))[:, 0] > 0, 1, -1)


def listed(name: str, text: str, known: Sequence[str]) -> list[str]:
    """Return the different words of a list with commas, each one of those that are known."""
    words = list(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in words:
        check_one_of("Recipe 'perceptron'", f"every word of {name}", word, tuple(known))
    return words
