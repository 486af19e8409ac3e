"""How well objects are found: average precision, and its mean over the classes."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from pellucid import ops
from pellucid._checks import check_positive_int, check_range
from pellucid.errors import DataError, ShapeError


class AveragePrecision(NamedTuple):
    """What ``mean_average_precision`` gives.

    Attributes:
        mean: the mean over the classes that have a true box; NaN where none has.
        by_class: one number for each class, NaN for a class without a true box.
    """

    mean: float
    by_class: np.ndarray


def mean_average_precision(
    true_boxes: ArrayLike,
    true_labels: ArrayLike,
    boxes: ArrayLike,
    labels: ArrayLike,
    scores: ArrayLike,
    classes: int,
    iou: float = 0.5,
) -> AveragePrecision:
    """Return the area under the curve of precision over recall, class by class, and the mean.

    The boxes found in all images are taken in the order of their scores. Each is held against the
    true box of its class and image with which its IoU is greatest: it is right if that is ``iou``
    or more and no box before it was right about the same one, else wrong. After k boxes::

        precision p_k = right / k              recall r_k = right / true boxes of the class
        AP  = sum_k (r_k - r_k-1) max_{j >= k} p_j

    the definition of Pascal VOC since 2010: the whole area under the curve, after every precision
    is raised to the largest one at the same or a greater recall.

    Args:
        true_boxes: left, top, right, bottom, shape (images, m, 4).
        true_labels: their classes, shape (images, m), -1 where there is no box.
        boxes: what was found, shape (images, n, 4).
        labels: shape (images, n), -1 where there is no box.
        scores: shape (images, n), greater for what is more certain.
        classes: how many classes there are.
        iou: the overlap that counts as found, in (0, 1].

    Raises:
        ShapeError: the shapes do not fit.
        DataError: a label is none of the classes.

    References:
        Everingham and others, The Pascal visual object classes challenge: a retrospective (2015),
        section 2.2; and its development kit of 2010, section 3.4.1.
    """
    who = "mean_average_precision"
    check_positive_int(who, "classes", classes)
    check_range(who, "iou", iou, 0, 1, open_low=True)
    true_boxes, true_labels, boxes, labels, scores = map(
        np.asarray, (true_boxes, true_labels, boxes, labels, scores)
    )
    _check(who, "true_boxes", true_boxes, true_labels, classes)
    _check(who, "boxes", boxes, labels, classes)
    if scores.shape != labels.shape or len(boxes) != len(true_boxes):
        raise ShapeError(
            f"{who} expected a score for each label and boxes of the same images, got scores of "
            f"shape {scores.shape} for labels of {labels.shape}, and {len(boxes)} images for "
            f"{len(true_boxes)}."
        )
    overlap = np.asarray(ops.box_iou(jnp.float32(boxes), jnp.float32(true_boxes)))
    by_class = np.array(
        [
            _average_precision(overlap, true_labels == kind, labels == kind, scores, iou)
            for kind in range(classes)
        ]
    )
    known = ~np.isnan(by_class)
    mean = float(by_class[known].mean()) if known.any() else float("nan")
    return AveragePrecision(mean, by_class)


def _average_precision(
    overlap: np.ndarray, real: np.ndarray, found: np.ndarray, scores: np.ndarray, iou: float
) -> float:
    """Return the average precision of one class; ``overlap`` is (images, n, m)."""
    if not real.any():
        return float("nan")
    images, places = np.nonzero(found)
    order = np.argsort(-scores[images, places], kind="stable")
    taken = np.zeros(real.shape, bool)
    right = np.zeros(len(order), bool)
    for k, row in enumerate(order):
        image, place = images[row], places[row]
        candidates = np.where(real[image], overlap[image, place], -1)
        best = int(candidates.argmax())
        if candidates[best] >= iou and not taken[image, best]:
            taken[image, best] = right[k] = True
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(order) + 1)
    raised = np.maximum.accumulate(precision[::-1])[::-1]
    steps = right / real.sum()  # r_k - r_k-1
    return float(np.sum(steps * raised))


def _check(who: str, name: str, boxes: np.ndarray, labels: np.ndarray, classes: int) -> None:
    if boxes.ndim != 3 or boxes.shape[2] != 4 or labels.shape != boxes.shape[:2]:
        raise ShapeError(
            f"{who} expected {name} of shape (images, n, 4) and a label for each, got "
            f"{boxes.shape} and {labels.shape}."
        )
    wrong = labels[(labels < -1) | (labels >= classes)]
    if wrong.size:
        raise DataError(
            f"{who} expected labels from 0 to {classes - 1}, or -1 for no box, got {wrong[0]} "
            f"among those of {name}."
        )
