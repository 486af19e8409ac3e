"""Every loss against Keras, where Keras is installed: values, reductions and gradients."""

import os
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from losses.cases import CASES, N, distribution
from pellucid import losses
from pellucid._named import to_config

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")

KNOWN = [pytest.param(case, id=repr(case.loss)) for case in CASES if case.keras]
TOLERANCE = {"rtol": 5e-5, "atol": 1e-6}


def twin_of(loss):
    settings = {k: v for k, v in to_config(loss)["config"].items() if k != "name"}
    # Keras has no smoothing for labels; the cases with it are not compared.
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        del settings["label_smoothing"]
    return getattr(keras.losses, type(loss).__name__)(**settings)


@pytest.mark.parametrize("case", KNOWN)
def test_agrees_with_keras(case):
    rng = np.random.default_rng(8)
    t, p = case.target(rng), jnp.asarray(case.prediction(rng))
    w = rng.uniform(0, 2, N).astype("float32")
    twin = twin_of(case.loss)
    # Keras divides probabilities by their sum, so the two are compared behind a softmax.
    behind_softmax = case.prediction is distribution
    link = jax.nn.softmax if behind_softmax else jnp.asarray
    start = jnp.log(p) if behind_softmax else p
    ours, slope = jax.value_and_grad(lambda z: case.loss(t, link(z), w))(start)
    theirs, their_slope = jax.value_and_grad(lambda z: jnp.asarray(twin(t, link(z), w)))(start)
    np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    np.testing.assert_allclose(slope, their_slope, **TOLERANCE)


OURS_ALONE = {"contrastive", "triplet", "info_nce"}
"""Losses of distances; Keras has none."""


@pytest.mark.parametrize("name", sorted(set(losses.REGISTRY.entries) - OURS_ALONE))
def test_names_are_those_of_keras(name):
    assert keras.losses.get(name) is not None
    entry = losses.REGISTRY.entries[name]
    assert hasattr(keras.losses, entry.__name__)
