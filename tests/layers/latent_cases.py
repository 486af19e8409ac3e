"""Rows of the contract suite for Gaussian codes, distances and the duelling head."""

from layers.cases import Case
from pellucid import layers

CASES = [
    Case(
        layers.GaussianSampling(0.5),
        [(4,), (4,)],
        [(2, 4), (2, 3)],
        "mean and log variance of equal shape",
        keras=False,
    ),
    Case(
        layers.PairDistance(),
        [(4,), (4,)],
        [(2, 4), (2, 3)],
        "points a and points b of equal shape",
        keras=False,
    ),
    Case(
        layers.Dueling(),
        [(1,), (3,)],
        [(2, 2), (2, 3)],
        r"last axis has size 1, .* one unit, Dense\(1\)",
        keras=False,
    ),
]
