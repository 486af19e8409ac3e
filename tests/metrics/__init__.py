"""Cases for every metric in the registry: the one table that drives the suite.

A metric needs a row here; one without fails the suite. The oracle is scikit-learn's function, or
a few lines of NumPy where it has none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn import metrics as sk

from pellucid import metrics

N, K = 97, 6


@dataclass(frozen=True)
class Case:
    """A metric, random data for it, and the same number computed by others.

    ``data(rng)`` gives y_true and y_pred; ``oracle(y_true, y_pred, w)`` the value; ``keras``
    makes the metric from ``keras.metrics`` (None: Keras has no such metric or differs on purpose);
    ``empty`` is the value without examples.
    """

    metric: metrics.Metric
    data: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
    oracle: Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
    keras: Callable[[Any], Any] | None = None
    empty: float = 0.0
    label: str = ""


def one_hot(labels: np.ndarray, k: int = K) -> np.ndarray:
    """Return labels as rows of zeros with a single one."""
    return np.eye(k, dtype=np.float32)[labels]


def label_pairs(rng):
    """Integer labels and integer predictions."""
    return rng.integers(0, 3, N), rng.integers(0, 3, N)


def binary(rng):
    """Labels 0 and 1, and probabilities that know something of them, both (N, 1)."""
    y = rng.integers(0, 2, (N, 1))
    return y, np.clip(0.3 * y + 0.7 * rng.random((N, 1)), 0, 1).astype(np.float32)


def binary_grid(rng):
    """Probabilities strictly between AUC's 200 thresholds, so that its curve is exact."""
    y = rng.integers(0, 2, (N, 1))
    cell = np.minimum(rng.integers(0, 199, (N, 1)) + 40 * y, 198)
    return y, ((cell + 0.5) / 199).astype(np.float32)


def binary_logits(rng):
    """Labels 0 and 1, and logits, both (N, 1)."""
    y = rng.integers(0, 2, (N, 1))
    return y, (y - 0.5 + rng.standard_normal((N, 1))).astype(np.float32)


def multi_label(rng):
    """Several labels for each example."""
    y = rng.integers(0, 2, (N, K))
    return y, rng.random((N, K)).astype(np.float32)


def sparse(rng):
    """Integer labels and class probabilities."""
    y = rng.integers(0, K, N)
    scores = rng.standard_normal((N, K)) + 1.5 * one_hot(y)
    return y, softmax(scores, -1).astype(np.float32)


def sparse_logits(rng):
    """Integer labels and logits."""
    y, p = sparse(rng)
    return y, (np.log(p) + 3).astype(np.float32)


def sparse_in_time(rng):
    """Integer labels (batch, time) and logits (batch, time, classes)."""
    return rng.integers(0, K, (N, 4)), rng.standard_normal((N, 4, K)).astype(np.float32)


def categorical(rng):
    """One-hot labels and class probabilities."""
    y, p = sparse(rng)
    return one_hot(y), p


def categorical_logits(rng):
    """One-hot labels and logits."""
    y, p = sparse_logits(rng)
    return one_hot(y), p


def distributions(rng):
    """Two distributions over classes for each example."""
    return tuple(softmax(rng.standard_normal((N, K)), -1).astype(np.float32) for _ in range(2))


def regression(rng):
    """Targets with three entries, and predictions near them."""
    y = rng.standard_normal((N, 3)) * [1, 2, 3] + [0, 5, -2]
    return y.astype(np.float32), (y + 0.5 * rng.standard_normal((N, 3))).astype(np.float32)


def flat_regression(rng):
    """Targets and predictions of shape (N,)."""
    y, p = regression(rng)
    return y[:, 1], p[:, 1]


