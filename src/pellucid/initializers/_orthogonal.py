"""An initializer whose kernel turns signals without stretching them."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank
from pellucid._named import Symbols
from pellucid.initializers._base import REGISTRY, Array, Initializer, Shape


@REGISTRY.register()
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random orthogonal matrix, times a gain.

    w^T w = gain^2 I  if it has at least as many rows as columns,  otherwise  w w^T = gain^2 I

    w is Q of the decomposition A = Q R of a normal random matrix A, with the signs chosen so that
    R has a positive diagonal: then Q is uniform over all orthogonal matrices. A kernel of higher
    rank is treated as a matrix of (all other axes, last axis).

    Args:
        gain: the factor; sqrt(2) suits ReLU units.
    """

    gain: float = 1.0

    formula: ClassVar[str] = "w = gain Q; A = Q R, A_ij ~ N(0, 1), diag(R) > 0"
    shapes: ClassVar[str] = "a matrix or a kernel, taken as a matrix (all other axes, outputs)"
    symbols: ClassVar[Symbols] = {
        "Q": "matrix with orthonormal columns (or rows)",
        "A": "random matrix of the shape of w",
        "R": "upper triangular matrix",
        "diag": "diagonal",
    }
    reference: ClassVar[str] = (
        "Saxe, McClelland and Ganguli, Exact Solutions to the Nonlinear Dynamics of Learning in "
        "Deep Linear Neural Networks, 2014."
    )

    def __post_init__(self) -> None:
        self.check_finite("gain")

    def sample(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Return gain times a random orthogonal matrix in this shape."""
        hint = "choose another initializer for vectors"
        check_min_rank("Orthogonal", shape, 2, "(..., outputs)", hint)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = jnp.linalg.qr(jax.random.normal(key, tall, dtype))
        q = q * jnp.where(jnp.diagonal(r) < 0, -1, 1).astype(dtype)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)
