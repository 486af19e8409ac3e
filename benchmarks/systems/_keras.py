"""The Keras program, for whichever backend the caller has chosen."""

import os


def prepare_with(backend: str, workload):
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from workloads import LEARNING_RATE

    x, y = workload.data()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(workload.units, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=50,
    )

    def run(epochs: int) -> float:
        history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
        return history.history["loss"][-1]

    return run
