"""Class numbers as rows of zeros and a one."""

from typing import Any

import numpy as np

from pellucid._checks import check_positive_int
from pellucid.errors import DataError, DTypeError


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Turn class numbers into one-hot rows: ``result[..., k] = 1 if x[...] == k else 0``.

    Args:
        x: whole numbers from 0, of any shape; a last axis of size 1 is dropped.
        num_classes: the number of classes C, 1 or more; ``None`` takes the largest number + 1.

    Returns:
        float32 array of shape ``(*shape of x, C)``.

    Raises:
        DTypeError: if ``x`` does not hold numbers.
        DataError: if a number is not whole or not from 0 to C - 1, or if ``x`` is empty and
            ``num_classes`` is not given.

    Example::

        >>> to_categorical([0, 2, 1], num_classes=3)
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    if num_classes is not None:
        check_positive_int("to_categorical", "num_classes", num_classes)
    labels = _whole_numbers(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        if not labels.size:
            raise DataError(
                "to_categorical expected at least one label, got none; pass num_classes=."
            )
        num_classes = int(labels.max()) + 1
    outside = (labels < 0) | (labels >= num_classes)
    if outside.any():
        raise DataError(
            f"to_categorical expected labels from 0 to {max(num_classes - 1, 0)}, got "
            f"{labels[outside].flat[0]}; count classes from 0, or pass a larger num_classes=."
        )
    rows = np.zeros((labels.size, num_classes), np.float32)
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape(*labels.shape, num_classes)


def _whole_numbers(x: Any) -> np.ndarray:
    """Return ``x`` as int64, if it holds whole numbers."""
    try:
        given = np.asarray(x)
    except ValueError as error:
        raise DataError(
            "to_categorical expected labels of one shape, got a ragged list."
        ) from error
    if given.dtype.kind not in "biuf":
        raise DTypeError(
            f"to_categorical expected whole numbers as labels, got {given.dtype}; number the "
            "classes from 0."
        )
    with np.errstate(invalid="ignore"):
        labels = given.astype(np.int64)
    changed = given != labels
    if changed.any():
        raise DataError(
            f"to_categorical expected whole numbers as labels, got {given[changed].flat[0]}; "
            "number the classes from 0."
        )
    return labels
