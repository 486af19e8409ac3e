"""Pooling of regions: a grid of fixed size from every box of a feature map."""

from math import prod
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import as_tuple, check_positive_int, check_range, check_rank
from pellucid.errors import ShapeError
from pellucid.ops._registry import register


class RoIAlignSaved(NamedTuple):
    """What the backward pass of ``roi_align`` reads: its arguments."""

    x: Array
    boxes: Array


def roi_align_save(y: Array, x: Array, boxes: Array, **_: object) -> RoIAlignSaved:
    """Return what the backward pass of ``roi_align`` reads."""
    return RoIAlignSaved(x, boxes)


def roi_align_forward(
    x: Array,
    boxes: Array,
    *,
    size: int | tuple[int, int] = 7,
    stride: float = 16.0,
    samples: int = 2,
) -> tuple[Array, RoIAlignSaved]:
    """Mean of bilinear readings on a regular grid inside each box, without any rounding.

    A box is divided into P x Q bins. In bin (p, q) the map is read at ``samples`` x ``samples``
    evenly spread places, and y is the mean of these readings. A bilinear reading at (r, s) is the
    sum over the map's pixels of hat(r - h) hat(s - w) x_hw with hat(u) = max(0, 1 - |u|), and the
    mean of products over a grid is a product of means, so ::

        r_pi = (top  + (p + (i + 1/2) / n) (bottom - top) / P) / stride - 1/2       i = 0 .. n-1
        A_ph = (1/n) sum_i hat(r_pi - h)                                             (P, height)
        B_qw = (1/n) sum_j hat(s_qj - w)          with s from left and right         (Q, width)
        y_pq = sum_h sum_w A_ph B_qw x_hw         that is A x B^T for every channel

    Hence the gradients::

        dx   = sum over the boxes of A^T dy B
        dA   = dy (x B^T)^T                       and likewise dB = dy^T (A x), channels summed
        dr_pi = (1/n) sum_h dA_ph hat'(r_pi - h)          hat'(u) = -sign(u) where |u| < 1, else 0
        dtop = sum_pi dr_pi (1 - f_pi) / stride           f_pi = (p + (i + 1/2) / n) / P
        dbottom = sum_pi dr_pi f_pi / stride              and likewise left, right

    A place outside the map is read at its border, r and s are kept in [0, height - 1] and
    [0, width - 1], where they have no slope. At a whole number r the surface has a kink, and
    hat'(0) = 0.

    Args:
        x: feature maps, shape (batch, height, width, channels).
        boxes: left, top, right, bottom in pixels of the image, shape (batch, n, 4).
        size: P and Q, bins of a box.
        stride: pixels of the image for one of the map.
        samples: n, readings along each side of a bin.

    Returns:
        y of shape (batch, n, P, Q, channels), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes do not fit.
        ArgumentError: if a setting is outside its domain.

    References:
        He, Gkioxari, Dollar, Girshick, Mask R-CNN (2017), section 3 and figure 3.
    """
    check_rank("roi_align", x.shape, 4, "(batch, height, width, channels)")
    if boxes.ndim != 3 or boxes.shape[0] != x.shape[0] or boxes.shape[2] != 4:
        raise ShapeError(
            f"roi_align expected boxes of shape ({x.shape[0]}, n, 4), some for each of the "
            f"{x.shape[0]} maps, got {boxes.shape}."
        )
    check_range("roi_align", "stride", stride, 0, open_low=True)
    check_positive_int("roi_align", "samples", samples)
    (a, _, _), (b, _, _) = _readings(x, boxes, size, stride, samples)
    y = jnp.einsum("bnqw,bnpwc->bnpqc", b, jnp.einsum("bnph,bhwc->bnpwc", a, x))
    return y.astype(x.dtype), RoIAlignSaved(x, boxes)


