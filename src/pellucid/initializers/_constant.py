"""Initializers that draw nothing: zeros, ones, a constant, the identity."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_rank, check_same_shape
from pellucid.initializers._base import REGISTRY, Array, Initializer, Shape

LAYOUT = "(inputs, outputs)"


@REGISTRY.register(aliases=("zero",))
@dataclass(frozen=True)
class Zeros(Initializer):
    """All zeros: right for biases, wrong for kernels, whose units would all stay alike.

    w_ij = 0
    """

    formula: ClassVar[str] = "w_ij = 0"
    reference: ClassVar[str] = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.4."

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return zeros."""
        return jnp.zeros(shape, dtype)


@REGISTRY.register(aliases=("one",))
@dataclass(frozen=True)
class Ones(Initializer):
    """All ones: right for the scales of normalization layers.

    w_ij = 1
    """

    formula: ClassVar[str] = "w_ij = 1"
    reference: ClassVar[str] = "Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1."

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return ones."""
        return jnp.ones(shape, dtype)


@REGISTRY.register()
@dataclass(frozen=True)
class Constant(Initializer):
    """One number everywhere, or the numbers of a table.

    w_ij = value        or        w_ij = value_ij

    Args:
        value: the number; or a nested tuple in the shape of the weights, for filters and codes that
            are known beforehand.
    """

    value: float | tuple[Any, ...] = 0.0

    formula: ClassVar[str] = "w_ij = value"
    reference: ClassVar[str] = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.4."

    def __post_init__(self) -> None:
        if not isinstance(self.value, tuple):
            self.check_finite("value")

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return the number everywhere, or the table."""
        if not isinstance(self.value, tuple):
            return jnp.full(shape, self.value, dtype)
        table = np.asarray(self.value)
        check_same_shape("Constant", "value", table.shape, "the weights", shape)
        return jnp.asarray(table, dtype)


@REGISTRY.register()
@dataclass(frozen=True)
class Identity(Initializer):
    """The identity matrix, times a gain: the layer begins by passing its input on.

    w_ij = gain if i = j else 0

    Args:
        gain: the number on the diagonal.
    """

    gain: float = 1.0

    formula: ClassVar[str] = "w_ij = gain if i = j else 0"
    shapes: ClassVar[str] = "a matrix, (inputs, outputs)"
    reference: ClassVar[str] = (
        "Le, Jaitly and Hinton, A Simple Way to Initialize Recurrent Networks of Rectified Linear "
        "Units, 2015."
    )

    def __post_init__(self) -> None:
        self.check_finite("gain")

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return gain times the identity; only a matrix has one."""
        check_rank("Identity", shape, 2, LAYOUT, "choose another kernel_initializer")
        rows, columns = shape
        return self.gain * jnp.eye(rows, columns, dtype=dtype)