def repeat_for_entries(y, w):
    """Return the weights repeated for each entry of a row, flat."""
    return np.repeat(w, y.size // len(y))


def pr_area(y, p, w):
    """Integrate precision over recall numerically, TP and FP linear between thresholds."""
    y, p, w = y.ravel(), p.ravel().astype(np.float64), w
    thresholds = np.concatenate([[-1e-7], np.arange(1, 199) / 199, [1 + 1e-7]])
    tp = np.array([w[(p > t) & (y == 1)].sum() for t in thresholds])
    fp = np.array([w[(p > t) & (y == 0)].sum() for t in thresholds])
    area = 0.0
    share = (np.arange(20_000) + 0.5) / 20_000
    for i in range(199):
        true, false = (c[i + 1] + share * (c[i] - c[i + 1]) for c in (tp, fp))
        if tp[i] > tp[i + 1]:
            area += np.mean(true / (true + false)) * (tp[i] - tp[i + 1])
    return area / tp[0]


def mean_over_rows(values):
    """Return the oracle that averages ``values(y_true, y_pred)``, one number per row."""
    return lambda y, p, w: np.average(values(y.astype(np.float64), p.astype(np.float64)), weights=w)


def log_loss(y, p, w):
    """Return scikit-learn's cross-entropy of integer labels and class probabilities."""
    p = p.astype(np.float64)
    return sk.log_loss(y, p / p.sum(-1, keepdims=True), sample_weight=w, labels=range(K))


def binary_log_loss(y, p, w):
    """Return scikit-learn's cross-entropy of labels 0 and 1 and one probability."""
    return sk.log_loss(y.ravel(), p.ravel().astype(np.float64), sample_weight=w)


def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z.astype(np.float64)))


def top_k(k):
    """Return scikit-learn's top-k accuracy of integer labels."""
    return lambda y, p, w: sk.top_k_accuracy_score(
        y, p, k=k, sample_weight=w, labels=range(p.shape[-1])
    )


def from_one_hot(oracle):
    """Return the oracle for one-hot labels of an oracle for integer labels."""
    return lambda y, p, w: oracle(y.argmax(-1), p, w)


def accuracy(y, p, w):
    """Return scikit-learn's accuracy of integer labels and class scores."""
    return sk.accuracy_score(y, p.argmax(-1), sample_weight=w)


def accuracy_above(threshold):
    """Return scikit-learn's accuracy of decisions at a threshold."""
    return lambda y, p, w: sk.accuracy_score(
        y.ravel(), p.ravel() > threshold, sample_weight=repeat_for_entries(y, w)
    )


def decisions(score, threshold=0.5, **settings):
    """Return scikit-learn's score of all entries' decisions at a threshold."""
    return lambda y, p, w: score(
        y.ravel(),
        p.ravel() > threshold,
        sample_weight=repeat_for_entries(y, w),
        **settings,
    )


def f1(average, classes=lambda p: p.argmax(-1)):
    """Return scikit-learn's F1 of class decisions (or of several labels at a threshold)."""
    return lambda y, p, w: sk.f1_score(y, classes(p), average=average, sample_weight=w)


def f1_above(average, threshold=0.5):
    """Return scikit-learn's F1 of several labels decided at a threshold."""
    return f1(average, lambda p: p > threshold)


def each_position(oracle):
    """Return the oracle for sequences: every position is an example with its row's weight."""
    return lambda y, p, w: oracle(y.ravel(), p.reshape(y.size, -1), repeat_for_entries(y, w))


