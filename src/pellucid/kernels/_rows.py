"""Rows copied out of an array by the compiled kernels, as they are, whatever their type."""

from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._call import with_plain
from pellucid.kernels._library import status

LEAST_BYTES = 256
"""Shorter rows XLA gathers together with what follows."""

TYPES = ("float32", "int32", "uint8", "float64", "int64")


@partial(jax.tree_util.register_dataclass, data_fields=["address"], meta_fields=["shape", "dtype"])
@dataclass(frozen=True)
class HostRows:
    """An array that stays in the host's memory: where it lies, for kernels that read it there.

    Whoever makes one keeps the array alive and as it is for as long as a program reads from it.

    Args:
        address: uint32, shape (2,): the lower and the upper 32 bits of the first byte's address.
        shape: of the array.
        dtype: of the array.
    """

    address: Array
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))


def takes(data: Array | HostRows | np.ndarray) -> bool:
    """Tell whether the kernels are there and rows of this array are worth a call."""
    bytes_of_row = data.dtype.itemsize * (data.size // max(1, data.shape[0]))
    known = str(data.dtype) in TYPES and bytes_of_row >= LEAST_BYTES
    return known and jax.default_backend() == "cpu" and status().ready


def is_in_place(data: Any) -> TypeGuard[HostRows]:
    """Tell whether data are such an array."""
    return isinstance(data, HostRows)


def in_place(array: np.ndarray) -> HostRows:
    """Return where the rows of an array lie: one for which ``takes`` holds, in C order."""
    address = array.ctypes.data
    halves = np.array([address & 0xFFFFFFFF, address >> 32], np.uint32)
    return HostRows(jax.device_put(halves), array.shape, array.dtype)


def take(data: Array | HostRows, rows: Array) -> Array:
    """Return ``data[rows]``; a number outside the data takes the nearest row.

    Args:
        data: shape (n, ...), n above 0.
        rows: int32, shape (count,).
    """
    if is_in_place(data):
        return _from_host(data.shape, data.dtype)(data.address, rows)
    return _take(data, rows)


def _native(data: Array, rows: Array) -> Array:
    result = jax.ShapeDtypeStruct((*rows.shape, *data.shape[1:]), data.dtype)
    return jax.ffi.ffi_call("pellucid_take_rows", result)(data, rows)


def _plain(data: Array, rows: Array) -> Array:
    return jnp.take(data, rows, axis=0, mode="clip")


_take = with_plain(_native, _plain)


def _from_host(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the call for data of this form; orders of rows that are mapped are taken as one."""

    @jax.custom_batching.custom_vmap
    def native(address: Array, rows: Array) -> Array:
        result = jax.ShapeDtypeStruct((*rows.shape, *shape[1:]), dtype)
        call = jax.ffi.ffi_call("pellucid_take_host_rows", result)
        return call(address, rows, size=np.int64(shape[0]))

    @native.def_vmap
    def mapped(size: int, batched: list[bool], address: Array, rows: Array) -> tuple[Array, bool]:
        if batched[0]:
            orders = rows if batched[1] else jnp.broadcast_to(rows, (size, *rows.shape))
            return jax.lax.map(lambda own: native(*own), (address, orders)), True
        taken = native(address, rows.reshape(-1))
        return taken.reshape(*rows.shape, *shape[1:]), True

    return native
