"""Dot-product attention in its steps (scores, weights, weighted values) and in one operation.

Queries ask, keys answer, values are what is passed on. All arrays end in (steps, width); what
comes before (batch, heads) is carried along. A mask says which keys a query may read: a boolean one
by True and False, a floating one by a number that is added to the score.
"""

from math import prod, sqrt
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from pellucid import kernels
from pellucid._checks import check_last_axis, check_min_rank, check_same_shape
from pellucid.errors import DTypeError, ShapeError
from pellucid.ops._registry import differentiated_as, register, unbroadcast

Shape = tuple[int, ...]

_VASWANI = "Vaswani et al., Attention is all you need, NeurIPS (2017)"
_SYMBOLS = {
    "q": "queries, (..., query steps, width)",
    "k": "keys, (..., key steps, width)",
    "v": "values, (..., key steps, value width)",
    "s": "scores, (..., query steps, key steps)",
    "m": "mask: added to the scores; -inf where a boolean mask is False or a key lies ahead",
    "a": "weights, shape of s",
    "dy": "gradient of the loss with respect to the output",
}


def _transposed(x: Array) -> Array:
    return jnp.swapaxes(x, -1, -2)


def check_pair(who: str, q: Array, k: Array) -> None:
    """Raise ShapeError unless queries and keys have one width and equal leading axes."""
    check_min_rank(who, q.shape, 2, "(..., steps, width)")
    check_last_axis(who, k.shape, q.shape[-1], "queries and keys need one width")
    check_same_shape(who, "the leading axes of q", q.shape[:-2], "those of k", k.shape[:-2])


def _check_values(who: str, k_steps: int, a: Shape, v: Array) -> None:
    check_min_rank(who, v.shape, 2, "(..., key steps, value width)")
    if v.shape[-2] != k_steps:
        raise ShapeError(
            f"{who} expected values for {k_steps} keys, got {v.shape[-2]} in shape {v.shape}."
        )
    check_same_shape(who, "the leading axes of the weights", a[:-2], "those of v", v.shape[:-2])


# Scores


def attention_scores_save(
    s: Array, q: Array, k: Array, *, scale: float | None = None
) -> tuple[Array, Array]:
    """Return what the backward pass of ``attention_scores`` reads: its arguments."""
    return q, k


