"""MNIST with one hidden layer: load, scale, define, compile, fit, evaluate, save, load.

Data: MNIST, 60,000 training and 10,000 test images of 28x28 (downloaded once, 12 MB, or read from
the folder in PELLUCID_DATA). Network: 784-128-10, 101,770 parameters.

Expected: test accuracy 0.977 (0.976 to 0.978 over five seeds of the network).
Time: 10 seconds on two cores.

Run it whole: ``python examples/01_mnist_mlp.py``
"""

import numpy as np

from pellucid.datasets import mnist
from pellucid.layers import Dense, Flatten
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Sequential, load_model


def main(epochs=10, limit=None, folder="mnist_mlp"):
    """Train and save the network; return its test accuracy.

    Args:
        epochs: passes over the training images.
        limit: take only so many training and test images.
        folder: where the model is saved.
    """
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train, y_train, x_test, y_test = (a[:limit] for a in (x_train, y_train, x_test, y_test))
    x_train, x_test = x_train / 255.0, x_test / 255.0

    model = Sequential(
        [
            Flatten(input_shape=(28, 28)),
            Dense(128, activation="relu"),
            Dense(10),
        ]
    )
    model.summary()
    model.compile(
        optimizer="adam",
        loss=SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test))
    test_loss, test_accuracy = model.evaluate(x_test, y_test, verbose=2)
    print(f"Test accuracy: {test_accuracy:.4f}")

    model.save(folder)
    loaded = load_model(folder)
    same = np.array_equal(model.predict(x_test), loaded.predict(x_test))
    print(f"The loaded model predicts the same, bit for bit: {same}")
    return test_accuracy


if __name__ == "__main__":
    main()
