"""The rotary position embedding: positions as angles by which pairs of numbers are turned."""

from math import prod
from typing import Any

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_divisible, check_min_rank, check_range
from pellucid.errors import DTypeError, ShapeError
from pellucid.ops._registry import register

Shape = tuple[int, ...]


def rotary_save(
    y: Array, x: Array, positions: Array | None = None, *, wavelength: float = 10000.0
) -> Array | None:
    """Return what the backward pass of ``rotary`` reads: the positions."""
    return positions


def rotary_forward(
    x: Array, positions: Array | None = None, *, wavelength: float = 10000.0
) -> tuple[Array, Array | None]:
    """Rotary position embedding: the pair i of step t is turned by the angle t theta_i.

    With theta_i = wavelength^(-2i / width) for the pairs i = 0 ... width/2 - 1::

        y_(t, 2i)     = x_(t, 2i) cos(t theta_i) - x_(t, 2i+1) sin(t theta_i)
        y_(t, 2i + 1) = x_(t, 2i) sin(t theta_i) + x_(t, 2i+1) cos(t theta_i)

    A query turned by its position times a key turned by its own depends on the difference of the
    two alone: (R(s) q)^T R(t) k = q^T R(t - s) k. A rotation R is orthogonal, so the gradient is
    turned back::

        dx = R(t)^T dy = R(-t) dy

    Args:
        x: queries or keys, shape (..., steps, width), width even.
        positions: t, whole numbers of a shape that stretches to (..., steps); None for 0, 1, 2, ...
        wavelength: of the slowest turning pair, in steps over 2 pi; above 1.

    Returns:
        y of the shape of x, and the positions.

    Raises:
        ArgumentError: if the width is odd.
        ShapeError: if there is not one position for each step.
        DTypeError: if positions are not whole numbers.

    References:
        Su, Lu, Pan, Murtadha, Wen, Liu, RoFormer: enhanced transformer with rotary position
        embedding (2021), equation 34.
    """
    check_min_rank("rotary", x.shape, 2, "(..., steps, width)")
    check_divisible("rotary", "the width", x.shape[-1], "pairs", 2)
    check_range("rotary", "wavelength", wavelength, 1, open_low=True)
    _check_positions(x, positions)
    return _turned(x, positions, wavelength, 1), positions


def rotary_backward(
    positions: Array | None, dy: Array, *, wavelength: float = 10000.0
) -> tuple[Array, None]:
    """Return dx = R(-t) dy."""
    return _turned(dy, positions, wavelength, -1), None


def _turned(x: Array, positions: Array | None, wavelength: float, sign: int) -> Array:
    """Return every pair of x turned by sign * t theta_i."""
    steps, width = x.shape[-2:]
    t = jnp.arange(steps) if positions is None else positions
    exact = jnp.promote_types(x.dtype, jnp.float32)
    theta = wavelength ** (-2 * jnp.arange(width // 2, dtype=exact) / width)
    angle = sign * t[..., None].astype(exact) * theta
    cos, sin = jnp.cos(angle).astype(x.dtype), jnp.sin(angle).astype(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape)


def _check_positions(x: Array, positions: Array | None) -> None:
    if positions is None:
        return
    if not jnp.issubdtype(positions.dtype, jnp.integer):
        raise DTypeError(
            f"rotary expected positions that are whole numbers, got {positions.dtype}; type "
            "positions.astype('int32')."
        )
    steps = x.shape[:-1]
    pairs = zip(positions.shape[::-1], steps[::-1], strict=False)
    if positions.ndim > len(steps) or any(n not in (1, m) for n, m in pairs):
        raise ShapeError(
            f"rotary expected positions of a shape that stretches to {steps}, one for each step, "
            f"got {positions.shape}."
        )


def _flops(x: Shape, positions: Any = None, *, wavelength: float = 10000.0) -> int:
    """Return 3 for each entry: two products and a sum."""
    return 3 * prod(x)


rotary = register(
    "rotary",
    rotary_forward,
    rotary_backward,
    formula="y_(t, 2i) + sqrt(-1) y_(t, 2i+1) = e^(sqrt(-1) t theta_i) (x_(t, 2i) + sqrt(-1) "
    "x_(t, 2i+1)), theta_i = wavelength^(-2i / width)",
    gradient="dx = R(-t) dy, the gradient turned back",
    symbols={
        "x": "queries or keys, (..., steps, width)",
        "t": "position of the step",
        "theta_i": "angle by which pair i turns in one step",
        "dy": "gradient of the loss with respect to y",
        "y": "output, the shape of x",
        "wavelength": "longest wavelength, 10000 by default",
    },
    reference="Su, Lu, Pan, Murtadha, Wen, Liu, RoFormer: enhanced transformer with rotary "
    "position embedding (2021), equation 34",
    flops=_flops,
    save=rotary_save,
)
