"""Resampling: an image read at places between its pixels."""

from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_one_of, check_rank, check_same_shape
from pellucid.errors import ShapeError
from pellucid.ops._registry import register

FILL_MODES = ("constant", "nearest", "reflect", "wrap")


class ResampleSaved(NamedTuple):
    """What the backward pass of ``resample`` reads."""

    x: Array
    rows: Array
    columns: Array


def resample_save(y: Array, x: Array, rows: Array, columns: Array, **_: Any) -> ResampleSaved:
    """Return what the backward pass of ``resample`` reads: its arguments alone."""
    return ResampleSaved(x, rows, columns)


def resample_forward(
    x: Array, rows: Array, columns: Array, *, fill_mode: str = "constant", fill_value: float = 0.0
) -> tuple[Array, ResampleSaved]:
    """Bilinear reading of an image, at a row and a column of its own for every output pixel.

    The place (r, s) of output pixel p lies among four pixels. With i = floor(r), a = r - i and
    j = floor(s), b = s - j::

        y_p = (1-a)(1-b) x_(i,j) + (1-a) b x_(i,j+1) + a (1-b) x_(i+1,j) + a b x_(i+1,j+1)

    Each pixel gets back what it gave, and a place moves along the slope of the surface::

        dx_q = sum over the corners (p, k) that lie on pixel q of w_(p,k) dy_p
        dr_p = sum over c of dy_p ((1-b) (x_(i+1,j) - x_(i,j)) + b (x_(i+1,j+1) - x_(i,j+1)))
        ds_p = sum over c of dy_p ((1-a) (x_(i,j+1) - x_(i,j)) + a (x_(i+1,j+1) - x_(i+1,j)))

    where w_(p,k) is the weight of corner k in y_p. A corner outside the image is, by ``fill_mode``,
    the fill value (k k | a b c | k k), the nearest pixel (a a | a b c | c c), the image's
    reflection (b a | a b c | c b) or its repetition (b c | a b c | a b). At a whole number r the
    slope is the one towards larger r.

    Args:
        x: images, shape (batch, height, width, channels).
        rows: r, counted from 0 at the center of the first row; shape (batch, new height, new
            width). Any numbers.
        columns: s, of the shape of ``rows``.
        fill_mode: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        fill_value: what lies outside the image, with ``"constant"``.

    Returns:
        y of shape (batch, new height, new width, channels) and the type of x, and what the backward
        pass reads.

    Raises:
        ShapeError: if a shape does not fit.
        ArgumentError: if ``fill_mode`` is none of the four.

    References:
        Jaderberg, Simonyan, Zisserman, Kavukcuoglu, Spatial transformer networks (2015),
        equations 5 to 7.
    """
    check_one_of("resample", "fill_mode", fill_mode, FILL_MODES)
    check_rank("resample", x.shape, 4, "(batch, height, width, channels)")
    check_same_shape("resample", "rows", rows.shape, "columns", columns.shape)
    if rows.ndim != 3 or rows.shape[0] != x.shape[0]:
        raise ShapeError(
            f"resample expected rows of shape ({x.shape[0]}, new height, new width), one place for "
            f"each output pixel of each of the {x.shape[0]} images, got {rows.shape}."
        )
    corners = _corners(x.shape, rows, columns, fill_mode)
    y = sum(w[..., None] * _read(x, corner, fill_value) for w, corner in corners)
    return jnp.asarray(y).astype(x.dtype), ResampleSaved(x, rows, columns)


