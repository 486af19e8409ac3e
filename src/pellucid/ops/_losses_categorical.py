"""Losses between distributions over classes: the categorical cross-entropies, the KL divergence.

Targets are one-hot rows (or any weights t) or integer labels k; predictions are probabilities p or
logits z (raw scores), never mixed silently. Probabilities are kept in [eps, 1 - eps] before the
logarithm, with gradient 0 where that changed them, and are taken as they are otherwise: a row that
does not sum to 1 is not divided by its sum, as Keras does in its categorical cross-entropy. From
logits, softmax and logarithm are one operation with the fused gradient "softmax minus target".
"""

from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid.ops._losses import (
    LOGIT_SYMBOLS,
    PROBABILITY_SYMBOLS,
    PairSaved,
    check_labels,
    check_pair,
    clip_probability,
    save_pair,
)
from pellucid.ops._registry import elementwise_flops, register
from pellucid.ops._softmax import log_softmax

Array = jax.Array

DISTRIBUTION_SYMBOLS = {**LOGIT_SYMBOLS, "q": "softmax(z), (..., n)"}
LABELS = {"t": "one-hot target [i = k]", "k": "class labels, integers from 0 to n - 1, (...)"}

BISHOP = "Bishop, Pattern Recognition and Machine Learning (2006), "


def categorical_crossentropy_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Categorical cross-entropy, y = -sum_i t_i log p_i, of class probabilities.

    ::

        dp_i = -(t_i / p_i) dy        dt_i = -log p_i dy        (..., n)

    p is first kept in [eps, 1 - eps]; dp is 0 where that changes it. p is not divided by its sum:
    that the row sums to 1 is the model's business (softmax), not the loss's.

    Args:
        p: predicted probabilities, shape (..., n).
        t: target probabilities (mostly one-hot), shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equation 4.108.
    """
    check_pair("categorical_crossentropy", p, t)
    c = clip_probability(p)
    y = -jnp.sum(t * jnp.log(c), axis=-1)
    return y, PairSaved(p, t)


def categorical_crossentropy_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = -(t / p) dy and dt = -log p dy."""
    p, t = saved
    c = clip_probability(p)
    dp = jnp.where(c == p, -t / c, 0) * dy[..., None]
    dt = -jnp.log(c) * dy[..., None]
    return dp, dt


categorical_crossentropy = register(
    "categorical_crossentropy",
    categorical_crossentropy_forward,
    categorical_crossentropy_backward,
    formula="y = -sum_i t_i log p_i",
    gradient="dp = -(t / p) dy, 0 where p was clipped; dt = -log p dy",
    symbols=PROBABILITY_SYMBOLS,
    reference=BISHOP + "equation 4.108",
    flops=elementwise_flops(5),
    save=save_pair,
)


class CategoricalSaved(NamedTuple):
    """What the backward pass reads: the logarithm of q = softmax(z), and the target."""

    log_q: Array
    t: Array


def categorical_crossentropy_from_logits_forward(
    z: Array, t: Array
) -> tuple[Array, CategoricalSaved]:
    """Categorical cross-entropy of q = softmax(z), computed from the logits z.

    With d log q_i / dz_j = [i = j] - q_j (see ``log_softmax``)::

        y    = -sum_i t_i log q_i
        dz_j = -sum_i t_i ([i = j] - q_j) dy = (q_j sum_i t_i - t_j) dy
        dt_i = -log q_i dy

    For a target that sums to 1, dz = (q - t) dy: softmax minus target. The factor sum_i t_i keeps
    the gradient right for every other target (weighted, or masked to zero).

    Args:
        z: logits, shape (..., n), finite.
        t: target probabilities (mostly one-hot), shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equations 4.108 and 4.109.
    """
    check_pair("categorical_crossentropy_from_logits", z, t)
    log_q = log_softmax(z)
    y = -jnp.sum(t * log_q, axis=-1)
    return y, CategoricalSaved(log_q, t)


