"""Losses of metric learning: what is alike is drawn together, what is not is pushed apart.

Distances are squared Euclidean ones. At a kink, where a margin is met exactly, the derivative is
taken as 0.
"""

from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank, check_range, check_rank, check_same_shape
from pellucid.ops._losses import SYMBOLS, PairSaved, check_pair, save_pair
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array


def contrastive_forward(p: Array, t: Array, *, margin: float = 1.0) -> tuple[Array, PairSaved]:
    """Contrastive loss of distances, y = (1/n) sum_i t_i p_i^2 + (1 - t_i) max(margin - p_i, 0)^2.

    Pairs that are alike (t = 1) are drawn together, others (t = 0) pushed apart until their
    distance p is ``margin``. With m_i = max(margin - p_i, 0)::

        dp_i = (2/n) (t_i p_i - (1 - t_i) m_i) dy
        dt_i = (1/n) (p_i^2 - m_i^2) dy

    Args:
        p: distances of pairs, shape (..., n).
        t: 1 for a pair that is alike, 0 for one that is not, shape (..., n).
        margin: the distance beyond which unlike pairs are left alone, above 0.

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping (2006),
        equation 4 (where 1 marks an unlike pair, and there is a factor 1/2).
    """
    check_pair("contrastive", p, t)
    check_range("contrastive", "margin", margin, 0, open_low=True)
    m = jnp.maximum(margin - p, 0)
    y = jnp.mean(t * p * p + (1 - t) * m * m, axis=-1)
    return y, PairSaved(p, t)


def contrastive_backward(
    saved: PairSaved, dy: Array, *, margin: float = 1.0
) -> tuple[Array, Array]:
    """Return dp = 2 (t p - (1 - t) m) dy / n and dt = (p^2 - m^2) dy / n."""
    p, t = saved
    m = jnp.maximum(margin - p, 0)
    dy_n = dy[..., None] / p.shape[-1]
    return 2 * (t * p - (1 - t) * m) * dy_n, (p * p - m * m) * dy_n


contrastive = register(
    "contrastive",
    contrastive_forward,
    contrastive_backward,
    formula="y = (1/n) sum_i (t_i p_i^2 + (1 - t_i) m_i^2), m = max(margin - p, 0)",
    gradient="dp = 2 (t p - (1 - t) m) dy / n; dt = (p^2 - m^2) dy / n",
    symbols={
        **SYMBOLS,
        "p": "distances of pairs, (..., n)",
        "t": "1 for a pair that is alike, 0 for one that is not, (..., n)",
        "m": "what is missing to the margin",
        "margin": "distance beyond which pairs that differ add nothing",
    },
    reference="Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping "
    "(2006), equation 4",
    flops=elementwise_flops(8),
    save=lambda y, p, t, **_: save_pair(y, p, t),
)


class TripletSaved(NamedTuple):
    """What the backward pass of ``triplet`` reads."""

    a: Array
    p: Array
    n: Array


def triplet_forward(
    a: Array, p: Array, n: Array, *, margin: float = 1.0
) -> tuple[Array, TripletSaved]:
    """Triplet loss, y = max(|a - p|^2 - |a - n|^2 + margin, 0).

    The anchor a shall be nearer to the positive p, which is of its kind, than to the negative n, by
    ``margin``. |a - p|^2 - |a - n|^2 has the slopes 2 (n - p) in a, 2 (p - a) in p and 2 (a - n) in
    n, so that where y > 0::

        da = 2 (n - p) dy        dp = 2 (p - a) dy        dn = 2 (a - n) dy

    and 0 elsewhere.

    Args:
        a: anchors, shape (..., features).
        p: positives, likewise.
        n: negatives, likewise.
        margin: 0 or more.

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.

    References:
        Schroff, Kalenichenko, Philbin, FaceNet: a unified embedding for face recognition and
        clustering (2015), equation 2.
    """
    check_min_rank("triplet", a.shape, 1, "(..., features)")
    check_same_shape("triplet", "anchor", a.shape, "positive", p.shape)
    check_same_shape("triplet", "anchor", a.shape, "negative", n.shape)
    check_range("triplet", "margin", margin, 0)
    y = jnp.maximum(_gap(a, p, n) + margin, 0)
    return y, TripletSaved(a, p, n)


def _gap(a: Array, p: Array, n: Array) -> Array:
    """Return |a - p|^2 - |a - n|^2."""
    return jnp.sum(jnp.square(a - p) - jnp.square(a - n), axis=-1)


