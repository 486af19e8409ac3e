"""Initializers whose spread fits the number of inputs and outputs, so that signals keep their size.

A unit sums fan_in products. With independent inputs of variance s, weights of variance var(w) and
mean 0, its sum has the variance fan_in * var(w) * s: it keeps the size of the signal when
var(w) = 1 / fan_in. On the way back the gradient sums fan_out products and asks for 1 / fan_out.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from pellucid._checks import check_one_of, check_range
from pellucid._named import Symbols
from pellucid.initializers._base import REGISTRY, Array, Initializer, Shape, compute_fans

NARROWING = 0.87962566103423978
"""Standard deviation of a standard normal number, given that it lies in [-2, 2]."""

GLOROT = (
    "Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Neural "
    "Networks, 2010, eq. {}."
)
HE = "He et al., Delving Deep into Rectifiers, 2015, eq. 10."
LECUN = "LeCun et al., Efficient BackProp, 1998, section 4.6."


def uniform(key: Array, shape: Shape, dtype: Any, variance: float) -> Array:
    """Return uniform numbers of this variance: U(-limit, limit) has the variance limit^2 / 3."""
    limit = math.sqrt(3 * variance)
    return jax.random.uniform(key, shape, dtype, -limit, limit)


def truncated_normal(key: Array, shape: Shape, dtype: Any, variance: float) -> Array:
    """Return normal numbers cut at two standard deviations that have this variance once cut."""
    stddev = math.sqrt(variance) / NARROWING
    return stddev * jax.random.truncated_normal(key, -2, 2, shape, dtype)


def normal(key: Array, shape: Shape, dtype: Any, variance: float) -> Array:
    """Return normal numbers of this variance."""
    return math.sqrt(variance) * jax.random.normal(key, shape, dtype)


DISTRIBUTIONS = {
    "truncated_normal": truncated_normal,
    "untruncated_normal": normal,
    "uniform": uniform,
}


@REGISTRY.register()
@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Random numbers of mean 0 whose variance is a constant over the size of the kernel.

    var(w_ij) = scale / n,  n = fan_in, fan_out or (fan_in + fan_out) / 2

    The other initializers of this file are special cases, written out.

    Args:
        scale: the constant, above 0.
        mode: what n is: ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"`` (cut at two standard deviations, and widened so that
            the variance is right after cutting), ``"untruncated_normal"`` or ``"uniform"``.
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"

    formula: ClassVar[str] = "var(w_ij) = scale / n; n = fan_in, fan_out or (fan_in + fan_out) / 2"
    symbols: ClassVar[Symbols] = {"n": "what mode says"}
    reference: ClassVar[str] = HE

    def __post_init__(self) -> None:
        who = "VarianceScaling"
        check_range(who, "scale", self.scale, 0, math.inf, open_low=True, open_high=True)
        check_one_of(who, "mode", self.mode, ("fan_in", "fan_out", "fan_avg"))
        check_one_of(who, "distribution", self.distribution, tuple(DISTRIBUTIONS))

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return numbers of variance scale / n."""
        fan_in, fan_out = compute_fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        return DISTRIBUTIONS[self.distribution](key, shape, dtype, self.scale / max(n, 1))


@REGISTRY.register()
@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Glorot's (Xavier's) uniform numbers: between what forward and backward pass ask for.

    w_ij ~ U(-limit, limit),  limit = sqrt(6 / (fan_in + fan_out)),  var = 2 / (fan_in + fan_out)

    The default of dense and convolution layers; made for tanh and other units near-linear at 0.
    """

    formula: ClassVar[str] = "w_ij ~ U(-limit, limit); limit = sqrt(6 / (fan_in + fan_out))"
    symbols: ClassVar[Symbols] = {"limit": "half the width of the interval"}
    reference: ClassVar[str] = GLOROT.format(16)

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return uniform numbers of variance 2 / (fan_in + fan_out)."""
        fan_in, fan_out = compute_fans(shape)
        return uniform(key, shape, dtype, 2 / max(fan_in + fan_out, 1))


@REGISTRY.register()
@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """Glorot's (Xavier's) normal numbers, cut at two standard deviations.

    w_ij ~ truncated normal,  var = 2 / (fan_in + fan_out) after cutting
    """

    formula: ClassVar[str] = "w_ij ~ truncated normal; var(w_ij) = 2 / (fan_in + fan_out)"
    reference: ClassVar[str] = GLOROT.format(12)

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return truncated normal numbers of variance 2 / (fan_in + fan_out)."""
        fan_in, fan_out = compute_fans(shape)
        return truncated_normal(key, shape, dtype, 2 / max(fan_in + fan_out, 1))


@REGISTRY.register()
@dataclass(frozen=True)
class HeUniform(Initializer):
    """He's uniform numbers, for ReLU units, which let half of the signal's square through.

    w_ij ~ U(-limit, limit),  limit = sqrt(6 / fan_in),  var = 2 / fan_in
    """

    formula: ClassVar[str] = "w_ij ~ U(-limit, limit); limit = sqrt(6 / fan_in)"
    symbols: ClassVar[Symbols] = {"limit": "half the width of the interval"}
    reference: ClassVar[str] = HE

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return uniform numbers of variance 2 / fan_in."""
        fan_in, _ = compute_fans(shape)
        return uniform(key, shape, dtype, 2 / max(fan_in, 1))


@REGISTRY.register()
@dataclass(frozen=True)
class HeNormal(Initializer):
    """He's normal numbers, for ReLU units, cut at two standard deviations.

    w_ij ~ truncated normal,  var = 2 / fan_in after cutting
    """

    formula: ClassVar[str] = "w_ij ~ truncated normal; var(w_ij) = 2 / fan_in"
    reference: ClassVar[str] = HE

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return truncated normal numbers of variance 2 / fan_in."""
        fan_in, _ = compute_fans(shape)
        return truncated_normal(key, shape, dtype, 2 / max(fan_in, 1))


@REGISTRY.register()
@dataclass(frozen=True)
class LecunUniform(Initializer):
    """LeCun's uniform numbers: what the forward pass asks for.

    w_ij ~ U(-limit, limit),  limit = sqrt(3 / fan_in),  var = 1 / fan_in
    """

    formula: ClassVar[str] = "w_ij ~ U(-limit, limit); limit = sqrt(3 / fan_in)"
    symbols: ClassVar[Symbols] = {"limit": "half the width of the interval"}
    reference: ClassVar[str] = LECUN

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return uniform numbers of variance 1 / fan_in."""
        fan_in, _ = compute_fans(shape)
        return uniform(key, shape, dtype, 1 / max(fan_in, 1))


@REGISTRY.register()
@dataclass(frozen=True)
class LecunNormal(Initializer):
    """LeCun's normal numbers, cut at two standard deviations; SELU units ask for them.

    w_ij ~ truncated normal,  var = 1 / fan_in after cutting
    """

    formula: ClassVar[str] = "w_ij ~ truncated normal; var(w_ij) = 1 / fan_in"
    reference: ClassVar[str] = LECUN

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return truncated normal numbers of variance 1 / fan_in."""
        fan_in, _ = compute_fans(shape)
        return truncated_normal(key, shape, dtype, 1 / max(fan_in, 1))
