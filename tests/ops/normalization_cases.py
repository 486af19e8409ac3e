"""Inputs for group, local response and spectral normalization."""

import jax.numpy as jnp

from ops.cases import Case, make, normal


def group_norm_reference(x, gamma, beta, *, groups, epsilon=1e-3):
    """Each group of channels by itself, cut out and joined again."""
    parts = []
    for part in jnp.split(x, groups, axis=-1):
        axes = tuple(range(1, x.ndim))
        mean, variance = part.mean(axes, keepdims=True), part.var(axes, keepdims=True)
        parts.append((part - mean) / jnp.sqrt(variance + epsilon))
    y = jnp.concatenate(parts, axis=-1)
    y = y if gamma is None else gamma * y
    return y if beta is None else y + beta


def local_response_reference(x, *, size=5, k=2.0, alpha=1e-4, beta=0.75):
    """Channel by channel, as the paper writes it: n, N, j."""
    n, last = size // 2, x.shape[-1] - 1
    channels = []
    for i in range(x.shape[-1]):
        near = x[..., max(0, i - n) : min(last, i + n) + 1]
        channels.append(x[..., i] / (k + alpha * jnp.sum(near**2, -1)) ** beta)
    return jnp.stack(channels, axis=-1)


def spectral_reference(w, u, v):
    matrix = w.reshape(-1, w.shape[-1])
    return w / jnp.einsum("i,ij,j->", v, matrix, u)


CASES = {
    "group_norm": [
        Case(
            make(normal(2, 3, 2, 6), normal(6), normal(6)),
            {"groups": 3},
            group_norm_reference,
            "image",
        ),
        Case(
            make(normal(3, 4, 2), None, normal(2)),
            {"groups": 2, "epsilon": 0.1},
            group_norm_reference,
            "instance, no gamma",
        ),
        Case(make(normal(3, 4), normal(4), None), {"groups": 1}, group_norm_reference, "one group"),
    ],
    "local_response_norm": [
        Case(make(normal(2, 3, 7)), {"alpha": 0.3}, local_response_reference, "wide"),
        Case(
            make(normal(2, 2, 2, 3)),
            {"size": 7, "k": 1.0, "alpha": 0.5, "beta": 1.5},
            local_response_reference,
            "more neighbors than channels",
        ),
        Case(make(normal(2, 4)), {"size": 1, "k": 0.5}, local_response_reference, "alone"),
    ],
    "spectral_normalize": [
        Case(make(normal(4, 3), normal(3), normal(4)), reference=spectral_reference, label="dense"),
        Case(
            make(normal(2, 2, 3, 2), normal(2), normal(12)),
            reference=spectral_reference,
            label="convolution",
        ),
    ],
}
