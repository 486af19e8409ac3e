"""The matrix product computed by the compiled kernels; see ``native/matrix.cc`` for how."""

from functools import cache

import jax
import jax.numpy as jnp
from jax import Array

from pellucid.kernels._call import with_plain
from pellucid.kernels._library import status

MOST_WORK = {False: 1 << 29, True: 1 << 30}
"""Above so many multiply-adds XLA's own product is as fast; somewhat later with a transposed."""


def takes(a: Array, b: Array, *, transpose_a: bool, transpose_b: bool) -> bool:
    """Tell whether the kernels are there, take these arrays, and are ahead of XLA for them."""
    known = a.dtype == b.dtype == jnp.float32 and a.ndim == b.ndim == 2
    if not (known and jax.default_backend() == "cpu"):
        return False
    work = a.shape[0] * a.shape[1] * b.shape[0 if transpose_b else 1]
    return work <= MOST_WORK[transpose_a] and status().ready


def multiply(a: Array, b: Array, *, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    """Return the product of two matrices, each as it is or transposed."""
    return _multiply(transpose_a, transpose_b)(a, b)


@cache
def _multiply(transpose_a: bool, transpose_b: bool):  # type: ignore[no-untyped-def]
    def native(a: Array, b: Array) -> Array:
        shape = (a.shape[1 if transpose_a else 0], b.shape[0 if transpose_b else 1])
        call = jax.ffi.ffi_call("pellucid_multiply", jax.ShapeDtypeStruct(shape, jnp.float32))
        return call(a, b, transpose_a=transpose_a, transpose_b=transpose_b)

    def plain(a: Array, b: Array) -> Array:
        return (a.T if transpose_a else a) @ (b.T if transpose_b else b)

    return with_plain(native, plain)