def resample_backward(
    saved: ResampleSaved, dy: Array, *, fill_mode: str = "constant", fill_value: float = 0.0
) -> tuple[Array, Array, Array]:
    """Return dx, each corner's share added to its pixel, and dr, ds, the slopes times dy."""
    x, rows, columns = saved
    corners = _corners(x.shape, rows, columns, fill_mode)

    dx = jnp.zeros((prod(x.shape[:3]), x.shape[3]), dy.dtype)
    for w, (places, inside) in corners:
        dx = dx.at[places].add(jnp.where(inside, w, 0).astype(dy.dtype)[..., None] * dy)

    a, b = rows - jnp.floor(rows), columns - jnp.floor(columns)
    # What each corner holds, weighted by dy: d_k = sum over c of dy_c x_(k,c).
    d00, d01, d10, d11 = (
        jnp.sum(dy * _read(x, corner, fill_value), axis=-1) for _, corner in corners
    )
    dr = (1 - b) * (d10 - d00) + b * (d11 - d01)
    ds = (1 - a) * (d01 - d00) + a * (d11 - d10)
    return dx.reshape(x.shape), dr.astype(rows.dtype), ds.astype(columns.dtype)


Corner = tuple[Array, Array]
"""For every output pixel: the number of a pixel in x, images one after another, and whether the
corner lies inside the image."""


def _corners(
    shape: tuple[int, ...], rows: Array, columns: Array, fill_mode: str
) -> list[tuple[Array, Corner]]:
    """Return weight and place of the corners (i,j), (i,j+1), (i+1,j), (i+1,j+1)."""
    batch, height, width, _ = shape
    i, j = jnp.floor(rows), jnp.floor(columns)
    a, b = rows - i, columns - j
    first = (jnp.arange(batch, dtype="int32") * height)[:, None, None]
    lines = [_fold(i.astype("int32") + k, height, fill_mode) for k in (0, 1)]
    spots = [_fold(j.astype("int32") + k, width, fill_mode) for k in (0, 1)]
    return [
        (wr * ws, ((first + line) * width + spot, line_inside & spot_inside))
        for wr, (line, line_inside) in zip((1 - a, a), lines, strict=True)
        for ws, (spot, spot_inside) in zip((1 - b, b), spots, strict=True)
    ]


def _fold(index: Array, size: int, fill_mode: str) -> tuple[Array, Array]:
    """Return an index from 0 to size - 1 for any integer, and whether it stands for a pixel."""
    if fill_mode == "reflect":
        index = index % (2 * size)
        index = jnp.minimum(index, 2 * size - 1 - index)
    elif fill_mode == "wrap":
        index = index % size
    inside = (index >= 0) & (index < size) | (fill_mode == "nearest")
    return jnp.clip(index, 0, size - 1), inside


def _read(x: Array, corner: Corner, fill_value: float) -> Array:
    """Return what the images hold at one corner of every output pixel."""
    places, inside = corner
    pixels = x.reshape(-1, x.shape[3]).at[places].get(mode="clip")
    return jnp.where(inside[..., None], pixels, jnp.asarray(fill_value, x.dtype))


def _flops(x: tuple[int, ...], rows: tuple[int, ...], columns: Any = None, **_: Any) -> int:
    """Return 8 for the four weights of a place, and 7 for every number of y."""
    return prod(rows) * (8 + 7 * x[-1])


resample = register(
    "resample",
    resample_forward,
    resample_backward,
    formula="y_p = (1-a)(1-b) x_(i,j) + (1-a) b x_(i,j+1) + a (1-b) x_(i+1,j) + a b x_(i+1,j+1)",
    gradient="dx_q = sum over the corners (p, k) that lie on pixel q of w_(p,k) dy_p; "
    "dr_p = sum over c of dy_p ((1-b) (x_(i+1,j) - x_(i,j)) + b (x_(i+1,j+1) - x_(i,j+1))); "
    "ds_p = sum over c of dy_p ((1-a) (x_(i,j+1) - x_(i,j)) + a (x_(i+1,j+1) - x_(i+1,j)))",
    symbols={
        "x": "images, (batch, height, width, channels)",
        "r, s": "row and column that output pixel p is read at",
        "i, a": "r without and after the decimal point",
        "j, b": "s without and after the decimal point",
        "w": "weight of a corner",
        "c": "channel",
        "dy": "gradient of the loss with respect to y",
        "y": "output, at the places (r, s)",
    },
    reference="Jaderberg, Simonyan, Zisserman, Kavukcuoglu, Spatial transformer networks (2015), "
    "equations 5 to 7",
    flops=_flops,
    save=resample_save,
)
