"""Inputs for the losses: prediction and target."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import entr, logsumexp, xlogy

from ops.cases import Case, make, normal

EPS = 1e-7


def residuals_away_from(*kinks):
    """Return a maker of a prediction and a target whose residual keeps away from kinks."""

    def draw(*shape):
        def maker(rng):
            target, r = rng.standard_normal(shape), 2 * rng.standard_normal(shape)
            for kink in kinks:
                r = np.where(np.abs(r - kink) < 0.01, r + 0.05, r)
            return target + r, target

        return maker

    return draw


def probabilities(*shape):
    """Return a maker of numbers from 0.05 to 0.95."""
    return lambda rng: rng.uniform(0.05, 0.95, shape)


def distributions(*shape):
    """Return a maker of rows that sum to 1."""

    def maker(rng):
        e = np.exp(rng.standard_normal(shape))
        return e / e.sum(axis=-1, keepdims=True)

    return maker


def labels(classes, *shape, dtype=np.int32):
    """Return a maker of class labels."""
    return lambda rng: rng.integers(0, classes, shape).astype(dtype)


def margins(*shape):
    """Return a maker of scores and targets -1 or 1 with margins away from the kink at 1."""

    def maker(rng):
        target = rng.choice([-1.0, 1.0], shape)
        margin = 2 * rng.standard_normal(shape)
        return np.where(np.abs(margin - 1) < 0.01, margin + 0.05, margin) * target, target

    return maker


def clipped(rng):
    """Return probabilities of which one is below and one above the clip, and targets."""
    p = rng.uniform(0.05, 0.95, (3, 4))
    p[0, 0], p[2, 1] = -0.5, 1.5
    return p, rng.uniform(0.05, 0.95, (3, 4))


def both(draw, reference, **settings):
    """Return the cases that every loss between arrays of one shape gets."""
    return [
        Case(draw(2, 3, 4), settings, reference, label="rank 3"),
        Case(draw(4), settings, reference, label="one row"),
        Case(draw(3, 1), settings, reference, label="one column"),
    ]


def pair(p, t):
    """Return a maker of prediction and target from a maker of each."""
    return lambda *shape: make(p(*shape), t(*shape))


def one_hot(k, n):
    return jnp.eye(n)[k.astype(int)]


def mean(values):
    return jnp.sum(values, axis=-1) / values.shape[-1]


def huber(p, t, delta=1.0):
    r = jnp.abs(p - t)
    return mean(jnp.where(r <= delta, r**2 / 2, delta * (r - delta / 2)))


def cosine(p, t):
    lengths = jnp.sqrt(jnp.sum(p**2, axis=-1) * jnp.sum(t**2, axis=-1))
    return -jnp.einsum("...i,...i->...", p, t) / lengths


def binary_from_logits(z, t):
    return -mean(t * jax.nn.log_sigmoid(z) + (1 - t) * jax.nn.log_sigmoid(-z))


def clipped_binary(p, t):
    p = jnp.where(p < EPS, EPS, jnp.where(p > 1 - EPS, 1 - EPS, p))
    return -mean(xlogy(t, p) + xlogy(1 - t, 1 - p))


def clipped_categorical(p, t):
    return -jnp.sum(t * jnp.log(jnp.where(p < EPS, EPS, jnp.where(p > 1 - EPS, 1 - EPS, p))), -1)


def clipped_kl(p, t):
    p = jnp.where(p < EPS, EPS, jnp.where(p > 1, 1.0, p))
    return jnp.sum(-entr(t) - xlogy(t, p), -1)


def categorical_hinge(p, t):
    wrong, right = jnp.max((1 - t) * p, -1), jnp.sum(t * p, -1)
    return jnp.where(wrong - right + 1 > 0, wrong - right + 1, 0.0)


def sparse(p, k):
    return -jnp.sum(one_hot(k, p.shape[-1]) * jnp.log(p), -1)


def sparse_from_logits(z, k):
    return logsumexp(z, axis=-1) - jnp.sum(one_hot(k, z.shape[-1]) * z, -1)


CASES = {
    "mean_squared_error": both(residuals_away_from(), lambda p, t: mean((p - t) ** 2)),
    "mean_absolute_error": both(
        residuals_away_from(0.0), lambda p, t: mean(jnp.where(p > t, p - t, t - p))
    ),
    "huber": [
        *both(residuals_away_from(-1.0, 1.0), huber),
        *both(residuals_away_from(-0.3, 0.3), huber, delta=0.3)[-1:],
    ],
    "log_cosh": both(residuals_away_from(0.0), lambda p, t: mean(jnp.log(jnp.cosh(p - t)))),
    "poisson": both(pair(probabilities, probabilities), lambda p, t: mean(p - xlogy(t, p + EPS))),
    "cosine_similarity": both(pair(normal, normal), cosine),
    "hinge": both(margins, lambda p, t: mean(jnp.where(t * p < 1, 1 - t * p, 0.0))),
    "squared_hinge": both(margins, lambda p, t: mean(jnp.where(t * p < 1, (1 - t * p) ** 2, 0.0))),
    "categorical_hinge": both(pair(normal, distributions), categorical_hinge),
    "binary_crossentropy": [
        *both(
            pair(probabilities, probabilities),
            lambda p, t: -mean(t * jnp.log(p) + (1 - t) * jnp.log1p(-p)),
        ),
        Case(clipped, reference=clipped_binary, label="clipped"),
    ],
    "binary_crossentropy_from_logits": both(pair(normal, probabilities), binary_from_logits),
    "categorical_crossentropy": [
        *both(pair(probabilities, distributions), lambda p, t: -jnp.sum(xlogy(t, p), -1)),
        Case(clipped, reference=clipped_categorical, label="clipped"),
    ],
    "categorical_crossentropy_from_logits": [
        *both(
            pair(normal, distributions),
            lambda z, t: -jnp.sum(t * (z - logsumexp(z, axis=-1, keepdims=True)), -1),
        ),
        Case(
            make(normal(5, 3), normal(5, 3)),
            reference=lambda z, t: -jnp.sum(t * jax.nn.log_softmax(z), -1),
            label="targets that do not sum to 1",
        ),
    ],
    "sparse_categorical_crossentropy": [
        Case(make(probabilities(5, 3), labels(3, 5)), reference=sparse, label="rows"),
        Case(
            make(probabilities(2, 3, 4), labels(4, 2, 3, dtype=np.uint8)),
            reference=sparse,
            label="positions, uint8",
        ),
        Case(make(probabilities(4), labels(4)), reference=sparse, label="one row"),
    ],
    "sparse_categorical_crossentropy_from_logits": [
        Case(make(normal(5, 3), labels(3, 5)), reference=sparse_from_logits, label="rows"),
        Case(
            make(normal(2, 3, 4), labels(4, 2, 3, dtype=np.uint8)),
            reference=sparse_from_logits,
            label="positions, uint8",
        ),
        Case(make(normal(4), labels(4)), reference=sparse_from_logits, label="one row"),
        Case(
            make(normal(2, 1000), labels(1000, 2, dtype=np.int64)),
            reference=sparse_from_logits,
            label="1000 classes",
        ),
    ],
    "kl_divergence": [
        *both(pair(probabilities, probabilities), lambda p, t: jnp.sum(xlogy(t, t / p), -1)),
        Case(clipped, reference=clipped_kl, label="clipped"),
    ],
}
