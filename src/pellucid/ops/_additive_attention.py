"""The additive scores of attention: a small network compares a query with a key."""

from math import prod
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_same_shape
from pellucid.ops._attention import check_pair
from pellucid.ops._registry import register

Shape = tuple[int, ...]


class AdditiveSaved(NamedTuple):
    """What the backward pass of ``additive_scores`` reads: its arguments alone."""

    q: Array
    k: Array
    w: Array


def additive_scores_save(s: Array, q: Array, k: Array, w: Array) -> AdditiveSaved:
    """Return the arguments: the hidden units are computed again."""
    return AdditiveSaved(q, k, w)


def additive_scores_forward(q: Array, k: Array, w: Array) -> tuple[Array, AdditiveSaved]:
    """Additive score of every query with every key, s_ij = sum_d w_d tanh(q_id + k_jd).

    A network with one hidden layer, h_ijd = tanh(q_id + k_jd), and one output. With
    tanh' = 1 - tanh^2 and g_ijd = ds_ij w_d (1 - h_ijd^2)::

        dw_d  = sum_ij ds_ij h_ijd
        dq_id = sum_j g_ijd        dk_jd = sum_i g_ijd

    The hidden units (query steps x key steps x width) are computed again in the backward pass.

    Args:
        q: queries, shape (..., query steps, width), already multiplied by their weights.
        k: keys, shape (..., key steps, width), likewise.
        w: weights of the output, shape (width,).

    Returns:
        s of shape (..., query steps, key steps), and what the backward pass reads.

    Raises:
        ShapeError: if the widths or the leading axes differ.

    References:
        Bahdanau, Cho, Bengio, Neural machine translation by jointly learning to align and translate
        (2015), section A.1.2.
    """
    check_pair("additive_scores", q, k)
    check_same_shape("additive_scores", "w", w.shape, "(width,)", q.shape[-1:])
    h = _hidden(q, k)
    return h @ w, AdditiveSaved(q, k, w)


def additive_scores_backward(saved: AdditiveSaved, ds: Array) -> tuple[Array, Array, Array]:
    """Return dq = sum_j g, dk = sum_i g and dw = sum_ij ds h, with g = ds w (1 - h^2)."""
    q, k, w = saved
    h = _hidden(q, k)
    g = ds[..., None] * w * (1 - h**2)
    dw = jnp.tensordot(ds, h, ds.ndim)
    return jnp.sum(g, axis=-2), jnp.sum(g, axis=-3), dw


def _hidden(q: Array, k: Array) -> Array:
    return jnp.tanh(q[..., :, None, :] + k[..., None, :, :])


def _additive_flops(q: Shape, k: Shape, w: Shape) -> int:
    """Return 4 for each hidden unit: a sum, a tanh, a product, a sum."""
    return 4 * prod(q) * k[-2]


additive_scores = register(
    "additive_scores",
    additive_scores_forward,
    additive_scores_backward,
    formula="s_ij = sum_d w_d tanh(q_id + k_jd)",
    gradient="h_ijd = tanh(q_id + k_jd); g_ijd = ds_ij w_d (1 - h_ijd^2); dq_id = sum_j g_ijd; "
    "dk_jd = sum_i g_ijd; dw_d = sum_ij ds_ij h_ijd",
    symbols={
        "q": "queries, (..., query steps, width)",
        "k": "keys, (..., key steps, width)",
        "w": "weights of the score, (width,)",
        "h": "hidden units",
        "s": "scores, (..., query steps, key steps)",
        "ds": "gradient of the loss with respect to s",
    },
    reference="Bahdanau, Cho, Bengio, Neural machine translation by jointly learning to align and "
    "translate, ICLR (2015), section A.1.2",
    flops=_additive_flops,
    save=additive_scores_save,
)
