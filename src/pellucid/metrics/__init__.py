"""Metrics: what is measured beside the loss, by object or by Keras name.

A metric is a frozen description with pure functions: sums over a batch, and the value that the
sums over all batches give. Called with targets and predictions it computes both at once.

>>> from pellucid.metrics import SparseCategoricalAccuracy
>>> SparseCategoricalAccuracy()([2, 0], [[0.1, 0.2, 0.7], [0.3, 0.5, 0.2]])
0.5
"""

from pellucid.metrics._accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from pellucid.metrics._auc import AUC
from pellucid.metrics._average_precision import AveragePrecision, mean_average_precision
from pellucid.metrics._base import REGISTRY, MeanMetric, Metric
from pellucid.metrics._confusion import ConfusionMatrix, F1Score, Precision, Recall
from pellucid.metrics._losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    LossMetric,
    Perplexity,
    SparseCategoricalCrossentropy,
)
from pellucid.metrics._regression import (
    CosineSimilarity,
    MeanAbsoluteError,
    MeanSquaredError,
    R2Score,
    RootMeanSquaredError,
)
from pellucid.metrics._resolve import FunctionMetric, get, resolve

__all__ = [
    "AUC",
    "REGISTRY",
    "Accuracy",
    "AveragePrecision",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "ConfusionMatrix",
    "CosineSimilarity",
    "F1Score",
    "FunctionMetric",
    "KLDivergence",
    "LossMetric",
    "MeanAbsoluteError",
    "MeanMetric",
    "MeanSquaredError",
    "Metric",
    "Perplexity",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "get",
    "mean_average_precision",
    "resolve",
]
