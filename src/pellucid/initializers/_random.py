"""Initializers that draw from one distribution, whatever the shape."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from pellucid.errors import ArgumentError
from pellucid.initializers._base import REGISTRY, Array, Initializer, Shape


@REGISTRY.register(aliases=("normal",))
@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Normal numbers.

    w_ij ~ N(mean, stddev^2)

    Args:
        mean: the mean.
        stddev: the standard deviation, 0 or more.
    """

    mean: float = 0.0
    stddev: float = 0.05

    formula: ClassVar[str] = "w_ij ~ N(mean, stddev^2)"
    reference: ClassVar[str] = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.4."

    def __post_init__(self) -> None:
        self.check_finite("mean")
        self.check_not_negative("stddev")

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return normal numbers."""
        return self.mean + self.stddev * jax.random.normal(key, shape, dtype)


@REGISTRY.register()
@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normal numbers, drawn again when they are more than two ``stddev`` from the mean.

    w_ij ~ N(mean, stddev^2) given |w_ij - mean| <= 2 stddev

    Cutting the tails off makes the numbers narrower: their own standard deviation is
    0.87962566 * stddev. As in Keras, ``stddev`` is that of the whole normal distribution.

    Args:
        mean: the mean.
        stddev: the standard deviation before cutting, 0 or more.
    """

    mean: float = 0.0
    stddev: float = 0.05

    formula: ClassVar[str] = "w_ij ~ N(mean, stddev^2) given |w_ij - mean| <= 2 stddev"
    reference: ClassVar[str] = (
        "Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994, chapter 13."
    )

    def __post_init__(self) -> None:
        self.check_finite("mean")
        self.check_not_negative("stddev")

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return truncated normal numbers."""
        return self.mean + self.stddev * jax.random.truncated_normal(key, -2, 2, shape, dtype)


@REGISTRY.register(aliases=("uniform",))
@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Uniform numbers.

    w_ij ~ U(minval, maxval)

    Args:
        minval: the lower end, included.
        maxval: the upper end, not included; not below minval.
    """

    minval: float = -0.05
    maxval: float = 0.05

    formula: ClassVar[str] = "w_ij ~ U(minval, maxval)"
    reference: ClassVar[str] = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.4."

    def __post_init__(self) -> None:
        self.check_finite("minval", "maxval")
        if self.maxval < self.minval:
            raise ArgumentError(
                f"RandomUniform expected minval not above maxval, got {self.minval} and "
                f"{self.maxval}; swap them."
            )

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return uniform numbers."""
        return jax.random.uniform(key, shape, dtype, self.minval, self.maxval)
