"""Schedules that fall step by step, exponentially, as 1/t, or as a power."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.optimizers.schedules._base import REGISTRY, Array, LearningRateSchedule, floats


@REGISTRY.register()
@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """Step decay: a constant rate between given steps.

    lr(t) = values[k],  k = how many boundaries are less than t

    At a boundary itself the earlier value still holds (as in Keras).

    Args:
        boundaries: step numbers in increasing order, at least one.
        values: the rates, one more than there are boundaries.

    >>> schedule = PiecewiseConstantDecay([10, 20], [0.5, 0.25, 0.125])
    >>> [float(schedule(t)) for t in (0, 10, 11, 21)]
    [0.5, 0.5, 0.25, 0.125]
    """

    boundaries: Sequence[float]
    values: Sequence[float]

    formula: ClassVar[str] = "lr(t) = values[k], k = number of boundaries < t"
    symbols: ClassVar[Symbols] = {"k": "how many boundaries are less than t"}
    reference: ClassVar[str] = "He et al., Deep Residual Learning, 2016, section 4.2."

    def __post_init__(self) -> None:
        for name in ("boundaries", "values"):
            if not isinstance(getattr(self, name), (list, tuple)):
                raise ArgumentError(
                    f"PiecewiseConstantDecay expected {name} to be a list of numbers, "
                    f"got {getattr(self, name)!r}."
                )
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.boundaries or len(self.values) != len(self.boundaries) + 1:
            raise ArgumentError(
                "PiecewiseConstantDecay expected one value more than boundaries, got "
                f"{len(self.boundaries)} boundaries and {len(self.values)} values."
            )
        for entry in self.boundaries:
            check_range("PiecewiseConstantDecay", "each of boundaries", entry, 0)
        for entry in self.values:
            check_range("PiecewiseConstantDecay", "each of values", entry, 0)
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ArgumentError(
                "PiecewiseConstantDecay expected boundaries in increasing order, "
                f"got {self.boundaries}; sort them."
            )

    def rate(self, t: Array) -> Array:
        """Return the value between whose boundaries t lies."""
        k = jnp.sum(t > floats(self.boundaries))
        return floats(self.values)[k]


@REGISTRY.register()
@dataclass(frozen=True)
class ExponentialDecay(LearningRateSchedule):
    """A rate that is multiplied by ``decay_rate`` every ``decay_steps`` steps.

    lr(t) = initial_learning_rate * decay_rate^(t / decay_steps)

    Args:
        initial_learning_rate: the rate at step 0, above 0.
        decay_steps: steps per multiplication, above 0.
        decay_rate: the factor, above 0; below 1 the rate falls.
        staircase: take the whole part of t / decay_steps, so that the rate falls in steps.
    """

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    formula: ClassVar[str] = "lr(t) = initial_learning_rate * decay_rate^(t / decay_steps)"
    reference: ClassVar[str] = (
        "Senior et al., An Empirical Study of Learning Rates in Deep Neural Networks for Speech "
        "Recognition, 2013."
    )

    def __post_init__(self) -> None:
        self.check_positive("initial_learning_rate", "decay_steps", "decay_rate")

    def rate(self, t: Array) -> Array:
        """Return initial_learning_rate * decay_rate^p."""
        p = t / self.decay_steps
        p = jnp.floor(p) if self.staircase else p
        return self.initial_learning_rate * self.decay_rate**p


@REGISTRY.register()
@dataclass(frozen=True)
class InverseTimeDecay(LearningRateSchedule):
    """A rate that falls like 1 / t.

    lr(t) = initial_learning_rate / (1 + decay_rate * t / decay_steps)

    Args:
        initial_learning_rate: the rate at step 0, above 0.
        decay_steps: steps per unit of decay, above 0.
        decay_rate: how fast the rate falls, 0 or more.
        staircase: take the whole part of t / decay_steps, so that the rate falls in steps.
    """

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    formula: ClassVar[str] = "lr(t) = initial_learning_rate / (1 + decay_rate * t / decay_steps)"
    reference: ClassVar[str] = "Robbins and Monro, A Stochastic Approximation Method, 1951."

    def __post_init__(self) -> None:
        self.check_positive("initial_learning_rate", "decay_steps")
        self.check_not_negative("decay_rate")

    def rate(self, t: Array) -> Array:
        """Return initial_learning_rate / (1 + decay_rate * p)."""
        p = t / self.decay_steps
        p = jnp.floor(p) if self.staircase else p
        return self.initial_learning_rate / (1 + self.decay_rate * p)


@REGISTRY.register()
@dataclass(frozen=True)
class PolynomialDecay(LearningRateSchedule):
    """A rate that falls to an end value as a power of the time that is left.

    lr(t) = (initial_learning_rate - end_learning_rate) * (1 - p)^power + end_learning_rate,
    p = min(t, decay_steps) / decay_steps

    With ``cycle`` the rate rises again whenever the end is reached and decays over a longer span:
    p = t / (decay_steps * ceil(t / decay_steps)).

    Args:
        initial_learning_rate: the rate at step 0, above 0.
        decay_steps: steps until the end value, above 0.
        end_learning_rate: the rate at the end, 0 or more.
        power: the exponent, above 0; 1 is a straight line.
        cycle: start again, over a longer span, each time the end is reached.
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False

    formula: ClassVar[str] = (
        "lr(t) = (initial_learning_rate - end_learning_rate) * (1 - p)^power + end_learning_rate; "
        "p = min(t, decay_steps) / decay_steps"
    )
    symbols: ClassVar[Symbols] = {"p": "fraction of decay_steps that is over"}
    reference: ClassVar[str] = "Chen et al., DeepLab, 2017 (its poly policy)."

    def __post_init__(self) -> None:
        self.check_positive("initial_learning_rate", "decay_steps", "power")
        self.check_not_negative("end_learning_rate")

    def rate(self, t: Array) -> Array:
        """Return the power of the time left, between the two rates."""
        if self.cycle:
            p = t / (self.decay_steps * jnp.maximum(1.0, jnp.ceil(t / self.decay_steps)))
        else:
            p = jnp.minimum(t, self.decay_steps) / self.decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1 - p) ** self.power + self.end_learning_rate
