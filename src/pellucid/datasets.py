"""The data sets under the names that Keras uses: ``from pellucid.datasets import mnist``."""

from pellucid.data import (
    cifar10,
    diabetes,
    digits,
    fashion_mnist,
    imdb,
    iris,
    mnist,
    tiny_shakespeare,
)

__all__ = [
    "cifar10",
    "diabetes",
    "digits",
    "fashion_mnist",
    "imdb",
    "iris",
    "mnist",
    "tiny_shakespeare",
]
