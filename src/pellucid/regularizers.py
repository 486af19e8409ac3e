"""Regularizers: penalties on the size of weights or activations, added to the loss.

Each is a frozen description that is called with an array and returns a scalar. The derivatives
stated here are the ones that JAX computes for these bodies; the tests compare them.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid._named import Registry, Symbols

Array = jax.Array

__all__ = ["L1", "L2", "L1L2", "Regularizer", "get", "l1", "l1_l2", "l2"]

REGISTRY: Registry["Regularizer"] = Registry("regularizer")
"""Every regularizer by name; the tests walk this table."""


@dataclass(frozen=True)
class Regularizer:
    """A penalty on an array: ``regularizer(w) -> scalar``.

    A regularizer of one's own is a frozen dataclass with the one method ``__call__``.
    """

    formula: ClassVar[str]
    shapes: ClassVar[str] = "an array of any shape to a scalar"
    """What goes in and what comes out, by shape."""
    symbols: ClassVar[Symbols] = {
        "w": "the weights or activations",
        "R": "the penalty, added to the loss",
    }
    """The meaning of the symbols of the formulas; settings are explained with them."""
    gradient: ClassVar[str]
    reference: ClassVar[str]

    def __call__(self, w: Array) -> Array:
        """Return the penalty of ``w``, a scalar of its type."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w).")

    def check_not_negative(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number of 0 or more."""
        for name in names:
            check_range(type(self).__name__, name, getattr(self, name), 0, math.inf, open_high=True)


@REGISTRY.register()
@dataclass(frozen=True)
class L1(Regularizer):
    """The sum of absolute values; it drives weights to exactly 0.

    R(w)    = l1 sum_i |w_i|
    dR/dw_i = l1 sign(w_i),  with sign(0) = 0: a weight at 0 is left there

    |w| is computed as w sign(w), which JAX differentiates to sign(w) at 0 too; its derivative of
    ``jnp.abs`` at 0 is 1.

    Args:
        l1: the strength, 0 or more.

    >>> float(L1(0.5)(jnp.array([1.0, -2.0, 3.0])))
    3.0
    """

    l1: float = 0.01

    formula: ClassVar[str] = "R(w) = l1 sum_i |w_i|"
    gradient: ClassVar[str] = "dR/dw_i = l1 sign(w_i)"
    reference: ClassVar[str] = "Tibshirani, Regression Shrinkage and Selection via the Lasso, 1996."

    def __post_init__(self) -> None:
        self.check_not_negative("l1")

    def __call__(self, w: Array) -> Array:
        """Return l1 sum_i |w_i|."""
        return self.l1 * jnp.sum(w * jnp.sign(w))


@REGISTRY.register()
@dataclass(frozen=True)
class L2(Regularizer):
    """The sum of squares; it pulls on each weight in proportion to its size.

    R(w)    = l2 sum_i w_i^2
    dR/dw_i = 2 l2 w_i

    There is no factor 1/2, as in Keras: with plain gradient descent this equals a weight decay of
    2 l2.

    Args:
        l2: the strength, 0 or more.

    >>> float(L2(0.5)(jnp.array([1.0, -2.0, 3.0])))
    7.0
    """

    l2: float = 0.01

    formula: ClassVar[str] = "R(w) = l2 sum_i w_i^2"
    gradient: ClassVar[str] = "dR/dw_i = 2 l2 w_i"
    reference: ClassVar[str] = (
        "Krogh and Hertz, A Simple Weight Decay Can Improve Generalization, 1992."
    )

    def __post_init__(self) -> None:
        self.check_not_negative("l2")

    def __call__(self, w: Array) -> Array:
        """Return l2 sum_i w_i^2."""
        return self.l2 * jnp.sum(jnp.square(w))


@REGISTRY.register(name="l1_l2")
@dataclass(frozen=True)
class L1L2(Regularizer):
    """Both sums (the elastic net).

    R(w)    = l1 sum_i |w_i| + l2 sum_i w_i^2
    dR/dw_i = l1 sign(w_i) + 2 l2 w_i,  with sign(0) = 0

    As in Keras, the class has 0 as the default of each strength, so that ``L1L2(l2=0.1)`` has no
    L1 part; the name ``"l1_l2"`` and the function ``l1_l2`` take 0.01 for both.

    Args:
        l1: the strength of the L1 part, 0 or more.
        l2: the strength of the L2 part, 0 or more.
    """

    l1: float = 0.0
    l2: float = 0.0

    formula: ClassVar[str] = "R(w) = l1 sum_i |w_i| + l2 sum_i w_i^2"
    gradient: ClassVar[str] = "dR/dw_i = l1 sign(w_i) + 2 l2 w_i"
    reference: ClassVar[str] = "Zou and Hastie, Regularization and Variable Selection, 2005."

    def __post_init__(self) -> None:
        self.check_not_negative("l1", "l2")

    def __call__(self, w: Array) -> Array:
        """Return l1 sum_i |w_i| + l2 sum_i w_i^2."""
        return self.l1 * jnp.sum(w * jnp.sign(w)) + self.l2 * jnp.sum(jnp.square(w))


def l1(l1: float = 0.01) -> L1:
    """Return ``L1(l1)``, under Keras's short name."""
    return L1(l1)


def l2(l2: float = 0.01) -> L2:
    """Return ``L2(l2)``, under Keras's short name."""
    return L2(l2)


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Return ``L1L2(l1, l2)``, under Keras's short name and with its defaults."""
    return L1L2(l1, l2)


def get(identifier: Any) -> Regularizer | None:
    """Return the regularizer that an object, a name or a configuration stands for; None for None.

    A name stands for a strength of 0.01.
    """
    if identifier is None:
        return None
    regularizer = REGISTRY.get(identifier)
    by_name = isinstance(identifier, str) and isinstance(regularizer, L1L2)
    return l1_l2() if by_name else regularizer
