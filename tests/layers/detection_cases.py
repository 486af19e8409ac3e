"""Rows of the contract suite for the pooling of regions."""

from layers.cases import Case
from pellucid import layers

CASES = [
    Case(
        layers.RoIAlign(2, stride=1.0),
        [(5, 4, 3), (6, 4)],
        [(2, 5, 4, 3), (2, 6, 3)],
        r"boxes of shape \(2, n, 4\), some for each of the 2 maps, got \(2, 6, 3\)",
        keras=False,
    ),
    Case(
        layers.RoIAlign((1, 3), stride=0.5, samples=1),
        [(5, 4, 3), (2, 4)],
        [(2, 5, 4), (2, 2, 4)],
        "roi_align expected an input of rank 4",
        label="oblong",
        keras=False,
    ),
]
