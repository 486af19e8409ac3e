"""Cross-entropies and the Kullback-Leibler divergence: losses between probability distributions.

Each cross-entropy comes in two forms that are never mixed silently: from probabilities p, which
are kept in [eps, 1 - eps] before the logarithm, and from logits z (raw scores), where the squashing
and the logarithm are one operation with the fused gradient "probability minus target". The second
is the better conditioned one: no logarithm of a rounded probability, no division.

From probabilities, the gradient is 0 where clipping changed p (a probability of exactly 0 or 1
cannot be learned from; from logits it can). p is taken as it is: a row that does not sum to 1 is
not divided by its sum, as Keras does in its categorical cross-entropy.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid.ops._activations import sigmoid
from pellucid.ops._losses import SYMBOLS, PairSaved, check_labels, check_pair, clip_probability
from pellucid.ops._registry import elementwise_flops, register
from pellucid.ops._softmax import log_softmax

Array = jax.Array

PROBABILITY_SYMBOLS = {
    **SYMBOLS,
    "p": "predicted probabilities, kept in [eps, 1 - eps], (..., n)",
    "t": "target probabilities, (..., n)",
    "eps": "1e-7",
}
LOGIT_SYMBOLS = {**SYMBOLS, "z": "logits, (..., n)", "t": "target probabilities, (..., n)"}
LABEL_SYMBOLS = {"k": "class labels, integers from 0 to n - 1, (...)"}

BISHOP = "Bishop, Pattern Recognition and Machine Learning (2006), "


def binary_crossentropy_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Binary cross-entropy, y = -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i)).

    The negative log-likelihood of n independent yes-or-no targets::

        dp_i = -(1/n) (t_i / p_i - (1 - t_i) / (1 - p_i)) dy
             = (1/n) (p_i - t_i) / (p_i (1 - p_i)) dy
        dt_i = (1/n) (log(1 - p_i) - log p_i) dy

    p is first kept in [eps, 1 - eps]; dp is 0 where that changes it.

    Args:
        p: predicted probabilities, shape (..., n).
        t: target probabilities (mostly 0 or 1), shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equation 4.90.
    """
    check_pair("binary_crossentropy", p, t)
    c = clip_probability(p)
    y = -jnp.mean(t * jnp.log(c) + (1 - t) * jnp.log(1 - c), axis=-1)
    return y, PairSaved(p, t)


def binary_crossentropy_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = (p - t) / (p (1 - p)) dy / n and dt = (log(1 - p) - log p) dy / n."""
    p, t = saved
    c = clip_probability(p)
    dy_n = dy[..., None] / p.shape[-1]
    dp = jnp.where(c == p, (c - t) / (c * (1 - c)), 0) * dy_n
    dt = (jnp.log(1 - c) - jnp.log(c)) * dy_n
    return dp, dt


binary_crossentropy = register(
    "binary_crossentropy",
    binary_crossentropy_forward,
    binary_crossentropy_backward,
    formula="y = -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i))",
    gradient="dp = (p - t) / (p (1 - p)) dy / n, 0 where p was clipped; "
    "dt = (log(1 - p) - log p) dy / n",
    symbols=PROBABILITY_SYMBOLS,
    reference=BISHOP + "equation 4.90",
    flops=elementwise_flops(10),
)


def binary_crossentropy_from_logits_forward(z: Array, t: Array) -> tuple[Array, PairSaved]:
    """Binary cross-entropy of p = sigmoid(z), computed from the logits z.

    log p = z - log(1 + e^z) and log(1 - p) = -log(1 + e^z), so that::

        y    = (1/n) sum_i (log(1 + e^(z_i)) - t_i z_i)
        dz_i = (1/n) (sigmoid(z_i) - t_i) dy        fused: probability minus target
        dt_i = -(1/n) z_i dy

    e^z would overflow; log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), and max(z, 0) - t z is taken
    first, so that a small loss keeps its digits.

    Args:
        z: logits, shape (..., n).
        t: target probabilities (mostly 0 or 1), shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equations 4.90 and 4.91.
    """
    check_pair("binary_crossentropy_from_logits", z, t)
    y = jnp.mean((jnp.maximum(z, 0) - t * z) + jnp.log1p(jnp.exp(-jnp.abs(z))), axis=-1)
    return y, PairSaved(z, t)


def binary_crossentropy_from_logits_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dz = (sigmoid(z) - t) dy / n and dt = -z dy / n."""
    z, t = saved
    dy_n = dy[..., None] / z.shape[-1]
    dz = (sigmoid(z) - t) * dy_n
    dt = -z * dy_n
    return dz, dt


binary_crossentropy_from_logits = register(
    "binary_crossentropy_from_logits",
    binary_crossentropy_from_logits_forward,
    binary_crossentropy_from_logits_backward,
    formula="y = (1/n) sum_i (log(1 + e^(z_i)) - t_i z_i)",
    gradient="dz = (sigmoid(z) - t) dy / n; dt = -z dy / n",
    symbols=LOGIT_SYMBOLS,
    reference=BISHOP + "equations 4.90 and 4.91",
    flops=elementwise_flops(9),
)


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
    symbols=LOGIT_SYMBOLS,
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


sparse_categorical_crossentropy = register(
    "sparse_categorical_crossentropy",
    sparse_categorical_crossentropy_forward,
    sparse_categorical_crossentropy_backward,
    formula="y = -log p_k",
    gradient="dp_i = -([i = k] / p_k) dy, 0 where p_k was clipped",
    symbols={**PROBABILITY_SYMBOLS, **LABEL_SYMBOLS},
    reference=BISHOP + "equation 4.108",
    flops=lambda p, k: elementwise_flops(4)(k),
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
    symbols={**LOGIT_SYMBOLS, **LABEL_SYMBOLS},
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
    symbols={**PROBABILITY_SYMBOLS, "p": "predicted probabilities, kept in [eps, 1], (..., n)"},
    reference="Kullback, Leibler, On information and sufficiency, Ann. Math. Statist. 22 (1951)",
    flops=elementwise_flops(8),
)


def _pick(a: Array, k: Array) -> Array:
    """Return a_k of each row; unsigned indices, so that -1 is out of range (NaN), not the last."""
    return jnp.take_along_axis(a, k[..., None].astype(jnp.uint32), axis=-1)[..., 0]


def _one_hot(k: Array, a: Array) -> Array:
    """Return [i = k] for each entry i of the rows of a."""
    return k[..., None] == jnp.arange(a.shape[-1])
