"""Anchors: where they lie, which box each stands for, and which of many boxes to keep."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops

Array = jax.Array

SCALES = (0.1, 0.1, 0.2, 0.2)
"""What the four numbers of a code are divided by, so that they vary by about 1."""


class Found(NamedTuple):
    """What a detector finds, in every image the best first; arrays of JAX or NumPy.

    Attributes:
        boxes: left, top, right, bottom in pixels, shape (images, most, 4).
        labels: classes, shape (images, most); -1 where nothing more was found.
        scores: from 0 to 1, shape (images, most).
    """

    boxes: Any
    labels: Any
    scores: Any


# Anchors


def anchor_grid(
    image: tuple[int, int],
    cells: tuple[int, int],
    sizes: Sequence[float],
    ratios: Sequence[float] = (1.0, 0.5, 2.0),
) -> np.ndarray:
    """Return the anchors of one feature map, shape (rows * columns * kinds, 4).

    Around the middle of every cell lies a box of each kind: of each size s and ratio r, with width
    s sqrt(r) and height s / sqrt(r), so that all kinds of one size have the area s^2.

    Args:
        image: height and width in pixels.
        cells: rows and columns of the map.
        sizes: in pixels.
        ratios: width to height.
    """
    (height, width), (rows, columns) = image, cells
    kinds = np.array([(s * r**0.5, s / r**0.5) for s in sizes for r in ratios])
    y = (np.arange(rows) + 0.5) * height / rows
    x = (np.arange(columns) + 0.5) * width / columns
    centers = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]
    boxes = np.concatenate([centers - kinds / 2, centers + kinds / 2], axis=-1)
    return boxes.reshape(-1, 4).astype(np.float32)


class Matched(NamedTuple):
    """Which true box each anchor stands for.

    Attributes:
        truth: place of the true box, shape (anchors,); it means nothing where not positive.
        positive: True for an anchor that stands for a box.
        negative: True for one that stands for the background. One that is neither is left out.
    """

    truth: Array
    positive: Array
    negative: Array


def match(anchors: Array, boxes: Array, labels: Array, positive: float, negative: float) -> Matched:
    """Return which true box each anchor stands for, by intersection over union.

    An anchor stands for the box it overlaps most if their IoU is ``positive`` or more; the anchor
    that a box overlaps most stands for that box whatever the IoU, so that no box is without one
    (of several such boxes, the first). Anchors whose every IoU is below ``negative`` stand for the
    background.

    Args:
        anchors: shape (anchors, 4).
        boxes: the true boxes of one image, shape (n, 4).
        labels: their classes, shape (n,), -1 where there is no box.
        positive: from which IoU on.
        negative: below which IoU.
    """
    real = labels >= 0
    overlap = jnp.where(real, ops.box_iou(anchors, boxes), -1)
    best = jnp.max(overlap, axis=0)
    is_best = real & (jnp.arange(len(anchors))[:, None] == jnp.argmax(overlap, axis=0))
    is_best &= best > 0
    chosen = jnp.any(is_best, axis=1)
    truth = jnp.where(chosen, jnp.argmax(is_best, axis=1), jnp.argmax(overlap, axis=1))
    greatest = jnp.max(overlap, axis=1)
    is_positive = chosen | (greatest >= positive)
    return Matched(truth, is_positive, ~is_positive & (greatest < negative))


# From many boxes to few


def select(
    boxes: Array, scores: Array, *, candidates: int, overlap: float, most: int, least_score: float
) -> Found:
    """Return the boxes of one image that are kept, class by class.

    Args:
        boxes: one for each place and class, shape (places, classes, 4).
        scores: shape (places, classes).
        candidates: boxes with the greatest scores that are looked at.
        overlap: the IoU that two boxes of one class may have.
        most: boxes that are kept at most.
        least_score: what a box needs.
    """
    places, classes = scores.shape
    kept_scores, order = jax.lax.top_k(scores.reshape(-1), min(candidates, places * classes))
    kept_scores = jnp.where(kept_scores >= least_score, kept_scores, 0)
    boxes, labels = boxes.reshape(-1, 4)[order], order % classes
    best, kept = ops.non_maximum_suppression(boxes, kept_scores, labels, iou=overlap, most=most)
    return Found(
        jnp.where(kept[:, None], boxes[best], 0),
        jnp.where(kept, labels[best], -1).astype(jnp.int32),
        jnp.where(kept, kept_scores[best], 0),
    )
