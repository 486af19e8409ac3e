"""Every metric against its oracle, split over batches, padded, compiled; and its bad inputs."""

import doctest
import importlib
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metrics as table
from metrics import CASES, N
from pellucid import metrics
from pellucid._named import to_config
from pellucid.errors import ArgumentError, DataError, ShapeError

ROWS = [
    pytest.param(case, id=case.metric.name + (f" {case.label}" if case.label else ""))
    for case in CASES
]
# Sums are float32; oracles are float64.
TOLERANCE = {"rtol": 2e-5, "atol": 2e-6}


def draw(case, seed=3):
    rng = np.random.default_rng(seed)
    y_true, y_pred = case.data(rng)
    return y_true, y_pred, rng.integers(1, 5, N).astype(np.float32) / 2


@partial(jax.jit, static_argnums=0)
def sums_of(metric, y_true, y_pred, weights):
    return metric.batch_sums(y_true, y_pred, weights)


def test_every_metric_has_a_case():
    covered = {type(case.metric) for case in CASES}
    assert covered == {*metrics.REGISTRY.entries.values(), metrics.FunctionMetric}


@pytest.mark.parametrize("case", ROWS)
def test_agrees_with_the_oracle(case):
    y_true, y_pred, _ = draw(case)
    expected = case.oracle(y_true, y_pred, np.ones(N))
    np.testing.assert_allclose(case.metric(y_true, y_pred), expected, **TOLERANCE)


@pytest.mark.parametrize("case", ROWS)
def test_agrees_with_the_oracle_with_weights(case):
    y_true, y_pred, w = draw(case)
    expected = case.oracle(y_true, y_pred, w)
    np.testing.assert_allclose(case.metric(y_true, y_pred, w), expected, **TOLERANCE)


@pytest.mark.parametrize("case", ROWS)
def test_sums_over_padded_batches_give_the_whole(case):
    y_true, y_pred, w = draw(case)
    size = 32
    total = None
    for start in range(0, N, size):
        rows = np.arange(start, start + size)
        weights = np.where(rows < N, np.resize(w, start + size)[start:], 0)
        rows = np.minimum(rows, N - 1)
        part = sums_of(case.metric, y_true[rows], y_pred[rows], weights)
        total = part if total is None else jax.tree.map(jnp.add, total, part)
    np.testing.assert_allclose(
        case.metric.result(total), case.metric(y_true, y_pred, w), **TOLERANCE
    )


@pytest.mark.parametrize("case", ROWS)
def test_rows_of_weight_0_add_exactly_nothing(case):
    y_true, y_pred, w = draw(case)
    w[::3] = 0
    garbage_true, garbage_pred = y_true.copy(), y_pred.copy()
    garbage_true[::3] = 77
    garbage_pred[::3] = -3e30 if y_pred.dtype.kind == "f" else 99
    clean = sums_of(case.metric, y_true, y_pred, w)
    dirty = sums_of(case.metric, garbage_true, garbage_pred, w)
    for name in clean:
        np.testing.assert_array_equal(dirty[name], clean[name])


@pytest.mark.parametrize("case", ROWS)
def test_without_examples(case):
    y_true, y_pred, w = draw(case)
    sums = sums_of(case.metric, y_true, y_pred, 0 * w)
    assert not any(np.any(value) for value in sums.values())
    value = np.asarray(case.metric.result(sums))
    np.testing.assert_array_equal(value, np.full(value.shape, case.empty))


