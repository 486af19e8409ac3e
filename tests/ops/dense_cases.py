"""Inputs for the matrix product."""

import jax.numpy as jnp

from ops.cases import Case, make, normal

CASES = {
    "dense": [
        Case(
            make(normal(5, 3), normal(3, 4), normal(4)),
            reference=lambda x, w, b: jnp.einsum("ni,ij->nj", x, w) + b,
        ),
        Case(make(normal(5, 3), normal(3, 4), None), label="no bias"),
        Case(make(normal(2, 3, 5), normal(5, 1), normal(1)), label="rank 3, one unit"),
        Case(make(normal(1, 1), normal(1, 1), normal(1)), label="all ones"),
    ],
}