def cosine(y, p):
    """Return the cosine between rows."""
    return (y * p).sum(-1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(p, axis=-1)


def absolute_difference(y_true, y_pred):
    """A user's own metric."""
    return abs(y_true - y_pred).mean(-1)


CASES = [
    Case(
        metrics.Accuracy(),
        label_pairs,
        lambda y, p, w: sk.accuracy_score(y, p, sample_weight=w),
        lambda keras: keras.Accuracy(),
    ),
    Case(
        metrics.BinaryAccuracy(), binary, accuracy_above(0.5), lambda keras: keras.BinaryAccuracy()
    ),
    Case(
        metrics.BinaryAccuracy(threshold=0.0),
        binary_logits,
        accuracy_above(0.0),
        lambda keras: keras.BinaryAccuracy(threshold=0.0),
        label="logits",
    ),
    Case(
        metrics.BinaryAccuracy(),
        multi_label,
        accuracy_above(0.5),
        lambda keras: keras.BinaryAccuracy(),
        label="multi-label",
    ),
    Case(
        metrics.CategoricalAccuracy(),
        categorical,
        from_one_hot(accuracy),
        lambda keras: keras.CategoricalAccuracy(),
    ),
    Case(
        metrics.SparseCategoricalAccuracy(),
        sparse,
        accuracy,
        lambda keras: keras.SparseCategoricalAccuracy(),
    ),
    Case(
        metrics.SparseCategoricalAccuracy(),
        sparse_in_time,
        each_position(accuracy),
        lambda keras: keras.SparseCategoricalAccuracy(),
        label="sequences",
    ),
    Case(
        metrics.TopKCategoricalAccuracy(),
        categorical,
        from_one_hot(top_k(5)),
        lambda keras: keras.TopKCategoricalAccuracy(),
    ),
    Case(
        metrics.SparseTopKCategoricalAccuracy(k=2),
        sparse_logits,
        top_k(2),
        lambda keras: keras.SparseTopKCategoricalAccuracy(k=2),
    ),
    Case(
        metrics.Precision(), binary, decisions(sk.precision_score), lambda keras: keras.Precision()
    ),
    Case(
        metrics.Precision(thresholds=(0.3, 0.6)),
        multi_label,
        lambda y, p, w: [decisions(sk.precision_score, t)(y, p, w) for t in (0.3, 0.6)],
        label="two thresholds",
    ),
    Case(
        metrics.Precision(class_id=2),
        multi_label,
        lambda y, p, w: decisions(sk.precision_score)(y[:, 2], p[:, 2], w),
        lambda keras: keras.Precision(class_id=2),
        label="one class",
    ),
    Case(metrics.Recall(), binary, decisions(sk.recall_score), lambda keras: keras.Recall()),
    Case(
        metrics.Recall(thresholds=0.0, class_id=1),
        categorical_logits,
        lambda y, p, w: decisions(sk.recall_score, 0.0)(y[:, 1], p[:, 1], w),
        lambda keras: keras.Recall(thresholds=0.0, class_id=1),
        label="one class of logits",
    ),
    Case(
        metrics.F1Score(average="macro"),
        categorical,
        from_one_hot(f1("macro")),
        lambda keras: keras.F1Score("macro"),
    ),
    Case(metrics.F1Score(), sparse, f1(None), label="each class, integer labels"),
    Case(
        metrics.F1Score(average="micro", threshold=0.5),
        multi_label,
        f1_above("micro"),
        lambda keras: keras.F1Score("micro", threshold=0.5),
        label="micro",
    ),
    Case(
        metrics.F1Score(average="weighted", threshold=0.25),
        multi_label,
        f1_above("weighted", 0.25),
        lambda keras: keras.F1Score("weighted", threshold=0.25),
        label="weighted",
    ),
    Case(
        metrics.AUC(),
        binary_grid,
        lambda y, p, w: sk.roc_auc_score(y.ravel(), p.ravel(), sample_weight=w),
        lambda keras: keras.AUC(),
    ),
    Case(
        metrics.AUC(from_logits=True),
        lambda rng: (lambda y, p: (y, np.log(p / (1 - p))))(*binary_grid(rng)),
        lambda y, p, w: sk.roc_auc_score(y.ravel(), p.ravel(), sample_weight=w),
        lambda keras: keras.AUC(from_logits=True),
        label="logits",
    ),
    Case(metrics.AUC(curve="PR"), binary, pr_area, lambda keras: keras.AUC(curve="PR"), label="PR"),
    Case(
        metrics.ConfusionMatrix(K),
        sparse,
        lambda y, p, w: sk.confusion_matrix(y, p.argmax(-1), sample_weight=w),
    ),
    Case(
        metrics.ConfusionMatrix(3),
        label_pairs,
        lambda y, p, w: sk.confusion_matrix(y, p, sample_weight=w),
        label="labels",
    ),
    Case(
        metrics.MeanAbsoluteError(),
        regression,
        lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
        lambda keras: keras.MeanAbsoluteError(),
    ),
    Case(
        metrics.MeanSquaredError(),
        regression,
        lambda y, p, w: sk.mean_squared_error(y, p, sample_weight=w),
        lambda keras: keras.MeanSquaredError(),
    ),
    Case(
        metrics.RootMeanSquaredError(),
        flat_regression,
        lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
        lambda keras: keras.RootMeanSquaredError(),
    ),
    Case(
        metrics.R2Score(),
        regression,
        lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
        lambda keras: keras.R2Score(),
        empty=np.nan,
    ),
    Case(
        metrics.R2Score(class_aggregation="variance_weighted_average"),
        regression,
        lambda y, p, w: sk.r2_score(y, p, sample_weight=w, multioutput="variance_weighted"),
        lambda keras: keras.R2Score("variance_weighted_average"),
        empty=np.nan,
        label="variance weighted",
    ),
    Case(
        metrics.R2Score(class_aggregation=None),
        flat_regression,
        lambda y, p, w: [sk.r2_score(y, p, sample_weight=w)],
        empty=np.nan,
        label="each entry",
    ),
    Case(
        metrics.CosineSimilarity(),
        regression,
        mean_over_rows(cosine),
        lambda keras: keras.CosineSimilarity(),
    ),
    Case(
        metrics.BinaryCrossentropy(),
        binary,
        binary_log_loss,
        lambda keras: keras.BinaryCrossentropy(),
    ),
    Case(
        metrics.BinaryCrossentropy(from_logits=True),
        binary_logits,
        lambda y, p, w: binary_log_loss(y, sigmoid(p), w),
        lambda keras: keras.BinaryCrossentropy(from_logits=True),
        label="logits",
    ),
    Case(
        metrics.CategoricalCrossentropy(),
        categorical,
        from_one_hot(log_loss),
        lambda keras: keras.CategoricalCrossentropy(),
    ),
    Case(
        metrics.CategoricalCrossentropy(from_logits=True),
        categorical_logits,
        lambda y, p, w: log_loss(y.argmax(-1), softmax(p, -1), w),
        lambda keras: keras.CategoricalCrossentropy(from_logits=True),
        label="logits",
    ),
    Case(
        metrics.SparseCategoricalCrossentropy(),
        sparse,
        log_loss,
        lambda keras: keras.SparseCategoricalCrossentropy(),
    ),
    Case(
        metrics.SparseCategoricalCrossentropy(from_logits=True),
        sparse_logits,
        lambda y, p, w: log_loss(y, softmax(p, -1), w),
        lambda keras: keras.SparseCategoricalCrossentropy(from_logits=True),
        label="logits",
    ),
    Case(
        metrics.KLDivergence(),
        distributions,
        mean_over_rows(lambda y, p: (y * np.log(y / p)).sum(-1)),
        lambda keras: keras.KLDivergence(),
    ),
    Case(metrics.Perplexity(), sparse, lambda y, p, w: np.exp(log_loss(y, p, w))),
    Case(
        metrics.Perplexity(from_logits=True),
        sparse_in_time,
        each_position(lambda y, p, w: np.exp(log_loss(y, softmax(p, -1), w))),
        label="logits of sequences",
    ),
    Case(
        metrics.LossMetric("mean_squared_error"),
        regression,
        lambda y, p, w: sk.mean_squared_error(y, p, sample_weight=w),
    ),
    Case(
        metrics.FunctionMetric(absolute_difference),
        regression,
        lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    ),
]