def categorical_crossentropy_from_logits_backward(
    saved: CategoricalSaved, dy: Array
) -> tuple[Array, Array]:
    """Return dz = (q sum(t) - t) dy and dt = -log q dy."""
    log_q, t = saved
    q = jnp.exp(log_q)
    dz = (q * jnp.sum(t, axis=-1, keepdims=True) - t) * dy[..., None]
    dt = -log_q * dy[..., None]
    return dz, dt


categorical_crossentropy_from_logits = register(
    "categorical_crossentropy_from_logits",
    categorical_crossentropy_from_logits_forward,
    categorical_crossentropy_from_logits_backward,
    formula="y = -sum_i t_i log q_i, q = softmax(z)",
    gradient="dz = (q sum_i t_i - t) dy; dt = -log q dy",
    symbols=DISTRIBUTION_SYMBOLS,
    reference=BISHOP + "equations 4.108 and 4.109",
    flops=elementwise_flops(7),
)


class LabelSaved(NamedTuple):
    """What the backward pass reads: predicted probabilities and class labels."""

    p: Array
    k: Array


def sparse_categorical_crossentropy_forward(p: Array, k: Array) -> tuple[Array, LabelSaved]:
    """Categorical cross-entropy for class labels, y = -log p_k.

    The one-hot target [i = k] leaves one term of the sum::

        dp_i = -([i = k] / p_k) dy        (..., n)

    p_k is first kept in [eps, 1 - eps]; dp is 0 where that changes it. As in
    ``categorical_crossentropy``, p is not divided by its sum.

    Args:
        p: predicted probabilities, shape (..., n).
        k: class labels, integers from 0 to n - 1, shape (...); any other gives NaN.

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if there is not one label for each row.
        DTypeError: if the labels are not integers.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equation 4.108.
    """
    check_labels("sparse_categorical_crossentropy", p, k)
    c_k = clip_probability(_pick(p, k))
    y = -jnp.log(c_k)
    return y, LabelSaved(p, k)


def sparse_categorical_crossentropy_backward(saved: LabelSaved, dy: Array) -> tuple[Array, None]:
    """Return dp = -[i = k] / p_k dy; the labels have no gradient."""
    p, k = saved
    p_k = _pick(p, k)
    c_k = clip_probability(p_k)
    dp_k = jnp.where(c_k == p_k, -dy / c_k, 0)
    dp = jnp.where(_one_hot(k, p), dp_k[..., None], 0)
    return dp, None


def _label_flops(p: tuple[int, ...], k: tuple[int, ...]) -> int:
    """Return 4 for each label."""
    return 4 * prod(k)


sparse_categorical_crossentropy = register(
    "sparse_categorical_crossentropy",
    sparse_categorical_crossentropy_forward,
    sparse_categorical_crossentropy_backward,
    formula="y = -log p_k",
    gradient="dp_i = -([i = k] / p_k) dy, 0 where p_k was clipped",
    symbols={**PROBABILITY_SYMBOLS, **LABELS},
    reference=BISHOP + "equation 4.108",
    flops=_label_flops,
    save=lambda y, p, k: LabelSaved(p, k),
)


class SparseSaved(NamedTuple):
    """What the backward pass reads: the logarithm of q = softmax(z), and class labels."""

    log_q: Array
    k: Array


def sparse_categorical_crossentropy_from_logits_forward(
    z: Array, k: Array
) -> tuple[Array, SparseSaved]:
    """Categorical cross-entropy of q = softmax(z) for class labels, computed from the logits z.

    With d log q_k / dz_j = [j = k] - q_j (see ``log_softmax``)::

        y    = -log q_k = log sum_j e^(z_j) - z_k
        dz_j = (q_j - [j = k]) dy        softmax minus one-hot target

    No one-hot matrix is multiplied: the forward pass picks one number of each row, the backward
    pass compares the label with the column number while it writes.

    Args:
        z: logits, shape (..., n), finite.
        k: class labels, integers from 0 to n - 1, shape (...); any other gives NaN.

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if there is not one label for each row.
        DTypeError: if the labels are not integers.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equations 4.108 and 4.109.
    """
    check_labels("sparse_categorical_crossentropy_from_logits", z, k)
    log_q = log_softmax(z)
    y = -_pick(log_q, k)
    return y, SparseSaved(log_q, k)