@pytest.mark.parametrize("case", ROWS)
def test_compiled_equals_eager(case):
    y_true, y_pred, w = draw(case)
    arrays = [jnp.asarray(y_true), jnp.asarray(y_pred), jnp.asarray(w)]
    eager = case.metric.batch_sums(*arrays)
    compiled = sums_of(case.metric, *arrays)
    assert {s.dtype for s in jax.tree.leaves(compiled)} == {jnp.dtype("float32")}
    assert compiled.keys() == eager.keys()
    for name in eager:
        np.testing.assert_allclose(compiled[name], eager[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        jax.jit(case.metric.result)(compiled), case.metric.result(eager), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("case", ROWS)
def test_bfloat16_outputs_give_float32_sums(case):
    y_true, y_pred, w = draw(case)
    outputs = jnp.asarray(y_pred)
    if jnp.issubdtype(outputs.dtype, jnp.floating):
        outputs = outputs.astype(jnp.bfloat16)
    sums = jax.eval_shape(case.metric.batch_sums, jnp.asarray(y_true), outputs, jnp.asarray(w))
    assert {s.dtype for s in sums.values()} == {jnp.dtype("float32")}


@pytest.mark.parametrize("case", ROWS)
def test_describes_itself(case):
    assert case.metric.formula
    assert case.metric.reference
    assert str(case.metric).startswith(type(case.metric).__name__ + "(")
    assert hash(case.metric) == hash(case.metric)


@pytest.mark.parametrize(
    "case", [row for row in ROWS if not isinstance(row.values[0].metric, metrics.FunctionMetric)]
)
def test_is_written_down_and_read_again(case):
    written = json.loads(json.dumps(to_config(case.metric)))
    assert metrics.get(written) == case.metric


@pytest.mark.parametrize(
    "module", ["_accuracy", "_auc", "_base", "_confusion", "_losses", "_regression", "_resolve", ""]
)
def test_examples_in_the_documentation(module):
    found = doctest.testmod(importlib.import_module(f"pellucid.metrics.{module}".rstrip(".")))
    assert found.failed == 0


# Golden values, by hand


@pytest.mark.parametrize(
    ("metric", "y_true", "y_pred", "w", "value"),
    [
        (metrics.SparseCategoricalAccuracy(), [1, 0], [[3, 3, 1], [3, 3, 1]], None, 0.5),
        (metrics.CategoricalAccuracy(), [[0, 1], [1, 0]], [[2, 2], [2, 2]], None, 0.5),
        (metrics.SparseTopKCategoricalAccuracy(k=1), [1, 0], [[3, 3, 1], [3, 3, 1]], None, 1.0),
        (metrics.SparseCategoricalAccuracy(), [[1], [1]], [[1, 2], [2, 1]], [3, 1], 0.75),
        (metrics.BinaryAccuracy(), [1, 0], [0.5, 0.5], None, 0.5),
        (metrics.Precision(), [1, 1, 0, 0], [0.9, 0.1, 0.8, 0.7], [1, 1, 1, 2], 0.25),
        (metrics.Recall(), [1, 1, 0, 0], [0.9, 0.1, 0.8, 0.7], [1, 3, 1, 2], 0.25),
        (metrics.Precision(), [1, 1], [0.1, 0.2], None, 0.0),
        (metrics.AUC(), [0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8], None, 1.0),
        (metrics.AUC(), [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], None, 0.75),
        (metrics.AUC(), [1, 1], [0.1, 0.4], None, 0.0),
        (metrics.R2Score(), [1.0, 1.0], [1.0, 1.0], None, 1.0),
        (metrics.R2Score(), [1.0, 1.0], [1.0, 2.0], None, 0.0),
        (metrics.MeanAbsoluteError(), [[1, 1], [2, 2]], [[2, 4], [2, 2]], [1, 3], 0.5),
        (metrics.RootMeanSquaredError(), [0.0, 0.0], [3.0, 1.0], [1, 1], 5**0.5),
    ],
)
def test_golden(metric, y_true, y_pred, w, value):
    assert metric(y_true, y_pred, w) == pytest.approx(value, rel=1e-6)


def test_unsigned_integers_do_not_wrap_around():
    y_true, y_pred = np.array([0, 1], np.uint8), np.array([1, 0], np.uint8)
    assert metrics.MeanAbsoluteError()(y_true, y_pred) == 1.0


@pytest.mark.parametrize("metric", ["SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy"])
def test_scores_that_are_no_numbers_are_never_right(metric):
    nan = float("nan")
    metric = metrics.get(metric)
    scores = jnp.array([[nan] * 7, [0.0, nan, *[0.0] * 5], [9.0, *[0.0] * 6]])
    sums = metric.batch_sums(jnp.array([0, 1, 0]), scores)
    assert float(metric.result(sums)) == pytest.approx(1 / 3)


def test_a_label_that_is_no_class_is_never_right():
    metric = metrics.SparseCategoricalAccuracy()
    sums = metric.batch_sums(jnp.array([-1, 3]), jnp.array([[0.0, 0, 1], [0, 0, 1]]))
    assert float(sums["total"]) == 0


# Names


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (metrics.Accuracy(), "accuracy"),
        (metrics.AUC(), "auc"),
        (metrics.F1Score(), "f1_score"),
        (metrics.R2Score(), "r2_score"),
        (metrics.KLDivergence(), "kl_divergence"),
        (metrics.SparseTopKCategoricalAccuracy(), "sparse_top_k_categorical_accuracy"),
        (metrics.LossMetric("mse"), "mean_squared_error"),
        (metrics.FunctionMetric(table.absolute_difference), "absolute_difference"),
        (metrics.AUC(name="area"), "area"),
        (metrics.AUC(name=None), "auc"),
    ],
)
def test_name_in_logs(metric, name):
    assert metric.name == name


def test_prints_as_its_constructor_call():
    assert str(metrics.AUC()) == "AUC()"
    assert str(metrics.AUC(from_logits=True, name="area")) == "AUC(name='area', from_logits=True)"


# Bad input


