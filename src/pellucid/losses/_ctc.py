"""The loss of labels in order, of which nobody says when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_rank
from pellucid.errors import DataError, DTypeError, ShapeError
from pellucid.losses._base import REGISTRY, Expects, Loss, as_predictions
from pellucid.losses._targets import Size, as_numbers

Array = jax.Array


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class CTC(Loss):
    """For a network that gives logits for every step, and targets that are labels in order.

    Class 0 is blank, "nothing new"; a path of classes stands for what is left of it when equal
    neighbours become one and blanks are taken out::

        y = -log sum over the paths that stand for the labels of prod_t softmax(z_t)_path(t)

    Targets have shape (batch, length): labels from 1, and 0 after the last one of a row. A row has
    as many steps as the output.

    Args:
        reduction, name: see ``Loss``.

    Two steps, one label, all classes equally likely: the paths 1 1, 1 blank and blank 1, each with
    the probability 1/4.

    >>> round(float(CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
    0.2877
    """

    formula: ClassVar[str] = ops.ctc.formula
    reference: ClassVar[str] = ops.ctc.reference

    @property
    def expects(self) -> Expects:
        """Logits: the softmax is part of the loss."""
        return "logits"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return one value for each row, shape (batch,)."""
        labels = jnp.asarray(y_true)
        if not jnp.issubdtype(labels.dtype, jnp.integer):
            raise DTypeError(
                f"CTC expected integer labels, but labels are {labels.dtype}; cast them with "
                "y_true.astype('int32')."
            )
        return ops.ctc(as_predictions(y_pred), labels.astype(jnp.int32))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless every row is made of labels, then zeros, and has a path."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_rank(who, y.shape, 2, "(batch, length) of labels")
        if y.dtype.kind not in "iu":
            raise DTypeError(
                f"{who} expected integer labels, but labels are {y.dtype}; cast them with "
                "y_true.astype('int32')."
            )
        if len(output_shape) != 3:
            raise ShapeError(
                f"{who} expected predictions of shape (batch, time, classes), got an output of "
                f"shape {tuple(output_shape)}; end the network with a Dense layer over all steps."
            )
        _, time, classes = output_shape
        self._refuse(y, (y < 0) | ((y >= classes) if classes is not None else False), classes)
        gap = (y[:, 1:] > 0) & (y[:, :-1] == 0)
        if gap.any():
            raise DataError(
                f"{who} expected zeros only after the last label of a row, got one before a label "
                f"in row {int(gap.any(axis=1).argmax())}; class 0 is blank, so count labels from 1."
            )
        needed = (y > 0).sum(axis=1) + ((y[:, 1:] > 0) & (y[:, 1:] == y[:, :-1])).sum(axis=1)
        if time is not None and (needed > time).any():
            row = int((needed > time).argmax())
            raise DataError(
                f"{who} expected no more labels than steps, a blank between equal neighbours "
                f"counted, got {int(needed[row])} for {time} steps in row {row}; give the network "
                "more steps, or shorten the labels."
            )

    def _refuse(self, y: np.ndarray, bad: np.ndarray, classes: Size) -> None:
        if bad.any():
            row, place = np.unravel_index(int(bad.argmax()), bad.shape)
            top = "" if classes is None else f" to {classes - 1}"
            raise DataError(
                f"CTC expected labels from 1{top}, and 0 after the last, got "
                f"{y[row, place].item()} in row {int(row)}; the last layer needs one unit for each "
                "label and one for blank."
            )
