"""Pellucid: ``Model.fit``, as a user writes it."""

from workloads import LEARNING_RATE, Workload

import pellucid
from pellucid.layers import Dense


def prepare(workload: Workload):
    x, y = workload.data()
    model = pellucid.Sequential([Dense(workload.units, activation="relu"), Dense(10)])
    model.compile(
        pellucid.optimizers.Adam(LEARNING_RATE),
        pellucid.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        verbose=0,
    )

    def run(epochs: int) -> float:
        history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
        return history.history["loss"][-1]

    return run
