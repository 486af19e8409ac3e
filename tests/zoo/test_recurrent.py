"""Recurrent classifiers and language models: counts, shapes, a step, saving, generation."""

import jax
import numpy as np
import pytest

from pellucid import losses, optimizers
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.layers import Dense, Input
from pellucid.models import Sequential, StepByStep
from pellucid.zoo import recurrent_classifier, recurrent_language_model
from pellucid.zoo.recurrent_language_model import generate

CLASSIFIERS = {
    "simple_rnn": 326_273,
    "gru": 338_881,
    "lstm": 344_897,
    "two_way_lstm": 369_793,
    "mean_two_way_lstm": 369_793,
    "stacked_lstm": 377_921,
}
LANGUAGE_MODELS = {"lstm": 242_945, "gru": 186_113}
RNG = np.random.default_rng(0)
WORDS = RNG.integers(1, 12, (6, 5)).astype(np.int32)


def classifier(name, **settings):
    make = getattr(recurrent_classifier, name)
    return make(12, classes=1, width=3, units=4, **settings)


def language_model(name, **settings):
    return getattr(recurrent_language_model, name)(7, width=3, units=4, **settings)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_parameter_count_of_a_classifier(name):
    model = getattr(recurrent_classifier, name)()
    assert model.count_params() == CLASSIFIERS[name]
    assert f"{CLASSIFIERS[name]:,}" in recurrent_classifier.__doc__


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_parameter_count_of_a_language_model(name):
    model = getattr(recurrent_language_model, name)(65)
    assert model.count_params() == LANGUAGE_MODELS[name]
    assert f"{LANGUAGE_MODELS[name]:,}" in recurrent_language_model.__doc__


def test_shapes_of_the_stages():
    model = recurrent_classifier.two_way_lstm()
    assert model.graph.output_symbols[0].shape == (None, 1)
    nodes = {node.layer.name: node for node in model.graph.nodes}
    assert nodes["vectors"].outputs[0].shape[2:] == (32,)
    assert nodes["reader"].outputs[0].shape[1:] == (128,)
    nodes = {node.layer.name: node for node in recurrent_language_model.lstm(65).graph.nodes}
    assert nodes["token_vectors"].outputs[0].shape[2:] == (64,)
    assert nodes["lstm_2"].outputs[0].shape[2:] == (128,)
    assert recurrent_language_model.lstm(65).graph.output_symbols[0].shape == (None, None, 65)


def trained(model, x, y, loss):
    """Return a model after one epoch of two steps."""
    model.compile("adam", loss(from_logits=True), ["accuracy"], verbose=0)
    model.fit(x, y, batch_size=3, epochs=1, verbose=0)
    return model


def small(name):
    """Return a network with dropout by name, with its loss, inputs and targets."""
    if name in CLASSIFIERS:
        model = classifier(name, dropout=0.2)
        return model, WORDS, np.arange(6) % 2, losses.BinaryCrossentropy
    model = language_model(name.removesuffix("_language"), dropout=0.2)
    text = WORDS % 7
    return model, text[:, :-1], text[:, 1:], losses.SparseCategoricalCrossentropy


def test_equal_seeds_give_equal_bits():
    first, second = (trained(*small("two_way_lstm")) for _ in range(2))
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_language_model_learns_to_count():
    """0 1 2 3 4 5 6 0 1 ...: after training the likeliest text goes on counting."""
    model = language_model("gru", layers=1, seed=1)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    starts = np.arange(7)[:, None]
    text = (starts + np.arange(9)) % 7
    model.compile(optimizers.Adam(0.05), loss, verbose=0)
    model.fit(text[:, :-1], text[:, 1:], epochs=60, verbose=0)
    written = generate(model, [3, 4], length=12, temperature=0)
    np.testing.assert_array_equal(written, (3 + np.arange(14)) % 7)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_step_by_step_is_the_whole_text(name):
    model = language_model(name)
    text = RNG.integers(0, 7, (2, 6)).astype(np.int32)
    whole = model.predict(text)
    steps = StepByStep(model, capacity=1)
    kept, parts = steps.start(model.variables, text), []
    for piece in (text[:, :3], text[:, 3:4], text[:, 4:]):
        z, kept = jax.jit(steps)(model.variables, piece, kept)
        parts.append(z)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-5, atol=1e-6)


def test_generated_texts_follow_seed_and_temperature():
    model = language_model("lstm")
    prompt = np.zeros((4, 2), np.int32)
    first = generate(model, prompt, 20, seed=3)
    assert first.shape == (4, 22)
    np.testing.assert_array_equal(first[:, :2], prompt)
    assert first.min() >= 0
    assert first.max() < 7
    np.testing.assert_array_equal(first, generate(model, prompt, 20, seed=3))
    assert np.any(first != generate(model, prompt, 20, seed=4))
    assert np.any(first[0] != first[1])
    cold = generate(model, prompt, 20, temperature=1e-6, seed=3)
    np.testing.assert_array_equal(cold, generate(model, prompt, 20, temperature=0))
    assert generate(model, [0, 1], 3).shape == (5,)


def test_draws_have_the_probabilities_of_the_scores():
    model = language_model("gru", layers=1)
    z = model.predict(np.zeros((1, 1), np.int32))[0, 0] * 1.0
    drawn = generate(model, np.zeros((20_000, 1), np.int32), 1, temperature=0.25)[:, 1]
    share = np.bincount(drawn, minlength=7) / len(drawn)
    expected = np.exp(z / 0.25) / np.sum(np.exp(z / 0.25))
    np.testing.assert_allclose(share, expected, atol=0.015)


@pytest.mark.parametrize(
    ("prompt", "settings", "error", "message"),
    [
        ([], {}, ShapeError, "a prompt of shape .* at least one token, got shape"),
        (3, {}, ShapeError, r"at least one token, got shape \(\)"),
        ([7], {}, DataError, "whole numbers from 0 to 6, got int64 from 7 to 7"),
        ([0.5], {}, DataError, "whole numbers from 0 to 6, got float64"),
        ([0], {"length": 0}, ArgumentError, "length to be an integer of 1 or more"),
        ([0], {"temperature": -1}, ArgumentError, "temperature to be a number in"),
    ],
)
def test_texts_that_cannot_be_continued(prompt, settings, error, message):
    with pytest.raises(error, match=message):
        generate(language_model("gru"), prompt, **{"length": 1, **settings})


def test_what_is_no_language_model():
    with pytest.raises(ShapeError, match=r"from tokens \(batch, steps\) to scores .* got one with"):
        generate(Sequential([Input((3,)), Dense(2)]), [0], 1)
    with pytest.raises(ArgumentError, match="lstm expected layers to be an integer of 1 or more"):
        language_model("lstm", layers=0)


def test_backward_reading_cannot_go_step_by_step():
    with pytest.raises(ArgumentError, match="got 'reader', a Bidirectional; run the whole"):
        StepByStep(classifier("two_way_lstm"), capacity=1)
