"""The Keras program, for whichever backend the caller has chosen."""

import os
from math import prod

from systems import Trainer

MOST_STEPS = 50
"""``steps_per_execution``, or the steps of an epoch if they are fewer."""


def choose(backend):
    """Return Keras on a backend."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(0)
    return keras


def prepare_with(backend, workload):
    keras = choose(backend)
    x, y = workload.data()
    model = workload.networks().keras(keras)
    if workload.momentum is None:
        optimizer = keras.optimizers.Adam(workload.learning_rate)
    else:
        optimizer = keras.optimizers.SGD(workload.learning_rate, momentum=workload.momentum)
    if workload.objective == "classes":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = ["accuracy"]
    elif workload.objective == "yes or no":
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        metrics = [keras.metrics.BinaryAccuracy(threshold=0.0)]
    else:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        metrics = []
    # On PyTorch Keras takes one step an execution and no other number.
    steps = 1 if backend == "torch" else min(MOST_STEPS, workload.steps)
    model.compile(optimizer, loss, metrics=metrics, steps_per_execution=steps)

    def run(epochs):
        history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
        return history.history["loss"][-1]

    return Trainer(run, sum(prod(weight.shape) for weight in model.trainable_weights))


def predictors_with(backend, workload):
    keras = choose(backend)
    model = workload.networks().keras(keras)
    x = workload.data()[0][:1]
    tensor = keras.ops.convert_to_tensor(x)
    return {
        "predict": lambda: model.predict(x, verbose=0),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "call": lambda: keras.ops.convert_to_numpy(model(tensor, training=False)),
    }
