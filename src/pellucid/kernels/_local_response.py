"""Local response normalization computed by the compiled kernels; see ``native/local_response.cc``.

The functions take the arrays and settings of the operation in ``pellucid.ops``.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._library import status


def takes(x: Array) -> bool:
    """Tell whether the kernels are there and take an array of this type."""
    return x.dtype == jnp.float32 and jax.default_backend() == "cpu" and status().ready


def local_response_norm(x: Array, *, size: int, k: float, alpha: float, beta: float) -> Array:
    """Return y."""
    call = jax.ffi.ffi_call("pellucid_local_response_norm", _like(x))
    settings = {"k": np.float64(k), "alpha": np.float64(alpha), "beta": np.float64(beta)}
    return call(x, size=np.int64(size), **settings)


def local_response_gradient(
    x: Array, dy: Array, *, size: int, k: float, alpha: float, beta: float
) -> Array:
    """Return dx."""
    call = jax.ffi.ffi_call("pellucid_local_response_gradient", _like(x))
    settings = {"k": np.float64(k), "alpha": np.float64(alpha), "beta": np.float64(beta)}
    return call(x, dy, size=np.int64(size), **settings)


def _like(x: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, jnp.float32)
