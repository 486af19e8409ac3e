"""Cropping: the frame of an image, or the ends of a sequence, cut away."""

from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from pellucid.errors import ShapeError
from pellucid.ops._registry import elementwise_flops, register
from pellucid.ops._windows import check_pairs


def crop_forward(x: Array, *, cropping: Any) -> tuple[Array, None]:
    """The inner part of the spatial axes, y_i = x_(i + low).

    What is cut away acts on nothing, the rest passes the gradient on::

        dx_i = dy_(i - low), 0 where x was cut away

    Args:
        x: input, shape (batch, spatial..., channels).
        cropping: a pair (low, high) for each spatial axis: how many entries go at each end.

    Returns:
        y, and nothing for the backward pass.

    Raises:
        ArgumentError: if there is not one pair for each spatial axis.
        ShapeError: if nothing would be left.

    References:
        Ronneberger, Fischer, Brox, U-Net (2015), section 2.
    """
    pairs = check_pairs("crop", cropping, x.ndim - 2)
    for axis, (low, high) in enumerate(pairs, 1):
        if low + high >= x.shape[axis]:
            raise ShapeError(
                f"crop: {low} + {high} entries are to be cut from axis {axis} of an input of shape "
                f"{x.shape}, which leaves nothing; crop less, or give larger inputs."
            )
    y = x
    for axis, (low, high) in enumerate(pairs, 1):
        y = lax.slice_in_dim(y, low, x.shape[axis] - high, axis=axis)
    return y, None


def crop_backward(_: None, dy: Array, *, cropping: Any) -> tuple[Array]:
    """Return dx: dy in a frame of zeros."""
    return (jnp.pad(dy, ((0, 0), *cropping, (0, 0))),)


crop = register(
    "crop",
    crop_forward,
    crop_backward,
    formula="y_i = x_(i + low)",
    gradient="dx_i = dy_(i - low), 0 where x was cut away",
    symbols={
        "x": "input, (batch, spatial..., channels)",
        "low": "entries cut away before the first one that stays",
        "dy": "gradient of the loss with respect to y",
        "y": "output",
    },
    reference="Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image "
    "segmentation, MICCAI (2015), section 2",
    flops=elementwise_flops(0),
)
