"""Losses of metric learning: what is alike is drawn together, what is not is pushed apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_range
from pellucid.errors import DataError, ShapeError
from pellucid.losses._base import REGISTRY, Loss, as_pair, as_predictions
from pellucid.losses._targets import (
    Size,
    as_numbers,
    check_between,
    check_like_output,
)

Array = jax.Array


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Contrastive(Loss):
    """For a network that gives the distance of a pair, and targets 1 (alike) and 0 (not alike).

    ::

        y = (1/n) sum_i (t_i p_i^2 + (1 - t_i) max(margin - p_i, 0)^2)

    Args:
        margin: the distance beyond which unlike pairs are left alone, above 0.
        reduction, name: see ``Loss``.

    >>> float(Contrastive()([[1.0], [0.0]], [[0.5], [0.5]]))
    0.25
    """

    margin: float = 1.0

    formula: ClassVar[str] = ops.contrastive.formula
    reference: ClassVar[str] = ops.contrastive.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Contrastive", "margin", self.margin, 0, open_low=True)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the distances."""
        return ops.contrastive(*as_pair(y_true, y_pred), margin=self.margin)

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are 0 to 1 in the shape of the output."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_like_output(who, y, output_shape)
        check_between(who, y, 0, 1, "write 1 for a pair that is alike and 0 for one that is not")


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Triplet(Loss):
    """For a network that gives a point for each sample, and targets that are class labels.

    Every row of the batch is an anchor a once; p is the row of its class furthest from it, n the
    row of another class nearest to it ("batch hard")::

        y = max(|a - p|^2 - |a - n|^2 + margin, 0)

    and 0 for a row that lacks one of the two in its batch, so a batch needs several rows of each
    class. Rows that pad a short last batch can be chosen as p or n; choose a ``batch_size`` that
    divides the number of rows.

    Args:
        margin: 0 or more.
        reduction, name: see ``Loss``.

    References:
        Schroff, Kalenichenko, Philbin, FaceNet (2015), equation 2; Hermans, Beyer, Leibe, In
        defense of the triplet loss for person re-identification (2017), equation 5, for the choice.

    Of the points 0, 1 (one class) and 1.5 (another), 1 is the anchor that is too near the other:
    (1 - 0.25 + 1) / 3.

    >>> round(float(Triplet(margin=1.0)([0, 0, 1], [[0.0], [1.0], [1.5]])), 4)
    0.5833
    """

    margin: float = 1.0

    formula: ClassVar[str] = ops.triplet.formula
    reference: ClassVar[str] = ops.triplet.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Triplet", "margin", self.margin, 0)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return one value for each row, all of which are compared with all."""
        e = as_predictions(y_pred)
        rows = e.reshape(-1, e.shape[-1])
        labels = jnp.asarray(y_true).reshape(-1)
        if len(labels) != len(rows):
            raise ShapeError(
                f"Triplet expected one class label for each row of predictions, shape "
                f"{e.shape[:-1]}, got shape {jnp.shape(y_true)}."
            )
        apart = jax.lax.stop_gradient(ops.squared_distance(rows, rows))
        alike = labels[:, None] == labels
        others = alike & ~jnp.eye(len(rows), dtype=bool)
        p = rows[jnp.argmax(jnp.where(others, apart, -jnp.inf), axis=1)]
        n = rows[jnp.argmin(jnp.where(alike, jnp.inf, apart), axis=1)]
        y = ops.triplet(rows, p, n, margin=self.margin)
        complete = others.any(axis=1) & ~alike.all(axis=1)
        return jnp.where(complete, y, 0).reshape(e.shape[:-1])

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are one label for each row, of two classes at least."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        if y.shape[1:] not in ((), (1,)) and len(output_shape) == 2:
            raise ShapeError(
                f"{who} expected class labels of shape ({len(y)},), got shape {y.shape}; use "
                "y_true.argmax(axis=-1) for one-hot rows."
            )
        if len(np.unique(y)) < 2:
            raise DataError(
                f"{who} expected labels of two classes at least, got one; without another class "
                "there is nothing to tell apart."
            )


@REGISTRY.register(name="info_nce")
@dataclass(frozen=True, repr=False)
class InfoNCE(Loss):
    """For a network that gives a query and a key side by side: which key belongs to which query?

    The first half of the last axis is the query q, the second the key k, each brought to length 1;
    key i belongs to query i, and the keys of the other rows are what it is told from::

        y_i = -log softmax_j(q_i . k_j / temperature)_i

    Targets are not read; pass zeros. Rows that pad a short last batch count among the keys; choose
    a ``batch_size`` that divides the number of rows.

    Args:
        temperature: above 0; the smaller, the more the nearest wrong key counts.
        reduction, name: see ``Loss``.

    References:
        Van den Oord, Li, Vinyals, Contrastive predictive coding (2018), equation 4.

    >>> round(float(InfoNCE(1.0)([0, 0], [[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 2.0]])), 4)
    0.3133
    """

    temperature: float = 0.1

    formula: ClassVar[str] = ops.info_nce.formula
    reference: ClassVar[str] = ops.info_nce.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("InfoNCE", "temperature", self.temperature, 0, open_low=True)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return one value for each row, whose key is told from those of all other rows."""
        both = as_predictions(y_pred)
        _check_halves("InfoNCE", both.shape)
        rows = both.reshape(-1, 2, both.shape[-1] // 2)
        length = jnp.sqrt(jnp.sum(jnp.square(rows), axis=-1, keepdims=True) + 1e-12)
        q, k = jnp.moveaxis(rows / length.astype(rows.dtype), 1, 0)
        return ops.info_nce(q, k, temperature=self.temperature).reshape(both.shape[:-1])

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the output has two halves."""
        as_numbers(type(self).__name__, y_true)
        _check_halves(type(self).__name__, output_shape)


def _check_halves(who: str, shape: Sequence[Size]) -> None:
    width = shape[-1]
    if width is not None and width % 2:
        raise ShapeError(
            f"{who} expected query and key side by side, an even number of them, got {width} "
            "outputs; join the two with Concatenate()([query, key])."
        )
