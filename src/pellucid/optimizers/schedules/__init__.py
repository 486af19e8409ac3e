"""Learning-rate schedules: pure functions from the step number to the learning rate.

A schedule goes where a number goes: ``Adam(learning_rate=CosineDecay(1e-3, decay_steps=5000))``.
The first step of training is step 0.
"""

from pellucid.optimizers.schedules._base import REGISTRY, ConstantSchedule, LearningRateSchedule
from pellucid.optimizers.schedules._cosine import CosineDecay, CosineDecayRestarts
from pellucid.optimizers.schedules._decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from pellucid.optimizers.schedules._warmup import LinearWarmup, OneCycle

get = REGISTRY.get

__all__ = [
    "ConstantSchedule",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "LinearWarmup",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "get",
]
