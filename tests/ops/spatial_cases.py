"""Inputs for adaptive pooling, cropping, merging, radial basis functions and sparse kernels."""

import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal
from ops.structure_cases import distinct, positive


def windows(n, m):
    """The positions of each window, from floor(o n / m) to ceil((o + 1) n / m) - 1."""
    return [range(int(np.floor(o * n / m)), int(np.ceil((o + 1) * n / m))) for o in range(m)]


def adaptive(reduce):
    def reference(x, *, output_size):
        rank = x.ndim - 2
        sizes = (output_size,) * rank if isinstance(output_size, int) else output_size
        for axis, m in enumerate(sizes, 1):
            parts = [
                reduce(jnp.take(x, np.array(places), axis), axis=axis)
                for places in windows(x.shape[axis], m)
            ]
            x = jnp.stack(parts, axis)
        return x

    return reference


# label, input shape, output size
ADAPTIVE = [
    ("tiles", (2, 6, 4, 2), (3, 2)),
    ("overlap", (1, 7, 5, 2), (3, 4)),
    ("more windows than positions", (2, 3, 2), 5),
    ("the same", (1, 3, 2, 1), (3, 2)),
    ("one", (1, 5, 1), 1),
]


def sparse_reference(w, *, connections, channels):
    columns, e = [], 0
    for row in connections:
        entries = {c: w[..., e + i] for i, c in enumerate(row)}
        zero = jnp.zeros(w.shape[:-1], w.dtype)
        columns.append(jnp.stack([entries.get(c, zero) for c in range(channels)], -1))
        e += len(row)
    return jnp.stack(columns, -1)


CASES = {
    "adaptive_average_pool": [
        Case(make(normal(*shape)), {"output_size": size}, adaptive(jnp.mean), label)
        for label, shape, size in ADAPTIVE
    ],
    "adaptive_max_pool": [
        Case(make(distinct(*shape)), {"output_size": size}, adaptive(jnp.max), label)
        for label, shape, size in ADAPTIVE
    ],
    "crop": [
        Case(
            make(normal(2, 5, 4, 3)),
            {"cropping": ((1, 2), (0, 1))},
            lambda x, *, cropping: x[:, 1:3, :3],
        ),
    ],
    "subtract": [
        Case(make(normal(3, 4), normal(3, 4)), reference=lambda a, b: a - b),
        Case(make(normal(3, 1, 2), normal(1, 4, 2)), reference=lambda a, b: a - b, label="stretch"),
    ],
    "maximum": [
        Case(make(distinct(3, 4), normal(3, 4)), reference=jnp.maximum),
        Case(make(distinct(3, 1, 2), normal(1, 4, 2)), reference=jnp.maximum, label="stretch"),
    ],
    "minimum": [
        Case(make(normal(3, 4), normal(3, 4)), reference=jnp.minimum),
        Case(make(normal(3, 1, 2), normal(1, 4, 2)), reference=jnp.minimum, label="stretch"),
    ],
    "squared_distance": [
        Case(
            make(normal(4, 3), normal(2, 3)),
            reference=lambda x, c: jnp.sum((x[:, None] - c) ** 2, -1),
        ),
        Case(
            make(normal(2, 3, 2), normal(5, 2)),
            reference=lambda x, c: jnp.linalg.norm(x[..., None, :] - c, axis=-1) ** 2,
            label="rank 3",
        ),
    ],
    "gaussian": [
        Case(
            make(positive(4, 3), positive(3)),
            reference=lambda d, w: jnp.exp(-0.5 * (jnp.sqrt(d) / w) ** 2),
        ),
    ],
    "sparse_kernel": [
        Case(
            make(normal(2, 3, 5)),
            {"connections": ((0, 1), (2,), (0, 2)), "channels": 3},
            sparse_reference,
        ),
        Case(
            make(normal(2, 2)), {"connections": ((1,), (0,)), "channels": 2}, sparse_reference, "1d"
        ),
    ],
}
