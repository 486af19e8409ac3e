"""The table that drives the tests of the optimizers: a row for each, and for each variant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optax

from pellucid.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
)


@dataclass(frozen=True)
class Case:
    """One optimizer, a second implementation of it, and rates at which it must converge."""

    name: str
    ours: Callable[..., Optimizer]
    theirs: Callable[[Any], Any]
    parabola_rate: float
    rosenbrock_rate: float


CASES = [
    Case("sgd", SGD, optax.sgd, 0.1, 2e-3),
    Case(
        "momentum",
        lambda lr, **kw: SGD(lr, momentum=0.9, **kw),
        lambda lr: optax.sgd(lr, momentum=0.9),
        0.02,
        1e-3,
    ),
    Case(
        "nesterov",
        lambda lr, **kw: SGD(lr, momentum=0.9, nesterov=True, **kw),
        lambda lr: optax.sgd(lr, momentum=0.9, nesterov=True),
        0.02,
        1e-3,
    ),
    Case("adagrad", Adagrad, lambda lr: optax.adagrad(lr, eps=1e-7), 1.0, 1.0),
    Case("adadelta", Adadelta, lambda lr: optax.adadelta(lr, rho=0.95, eps=1e-7), 50.0, 0.03),
    Case("rmsprop", RMSprop, lambda lr: optax.rmsprop(lr, eps=1e-7), 0.005, 5e-4),
    Case(
        "rmsprop_centered_momentum",
        lambda lr, **kw: RMSprop(lr, centered=True, momentum=0.5, **kw),
        lambda lr: optax.rmsprop(lr, eps=1e-7, centered=True, momentum=0.5),
        0.005,
        1e-4,
    ),
    Case("adam", Adam, lambda lr: optax.adam(lr, eps=1e-7), 0.05, 0.02),
    Case(
        "amsgrad",
        lambda lr, **kw: Adam(lr, amsgrad=True, **kw),
        lambda lr: optax.amsgrad(lr, eps=1e-7),
        0.05,
        0.02,
    ),
    Case("adamw", AdamW, lambda lr: optax.adamw(lr, eps=1e-7, weight_decay=0.004), 0.05, 0.02),
    Case("nadam", Nadam, lambda lr: optax.nadam(lr, eps=1e-7), 0.05, 0.02),
    Case("lion", Lion, lambda lr: optax.lion(lr, b2=0.99, weight_decay=0.0), 0.002, 5e-4),
]
