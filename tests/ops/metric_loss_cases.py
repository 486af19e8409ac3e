"""Inputs for the losses of metric learning."""

import jax
import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal


def pairs(*shape):
    """Return a maker of distances away from the margin 1, and of marks for alike and unlike."""

    def maker(rng):
        p = 2 * rng.random(shape)
        return np.where(np.abs(p - 1) < 0.01, p + 0.05, p), rng.random(shape)

    return maker


def contrastive(p, t, margin=1.0):
    apart = jnp.where(p < margin, margin - p, 0.0)
    return jnp.einsum("...i->...", t * p**2 + (1 - t) * apart**2) / p.shape[-1]


def triplet(a, p, n, margin=1.0):
    near = jnp.einsum("...i,...i->...", a - p, a - p)
    far = jnp.einsum("...i,...i->...", a - n, a - n)
    return jnp.where(near + margin > far, near + margin - far, 0.0)


def info_nce(q, k, temperature=0.1):
    s = jnp.einsum("ic,jc->ij", q, k) / temperature
    return -jnp.diagonal(jax.nn.log_softmax(s, axis=-1))


CASES = {
    "contrastive": [
        Case(pairs(3, 1), reference=contrastive, label="one distance"),
        Case(pairs(2, 3, 4), {"margin": 0.7}, contrastive, label="rank 3"),
    ],
    "distance": [
        Case(
            make(normal(3, 4), normal(3, 4)),
            reference=lambda a, b: jnp.sqrt(jnp.einsum("ni,ni->n", a - b, a - b) + 1e-12),
        ),
        Case(make(normal(5), normal(5)), label="one pair"),
    ],
    "triplet": [
        Case(make(*[normal(7, 3)] * 3), reference=triplet),
        Case(make(*[normal(2, 3, 4)] * 3), {"margin": 0.2}, triplet, label="rank 3"),
        Case(make(*[normal(4)] * 3), {"margin": 0.0}, triplet, label="one triplet"),
    ],
    "info_nce": [
        Case(make(normal(5, 3), normal(5, 3)), {"temperature": 0.5}, info_nce),
        Case(make(normal(1, 4), normal(1, 4)), {"temperature": 1.0}, info_nce, label="one row"),
    ],
}