def triplet_backward(
    saved: TripletSaved, dy: Array, *, margin: float = 1.0
) -> tuple[Array, Array, Array]:
    """Return da = 2 (n - p) dy, dp = 2 (p - a) dy and dn = 2 (a - n) dy where y > 0, else 0."""
    a, p, n = saved
    dy = jnp.where(_gap(a, p, n) + margin > 0, 2 * dy, 0)[..., None]
    return (n - p) * dy, (p - a) * dy, (a - n) * dy


triplet = register(
    "triplet",
    triplet_forward,
    triplet_backward,
    formula="y = max(|a - p|^2 - |a - n|^2 + margin, 0)",
    gradient="da = 2 (n - p) dy; dp = 2 (p - a) dy; dn = 2 (a - n) dy where y > 0, else 0",
    symbols={
        "a": "anchors, (..., features)",
        "p": "positives, of the anchors' kind, (..., features)",
        "n": "negatives, of other kinds, (..., features)",
        "y": "value of the loss for each triplet, (...)",
        "dy": "gradient of the whole loss with respect to y",
        "margin": "how much farther the negative must be, 0 or more",
    },
    reference="Schroff, Kalenichenko, Philbin, FaceNet (2015), equation 2",
    flops=elementwise_flops(6),
    save=lambda y, a, p, n, **_: TripletSaved(a, p, n),
)


class InfoNCESaved(NamedTuple):
    """What the backward pass of ``info_nce`` reads."""

    q: Array
    k: Array


def info_nce_forward(q: Array, k: Array, *, temperature: float = 0.1) -> tuple[Array, InfoNCESaved]:
    """InfoNCE: which of all keys belongs to this query? y_i = -log softmax_j(q_i . k_j / T)_i.

    Key i belongs to query i; the keys of the other rows are what it is told from. With
    s_ij = q_i . k_j / T and P_ij = exp(s_ij) / sum_l exp(s_il), y_i = log sum_j exp(s_ij) - s_ii
    and::

        ds_ij = (P_ij - [i = j]) dy_i        (rows, rows)
        dq    = ds k / T                     (rows, features)
        dk    = ds^T q / T                   (rows, features)

    Args:
        q: queries, shape (rows, features), often of length 1.
        k: keys, likewise.
        temperature: T, above 0.

    Returns:
        y of shape (rows,), and what the backward pass reads.

    Raises:
        ShapeError: if the two differ in shape.

    References:
        Van den Oord, Li, Vinyals, Representation learning with contrastive predictive coding
        (2018), equation 4.
    """
    check_rank("info_nce", q.shape, 2, "(rows, features)")
    check_same_shape("info_nce", "queries", q.shape, "keys", k.shape)
    check_range("info_nce", "temperature", temperature, 0, open_low=True)
    s = q @ k.T / temperature
    y = jax.nn.logsumexp(s, axis=1) - jnp.diagonal(s)
    return y, InfoNCESaved(q, k)


def info_nce_backward(
    saved: InfoNCESaved, dy: Array, *, temperature: float = 0.1
) -> tuple[Array, Array]:
    """Return dq = ds k / T and dk = ds^T q / T with ds_ij = (P_ij - [i = j]) dy_i."""
    q, k = saved
    s = q @ k.T / temperature
    ds = (jax.nn.softmax(s, axis=1) - jnp.eye(len(q), dtype=s.dtype)) * dy[:, None]
    return ds @ k / temperature, ds.T @ q / temperature


def info_nce_flops(q: tuple[int, ...], k: tuple[int, ...], **_: Any) -> int:
    """Return 2 rows^2 features for the similarities and 4 rows^2 for the softmax."""
    return 2 * q[0] * prod(q) + 4 * q[0] ** 2


info_nce = register(
    "info_nce",
    info_nce_forward,
    info_nce_backward,
    formula="y = -log softmax_j(q_i . k_j / T)_i",
    gradient="dq = ds k / T; dk = ds^T q / T, ds_ij = (P_ij - [i = j]) dy_i",
    symbols={
        "q": "queries, (rows, features)",
        "k": "keys, (rows, features)",
        "T": "temperature",
        "P": "softmax of the similarities, over the keys",
        "y": "value of the loss for each query, (rows,)",
        "dy": "gradient of the whole loss with respect to y",
    },
    reference="Van den Oord, Li, Vinyals, Representation learning with contrastive predictive "
    "coding (2018), equation 4",
    flops=info_nce_flops,
    save=lambda y, q, k, **_: InfoNCESaved(q, k),
)