@pytest.mark.parametrize(
    ("metric", "true", "pred", "message"),
    [
        ("binary_accuracy", (4,), (4, 1), r"add the missing axis with y_true\[:, None\]"),
        ("mse", (4, 1), (4,), r"drop the extra axis with y_true\[:, 0\]"),
        ("auc", (4,), (4, 1), r"The metric AUC expected .* got \(4, 1\) and \(4,\)"),
        ("precision", (4,), (4, 3), r"to_categorical\(y_true, 3\)"),
        ("r2_score", (4,), (4, 1), r"add the missing axis"),
        ("categorical_accuracy", (4,), (4, 3), r"use the sparse metric, or to_categorical"),
        ("sparse_categorical_accuracy", (4, 3), (4, 3), r"without 'sparse' in its name"),
        ("sparse_categorical_accuracy", (4,), (5, 3), r"labels of shape \(5,\)"),
        ("sparse_categorical_accuracy", (4,), (4,), r"give one score per class"),
        ("f1_score", (4,), (4,), r"use y_pred\[:, None\]"),
        ("f1_score", (4, 2), (4, 3), r"integer labels of shape \(4,\)"),
        ("perplexity", (4, 5), (4, 6, 3), r"labels of shape \(4, 6\)"),
        ("mae", (3, 2), (2, 3), r"of equal shape, got \(2, 3\) and \(3, 2\)"),
    ],
)
def test_shapes_that_do_not_fit(metric, true, pred, message):
    metric = metrics.get(metric)
    with pytest.raises(ShapeError, match=message):
        metric.batch_sums(jnp.zeros(true), jnp.zeros(pred))
    if true[0] == pred[0]:
        with pytest.raises(ShapeError, match=message):
            metric.check(np.zeros(true), (None, *pred[1:]))


@pytest.mark.parametrize(
    ("true", "pred", "message"),
    [
        ((4,), (4, 5), r"expected scores of shape \(batch, 3\)"),
        ((4, 3), (4, 3), r"labels by y_true.argmax\(-1\)"),
        ((4,), (4, 1), r"give \(y_pred > 0.5\) as labels"),
    ],
)
def test_confusion_matrix_shapes(true, pred, message):
    with pytest.raises(ShapeError, match=message):
        metrics.ConfusionMatrix(3).batch_sums(jnp.zeros(true), jnp.zeros(pred))


@pytest.mark.parametrize(
    ("metric", "labels", "output_shape", "message"),
    [
        (metrics.BinaryAccuracy(), [[0], [2]], (None, 1), r"labels of 0 and 1, got 2; map"),
        (metrics.BinaryAccuracy(), [[0.0], [152.5]], (None, 1), r"regression .* such as 'mae'"),
        (metrics.AUC(), [[0], [-1]], (None, 1), r"got -1"),
        (metrics.Recall(), [[0], [5]], (None, 1), r"The metric Recall"),
        (metrics.SparseCategoricalAccuracy(), [0, 3], (None, 3), r"from 0 to 2, got 3; number"),
        (metrics.SparseCategoricalAccuracy(), [0.5, 1], (None, 3), r"from 0 to 2, got 0.5"),
        (metrics.SparseTopKCategoricalAccuracy(), [0, -1], (None, 3), r"from 0 to 2, got -1"),
        (metrics.Perplexity(), [[0, 9]], (None, 2, 3), r"from 0 to 2, got 9"),
        (metrics.F1Score(), [0, 3], (None, 3), r"from 0 to 2, got 3"),
        (metrics.F1Score(), [[0, 0, 2]], (None, 3), r"labels of 0 and 1, got 2"),
        (metrics.ConfusionMatrix(2), [0, 2], (None, 2), r"from 0 to 1, got 2"),
    ],
)
def test_labels_that_do_not_fit(metric, labels, output_shape, message):
    with pytest.raises(DataError, match=message):
        metric.check(np.array(labels), output_shape)


@pytest.mark.parametrize("shape", [(3,), (4, 2), (4, 3, 1), ()])
def test_weights_that_do_not_fit(shape):
    metric = metrics.MeanSquaredError()
    zeros = jnp.zeros((4, 3))
    if shape == ():
        assert float(metric.batch_sums(zeros, zeros, jnp.float32(2))["count"]) == 24
        return
    with pytest.raises(ShapeError, match="give sample_weight one entry per example"):
        metric.batch_sums(zeros, zeros, jnp.ones(shape))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.TopKCategoricalAccuracy(k=0), "k to be an integer of 1 or more, got 0"),
        (lambda: metrics.SparseTopKCategoricalAccuracy(k=1.5), "k to be an integer of 1 or more"),
        (lambda: metrics.AUC(curve="RPC"), "curve to be one of 'ROC', 'PR', got 'RPC'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds to be an integer of 2 or more"),
        (lambda: metrics.F1Score(average="mean"), "average to be one of None, 'micro'"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "class_aggregation to be one of None"),
        (lambda: metrics.ConfusionMatrix(0), "num_classes to be an integer of 1 or more"),
        (
            lambda: metrics.Recall(class_id=3)(np.zeros((2, 3)), np.zeros((2, 3))),
            "class_id from 0 to 2",
        ),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_single_example_needs_a_batch_axis():
    with pytest.raises(ShapeError, match=r"write \[value\] for a single example"):
        metrics.Accuracy()(1, 1)