def roi_align_backward(
    saved: RoIAlignSaved,
    dy: Array,
    *,
    size: int | tuple[int, int] = 7,
    stride: float = 16.0,
    samples: int = 2,
) -> tuple[Array, Array]:
    """Return dx = sum A^T dy B, and dboxes through A and B."""
    x, boxes = saved
    (a, a_slope, f), (b, b_slope, g) = _readings(x, boxes, size, stride, samples)

    dy_b = jnp.einsum("bnpqc,bnqw->bnpwc", dy, b)
    dx = jnp.einsum("bnph,bnpwc->bhwc", a, dy_b)

    da = jnp.einsum("bnpwc,bhwc->bnph", dy_b, x)
    db = jnp.einsum("bnpqc,bnph,bhwc->bnqw", dy, a, x)
    dr = jnp.einsum("bnph,bnpih->bnpi", da, a_slope) / (samples * stride)
    ds = jnp.einsum("bnqw,bnqjw->bnqj", db, b_slope) / (samples * stride)
    dtop, dbottom = (jnp.sum(dr * share, axis=(-2, -1)) for share in (1 - f, f))
    dleft, dright = (jnp.sum(ds * share, axis=(-2, -1)) for share in (1 - g, g))
    dboxes = jnp.stack([dleft, dtop, dright, dbottom], axis=-1)
    return dx.astype(x.dtype), dboxes.astype(boxes.dtype)


Readings = tuple[Array, Array, Array]
"""For one axis: A, shape (batch, n, bins, pixels); hat', shape (batch, n, bins, samples, pixels);
f, shape (bins, samples)."""


def _readings(
    x: Array, boxes: Array, size: int | tuple[int, int], stride: float, samples: int
) -> tuple[Readings, Readings]:
    """Return what each bin takes of each row, and of each column, of the map."""
    rows, columns = as_tuple("roi_align", "size", size, 2)
    left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
    return (
        _axis_readings(top, bottom, rows, x.shape[1], stride, samples),
        _axis_readings(left, right, columns, x.shape[2], stride, samples),
    )


def _axis_readings(
    low: Array, high: Array, bins: int, pixels: int, stride: float, samples: int
) -> Readings:
    steps = (jnp.arange(samples, dtype=low.dtype) + 0.5) / samples
    f = (jnp.arange(bins, dtype=low.dtype)[:, None] + steps) / bins
    low, high = low[..., None, None], high[..., None, None]
    r = (low + f * (high - low)) / stride - 0.5
    inside = (r >= 0) & (r <= pixels - 1)
    u = jnp.clip(r, 0, pixels - 1)[..., None] - jnp.arange(pixels, dtype=low.dtype)
    hat = jnp.maximum(0, 1 - jnp.abs(u))
    slope = jnp.where(inside[..., None] & (jnp.abs(u) < 1), -jnp.sign(u), 0)
    return jnp.mean(hat, axis=-2), slope, f


def roi_align_flops(
    x: tuple[int, ...],
    boxes: tuple[int, ...],
    *,
    size: int | tuple[int, int] = 7,
    **settings: object,
) -> int:
    """Return 2 for each product of A x and of its product with B^T."""
    rows, columns = as_tuple("roi_align", "size", size, 2)
    height, width, channels = x[1:]
    return 2 * prod(boxes[:2]) * rows * width * channels * (height + columns)


roi_align = register(
    "roi_align",
    roi_align_forward,
    roi_align_backward,
    formula="y_pq = sum_h sum_w A_ph B_qw x_hw, A_ph = (1/n) sum_i hat(r_pi - h), "
    "B_qw = (1/n) sum_j hat(s_qj - w), hat(u) = max(0, 1 - |u|)",
    gradient="dx = sum over the boxes of A^T dy B; "
    "dtop = sum_pi dr_pi (1 - f_pi) / stride, dbottom = sum_pi dr_pi f_pi / stride, "
    "dr_pi = (1/n) sum_h dA_ph hat'(r_pi - h), dA = dy (x B^T)^T, left and right likewise",
    symbols={
        "x": "feature maps, (batch, height, width, channels)",
        "y": "a grid of bins of each box, (batch, boxes, P, Q, channels)",
        "r, s": "rows and columns of the map that a bin is read at",
        "A, B": "shares of rows and columns in a bin of a box, (P, height), (Q, width)",
        "h, w": "a row and a column of the map",
        "u": "distance of a reading from a row or column",
        "f": "how far from top to bottom a reading lies, from 0 to 1",
        "n": "readings along each side of a bin",
        "dy": "gradient of the loss with respect to y",
    },
    reference="He, Gkioxari, Dollar, Girshick, Mask R-CNN (2017), section 3 and figure 3",
    flops=roi_align_flops,
    save=roi_align_save,
)
