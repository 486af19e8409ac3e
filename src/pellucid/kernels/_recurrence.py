"""Recurrent networks over whole sequences computed by the compiled kernels; see ``native/``.

The functions take the arrays of the bodies in ``pellucid.ops`` and have their symbols; activations
are tanh and sigmoid, there is no recurrent dropout, and the reset gate of ``gru`` acts after the
product.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from pellucid.kernels._library import status

Mask = Array | None


def takes(p: Array, kept: Array | None) -> bool:
    """Tell whether the kernels are there and take input parts of this type."""
    known = p.dtype == jnp.float32 and kept is None and p.size > 0
    return known and jax.default_backend() == "cpu" and status().ready


def simple_rnn(p: Array, u: Array, h0: Array, mask: Mask, *, reverse: bool) -> Array:
    """Return h."""
    batch, steps, units = p.shape
    (h,) = _call("simple_rnn", [(batch, steps, units)], p, u, h0, _mask(mask), reverse=reverse)
    return h


def simple_rnn_gradient(
    dh: Array, h: Array, u: Array, mask: Mask, *, reverse: bool
) -> tuple[Array, Array]:
    """Return da and dh0."""
    batch, _, units = h.shape
    shapes = [h.shape, (batch, units)]
    da, dh0 = _call("simple_rnn_gradient", shapes, dh, h, u, _mask(mask), reverse=reverse)
    return da, dh0


def lstm(
    p: Array, u: Array, h0: Array, c0: Array, mask: Mask, *, reverse: bool
) -> tuple[Array, Array, Array]:
    """Return h, c and the gates."""
    batch, steps, width = p.shape
    sequence = (batch, steps, width // 4)
    shapes = [sequence, sequence, p.shape]
    h, c, gates = _call("lstm", shapes, p, u, h0, c0, _mask(mask), reverse=reverse)
    return h, c, gates


def lstm_gradient(
    dh: Array,
    dc: Array | None,
    c: Array,
    gates: Array,
    c0: Array,
    u: Array,
    mask: Mask,
    *,
    reverse: bool,
) -> tuple[Array, Array, Array]:
    """Return da, dh0 and dc0; dc is None where nothing reads the cells."""
    shapes = [gates.shape, c0.shape, c0.shape]
    dc = jnp.zeros(0, c.dtype) if dc is None else dc
    arrays = (dh, dc, c, gates, c0, u, _mask(mask))
    da, dh0, dc0 = _call("lstm_gradient", shapes, *arrays, reverse=reverse)
    return da, dh0, dc0


def gru(
    p: Array, u: Array, b: Array | None, h0: Array, mask: Mask, *, reverse: bool
) -> tuple[Array, Array]:
    """Return h and the gates."""
    batch, steps, width = p.shape
    units = width // 3
    b = jnp.zeros(width, p.dtype) if b is None else b
    shapes = [(batch, steps, units), (batch, steps, 4 * units)]
    h, gates = _call("gru", shapes, p, u, b, h0, _mask(mask), reverse=reverse)
    return h, gates


def gru_gradient(
    dh: Array, h: Array, gates: Array, h0: Array, u: Array, mask: Mask, *, reverse: bool
) -> tuple[Array, Array, Array]:
    """Return dp, dq and dh0."""
    batch, steps, units = h.shape
    parts = (batch, steps, 3 * units)
    arrays = (dh, h, gates, h0, u, _mask(mask))
    dp, dq, dh0 = _call("gru_gradient", [parts, parts, h0.shape], *arrays, reverse=reverse)
    return dp, dq, dh0


def _mask(mask: Mask) -> Array:
    return jnp.zeros(0, bool) if mask is None else mask.astype(bool)


def _call(
    name: str, shapes: Sequence[tuple[int, ...]], *arrays: Array, reverse: bool
) -> list[Array]:
    results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    call = jax.ffi.ffi_call(f"pellucid_{name}", results, vmap_method="sequential")
    return list(call(*arrays, reverse=reverse))
