"""Inputs for attention and the rotary position embedding."""

import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal


def allowed(*shape):
    """Return a maker of a boolean mask of which the first row allows nothing."""

    def maker(rng):
        mask = rng.random(shape) < 0.6
        mask[..., 0, :] = False
        mask[..., 1, 0] = True
        return mask

    return maker


def scores(q, k, *, scale=None):
    return jnp.einsum("...id,...jd->...ij", q, k) * (
        q.shape[-1] ** -0.5 if scale is None else scale
    )


def weights(s, mask=None, *, causal=False):
    """Shares by plain exponentials of small scores; 0 * anything where nothing is allowed."""
    share = jnp.exp(s)
    if mask is not None:
        share = share * (mask if mask.dtype == bool else jnp.exp(mask))
    if causal:
        share = share * jnp.tril(jnp.ones(s.shape[-2:]))
    total = share.sum(-1, keepdims=True)
    return share / jnp.where(total > 0, total, 1)


def attention(q, k, v, mask=None, *, causal=False, scale=None):
    a = weights(scores(q, k, scale=scale), mask, causal=causal)
    return jnp.einsum("...ij,...jd->...id", a, v)


def additive(q, k, w):
    rows = [
        jnp.stack([jnp.tanh(q[..., i, :] + k[..., j, :]) @ w for j in range(k.shape[-2])], -1)
        for i in range(q.shape[-2])
    ]
    return jnp.stack(rows, -2)


def turned(x, positions=None, *, wavelength=10000.0):
    """Multiply every pair, as a complex number, by e^(i t theta)."""
    t = np.arange(x.shape[-2]) if positions is None else positions
    width = x.shape[-1]
    theta = np.array([wavelength ** (-2 * i / width) for i in range(width // 2)])
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * jnp.exp(1j * t[..., None] * theta)
    return jnp.stack([z.real, z.imag], -1).reshape(x.shape)


CASES = {
    "attention_scores": [
        Case(make(normal(2, 2, 3, 4), normal(2, 2, 5, 4)), reference=scores, label="heads"),
        Case(make(normal(3, 4), normal(2, 4)), {"scale": -0.7}, scores, label="scale"),
    ],
    "attention_weights": [
        Case(make(normal(2, 3, 4), None), reference=weights, label="no mask"),
        Case(make(normal(3, 3), None), {"causal": True}, weights, label="causal"),
        Case(
            make(normal(2, 2, 3, 4), allowed(2, 1, 3, 4)),
            {"causal": True},
            weights,
            label="stretched boolean mask, causal",
        ),
        Case(make(normal(2, 2, 3, 4), normal(3, 1)), reference=weights, label="stretched additive"),
        Case(make(normal(3, 1), None), reference=weights, label="one key"),
    ],
    "attention_values": [
        Case(
            make(normal(2, 3, 4), normal(2, 4, 5)),
            reference=lambda a, v: jnp.einsum("bij,bjd->bid", a, v),
        ),
    ],
    "scaled_dot_product_attention": [
        Case(
            make(normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 3), None),
            reference=attention,
            label="heads",
        ),
        Case(
            make(normal(1, 2, 3, 2), normal(1, 2, 3, 2), normal(1, 2, 3, 2), None),
            {"causal": True, "scale": 0.3},
            attention,
            label="causal, scale",
        ),
        Case(
            make(normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 3), allowed(2, 3, 5)),
            reference=attention,
            label="boolean mask",
        ),
        Case(
            make(normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 3), normal(1, 3, 5)),
            reference=attention,
            label="additive mask",
        ),
    ],
    "additive_scores": [
        Case(make(normal(2, 3, 4), normal(2, 2, 4), normal(4)), reference=additive, label="batch"),
        Case(make(normal(3, 1), normal(1, 1), normal(1)), reference=additive, label="width one"),
    ],
    "rotary": [
        Case(make(normal(2, 3, 4), None), reference=turned, label="from 0"),
        Case(
            make(normal(2, 2, 3, 6), lambda rng: rng.integers(0, 9, (2, 1, 3))),
            {"wavelength": 50.0},
            turned,
            label="positions, wavelength",
        ),
    ],
}
