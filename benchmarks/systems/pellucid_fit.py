"""Pellucid: ``Model.fit``, as a user writes it."""

import jax
import numpy as np

from pellucid import losses, optimizers
from systems import Trainer


def prepare(workload):
    x, y = workload.data()
    model = workload.networks().pellucid()
    if workload.momentum is None:
        optimizer = optimizers.Adam(workload.learning_rate)
    else:
        optimizer = optimizers.SGD(workload.learning_rate, momentum=workload.momentum)
    if workload.objective == "classes":
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    else:
        loss = losses.BinaryCrossentropy(from_logits=True)
    metrics = [] if workload.objective == "pixels" else ["accuracy"]
    model.compile(optimizer, loss, metrics=metrics, verbose=0)

    def run(epochs):
        history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
        return history.history["loss"][-1]

    parameters = sum(leaf.size for leaf in jax.tree.leaves(model.shapes.parameters))
    return Trainer(run, parameters, model.graph.flops())


def predictors(workload):
    model = workload.networks().pellucid()
    x = workload.data()[0][:1]
    array = jax.device_put(x)
    return {
        "predict": lambda: model.predict(x),
        "call": lambda: np.asarray(model(array)),
    }
