"""MNIST with two hidden layers, softmax output and one-hot labels.

Data: MNIST, 60,000 training and 10,000 test images of 28x28 (downloaded once, 12 MB, or read from
the folder in PELLUCID_DATA). Network: 784-128-128-10, 118,282 parameters.

Expected: test accuracy 0.978 (0.977 to 0.978 over five seeds of the network).
Time: 10 seconds on two cores.

Run it whole: ``python examples/03_mnist_one_hot.py``
"""

from pellucid.datasets import mnist
from pellucid.layers import Dense
from pellucid.models import Sequential
from pellucid.utils import to_categorical


def main(epochs=10, limit=None):
    """Train the network; return its test accuracy.

    Args:
        epochs: passes over the training images.
        limit: take only so many training and test images.
    """
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train, y_train, x_test, y_test = (a[:limit] for a in (x_train, y_train, x_test, y_test))
    x_train = x_train.reshape(-1, 784).astype("float32") / 255
    x_test = x_test.reshape(-1, 784).astype("float32") / 255
    y_train, y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)

    model = Sequential()
    model.add(Dense(128, activation="relu", input_shape=(784,)))
    model.add(Dense(128, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=128, epochs=epochs, validation_data=(x_test, y_test))
    test_loss, test_accuracy = model.evaluate(x_test, y_test)
    print(f"Test accuracy: {test_accuracy:.4f}")
    return test_accuracy


if __name__ == "__main__":
    main()
