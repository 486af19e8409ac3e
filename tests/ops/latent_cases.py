"""Inputs for the operations of Gaussian codes and of the duelling head."""

import jax.numpy as jnp

from ops.cases import Case, make, normal

CASES = {
    "gaussian_sample": [
        Case(
            make(normal(3, 4), normal(3, 4), normal(3, 4)),
            reference=lambda m, v, e: m + jnp.sqrt(jnp.exp(v)) * e,
        ),
        Case(make(normal(5), normal(5), normal(5)), label="one row"),
    ],
    "gaussian_kl": [
        Case(
            make(normal(3, 4), normal(3, 4)),
            reference=lambda m, v: -jnp.sum(1 + v - m**2 - jnp.exp(v), axis=-1) / 2,
        ),
        Case(make(normal(5), normal(5)), label="one row"),
    ],
    "dueling": [
        Case(
            make(normal(3, 1), normal(3, 4)),
            reference=lambda v, a: v + a - jnp.sum(a, axis=-1)[:, None] / a.shape[-1],
        ),
        Case(make(normal(2, 3, 1), normal(2, 3, 1)), label="rank 3, one action"),
    ],
}
