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
        """Return inputs (rows, 784) in [0, 1] and labels that a linear rule with noise gives."""
        rng = np.random.default_rng(0)
        x = rng.random((self.rows, 784), np.float32)
        rule = rng.standard_normal((784, 10)).astype(np.float32)
        scores = (x - 0.5) @ rule + rng.standard_normal((self.rows, 10)).astype(np.float32)
        return x, scores.argmax(1).astype(np.int32)


WORKLOADS = {
    w.name: w
    for w in (
        Workload("mlp-32", batch_size=32, rows=60_000),
        Workload("mlp-128", batch_size=128, rows=60_000),
    )
}
LEARNING_RATE = 1e-3
