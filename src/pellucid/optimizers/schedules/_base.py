"""What every learning-rate schedule has in common, and the constant one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid._named import Registry, Symbols

Array = jax.Array
Step = Array | int

REGISTRY: Registry["LearningRateSchedule"] = Registry("learning-rate schedule")
"""Every schedule by name; the tests walk this table."""


@dataclass(frozen=True)
class LearningRateSchedule:
    """The learning rate as a pure function of the step number.

    A schedule is a frozen description. A schedule of one's own is a frozen dataclass with the one
    method ``rate``; it may use ``jax.numpy`` alone, for it runs inside the compiled step.

    >>> from pellucid.optimizers.schedules import ExponentialDecay
    >>> schedule = ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> float(schedule(0)), float(schedule(10))
    (0.10000000149011612, 0.05000000074505806)
    """

    formula: ClassVar[str]
    shapes: ClassVar[str] = "a step number to a rate, both scalars"
    """What goes in and what comes out, by shape."""
    symbols: ClassVar[Symbols] = {"t": "updates made so far, from 0", "lr": "learning rate"}
    """The meaning of the symbols of the formulas; settings are explained with them."""
    reference: ClassVar[str]

    @final
    def __call__(self, step: Step) -> Array:
        """Return the learning rate at ``step``.

        Args:
            step: updates made so far, an integer scalar of 0 or more.

        Returns:
            A scalar in JAX's default floating type.
        """
        return jnp.asarray(self.rate(jnp.asarray(step, dtype=float)), dtype=float)

    def rate(self, t: Array) -> Array:
        """Return the learning rate at step ``t``, a floating-point scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define rate(self, t).")

    def check_positive(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number above 0."""
        for name in names:
            value = getattr(self, name)
            check_range(
                type(self).__name__, name, value, 0, math.inf, open_low=True, open_high=True
            )

    def check_not_negative(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number of 0 or more."""
        for name in names:
            check_range(type(self).__name__, name, getattr(self, name), 0, math.inf, open_high=True)


@REGISTRY.register(name="constant", aliases=("constant_schedule",))
@dataclass(frozen=True)
class ConstantSchedule(LearningRateSchedule):
    """The same learning rate at every step.

    lr(t) = learning_rate

    Args:
        learning_rate: the rate, above 0.
    """

    learning_rate: float

    formula: ClassVar[str] = "lr(t) = learning_rate"
    reference: ClassVar[str] = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.3."

    def __post_init__(self) -> None:
        self.check_positive("learning_rate")

    def rate(self, t: Array) -> Array:
        """Return learning_rate."""
        return jnp.full_like(t, self.learning_rate)


def floats(values: Sequence[Any]) -> Array:
    """Return numbers as a vector in JAX's default floating type."""
    return jnp.asarray(values, dtype=float)
