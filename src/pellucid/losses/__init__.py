"""Losses: what training makes small.

Each class is a frozen description. Called with targets and predictions, in Keras's order, it gives
one number; its ``values`` are one number for each example.

>>> from pellucid import losses
>>> loss = losses.SparseCategoricalCrossentropy(from_logits=True)
>>> round(float(loss([2, 0], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])), 4)
1.0986
>>> losses.get("mse")
MeanSquaredError()
"""

from typing import Any

from pellucid.losses._base import REGISTRY, FunctionLoss, Loss
from pellucid.losses._crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from pellucid.losses._ctc import CTC
from pellucid.losses._functions import (
    CLASSES,
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_squared_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from pellucid.losses._margin import CategoricalHinge, Hinge, SquaredHinge
from pellucid.losses._metric import Contrastive, InfoNCE, Triplet
from pellucid.losses._regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
)

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "Contrastive",
    "CosineSimilarity",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "InfoNCE",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Triplet",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_squared_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


def get(identifier: Any) -> Loss:
    """Return the loss that ``identifier`` stands for.

    Args:
        identifier: a loss (returned as it is), its name (``"mse"``, ``"mean_squared_error"``,
            ``"MeanSquaredError"``; case does not matter), its class, a configuration, or a
            function ``(y_true, y_pred) -> value per example``, written with ``jax.numpy``.

    Raises:
        UnknownNameError: if there is no loss of that name; the nearest is suggested.
        DTypeError: if it is none of these.
    """
    if isinstance(identifier, (Loss, type)) or not callable(identifier):
        return REGISTRY.get(identifier)
    if identifier in CLASSES:
        return CLASSES[identifier]()
    return FunctionLoss(identifier)
