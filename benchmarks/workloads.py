"""The workloads: what every system trains, and the data, made from one seed."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """A network and its data.

    Attributes:
        name: as in ``--workloads``.
        batch_size: rows a step.
        rows: rows an epoch.
        units: width of the hidden layer of the 784-units-10 network.
    """

    name: str
    batch_size: int
    rows: int
    units: int = 128

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs (rows, 784) in [0, 1], ten overlapping clouds, and labels, a fifth wrong.

        The wrong labels keep the loss away from 0, so that it can be compared between systems.
        """
        rng = np.random.default_rng(0)
        kind = rng.integers(0, 10, self.rows)
        centers = rng.random((10, 784), np.float32)
        x = 0.1 * centers[kind] + 0.9 * rng.random((self.rows, 784), np.float32)
        wrong = rng.random(self.rows) < 0.2
        y = np.where(wrong, rng.integers(0, 10, self.rows), kind)
        return x, y.astype(np.int32)


WORKLOADS = {
    w.name: w
    for w in (
        Workload("mlp-32", batch_size=32, rows=60_000),
        Workload("mlp-128", batch_size=128, rows=60_000),
    )
}
LEARNING_RATE = 1e-3
EPOCHS = 10
"""Passes over the data in a round."""
