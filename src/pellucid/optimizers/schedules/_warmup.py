"""Schedules that rise first: a warm-up before any other schedule, and the one-cycle policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp

from pellucid._checks import check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.optimizers.schedules._base import (
    REGISTRY,
    Array,
    ConstantSchedule,
    LearningRateSchedule,
    floats,
)


@REGISTRY.register()
@dataclass(frozen=True)
class LinearWarmup(LearningRateSchedule):
    """A straight rise to the first rate of another schedule, which then takes over.

        t < warmup_steps:  lr(t) = lr_0 + (s(0) - lr_0) * t / warmup_steps
        after that:        lr(t) = s(t - warmup_steps)

    with lr_0 = initial_learning_rate.

    Args:
        schedule: s, the schedule that follows, or a number for a constant rate.
        warmup_steps: steps of the rise, 1 or more.
        initial_learning_rate: the rate at step 0, 0 or more.

    >>> schedule = LinearWarmup(0.5, warmup_steps=4)
    >>> [float(schedule(t)) for t in (0, 1, 4, 9)]
    [0.0, 0.125, 0.5, 0.5]
    """

    schedule: float | Callable[[Any], Array]
    warmup_steps: int
    initial_learning_rate: float = 0.0

    formula: ClassVar[str] = (
        "lr(t) = lr_0 + (s(0) - lr_0) * t / warmup_steps if t < warmup_steps "
        "else s(t - warmup_steps); lr_0 = initial_learning_rate"
    )
    symbols: ClassVar[Symbols] = {"s": "the schedule that follows", "lr_0": "initial_learning_rate"}
    reference: ClassVar[str] = "Goyal et al., Accurate, Large Minibatch SGD, 2017, section 2.2."

    def __post_init__(self) -> None:
        if isinstance(self.schedule, (str, Mapping)):
            object.__setattr__(self, "schedule", REGISTRY.get(self.schedule))
        if not callable(self.schedule):
            self.check_positive("schedule")
            object.__setattr__(self, "schedule", ConstantSchedule(self.schedule))
        check_positive_int("LinearWarmup", "warmup_steps", self.warmup_steps)
        self.check_not_negative("initial_learning_rate")

    def rate(self, t: Array) -> Array:
        """Return the straight line, then the other schedule."""
        s: Callable[[Any], Array] = self.schedule  # type: ignore[assignment]
        start, n = self.initial_learning_rate, self.warmup_steps
        rising = start + (s(jnp.zeros_like(t)) - start) * t / n
        return jnp.where(t < n, rising, s(jnp.maximum(t - n, 0)))


@REGISTRY.register(aliases=("one_cycle",))
@dataclass(frozen=True)
class OneCycle(LearningRateSchedule):
    """The one-cycle policy: a straight rise, a straight fall, and a last fall far below the start.

    The rate passes in straight lines through
        step 0                         max_learning_rate / div_factor
        step pct_start * total_steps   max_learning_rate
        step pct_final * total_steps   max_learning_rate / div_factor
        step total_steps               max_learning_rate / div_factor / final_div_factor
    and stays there. This is the paper's form, in straight lines, for the learning rate alone (the
    paper also lowers the momentum while the rate is high).

    Args:
        max_learning_rate: the highest rate, above 0; a learning-rate range test finds it.
        total_steps: steps of the whole training, 1 or more.
        pct_start: where the peak is, as a fraction of total_steps, in (0, 1).
        pct_final: where the last fall begins, in (pct_start, 1).
        div_factor: how far below the peak the rate starts, 1 or more.
        final_div_factor: how far below its start the rate ends, 1 or more.
    """

    max_learning_rate: float
    total_steps: int
    pct_start: float = 0.3
    pct_final: float = 0.85
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    formula: ClassVar[str] = (
        "lr(t) = straight lines through (0, max / div_factor), (pct_start * total_steps, max), "
        "(pct_final * total_steps, max / div_factor), "
        "(total_steps, max / div_factor / final_div_factor)"
    )
    symbols: ClassVar[Symbols] = {"max": "max_learning_rate"}
    reference: ClassVar[str] = (
        "Smith and Topin, Super-Convergence: Very Fast Training of Neural Networks Using Large "
        "Learning Rates, 2018."
    )

    def __post_init__(self) -> None:
        self.check_positive("max_learning_rate")
        check_positive_int("OneCycle", "total_steps", self.total_steps)
        check_range("OneCycle", "pct_start", self.pct_start, 0, 1, open_low=True, open_high=True)
        check_range("OneCycle", "pct_final", self.pct_final, 0, 1, open_low=True, open_high=True)
        check_range("OneCycle", "div_factor", self.div_factor, 1)
        check_range("OneCycle", "final_div_factor", self.final_div_factor, 1)
        if self.pct_final <= self.pct_start:
            raise ArgumentError(
                f"OneCycle expected pct_final above pct_start={self.pct_start}, "
                f"got {self.pct_final}."
            )

    def rate(self, t: Array) -> Array:
        """Return the height of the straight lines at t."""
        low = self.max_learning_rate / self.div_factor
        corners = [0, self.pct_start, self.pct_final, 1]
        heights = [low, self.max_learning_rate, low, low / self.final_div_factor]
        return jnp.interp(t, self.total_steps * floats(corners), floats(heights))
