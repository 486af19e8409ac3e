"""What can be told from the data alone: neighbors, and a linear model that never sees its own row.

These simple predictors say how much of the labels is in the inputs, whatever the network does.
"""

from functools import cached_property
from typing import Any

import numpy as np

NEIGHBORS = 5
CROWD = 10
"""Neighbors that are asked whether a label is wrong."""
ROWS = 2000
"""At most this many rows are compared with one another."""
WIDTH = 512
"""Wider inputs are projected to this many numbers."""


def as_features(x: Any, tokens: bool, like: "Features | None" = None) -> "Features":
    """Return inputs as rows of numbers on a common scale; ``like`` gives the scale of other rows.

    A small table has every column divided by its own deviation; pictures keep the proportions of
    their pixels; token numbers become counts of words.
    """
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    flat = [
        _word_counts(np.asarray(a)) if tokens else np.asarray(a, np.float32).reshape(len(a), -1)
        for a in arrays
    ]
    rows = np.concatenate(flat, axis=1)
    if like is None:
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        whole = float(np.sqrt(np.mean(deviation**2))) or 1.0
        table = not tokens and all(np.ndim(a) == 2 for a in arrays) and rows.shape[1] <= 100
        sparse = (rows == 0).mean() > 0.3
        scale = np.where(deviation > 0, deviation, 1.0) if table and not sparse else whole
        return Features((rows - mean) / scale, mean, scale)
    return Features((rows - like.mean) / like.scale, like.mean, like.scale)


class Features:
    """Rows of numbers, and the shift and scale that made them."""

    def __init__(self, rows: np.ndarray, mean: np.ndarray, scale: Any) -> None:
        self.rows = rows.astype(np.float32)
        self.mean = mean
        self.scale = scale


def _word_counts(tokens: np.ndarray) -> np.ndarray:
    """Return the frequencies of the words in each row, by number modulo ``WIDTH``."""
    flat = tokens.reshape(len(tokens), -1).astype(np.int64)
    counts = np.zeros((len(flat), WIDTH), np.float32)
    np.add.at(counts, (np.arange(len(flat))[:, None], flat % WIDTH), flat > 3)
    return np.sqrt(counts)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ||a_i - b_j||^2, shape (rows of a, rows of b)."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * (a @ b.T)
    return np.maximum(squares, 0.0)


class SimpleModels:
    """Out-of-sample answers of nearest neighbors and ridge regression.

    Args:
        features: rows of numbers, (n, d).
        targets: class labels (n,), or numbers (n, k).
        classes: how many classes; 0 for numbers.
        seed: draws projections, folds and permutations.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray, classes: int, seed: int) -> None:
        self.features = features
        self.targets = targets
        self.classes = classes
        self.rng = np.random.default_rng(seed)

    @cached_property
    def distances(self) -> np.ndarray:
        """Squared distances between all rows, infinite from a row to itself."""
        distances = squared_distances(self.features, self.features)
        np.fill_diagonal(distances, np.inf)
        return distances

    @cached_property
    def neighbors(self) -> np.ndarray:
        """The numbers of the nearest rows of each row, (n, k)."""
        k = min(NEIGHBORS, len(self.features) - 1)
        return np.argpartition(self.distances, k - 1, axis=1)[:, :k]

    @cached_property
    def one_hot(self) -> np.ndarray:
        """The targets as numbers (n, k): one-hot rows for classes."""
        if not self.classes:
            return self.targets.reshape(len(self.targets), -1).astype(np.float64)
        return np.eye(self.classes)[self.targets]

    @cached_property
    def votes(self) -> np.ndarray:
        """For each row the mean target of its neighbors, (n, k)."""
        return self.one_hot[self.neighbors].mean(axis=1)

    @cached_property
    def _folds(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each fold: the rows left out, the others, and the matrix from targets to answers."""
        x = self.features.astype(np.float64)
        n, d = x.shape
        if d > WIDTH:
            x = x @ self.rng.standard_normal((d, WIDTH)) / np.sqrt(WIDTH)
        x = np.column_stack([x, np.ones(n)])
        folds = []
        for out in np.array_split(self.rng.permutation(n), 5):
            kept = np.setdiff1d(np.arange(n), out)
            gram = x[kept].T @ x[kept]
            strength = 0.1 * np.trace(gram) / len(gram)
            weights = np.linalg.solve(gram + strength * np.eye(len(gram)), x[kept].T)
            folds.append((out, kept, x[out] @ weights))
        return folds

    def linear(self, targets: np.ndarray) -> np.ndarray:
        """Return the ridge regression's answer for each row, fitted without its fold."""
        answers = np.zeros_like(targets, np.float64)
        for out, kept, matrix in self._folds:
            center = targets[kept].mean(axis=0)
            answers[out] = center + matrix @ (targets[kept] - center)
        return answers

    @cached_property
    def answers(self) -> np.ndarray:
        """The ridge regression's out-of-sample answers, (n, k)."""
        return self.linear(self.one_hot)

    @cached_property
    def score(self) -> float:
        """The better of the two: accuracy for classes, R2 for numbers."""
        return max(self._score(self.votes), self._score(self.answers))

    def _score(self, answers: np.ndarray) -> float:
        if self.classes:
            return float((answers.argmax(axis=1) == self.targets).mean())
        wrong = ((answers - self.one_hot) ** 2).sum()
        return 1.0 - float(wrong / max(((self.one_hot - self.one_hot.mean(0)) ** 2).sum(), 1e-12))

    @cached_property
    def neighbor_z(self) -> float:
        """How far neighbors' agreement is from chance, in deviations over permuted targets."""
        y = self.one_hot - self.one_hot.mean(axis=0)

        def agreement(order: np.ndarray) -> float:
            permuted = y[order]
            return float((permuted[self.neighbors].mean(axis=1) * permuted).sum())

        return self._z(agreement)

    @cached_property
    def linear_z(self) -> float:
        """How far the linear model's answers are from chance, in deviations likewise."""
        y = self.one_hot - self.one_hot.mean(axis=0)
        k = y.shape[1]
        orders = [np.arange(len(y)), *(self.rng.permutation(len(y)) for _ in range(20))]
        together = self.linear(np.concatenate([y[order] for order in orders], axis=1))
        made = [
            float((together[:, k * i : k * (i + 1)] * y[order]).sum())
            for i, order in enumerate(orders)
        ]
        return _deviations(made[0], made[1:])

    def _z(self, statistic: Any) -> float:
        n = len(self.one_hot)
        chance = [statistic(self.rng.permutation(n)) for _ in range(20)]
        return _deviations(statistic(np.arange(n)), chance)

    @cached_property
    def contradicted(self) -> np.ndarray:
        """The rows whose label both simple models contradict, and agree on another one.

        Eight of ten neighbors must name the other class, and the linear model must give it clearly
        more than the label. Where classes overlap, neighbors are mixed, and few rows are named.
        """
        n = len(self.targets)
        rows, k = np.arange(n), min(CROWD, n - 1)
        crowd = np.argpartition(self.distances, k - 1, axis=1)[:, :k]
        votes = self.one_hot[crowd].mean(axis=1)
        other = votes.argmax(axis=1)
        margin = self.answers[rows, other] - self.answers[rows, self.targets]
        return np.flatnonzero(
            (other != self.targets) & (votes[rows, other] > 0.79) & (margin > 0.2)
        )


def _deviations(value: float, chance: list[float]) -> float:
    spread = float(np.std(chance, ddof=1))
    return (value - float(np.mean(chance))) / max(spread, 1e-12)