def sparse_categorical_crossentropy_from_logits_backward(
    saved: SparseSaved, dy: Array
) -> tuple[Array, None]:
    """Return dz = (q - [j = k]) dy; the labels have no gradient."""
    log_q, k = saved
    q = jnp.exp(log_q)
    dz = (q - _one_hot(k, q)) * dy[..., None]
    return dz, None


sparse_categorical_crossentropy_from_logits = register(
    "sparse_categorical_crossentropy_from_logits",
    sparse_categorical_crossentropy_from_logits_forward,
    sparse_categorical_crossentropy_from_logits_backward,
    formula="y = log sum_j e^(z_j) - z_k",
    gradient="dz_j = (q_j - [j = k]) dy, q = softmax(z)",
    symbols={**DISTRIBUTION_SYMBOLS, **LABELS},
    reference=BISHOP + "equations 4.108 and 4.109",
    flops=elementwise_flops(5),
)


def kl_divergence_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Kullback-Leibler divergence, y = sum_i t_i log(t_i / p_i), of t from p.

    The cross-entropy of t and p minus the entropy of t: 0 when the two are equal::

        dp_i = -(t_i / p_i) dy        dt_i = (log(t_i / p_i) + 1) dy        (..., n)

    Both are first kept in [eps, 1]; a gradient is 0 where that changes its variable.

    Args:
        p: predicted probabilities, shape (..., n).
        t: target probabilities, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Kullback, Leibler, On information and sufficiency (1951).
    """
    check_pair("kl_divergence", p, t)
    c, s = clip_probability(p, high=False), clip_probability(t, high=False)
    y = jnp.sum(s * jnp.log(s / c), axis=-1)
    return y, PairSaved(p, t)


def kl_divergence_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = -(t / p) dy and dt = (log(t / p) + 1) dy."""
    p, t = saved
    c, s = clip_probability(p, high=False), clip_probability(t, high=False)
    dp = jnp.where(c == p, -s / c, 0) * dy[..., None]
    dt = jnp.where(s == t, jnp.log(s / c) + 1, 0) * dy[..., None]
    return dp, dt


kl_divergence = register(
    "kl_divergence",
    kl_divergence_forward,
    kl_divergence_backward,
    formula="y = sum_i t_i log(t_i / p_i)",
    gradient="dp = -(t / p) dy, 0 where p was clipped; "
    "dt = (log(t / p) + 1) dy, 0 where t was clipped",
    symbols={
        **PROBABILITY_SYMBOLS,
        "p": "predicted probabilities, kept in [eps, 1], (..., n)",
        "t": "target probabilities, kept in [eps, 1], (..., n)",
    },
    reference="Kullback, Leibler, On information and sufficiency, Ann. Math. Statist. 22 (1951)",
    flops=elementwise_flops(8),
    save=save_pair,
)


def _pick(a: Array, k: Array) -> Array:
    """Return a_k of each row, NaN for a label out of range (a negative one included)."""
    n = a.shape[-1]
    k = k.astype(jnp.int32)
    k = jnp.where(k < 0, n, k)  # jnp would count -1 from the end
    return jnp.take_along_axis(a, k[..., None], axis=-1)[..., 0]


def _one_hot(k: Array, a: Array) -> Array:
    """Return [i = k] for each entry i of the rows of a."""
    return k[..., None] == jnp.arange(a.shape[-1])