def attention_scores_forward(
    q: Array, k: Array, *, scale: float | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Score of every query with every key, s = c q k^T.

    s_ij = c sum_d q_id k_jd is large where query i and key j point the same way. For independent
    entries of variance 1 the sum has variance ``width``; c = 1 / sqrt(width) brings it back to 1,
    so that the softmax of the scores does not saturate. s is a matrix product::

        dq_id = c sum_j ds_ij k_jd        dq = c ds k
        dk_jd = c sum_i ds_ij q_id        dk = c ds^T q

    Args:
        q: queries, shape (..., query steps, width).
        k: keys, shape (..., key steps, width).
        scale: c; None for 1 / sqrt(width).

    Returns:
        s of shape (..., query steps, key steps), and what the backward pass reads.

    Raises:
        ShapeError: if the widths or the leading axes differ.

    References:
        Vaswani et al., Attention is all you need (2017), equation 1.
    """
    check_pair("attention_scores", q, k)
    c = _factor(q, scale)
    return c * (q @ _transposed(k)), (q, k)


def attention_scores_backward(
    saved: tuple[Array, Array], ds: Array, *, scale: float | None = None
) -> tuple[Array, Array]:
    """Return dq = c ds k and dk = c ds^T q."""
    q, k = saved
    c = _factor(q, scale)
    dq = c * (ds @ k)
    dk = c * (_transposed(ds) @ q)
    return dq, dk


def _factor(q: Array, scale: float | None) -> float:
    return 1 / sqrt(q.shape[-1]) if scale is None else scale


def _scores_flops(q: Shape, k: Shape, *, scale: float | None = None) -> int:
    """Return 2 width + 1 for each pair of a query and a key."""
    return prod(q[:-1]) * k[-2] * (2 * q[-1] + 1)


attention_scores = register(
    "attention_scores",
    attention_scores_forward,
    attention_scores_backward,
    formula="s = c q k^T",
    gradient="dq = c ds k; dk = c ds^T q",
    symbols={**_SYMBOLS, "c": "scale, 1 / sqrt(width) by default"},
    reference=f"{_VASWANI}, equation 1",
    flops=_scores_flops,
    save=attention_scores_save,
)


# Weights


class WeightsSaved(NamedTuple):
    """What the backward pass of ``attention_weights`` reads."""

    a: Array
    mask: Array | None


def attention_weights_save(
    a: Array, s: Array, mask: Array | None = None, *, causal: bool = False
) -> WeightsSaved:
    """Return what the backward pass of ``attention_weights`` reads: the weights and the mask."""
    return WeightsSaved(a, mask)


def attention_weights_forward(
    s: Array, mask: Array | None = None, *, causal: bool = False
) -> tuple[Array, WeightsSaved]:
    """Share of each key in what a query reads: the softmax of the scores over the allowed keys.

    a_ij = e^(s_ij + m_ij) / sum_l e^(s_il + m_il), where m_ij = -inf, and so a_ij = 0, for a key
    that is not allowed. A query that may read no key at all gets a_ij = 0 for every j: finite
    numbers, and no gradient. The Jacobian is that of the softmax in each row; where a_ij = 0 it
    vanishes, so that a forbidden key gets no gradient either::

        da_ij/ds_il = a_ij ([j = l] - a_il)
        ds_il = sum_j da_ij a_ij ([j = l] - a_il) = a_il (da_il - sum_j da_ij a_ij)
        dm    = ds, summed over the axes along which the mask was stretched

    Args:
        s: scores, shape (..., query steps, key steps).
        mask: what may be read, a shape that stretches to that of s: boolean, True for allowed; or
            floating, m itself, which is then differentiated too. None allows everything.
        causal: True lets query i read the keys 0 to i alone, in addition to the mask.

    Returns:
        a of the shape of s, and what the backward pass reads.

    Raises:
        ShapeError: if the mask does not stretch to the shape of s.
        DTypeError: if the mask is neither boolean nor floating.

    References:
        Vaswani et al., Attention is all you need (2017), sections 3.2.1 and 3.2.3.
    """
    check_min_rank("attention_weights", s.shape, 2, "(..., query steps, key steps)")
    z = _masked(s, mask, causal)
    top = lax.stop_gradient(jnp.max(z, axis=-1, keepdims=True))
    e = jnp.exp(z - jnp.where(jnp.isfinite(top), top, 0))
    total = jnp.sum(e, axis=-1, keepdims=True)
    a = e / jnp.where(total == 0, 1, total)
    return a, WeightsSaved(a, mask)


def attention_weights_backward(
    saved: WeightsSaved, da: Array, *, causal: bool = False
) -> tuple[Array, Array | None]:
    """Return ds_il = a_il (da_il - sum_j da_ij a_ij), and dm, which is ds summed up."""
    a, mask = saved
    ds = a * (da - jnp.sum(da * a, axis=-1, keepdims=True))
    return ds, _mask_gradient(ds, mask)


def _masked(s: Array, mask: Array | None, causal: bool) -> Array:
    """Return s + m, with -inf for what is not allowed."""
    if mask is not None:
        _check_mask(mask, s.shape)
        s = jnp.where(mask, s, -jnp.inf) if mask.dtype == bool else s + mask
    if causal:
        i = lax.broadcasted_iota("int32", s.shape, s.ndim - 2)
        j = lax.broadcasted_iota("int32", s.shape, s.ndim - 1)
        s = jnp.where(j <= i, s, -jnp.inf)
    return s


def _check_mask(mask: Array, s: Shape) -> None:
    if mask.dtype != bool and not jnp.issubdtype(mask.dtype, jnp.floating):
        raise DTypeError(
            "attention_weights expected a mask that is boolean, or floating and added to the "
            f"scores, got {mask.dtype}; type mask.astype(bool)."
        )
    shape = mask.shape
    pairs = zip(shape[::-1], s[::-1], strict=False)
    if len(shape) > len(s) or any(n not in (1, m) for n, m in pairs):
        raise ShapeError(
            f"attention_weights expected a mask that stretches to the shape {s} of the scores "
            f"(..., query steps, key steps), got {shape}; a mask (batch, key steps) of padding "
            "becomes mask[:, None, None, :]."
        )


def _mask_gradient(ds: Array, mask: Array | None) -> Array | None:
    """Return dm for a floating mask, in the mask's shape; None for any other."""
    if mask is None or mask.dtype == bool:
        return None
    return unbroadcast(ds, mask.shape)


def _weights_flops(s: Shape, mask: Any = None, *, causal: bool = False) -> int:
    """Return 5 for each score, as for a softmax."""
    return 5 * prod(s)


attention_weights = register(
    "attention_weights",
    attention_weights_forward,
    attention_weights_backward,
    formula="a_ij = e^(s_ij + m_ij) / sum_l e^(s_il + m_il), 0 where no key is allowed",
    gradient="ds_il = a_il (da_il - sum_j da_ij a_ij); dm = ds",
    symbols=_SYMBOLS,
    reference=f"{_VASWANI}, sections 3.2.1 and 3.2.3",
    flops=_weights_flops,
    save=attention_weights_save,
)


# Weighted values


def attention_values_save(y: Array, a: Array, v: Array) -> tuple[Array, Array]:
    """Return what the backward pass of ``attention_values`` reads: its arguments."""
    return a, v


def attention_values_forward(a: Array, v: Array) -> tuple[Array, tuple[Array, Array]]:
    """What each query reads: the mean of the values in the shares of its weights, y = a v.

    ::

        da_ij = sum_d dy_id v_jd        da = dy v^T
        dv_jd = sum_i a_ij dy_id        dv = a^T dy

    Args:
        a: weights, shape (..., query steps, key steps).
        v: values, shape (..., key steps, value width).

    Returns:
        y of shape (..., query steps, value width), and what the backward pass reads.

    Raises:
        ShapeError: if there is not one value for each key.

    References:
        Vaswani et al., Attention is all you need (2017), equation 1.
    """
    check_min_rank("attention_values", a.shape, 2, "(..., query steps, key steps)")
    _check_values("attention_values", a.shape[-1], a.shape, v)
    return a @ v, (a, v)


def attention_values_backward(saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    """Return da = dy v^T and dv = a^T dy."""
    a, v = saved
    return dy @ _transposed(v), _transposed(a) @ dy


def _values_flops(a: Shape, v: Shape) -> int:
    """Return 2 * weights * value width."""
    return 2 * prod(a) * v[-1]


attention_values = register(
    "attention_values",
    attention_values_forward,
    attention_values_backward,
    formula="y = a v",
    gradient="da = dy v^T; dv = a^T dy",
    symbols={**_SYMBOLS, "y": "output, (..., queries, value width)"},
    reference=f"{_VASWANI}, equation 1",
    flops=_values_flops,
    save=attention_values_save,
)


# All in one


class AttentionSaved(NamedTuple):
    """What the backward pass of ``scaled_dot_product_attention`` reads: its arguments alone."""

    q: Array
    k: Array
    v: Array
    mask: Array | None


def scaled_dot_product_attention_save(
    y: Array,
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> AttentionSaved:
    """Return the arguments: the weights are computed again."""
    return AttentionSaved(q, k, v, mask)


def scaled_dot_product_attention_forward(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> tuple[Array, AttentionSaved]:
    """Scaled dot-product attention, y = softmax(c q k^T + m) v, without keeping the weights.

    The three steps in one; each row of s = c q k^T + m goes through a softmax, whose Jacobian is
    da_ij/ds_il = a_ij ([j = l] - a_il). From the output back to the inputs::

        dv    = a^T dy
        da    = dy v^T
        ds_il = sum_j da_ij a_ij ([j = l] - a_il) = a_il (da_il - sum_j da_ij a_ij)
        dq    = c ds k        dk = c ds^T q        dm = ds

    The weights, (query steps x key steps) numbers for each head, are computed again in the backward
    pass instead of kept. A query that may read no key gives zeros and no gradient.

    Args:
        q: queries, shape (..., heads, query steps, width).
        k: keys, shape (..., heads, key steps, width).
        v: values, shape (..., heads, key steps, value width).
        mask: boolean (True for allowed) or floating (added to the scores); a shape that stretches
            to (..., heads, query steps, key steps). None allows everything.
        causal: True lets query i read the keys 0 to i alone, in addition to the mask.
        scale: c; None for 1 / sqrt(width).

    Returns:
        y of shape (..., heads, query steps, value width), and what the backward pass reads.

    Raises:
        ShapeError: if shapes do not fit.
        DTypeError: if the mask is neither boolean nor floating.

    References:
        Vaswani et al., Attention is all you need (2017), equation 1.
    """
    check_pair("scaled_dot_product_attention", q, k)
    _check_values("scaled_dot_product_attention", k.shape[-2], q.shape, v)
    saved = AttentionSaved(q, k, v, mask)
    if mask is not None:
        _check_mask(mask, (*q.shape[:-1], k.shape[-2]))
    if kernels.attention.takes(q, k, v, mask):
        c = _factor(q, scale)
        return kernels.attention.forward(q, k, v, mask, causal=causal, scale=c), saved
    s, _ = attention_scores_forward(q, k, scale=scale)
    a, _ = attention_weights_forward(s, mask, causal=causal)
    return a @ v, saved


def scaled_dot_product_attention_backward(
    saved: AttentionSaved, dy: Array, *, causal: bool = False, scale: float | None = None
) -> tuple[Array, Array, Array, Array | None]:
    """Return dq = c ds k, dk = c ds^T q, dv = a^T dy and dm = ds, with ds as derived above."""
    q, k, v, mask = saved
    c = _factor(q, scale)

    def plain(q: Array, k: Array, v: Array, dy: Array) -> tuple[Array, Array, Array, Array]:
        a = attention_weights(attention_scores(q, k, scale=scale), mask, causal=causal)
        dv = _transposed(a) @ dy
        da = dy @ _transposed(v)
        ds = a * (da - jnp.sum(da * a, axis=-1, keepdims=True))
        dq = c * (ds @ k)
        dk = c * (_transposed(ds) @ q)
        return dq, dk, dv, ds

    def kernel(q: Array, k: Array, v: Array, dy: Array) -> tuple[Array, Array, Array]:
        return kernels.attention.gradient(q, k, v, dy, mask, causal=causal, scale=c)

    if kernels.attention.takes(q, k, v, mask):
        return *differentiated_as(lambda *arrays: plain(*arrays)[:3], kernel)(q, k, v, dy), None
    dq, dk, dv, ds = plain(q, k, v, dy)
    return dq, dk, dv, _mask_gradient(ds, mask)


def _attention_flops(
    q: Shape,
    k: Shape,
    v: Shape,
    mask: Any = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> int:
    """Return the sum of the three steps."""
    s = (*q[:-1], k[-2])
    return _scores_flops(q, k) + _weights_flops(s) + _values_flops(s, v)


scaled_dot_product_attention = register(
    "scaled_dot_product_attention",
    scaled_dot_product_attention_forward,
    scaled_dot_product_attention_backward,
    formula="y = softmax(c q k^T + m) v",
    gradient="dv = a^T dy; da = dy v^T; ds_il = a_il (da_il - sum_j da_ij a_ij); dq = c ds k; "
    "dk = c ds^T q; dm = ds",
    symbols={
        **_SYMBOLS,
        "c": "scale, 1 / sqrt(width) by default",
        "y": "output, (..., queries, value width)",
    },
    reference=f"{_VASWANI}, equation 1",
    flops=_attention_flops,
    save=scaled_dot_product_attention_save,
)
