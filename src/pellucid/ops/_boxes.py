"""The arithmetic of boxes: overlap, coding, and which of many boxes to keep.

A box is (left, top, right, bottom) in pixels, x to the right and y down, measured between pixels:
the whole of an image of height h and width w is (0, 0, w, h). All functions take arrays of boxes
with any axes in front and have fixed shapes, so they run inside a compiled step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_last_axis, check_positive_int, check_range, check_rank
from pellucid.errors import ShapeError

Array = jax.Array

LARGEST_GROWTH = 4.0
"""The greatest log(w / w_a) that is decoded: 55 times as large as the anchor. exp of anything
larger would soon be infinite, and NaN in a gradient."""


def box_area(boxes: Array) -> Array:
    """Return (right - left)(bottom - top) of boxes (..., 4), 0 for a box turned inside out."""
    check_last_axis("box_area", boxes.shape, 4, "a box is left, top, right, bottom")
    sides = jnp.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]


def box_iou(a: Array, b: Array) -> Array:
    """Return intersection over union of every box in a with every box in b.

    ::

        IoU(a, b) = |a and b| / (|a| + |b| - |a and b|)         from 0 (apart) to 1 (equal)

    Two boxes without area have 0.

    Args:
        a: boxes, shape (..., n, 4).
        b: boxes, shape (..., m, 4), the same axes in front.

    Returns:
        Shape (..., n, m).

    References:
        Everingham and others, The Pascal visual object classes challenge (2010), equation 3.
    """
    for boxes in (a, b):
        check_last_axis("box_iou", boxes.shape, 4, "a box is left, top, right, bottom")
    a, b = a[..., :, None, :], b[..., None, :, :]
    both = box_area(
        jnp.concatenate(
            [jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:])], axis=-1
        )
    )
    either = box_area(a) + box_area(b) - both
    return jnp.where(either > 0, both / jnp.where(either > 0, either, 1), 0)


def encode_boxes(boxes: Array, anchors: Array, scales: tuple[float, ...] = (1, 1, 1, 1)) -> Array:
    """Return boxes as seen from anchors: how far the centers are apart, how sizes compare.

    With center x and width w of a box, x_a and w_a of its anchor, and likewise y and h::

        t = ((x - x_a) / w_a / s_1, (y - y_a) / h_a / s_2, log(w / w_a) / s_3, log(h / h_a) / s_4)

    which does not change when box and anchor are moved or scaled together.

    Args:
        boxes: shape (..., 4), with area.
        anchors: shape (..., 4), with area.
        scales: s, what each number is divided by, so that it varies by about 1.

    References:
        Ren, He, Girshick, Sun, Faster R-CNN (2015), equation 2.
    """
    center, size = _center_and_size("encode_boxes", boxes)
    anchor_center, anchor_size = _center_and_size("encode_boxes", anchors)
    shift = (center - anchor_center) / anchor_size
    growth = jnp.log(size / anchor_size)
    return jnp.concatenate([shift, growth], axis=-1) / jnp.asarray(scales, shift.dtype)


def decode_boxes(codes: Array, anchors: Array, scales: tuple[float, ...] = (1, 1, 1, 1)) -> Array:
    """Return the boxes that codes mean, seen from anchors; the reverse of ``encode_boxes``.

    ::

        x = x_a + s_1 t_1 w_a        w = w_a exp(s_3 t_3)        and likewise y and h

    Args:
        codes: t, shape (..., 4).
        anchors: shape (..., 4).
        scales: s, as they were when the boxes were encoded.
    """
    check_last_axis("decode_boxes", codes.shape, 4, "a code is two shifts and two growths")
    anchor_center, anchor_size = _center_and_size("decode_boxes", anchors)
    t = codes * jnp.asarray(scales, codes.dtype)
    center = anchor_center + t[..., :2] * anchor_size
    size = anchor_size * jnp.exp(jnp.minimum(t[..., 2:], LARGEST_GROWTH))
    return jnp.concatenate([center - size / 2, center + size / 2], axis=-1)


def clip_boxes(boxes: Array, height: float, width: float) -> Array:
    """Return the part of boxes (..., 4) that lies inside an image."""
    check_last_axis("clip_boxes", boxes.shape, 4, "a box is left, top, right, bottom")
    limits = jnp.asarray([width, height, width, height], boxes.dtype)
    return jnp.clip(boxes, 0, limits)


class Kept(NamedTuple):
    """What ``non_maximum_suppression`` keeps.

    Attributes:
        places: places of the kept boxes among those given, the best first, shape (most,).
        kept: False where there was no further box to keep; the place means nothing there.
    """

    places: Array
    kept: Array


def non_maximum_suppression(
    boxes: Array, scores: Array, labels: Array | None = None, *, iou: float = 0.5, most: int = 100
) -> Kept:
    """Keep the best box, strike out those that overlap it, and so on with what is left.

    Every object is found by many boxes. Of the boxes that are left the one with the greatest score
    is kept, and every box of its class whose IoU with it is greater than ``iou`` is struck out;
    ``most`` times. Of equal scores the first one wins.

    Args:
        boxes: shape (n, 4).
        scores: shape (n,); what is not above 0 is never kept.
        labels: classes, shape (n,); boxes of different classes never strike out each other. None
            takes them as one class.
        iou: the overlap that is still allowed, in [0, 1].
        most: boxes that are kept at most.

    Raises:
        ShapeError: the shapes do not fit.
        ArgumentError: ``iou`` or ``most`` is outside its domain.
    """
    who = "non_maximum_suppression"
    check_rank(who, boxes.shape, 2, "(boxes, 4)", "several images go through jax.vmap")
    check_last_axis(who, boxes.shape, 4, "a box is left, top, right, bottom")
    check_range(who, "iou", iou, 0, 1)
    check_positive_int(who, "most", most)
    for name, given in (("scores", scores), ("labels", labels)):
        if given is not None and given.shape != boxes.shape[:1]:
            raise ShapeError(
                f"{who} expected one of the {name} for each box, shape {boxes.shape[:1]}, got "
                f"{given.shape}."
            )

    def keep_one(left: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        place = jnp.argmax(left)
        overlap = box_iou(boxes[place][None], boxes)[0] > iou
        if labels is not None:
            overlap &= labels == labels[place]
        struck = jnp.where(overlap, 0, left).at[place].set(0)
        return struck, (place, left[place] > 0)

    _, (places, kept) = jax.lax.scan(keep_one, jnp.maximum(scores, 0), length=most)
    return Kept(places, kept)


def _center_and_size(who: str, boxes: Array) -> tuple[Array, Array]:
    """Return (x, y) and (w, h)."""
    check_last_axis(who, boxes.shape, 4, "a box is left, top, right, bottom")
    near, far = boxes[..., :2], boxes[..., 2:]
    return (near + far) / 2, far - near
