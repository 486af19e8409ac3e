"""Metrics against Keras, where it is installed; with weights, and in two batches."""

import os

import numpy as np
import pytest

from metrics import CASES, N

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

ROWS = [pytest.param(case, id=f"{case.metric} {case.label}") for case in CASES if case.keras]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", ROWS)
def test_agrees_with_keras(case, weighted):
    rng = np.random.default_rng(5)
    y_true, y_pred = case.data(rng)
    w = rng.integers(1, 5, N).astype(np.float32) / 2 if weighted else None
    theirs = case.keras(keras.metrics)
    for rows in (slice(0, 40), slice(40, N)):
        part = None if w is None else w[rows]
        theirs.update_state(y_true[rows], y_pred[rows], sample_weight=part)
    expected = np.asarray(theirs.result())
    np.testing.assert_allclose(case.metric(y_true, y_pred, w), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", ROWS)
def test_has_the_name_that_keras_gives(case):
    keras.utils.clear_session()
    assert case.metric.name == case.keras(keras.metrics).name
