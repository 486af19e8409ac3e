"""Schedules that fall along half a cosine wave, once or again and again."""

import math
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from pellucid._checks import check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.optimizers.schedules._base import REGISTRY, Array, LearningRateSchedule

SGDR = "Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, eq. 5."


@REGISTRY.register()
@dataclass(frozen=True)
class CosineDecay(LearningRateSchedule):
    """A rate that falls along half a cosine wave, after a linear warm-up if wanted.

    Without warm-up, lr_0 = initial_learning_rate and

        p     = min(t, decay_steps) / decay_steps
        lr(t) = lr_0 * ((1 - alpha) * (1 + cos(pi p)) / 2 + alpha)

    With ``warmup_target``, the rate first rises in a straight line from initial_learning_rate to
    warmup_target during warmup_steps; then the decay begins, with lr_0 = warmup_target and
    t counted from the end of the warm-up.

    Args:
        initial_learning_rate: the rate at step 0, 0 or more (above 0 without warm-up).
        decay_steps: steps from the top to the end of the wave, above 0 (warm-up not counted).
        alpha: the rate at the end as a fraction of lr_0, in [0, 1].
        warmup_target: the rate at the end of the warm-up; ``None`` for no warm-up.
        warmup_steps: steps of the warm-up, 0 or more.
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    warmup_target: float | None = None
    warmup_steps: int = 0

    formula: ClassVar[str] = (
        "lr(t) = lr_0 * ((1 - alpha) * (1 + cos(pi p)) / 2 + alpha); "
        "p = min(t, decay_steps) / decay_steps"
    )
    symbols: ClassVar[Symbols] = {
        "lr_0": "rate at the top of the wave: initial_learning_rate, or warmup_target",
        "p": "fraction of the wave that is over",
    }
    reference: ClassVar[str] = SGDR

    def __post_init__(self) -> None:
        self.check_positive("decay_steps")
        self.check_not_negative("warmup_steps")
        check_range("CosineDecay", "alpha", self.alpha, 0, 1)
        if self.warmup_target is None:
            self.check_positive("initial_learning_rate")
        else:
            self.check_not_negative("initial_learning_rate")
            self.check_positive("warmup_target")
            check_positive_int("CosineDecay with warmup_target", "warmup_steps", self.warmup_steps)
        if self.warmup_target is None and self.warmup_steps:
            raise ArgumentError(
                f"CosineDecay got warmup_steps={self.warmup_steps} without a rate to warm up to; "
                "add warmup_target=...."
            )

    def rate(self, t: Array) -> Array:
        """Return the straight line of the warm-up, then the cosine."""
        if self.warmup_target is None:
            return self.initial_learning_rate * self._wave(t)
        slope = (self.warmup_target - self.initial_learning_rate) / self.warmup_steps
        return jnp.where(
            t < self.warmup_steps,
            self.initial_learning_rate + slope * t,
            self.warmup_target * self._wave(t - self.warmup_steps),
        )

    def _wave(self, t: Array) -> Array:
        p = jnp.minimum(t, self.decay_steps) / self.decay_steps
        return (1 - self.alpha) * (1 + jnp.cos(math.pi * p)) / 2 + self.alpha


@REGISTRY.register()
@dataclass(frozen=True)
class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine wave that starts again at the top, each time over a longer span.

    lr(t) = initial_learning_rate * ((1 - alpha) * m_mul^i * (1 + cos(pi p)) / 2 + alpha)

    where i counts the restarts so far, p in [0, 1) is how far period i has gone, and period i lasts
    first_decay_steps * t_mul^i steps, so that it starts at step
    first_decay_steps * (t_mul^i - 1) / (t_mul - 1).

    Args:
        initial_learning_rate: the rate at step 0, above 0.
        first_decay_steps: steps of the first period, above 0.
        t_mul: each period lasts this many times as long as the one before, 1 or more.
        m_mul: each period starts at this fraction of the rate of the one before, above 0.
        alpha: the lowest rate as a fraction of initial_learning_rate, in [0, 1].
    """

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0

    formula: ClassVar[str] = (
        "lr(t) = initial_learning_rate * ((1 - alpha) * m_mul^i * (1 + cos(pi p)) / 2 + alpha); "
        "i = restarts so far, p = fraction of period i that is over"
    )
    symbols: ClassVar[Symbols] = {"i": "restarts so far", "p": "fraction of period i that is over"}
    reference: ClassVar[str] = SGDR

    def __post_init__(self) -> None:
        self.check_positive("initial_learning_rate", "first_decay_steps", "m_mul")
        check_range("CosineDecayRestarts", "t_mul", self.t_mul, 1)
        check_range("CosineDecayRestarts", "alpha", self.alpha, 0, 1)

    def rate(self, t: Array) -> Array:
        """Find the period that t is in, then the cosine in it."""
        i = self._period(t)
        p = jnp.maximum(t - self._start(i), 0) / (self.first_decay_steps * self.t_mul**i)
        wave = (1 - self.alpha) * self.m_mul**i * (1 + jnp.cos(math.pi * p)) / 2 + self.alpha
        return self.initial_learning_rate * wave

    def _start(self, i: Array) -> Array:
        """Return the step at which period i starts; expm1(i log m) is m^i - 1, more exactly."""
        if self.t_mul == 1:
            return self.first_decay_steps * i
        return self.first_decay_steps * jnp.expm1(i * math.log(self.t_mul)) / (self.t_mul - 1)

    def _period(self, t: Array) -> Array:
        """Return i, the inverse of ``_start``; the nudge makes a border the start of a period."""
        x = t * (1 + 1e-6) / self.first_decay_steps
        if self.t_mul == 1:
            return jnp.floor(x)
        return jnp.floor(jnp.log1p(x * (self.t_mul - 1)) / math.log(self.t_mul))
