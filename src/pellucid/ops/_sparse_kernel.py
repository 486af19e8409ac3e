"""A convolution kernel of which only some connections exist."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid._checks import check_last_axis, check_min_rank
from pellucid.errors import ArgumentError
from pellucid.ops._registry import elementwise_flops, register

Connections = tuple[tuple[int, ...], ...]


def pairs_of(connections: Connections) -> tuple[np.ndarray, np.ndarray]:
    """Return the channel and the filter of every connection, filter by filter."""
    channels = np.array([c for row in connections for c in row], int)
    filters = np.array([f for f, row in enumerate(connections) for _ in row], int)
    return channels, filters


def sparse_kernel_forward(
    w: Array, *, connections: Connections, channels: int
) -> tuple[Array, None]:
    """A full kernel made of the connections that exist, W[k, c_e, f_e] = w[k, e], 0 elsewhere.

    Every weight is one entry of W, so that its gradient is the one of that entry; the zeros are no
    numbers of the network and never change::

        dw[k, e] = dW[k, c_e, f_e]

    Args:
        w: weights, shape (kernel..., connections): for filter 0 those of all its channels, then for
            filter 1, and so on.
        connections: for each filter the channels that it sees.
        channels: how many channels there are.

    Returns:
        W of shape (kernel..., channels, filters), and nothing for the backward pass.

    Raises:
        ShapeError: if w does not have one entry for each connection.
        ArgumentError: if a filter sees a channel that does not exist.

    References:
        LeCun, Bottou, Bengio, Haffner (1998), table I.
    """
    check_min_rank("sparse_kernel", w.shape, 2, "(kernel..., connections)")
    c, f = pairs_of(connections)
    check_last_axis("sparse_kernel", w.shape, len(c), "one for each connection")
    if c.min(initial=0) < 0 or c.max(initial=0) >= channels:
        raise ArgumentError(
            f"sparse_kernel expected connections to channels from 0 to {channels - 1}, got "
            f"{connections}; give the input as many channels as the table names."
        )
    full = jnp.zeros((*w.shape[:-1], channels, len(connections)), w.dtype)
    return full.at[..., c, f].set(w), None


def sparse_kernel_backward(
    _: None, dw: Array, *, connections: Connections, channels: int
) -> tuple[Array]:
    """Return the gradient of each weight: that of its entry of the full kernel."""
    c, f = pairs_of(connections)
    return (dw[..., c, f],)


sparse_kernel = register(
    "sparse_kernel",
    sparse_kernel_forward,
    sparse_kernel_backward,
    formula="W[k, c_e, f_e] = w[k, e], 0 elsewhere",
    gradient="dw[k, e] = dW[k, c_e, f_e]",
    symbols={
        "w": "weights, (kernel..., connections)",
        "W": "kernel, (kernel..., channels, filters)",
        "e": "connection, from channel c_e to filter f_e",
        "dW": "gradient of the loss with respect to W",
    },
    reference="LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86 (1998), table I",
    flops=elementwise_flops(0),
)
