"""What every initializer has in common, and how many inputs and outputs a kernel has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid._named import Registry, Symbols
from pellucid.errors import DTypeError

Array = jax.Array
Shape = tuple[int, ...]

REGISTRY: Registry["Initializer"] = Registry("initializer")
"""Every initializer by name; the tests walk this table."""


@dataclass(frozen=True)
class Initializer:
    """How an array of parameters begins: ``initializer(key, shape, dtype) -> array``.

    An initializer of one's own is a frozen dataclass with the one method ``sample``.
    """

    formula: ClassVar[str]
    shapes: ClassVar[str] = (
        "any shape; the last two axes are inputs and outputs, those before them a window"
    )
    """What goes in and what comes out, by shape."""
    symbols: ClassVar[Symbols] = {
        "w": "the array; w_ij weighs input i for output j",
        "N": "normal distribution: mean, variance",
        "U": "even distribution: low end, high end",
        "var": "variance",
        "fan_in": "inputs of an output: inputs x positions of the window",
        "fan_out": "outputs of an input: outputs x positions of the window",
    }
    """The meaning of the symbols of the formulas; settings are explained with them."""
    reference: ClassVar[str]

    @final
    def __call__(self, key: Array, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
        """Return a new array.

        Args:
            key: a JAX random key; ignored where nothing is drawn.
            shape: the shape of the array.
            dtype: a floating-point type. Numbers are drawn in float32 at least, then rounded.

        Raises:
            DTypeError: the key is a plain number, or dtype is not floating-point.
        """
        who = type(self).__name__
        if isinstance(key, int):
            raise DTypeError(
                f"{who} expected a random key, got {key}; write jax.random.key({key})."
            )
        if not jnp.issubdtype(dtype, jnp.floating):
            raise DTypeError(f"{who} expected a floating-point dtype, got {jnp.dtype(dtype)}.")
        wide = jnp.promote_types(dtype, jnp.float32)
        return self.sample(key, tuple(shape), wide).astype(dtype)

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return a new array of this shape and type."""
        raise NotImplementedError(f"{type(self).__name__} must define sample(self, key, ...).")

    def check_finite(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number."""
        for name in names:
            value = getattr(self, name)
            check_range(
                type(self).__name__, name, value, -math.inf, math.inf, open_low=True, open_high=True
            )

    def check_not_negative(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number of 0 or more."""
        for name in names:
            check_range(type(self).__name__, name, getattr(self, name), 0, math.inf, open_high=True)


def compute_fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many inputs one output sums over, and how many outputs one input reaches.

    A dense kernel ``(in, out)`` has fan_in = in and fan_out = out. A convolution kernel
    ``(*window, in, out)`` has fan_in = in * (positions in the window) and
    fan_out = out * (positions in the window). A vector of n counts as n inputs and n outputs, a
    scalar as 1 and 1.

    >>> compute_fans((784, 128)), compute_fans((3, 3, 16, 32))
    ((784, 128), (144, 288))
    """
    if len(shape) < 2:
        n = math.prod(shape)
        return n, n
    *window, n_in, n_out = shape
    positions = math.prod(window)
    return n_in * positions, n_out * positions
