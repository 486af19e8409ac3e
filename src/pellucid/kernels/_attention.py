"""Scaled dot-product attention by the compiled kernels; see ``native/attention.cc`` for how."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._library import status


def takes(q: Array, k: Array, v: Array, mask: Array | None) -> bool:
    """Tell whether the kernels are there and take these arrays.

    A mask is taken if it says which keys may be read, the same for every query: boolean, with the
    axes (..., 1, keys).
    """
    if not all(x.dtype == jnp.float32 and 0 not in x.shape for x in (q, k, v)):
        return False
    if mask is not None and not (mask.dtype == bool and mask.ndim > 1 and mask.shape[-2] == 1):
        return False
    return jax.default_backend() == "cpu" and status().ready


def forward(
    q: Array, k: Array, v: Array, mask: Array | None, *, causal: bool, scale: float
) -> Array:
    """Return softmax(scale q k^T) v, shape (..., queries, value width)."""
    y = jax.ShapeDtypeStruct((*q.shape[:-1], v.shape[-1]), jnp.float32)
    call = jax.ffi.ffi_call("pellucid_attention", y, vmap_method="broadcast_all")
    return call(q, k, v, _of_keys(mask, k), causal=causal, scale=np.float32(scale))


def gradient(
    q: Array, k: Array, v: Array, dy: Array, mask: Array | None, *, causal: bool, scale: float
) -> tuple[Array, Array, Array]:
    """Return dq, dk and dv."""
    like = tuple(jax.ShapeDtypeStruct(x.shape, jnp.float32) for x in (q, k, v))
    call = jax.ffi.ffi_call("pellucid_attention_gradient", like, vmap_method="broadcast_all")
    made = call(q, k, v, dy, _of_keys(mask, k), causal=causal, scale=np.float32(scale))
    dq, dk, dv = made
    return dq, dk, dv


def _of_keys(mask: Array | None, k: Array) -> Array:
    """Return the mask as (..., keys) with all leading axes, empty for none."""
    if mask is None:
        return jnp.zeros((0,), bool)
    return jnp.broadcast_to(mask[..., 0, :], k.shape[:-1])
