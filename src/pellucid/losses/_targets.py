"""Checks of targets before training, on the host and on concrete numbers.

Each raises one sentence that names the loss, what it expected, what came, and what to type next.
``who`` is the name of the loss; shapes have the batch first, and None stands for any size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid._checks import check_same_shape
from pellucid.errors import DataError, DTypeError, ShapeError

Size = int | None


def as_numbers(who: str, y_true: Any) -> np.ndarray:
    """Return targets as an array of finite numbers."""
    y = np.asarray(y_true)
    if y.dtype.kind not in "biuf":
        raise DTypeError(
            f"{who} expected targets that are numbers, got {y.dtype}; turn names of classes into "
            "labels with np.unique(y_true, return_inverse=True)[1]."
        )
    if y.ndim == 0 or y.size == 0:
        raise DataError(
            f"{who} expected at least one target, the batch first, got an array of shape {y.shape}."
        )
    if y.dtype.kind == "f":
        _refuse(who, y, ~np.isfinite(y), "finite targets", "leave out such rows or fill them in")
    return y


def check_like_output(who: str, y: np.ndarray, output_shape: Sequence[Size]) -> None:
    """Raise ShapeError unless the targets have the shape of the output."""
    check_same_shape(who, "predictions", _for_rows(y, output_shape), "y_true", y.shape)


def check_one_hot_shape(who: str, y: np.ndarray, output_shape: Sequence[Size]) -> None:
    """Raise ShapeError unless there is one number for each class."""
    expected = _for_rows(y, output_shape)
    _check_classes(who, expected)
    classes = expected[-1]
    if y.shape in (expected[:-1], (*expected[:-1], 1)):
        raise ShapeError(
            f"{who} expected one-hot targets of shape {expected}, got labels of shape {y.shape}; "
            f"use to_categorical(y_true, {classes}), or SparseCategoricalCrossentropy for labels."
        )
    if y.shape[:-1] == expected[:-1] and y.shape[-1] != classes:
        raise ShapeError(
            f"{who} expected one-hot targets of shape {expected}, got {y.shape}; give the last "
            f"layer {y.shape[-1]} units."
        )
    check_like_output(who, y, output_shape)


def check_class_labels(who: str, y: np.ndarray, output_shape: Sequence[Size]) -> None:
    """Raise unless the targets are one integer label from 0 to classes - 1 for each row."""
    expected = _for_rows(y, output_shape)
    _check_classes(who, expected)
    rows, classes = expected[:-1], expected[-1]
    if y.shape == expected:
        raise ShapeError(
            f"{who} expected integer class labels of shape {rows}, got rows of shape {y.shape}; "
            "use CategoricalCrossentropy for one-hot rows, or y_true.argmax(axis=-1)."
        )
    if y.shape not in (rows, (*rows, 1)):
        raise ShapeError(
            f"{who} expected integer class labels of shape {rows} for predictions of shape "
            f"{expected}, got shape {y.shape}."
        )
    if y.dtype.kind not in "iu":
        raise DTypeError(
            f"{who} expected integer class labels, but labels are {y.dtype}; cast them with "
            "y_true.astype('int32'), or use CategoricalCrossentropy for one-hot rows."
        )
    largest = int(y.max())
    advice = (
        "count labels from 0"
        if largest == classes and y.min() >= 1
        else f"give the last layer {largest + 1} units"
        if largest >= classes
        else "labels are counted from 0"
    )
    wanted = f"labels from 0 to {classes - 1}, one for each of the {classes} outputs"
    _refuse(who, y, (y < 0) | (y >= classes), wanted, advice)


def check_between(who: str, y: np.ndarray, low: float, high: float, advice: str) -> None:
    """Raise DataError unless every target is in [low, high]."""
    _refuse(who, y, (y < low) | (y > high), f"targets from {low:g} to {high:g}", advice)


def check_not_negative(who: str, y: np.ndarray, advice: str) -> None:
    """Raise DataError unless every target is 0 or more."""
    _refuse(who, y, y < 0, "targets of 0 or more", advice)


def check_signs(who: str, y: np.ndarray) -> None:
    """Raise DataError unless targets are -1 and 1, or 0 and 1."""
    wanted = "targets -1 and 1, or 0 and 1"
    _refuse(who, y, ~np.isin(y, (-1, 0, 1)), wanted, "turn the two classes into those numbers")
    if (y == -1).any():
        _refuse(who, y, y == 0, wanted, "these are mixed; write the negative class as -1")


def _for_rows(y: np.ndarray, output_shape: Sequence[Size]) -> tuple[int, ...]:
    """Return the output's shape for as many rows as there are targets, with None filled in."""
    sizes = tuple(output_shape)[1:]
    filled = [
        n if n is not None else y.shape[axis] if axis < y.ndim else 1
        for axis, n in enumerate(sizes, start=1)
    ]
    return (len(y), *filled)


def _check_classes(who: str, predictions: tuple[int, ...]) -> None:
    if predictions[-1] == 1:
        raise ShapeError(
            f"{who} expected one output for each class, got predictions of shape {predictions}; "
            "for two classes use BinaryCrossentropy with Dense(1, activation='sigmoid'), for more "
            "give the last layer one unit for each class."
        )


def _refuse(who: str, y: np.ndarray, bad: np.ndarray, wanted: str, advice: str) -> None:
    """Raise DataError that names the first bad target, if there is one."""
    if bad.any():
        place = np.unravel_index(int(bad.argmax()), bad.shape)
        raise DataError(
            f"{who} expected {wanted}, got {y[place].item()!r} in row {int(place[0])}; {advice}."
        )
