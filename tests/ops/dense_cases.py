"""Inputs for the matrix product."""

import jax.numpy as jnp

from ops.cases import Case, make, normal

CASES = {
    "matmul": [
        Case(make(normal(5, 3), normal(3, 4)), reference=lambda a, b: jnp.einsum("ik,kj", a, b)),
        Case(
            make(normal(3, 5), normal(3, 4)),
            {"transpose_a": True},
            reference=lambda a, b, transpose_a: jnp.einsum("ki,kj", a, b),
            label="transpose a",
        ),
        Case(
            make(normal(5, 3), normal(4, 3)),
            {"transpose_b": True},
            reference=lambda a, b, transpose_b: jnp.einsum("ik,jk", a, b),
            label="transpose b",
        ),
        Case(
            make(normal(3, 5), normal(1, 3)),
            {"transpose_a": True, "transpose_b": True},
            reference=lambda a, b, transpose_a, transpose_b: jnp.einsum("ki,jk", a, b),
            label="transpose both",
        ),
    ],
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
