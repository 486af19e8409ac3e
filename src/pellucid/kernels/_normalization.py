"""Batch and layer normalization computed by the compiled kernels.

``native/normalization.cc`` and ``native/layer_norm.cc`` say how.

The functions take the arrays of the operation in ``pellucid.ops`` and have its symbols.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._library import status

LEAST_SIZE = 4096
"""Fewer numbers XLA normalizes together with what comes before and after."""


def takes(x: Array, *vectors: Array | None) -> bool:
    """Tell whether the kernels are there and take arrays of this type and number."""
    known = all(a is None or a.dtype == jnp.float32 for a in (x, *vectors))
    known = known and x.size >= LEAST_SIZE and jax.default_backend() == "cpu"
    return known and status().ready


def batch_norm(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    row_weights: Array | None,
    *,
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """Return y, mean and variance."""
    like, vector = _results(x)
    call = jax.ffi.ffi_call("pellucid_batch_norm", (like, vector, vector))
    vectors = (_given(a) for a in (gamma, beta, row_weights))
    y, mean, variance = call(x, *vectors, epsilon=np.float64(epsilon))
    return y, mean, variance


def batch_norm_gradient(
    x: Array,
    gamma: Array | None,
    row_weights: Array | None,
    mean: Array,
    variance: Array,
    dy: Array,
    dmean: Array,
    dvariance: Array,
    *,
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """Return dx, dgamma and dbeta."""
    like, vector = _results(x)
    call = jax.ffi.ffi_call("pellucid_batch_norm_gradient", (like, vector, vector))
    arrays = (x, _given(gamma), _given(row_weights), mean, variance, dy, dmean, dvariance)
    dx, dgamma, dbeta = call(*arrays, epsilon=np.float64(epsilon))
    return dx, dgamma, dbeta


def layer_norm(x: Array, gamma: Array | None, beta: Array | None, *, epsilon: float) -> Array:
    """Return y."""
    like, _ = _results(x)
    call = jax.ffi.ffi_call("pellucid_layer_norm", like)
    return call(x, _given(gamma), _given(beta), epsilon=np.float64(epsilon))


def layer_norm_gradient(
    x: Array, gamma: Array | None, dy: Array, *, epsilon: float
) -> tuple[Array, Array, Array]:
    """Return dx, dgamma and dbeta."""
    like, vector = _results(x)
    call = jax.ffi.ffi_call("pellucid_layer_norm_gradient", (like, vector, vector))
    dx, dgamma, dbeta = call(x, _given(gamma), dy, epsilon=np.float64(epsilon))
    return dx, dgamma, dbeta


def _results(x: Array) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    return (
        jax.ShapeDtypeStruct(x.shape, jnp.float32),
        jax.ShapeDtypeStruct(x.shape[-1:], jnp.float32),
    )


def _given(vector: Array | None) -> Array:
    """Return the array in float32; one that is left out is empty."""
    return jnp.zeros(0, jnp.float32) if vector is None else vector.astype(jnp.float32)
