"""Inputs for CTC; the reference is a sum over every single path."""

from itertools import groupby, product

import jax
import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal


def paths_of(labels, steps, classes):
    """Return every path of ``steps`` classes that stands for the labels, shape (paths, steps)."""
    wanted = [int(k) for k in labels]
    found = [
        path
        for path in product(range(classes), repeat=steps)
        if [k for k, _ in groupby(path) if k != 0] == wanted
    ]
    return np.array(found, int).reshape(-1, steps)


def brute_force(z, labels, steps=None, count=None):
    """Minus the logarithm of the summed probabilities of all paths."""
    u, labels = jax.nn.log_softmax(z, axis=-1), np.asarray(labels)
    values = []
    for row in range(len(z)):
        time = z.shape[1] if steps is None else int(np.asarray(steps)[row])
        own = (
            labels[row][labels[row] > 0]
            if count is None
            else labels[row][: int(np.asarray(count)[row])]
        )
        paths = paths_of(own, time, z.shape[-1])
        each = sum(u[row, t, paths[:, t]] for t in range(time))
        values.append(-jax.nn.logsumexp(each))
    return jnp.stack(values)


def labels(*rows):
    return np.array(rows, np.int32)


CASES = {
    "ctc": [
        Case(
            make(normal(3, 5, 4), labels((1, 2, 3), (2, 2, 0), (3, 0, 0))),
            reference=brute_force,
            label="padded labels",
        ),
        Case(
            make(
                normal(3, 5, 3),
                labels((1, 1), (2, 1), (1, 2)),
                np.array([4, 2, 5], np.int32),
                np.array([2, 2, 1], np.int32),
            ),
            reference=brute_force,
            label="lengths",
        ),
        Case(make(normal(2, 3, 3), labels((0, 0), (1, 2))), reference=brute_force, label="none"),
        Case(make(normal(1, 1, 3), labels((2,))), reference=brute_force, label="one step"),
    ],
}
