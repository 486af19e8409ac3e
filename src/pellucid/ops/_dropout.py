"""Dropout: units that are absent for one step."""

import jax
import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_range, check_same_shape
from pellucid.ops._registry import elementwise_flops, register


def dropout_mask(
    key: Array, shape: tuple[int, ...], *, rate: float, noise_shape: tuple[int, ...] | None = None
) -> Array:
    """Draw which units stay: True with probability 1 - rate.

    Args:
        key: a random key.
        shape: shape of the array that the mask is for.
        rate: the fraction that is dropped, in [0, 1).
        noise_shape: shape of the draw, 1 where a whole axis stays or goes together; by default
            every unit for itself.

    Returns:
        A boolean array of shape ``shape``.
    """
    check_range("dropout_mask", "rate", rate, 0, 1, open_high=True)
    drawn = jax.random.bernoulli(key, 1 - rate, noise_shape or shape)
    return jnp.broadcast_to(drawn, shape)


def dropout_save(y: Array, x: Array, mask: Array, *, rate: float) -> Array:
    """Return what the backward pass of ``dropout`` reads: the mask."""
    return mask


def dropout_forward(x: Array, mask: Array, *, rate: float) -> tuple[Array, Array]:
    """Inverted dropout, y_i = m_i x_i / (1 - rate).

    Dividing by the share that stays keeps the mean: E[y_i] = x_i, so that nothing has to be scaled
    in evaluation. The mask is a number like any other, and y is linear in x::

        dx_i = m_i dy_i / (1 - rate)

    Args:
        x: input, any shape.
        mask: m, True where a unit stays, shape of x; it is not differentiated.
        rate: the fraction that was dropped (not the fraction kept), in [0, 1).

    Returns:
        y of the shape of x, and the mask.

    Raises:
        ShapeError: if the mask does not have the shape of x.
        ArgumentError: if the rate is outside [0, 1).

    References:
        Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout (2014), section 10.
    """
    check_range("dropout", "rate", rate, 0, 1, open_high=True)
    check_same_shape("dropout", "x", x.shape, "mask", mask.shape)
    return jnp.where(mask, x / (1 - rate), 0), mask


def dropout_backward(mask: Array, dy: Array, *, rate: float) -> tuple[Array, None]:
    """Return dx = m dy / (1 - rate)."""
    return jnp.where(mask, dy / (1 - rate), 0), None


dropout = register(
    "dropout",
    dropout_forward,
    dropout_backward,
    formula="y_i = m_i x_i / (1 - rate)",
    gradient="dx_i = m_i dy_i / (1 - rate)",
    symbols={
        "x": "input",
        "m": "mask: 1 where a unit stays, 0 where it is dropped",
        "rate": "the fraction that is dropped",
        "dy": "gradient of the loss with respect to y",
        "y": "output, the shape of x",
    },
    reference="Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout: a simple way to "
    "prevent neural networks from overfitting, JMLR 15 (2014)",
    flops=elementwise_flops(1),
    save=dropout_save,
)
