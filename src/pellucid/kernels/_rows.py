"""Rows copied out of an array by the compiled kernels, as they are, whatever their type."""

import jax
import jax.numpy as jnp
from jax import Array

from pellucid.kernels._call import with_plain
from pellucid.kernels._library import status

LEAST_BYTES = 256
"""Shorter rows XLA gathers together with what follows."""


def takes(data: Array) -> bool:
    """Tell whether the kernels are there and rows of this array are worth a call."""
    bytes_of_row = data.dtype.itemsize * (data.size // max(1, data.shape[0]))
    plain = data.dtype in (jnp.float32, jnp.int32, jnp.uint8, jnp.float64, jnp.int64)
    known = plain and bytes_of_row >= LEAST_BYTES and jax.default_backend() == "cpu"
    return known and status().ready


def take(data: Array, rows: Array) -> Array:
    """Return ``data[rows]``; a number outside the data takes the nearest row.

    Args:
        data: shape (n, ...), n above 0.
        rows: int32, shape (count,).
    """
    return _take(data, rows)


def _native(data: Array, rows: Array) -> Array:
    result = jax.ShapeDtypeStruct((*rows.shape, *data.shape[1:]), data.dtype)
    return jax.ffi.ffi_call("pellucid_take_rows", result)(data, rows)


def _plain(data: Array, rows: Array) -> Array:
    return jnp.take(data, rows, axis=0, mode="clip")


_take = with_plain(_native, _plain)
