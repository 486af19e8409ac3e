"""Constraints: where the weights must lie; applied to them after every step.

Each is a frozen description that is called with an array and returns the nearest array (or nearly
so) that fulfils the constraint. Norms are taken along ``axis``: 0 for a dense kernel
``(in, out)``, so that the weights into each unit have a norm of their own; ``(0, 1, 2)`` for a
convolution kernel ``(height, width, in, out)``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid._named import Registry, Symbols
from pellucid.errors import ArgumentError

Array = jax.Array
Axis = int | Sequence[int]

EPSILON = 1e-7
"""The smallest norm that is divided by; an array of zeros stays zero."""

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "unit_norm",
]

REGISTRY: Registry["Constraint"] = Registry("constraint")
"""Every constraint by name; the tests walk this table."""


@dataclass(frozen=True)
class Constraint:
    """Where an array must lie: ``constraint(w) -> w``.

    A constraint of one's own is a frozen dataclass with the one method ``__call__``.
    """

    formula: ClassVar[str]
    shapes: ClassVar[str] = "an array of any shape to one of that shape"
    """What goes in and what comes out, by shape."""
    symbols: ClassVar[Symbols] = {
        "w": "the weights; norms are taken along axis",
        "n": "norm of a weight vector",
    }
    """The meaning of the symbols of the formulas; settings are explained with them."""
    reference: ClassVar[str]

    def __call__(self, w: Array) -> Array:
        """Return ``w`` moved to where it must lie, in its own shape and type."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w).")


@REGISTRY.register()
@dataclass(frozen=True)
class NonNeg(Constraint):
    """No weight below 0.

    w_i <- max(w_i, 0)

    >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    formula: ClassVar[str] = "w_i = max(w_i, 0)"
    reference: ClassVar[str] = "Lee and Seung, Learning the Parts of Objects by NMF, 1999."

    def __call__(self, w: Array) -> Array:
        """Return max(w, 0)."""
        return jnp.maximum(w, 0)


@REGISTRY.register()
@dataclass(frozen=True)
class MaxNorm(Constraint):
    """No weight vector longer than ``max_value``.

    w <- w * max_value / max(max_value, ||w||)

    A shorter vector is left exactly as it is. (Keras divides by ||w|| + 1e-7 and so shrinks it by
    a trace.)

    Args:
        max_value: the greatest norm, above 0.
        axis: the axis or axes along which the norm is taken.

    >>> MaxNorm(5.0)(jnp.array([[6.0, 3.0], [8.0, 4.0]])).tolist()
    [[3.0, 3.0], [4.0, 4.0]]
    """

    max_value: float = 2.0
    axis: Axis = 0

    formula: ClassVar[str] = "w = w max_value / max(max_value, ||w||)"
    reference: ClassVar[str] = "Srivastava et al., Dropout, 2014, section 5.1."

    def __post_init__(self) -> None:
        check_range(
            "MaxNorm", "max_value", self.max_value, 0, math.inf, open_low=True, open_high=True
        )
        _set_axis(self)

    def __call__(self, w: Array) -> Array:
        """Return w with long vectors shortened."""
        return w * (self.max_value / jnp.maximum(self.max_value, _norm(self, w))).astype(w.dtype)


@REGISTRY.register()
@dataclass(frozen=True)
class UnitNorm(Constraint):
    """Every weight vector of length 1; one of zeros stays zero.

    w <- w / ||w||

    Args:
        axis: the axis or axes along which the norm is taken.

    >>> [[round(float(e), 6) for e in row] for row in UnitNorm()(jnp.array([[3.0], [4.0]]))]
    [[0.6], [0.8]]
    """

    axis: Axis = 0

    formula: ClassVar[str] = "w = w / ||w||"
    reference: ClassVar[str] = "Salimans and Kingma, Weight Normalization, 2016, section 2."

    def __post_init__(self) -> None:
        _set_axis(self)

    def __call__(self, w: Array) -> Array:
        """Return w with every vector divided by its norm."""
        return (w / jnp.maximum(_norm(self, w), EPSILON)).astype(w.dtype)


@REGISTRY.register()
@dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Every weight vector's length between two bounds, at once or by and by.

    n = ||w||,  w <- w * (rate clip(n, min_value, max_value) + (1 - rate) n) / n

    Args:
        min_value: the least norm, 0 or more.
        max_value: the greatest norm, not below min_value and above 0.
        rate: how much of the way each step goes, in (0, 1]; 1 enforces the bounds exactly.
        axis: the axis or axes along which the norm is taken.
    """

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: Axis = 0

    formula: ClassVar[str] = (
        "w = w (rate clip(n, min_value, max_value) + (1 - rate) n) / n; n = ||w||"
    )
    reference: ClassVar[str] = "Srivastava et al., Dropout, 2014, section 5.1."

    def __post_init__(self) -> None:
        who = "MinMaxNorm"
        check_range(who, "max_value", self.max_value, 0, math.inf, open_low=True, open_high=True)
        check_range(who, "min_value", self.min_value, 0, self.max_value)
        check_range(who, "rate", self.rate, 0, 1, open_low=True)
        _set_axis(self)

    def __call__(self, w: Array) -> Array:
        """Return w with its vectors' norms moved towards the bounds."""
        n = _norm(self, w)
        wanted = self.rate * jnp.clip(n, self.min_value, self.max_value) + (1 - self.rate) * n
        return w * (wanted / jnp.maximum(n, EPSILON)).astype(w.dtype)


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm


def get(identifier: Any) -> Constraint | None:
    """Return the constraint that an object, a name or a configuration stands for; None for None."""
    return None if identifier is None else REGISTRY.get(identifier)


def _set_axis(constraint: Any) -> None:
    """Keep ``axis`` as an integer or a tuple of integers."""
    axis = constraint.axis
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    if not axes or any(isinstance(a, bool) or not hasattr(a, "__index__") for a in axes):
        raise ArgumentError(
            f"{type(constraint).__name__} expected axis to be an integer or a tuple of integers, "
            f"got {axis!r}."
        )
    kept = tuple(int(a) for a in axes)
    object.__setattr__(constraint, "axis", kept if isinstance(axis, (list, tuple)) else kept[0])


def _norm(constraint: Any, w: Array) -> Array:
    """Return the Euclidean norms along the axes, in float32 at least, with the axes kept."""
    axes = constraint.axis if isinstance(constraint.axis, tuple) else (constraint.axis,)
    if not all(-w.ndim <= a < w.ndim for a in axes):
        raise ArgumentError(
            f"{type(constraint).__name__} has axis={constraint.axis}, "
            f"got weights of shape {w.shape}; choose axes of these weights."
        )
    wide = w.astype(jnp.promote_types(w.dtype, jnp.float32))
    return jnp.sqrt(jnp.sum(jnp.square(wide), axis=axes, keepdims=True))
