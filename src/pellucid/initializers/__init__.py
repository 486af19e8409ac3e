"""Initializers: how the parameters begin.

Each is a frozen description that is called with a random key, a shape and a type. Keys are
arguments: the same key gives the same numbers.

>>> import jax
>>> from pellucid.initializers import GlorotUniform
>>> GlorotUniform()(jax.random.key(0), (784, 128)).shape
(784, 128)
"""

from pellucid.initializers._base import REGISTRY, Initializer, compute_fans
from pellucid.initializers._constant import Constant, Identity, Ones, Zeros
from pellucid.initializers._orthogonal import Orthogonal
from pellucid.initializers._random import RandomNormal, RandomUniform, TruncatedNormal
from pellucid.initializers._scaled import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

get = REGISTRY.get

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "get",
]
