"""The data sets under the names that Keras uses: ``from pellucid.datasets import mnist``."""

from pellucid.data import (
    bccd,
    cifar10,
    diabetes,
    digits,
    fashion_mnist,
    imdb,
    iris,
    mnist,
    orl_faces,
    oxford_iiit_pet,
    tiny_shakespeare,
)

__all__ = [
    "bccd",
    "cifar10",
    "diabetes",
    "digits",
    "fashion_mnist",
    "imdb",
    "iris",
    "mnist",
    "orl_faces",
    "oxford_iiit_pet",
    "tiny_shakespeare",
]
