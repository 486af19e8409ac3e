"""Losses between probability distributions: the cross-entropies and the KL divergence.

Whether predictions are probabilities or logits (raw scores) is the user's word, ``from_logits``;
nothing is squashed, and no row is divided by its sum, behind anyone's back. Keras does divide in
its categorical cross-entropy from probabilities; for the output of a softmax the two agree.

From logits is the better conditioned form: its gradient is "probability minus target", exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_range
from pellucid.errors import DTypeError
from pellucid.losses._base import REGISTRY, Expects, Loss, as_pair, as_predictions
from pellucid.losses._targets import (
    Size,
    as_numbers,
    check_between,
    check_class_labels,
    check_like_output,
    check_one_hot_shape,
)

Array = jax.Array


@REGISTRY.register(aliases=("bce",))
@dataclass(frozen=True, repr=False)
class BinaryCrossentropy(Loss):
    """Cross-entropy of yes-or-no targets: the negative log-likelihood of labels 0 and 1.

    ::

        from probabilities p:  y = -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i))
        from logits z:         the same with p = sigmoid(z);  dy/dz_i = (p_i - t_i) / n

    Args:
        from_logits: predictions are raw scores z; False: probabilities p, which are kept in
            [1e-7, 1 - 1e-7].
        label_smoothing: a in [0, 1]; targets become t (1 - a) + a/2.
        reduction, name: see ``Loss``.

    >>> round(float(BinaryCrossentropy()([[1], [0]], [[0.5], [0.5]])), 4)
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    formula: ClassVar[str] = "y = -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i))"
    reference: ClassVar[str] = ops.binary_crossentropy.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(type(self).__name__, "label_smoothing", self.label_smoothing, 0, 1)

    @property
    def expects(self) -> Expects:
        """Probabilities, or logits."""
        return "logits" if self.from_logits else "probabilities"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        p, t = as_pair(y_true, y_pred)
        if self.label_smoothing:
            t = smoothed(t, self.label_smoothing, classes=2)
        if self.from_logits:
            return ops.binary_crossentropy_from_logits(p, t)
        return ops.binary_crossentropy(p, t)

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are in [0, 1] and in the shape of the output."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_like_output(who, y, output_shape)
        advice = (
            "write -1 and 1 as (y_true + 1) / 2, and use SparseCategoricalCrossentropy for more "
            "than two classes"
        )
        check_between(who, y, 0, 1, advice)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot targets (or other distributions) over classes.

    ::

        from probabilities p:  y = -sum_i t_i log p_i
        from logits z:         the same with p = softmax(z);  dy/dz = p sum_i t_i - t

    Args:
        from_logits: predictions are raw scores z; False: probabilities p, which are kept in
            [1e-7, 1 - 1e-7] and are not divided by their sum.
        label_smoothing: a in [0, 1]; targets become t (1 - a) + a / classes.
        reduction, name: see ``Loss``.

    >>> loss = CategoricalCrossentropy()
    >>> round(float(loss([[0, 1, 0]], [[0.25, 0.5, 0.25]])), 4)
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    formula: ClassVar[str] = "y = -sum_i t_i log p_i"
    reference: ClassVar[str] = ops.categorical_crossentropy.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(type(self).__name__, "label_smoothing", self.label_smoothing, 0, 1)

    @property
    def expects(self) -> Expects:
        """A distribution, or logits."""
        return "logits" if self.from_logits else "distribution"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the cross-entropy over the last axis, the classes."""
        p, t = as_pair(y_true, y_pred)
        if self.label_smoothing:
            t = smoothed(t, self.label_smoothing, classes=t.shape[-1])
        if self.from_logits:
            return ops.categorical_crossentropy_from_logits(p, t)
        return ops.categorical_crossentropy(p, t)

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are one number in [0, 1] for each class."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_one_hot_shape(who, y, output_shape)
        check_between(who, y, 0, 1, "make one-hot rows with to_categorical(labels)")


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of class labels k, integers from 0, over classes.

    ::

        from probabilities p:  y = -log p_k
        from logits z:         y = log sum_j e^(z_j) - z_k;  dy/dz_j = softmax(z)_j - [j = k]

    Labels have the shape of the predictions without the last axis, or with 1 there: both (n,) and
    (n, 1) go with predictions (n, classes).

    Args:
        from_logits: predictions are raw scores z; False: probabilities p, which are kept in
            [1e-7, 1 - 1e-7] and are not divided by their sum.
        label_smoothing: a in [0, 1]; the one-hot target [j = k] becomes [j = k] (1 - a) + a /
            classes.
        reduction, name: see ``Loss``.

    >>> loss = SparseCategoricalCrossentropy()
    >>> round(float(loss([1], [[0.25, 0.5, 0.25]])), 4)
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    formula: ClassVar[str] = "y = -log p_k"
    reference: ClassVar[str] = ops.sparse_categorical_crossentropy.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(type(self).__name__, "label_smoothing", self.label_smoothing, 0, 1)

    @property
    def expects(self) -> Expects:
        """A distribution, or logits."""
        return "logits" if self.from_logits else "distribution"

    @property
    def op(self) -> ops.Op | None:
        """The operation that computes the values; smoothed labels are one-hot rows."""
        if not self.label_smoothing:
            return super().op
        if self.from_logits:
            return ops.categorical_crossentropy_from_logits
        return ops.categorical_crossentropy

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the cross-entropy over the last axis, the classes."""
        p, k = as_predictions(y_pred), jnp.asarray(y_true)
        if not jnp.issubdtype(k.dtype, jnp.integer):
            raise DTypeError(
                f"{type(self).__name__} expected integer class labels, but labels are {k.dtype}; "
                "use CategoricalCrossentropy for one-hot rows."
            )
        if k.shape == (*p.shape[:-1], 1):
            k = k[..., 0]
        if self.label_smoothing:
            one_hot = jax.nn.one_hot(k, p.shape[-1], dtype=p.dtype)
            t = smoothed(one_hot, self.label_smoothing, classes=p.shape[-1])
            if self.from_logits:
                return ops.categorical_crossentropy_from_logits(p, t)
            return ops.categorical_crossentropy(p, t)
        if self.from_logits:
            return ops.sparse_categorical_crossentropy_from_logits(p, k)
        return ops.sparse_categorical_crossentropy(p, k)

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are one label from 0 to classes - 1 for each row."""
        who = type(self).__name__
        check_class_labels(who, as_numbers(who, y_true), output_shape)


@REGISTRY.register(aliases=("kld", "kullback_leibler_divergence"))
@dataclass(frozen=True, repr=False)
class KLDivergence(Loss):
    """Kullback-Leibler divergence of the target distribution from the predicted one.

    ::

        y = sum_i t_i log(t_i / p_i)        dy/dp_i = -t_i / p_i

    Both are kept in [1e-7, 1]; neither is divided by its sum.

    Args:
        reduction, name: see ``Loss``.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    formula: ClassVar[str] = ops.kl_divergence.formula
    reference: ClassVar[str] = ops.kl_divergence.reference

    @property
    def expects(self) -> Expects:
        """Probabilities."""
        return "probabilities"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the divergence over the last axis."""
        return ops.kl_divergence(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are in [0, 1] and in the shape of the output."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_like_output(who, y, output_shape)
        check_between(who, y, 0, 1, "targets are probabilities; divide rows by their sum")


def smoothed(t: Array, a: float, *, classes: int) -> Array:
    """Return targets drawn to equal shares, t (1 - a) + a / classes.

    References:
        Szegedy et al., Rethinking the Inception architecture (2016), section 7.
    """
    return t * (1 - a) + a / classes
