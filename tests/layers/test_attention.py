"""Attention layers: padding that changes nothing, masks, weights on request, traces, tying."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call
from pellucid import layers, losses, models
from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection import trace
from pellucid.layers import (
    AdditiveAttention,
    Attention,
    Dense,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    MultiHeadAttention,
    PositionalEncoding,
    PositionEmbedding,
    ReversibleEmbedding,
    RotaryEmbedding,
    TransformerDecoder,
    TransformerEncoder,
)
from pellucid.models import Model
from pellucid.training import Batch

CLOSE = {"rtol": 1e-5, "atol": 1e-6}
KINDS = {
    "dot": Attention(use_scale=True),
    "additive": AdditiveAttention(),
    "heads": MultiHeadAttention(2, 3),
}


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), "float32")


def test_dot_attention_by_hand():
    """Scores 0 and ln 3 give the weights 1/4 and 3/4."""
    query, key = jnp.array([[[1.0]]]), jnp.array([[[0.0], [np.log(3.0)]]])
    value = jnp.array([[[4.0], [8.0]]])
    layer = Attention(return_attention_scores=True)
    (y, a), _ = call(layer, [query, value, key])
    np.testing.assert_allclose(y, [[[7.0]]], rtol=1e-6)
    np.testing.assert_allclose(a, [[[0.25, 0.75]]], rtol=1e-6)


@pytest.mark.parametrize("layer", KINDS.values(), ids=KINDS)
def test_masked_values_are_not_read_and_get_no_gradient(layer):
    x, z = draw(2, 3, 4), draw(2, 5, 4, seed=1)
    mask = jnp.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 0]], bool)
    variables = layer.make_variables(
        jax.random.key(0), [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, z)]
    )

    def run(x, z):
        return call(layer, [x, z], variables, mask=[None, mask])[0]

    y, pullback = jax.vjp(run, x, z)
    alone = call(layer, [x[:1], z[:1, :3]], variables)[0]
    np.testing.assert_allclose(y[:1], alone, **CLOSE)
    dz = pullback(jnp.ones_like(y))[1]
    np.testing.assert_array_equal(dz[~mask], jnp.zeros_like(dz[~mask]))
    assert np.all(np.any(np.asarray(dz[mask]) != 0, axis=-1))


@pytest.mark.parametrize("layer", KINDS.values(), ids=KINDS)
def test_a_mask_of_ones_own(layer):
    """A fourth input says for each query what it may read; it joins the mask of the values."""
    x, z = draw(1, 3, 4), draw(1, 4, 4, seed=1)
    own = jnp.array([[[1, 1, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]]], bool)
    layer = dataclasses.replace(layer, return_attention_scores=True)
    (_, a), context = call(
        layer, [x, z, z, own], mask=[None, jnp.array([[True, True, True, False]]), None, None]
    )
    a = a[:, 0] if a.ndim == 4 else a
    read = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]], bool)
    np.testing.assert_array_equal(np.asarray(a[0]) != 0, read)
    assert context.output_mask == [None, None]


def test_output_takes_the_mask_of_the_queries():
    mask = jnp.array([[True, True, False]])
    _, context = call(MultiHeadAttention(1, 2), [draw(1, 3, 4), draw(1, 5, 4)], mask=[mask, None])
    assert context.output_mask is mask


def test_causal_steps_do_not_see_later_ones():
    layer, x = TransformerDecoder(5, 2), draw(1, 6, 4)
    variables = layer.make_variables(jax.random.key(0), jax.ShapeDtypeStruct(x.shape, x.dtype))
    y = call(layer, x, variables)[0]
    changed = call(layer, x.at[:, 4:].set(9.0), variables)[0]
    np.testing.assert_array_equal(y[:, :4], changed[:, :4])
    assert np.all(np.asarray(y[:, 4:] != changed[:, 4:]))


def test_keras_way_of_calling():
    x, z = Input((3, 4)), Input((5, 4))
    mha = MultiHeadAttention(2, 3)
    assert mha(x, z).shape == mha([x, z]).shape == mha(query=x, value=z, key=z).shape
    assert TransformerDecoder(5, 2)(x, z).shape == (None, 3, 4)


def encoder(steps):
    x = words = Input((steps,), dtype="int32")
    x = Embedding(9, 4, mask_zero=True)(x)
    x = PositionalEncoding()(x)
    x = TransformerEncoder(6, 2, normalize_first=True)(x)
    return Model(words, Dense(3)(GlobalAveragePooling1D()(x)))


def translator(source_steps, target_steps):
    source = Input((source_steps,), dtype="int32")
    target = Input((target_steps,), dtype="int32")
    memory = TransformerEncoder(6, 2)(Embedding(9, 4, mask_zero=True)(source))
    y = TransformerDecoder(6, 2)([Embedding(8, 4, mask_zero=True)(target), memory])
    return Model([source, target], Dense(8)(y))


@pytest.mark.parametrize("kind", ["encoder", "translator"])
def test_padding_changes_nothing(kind):
    """Loss and gradient of padded sequences equal those of the sequences as they are."""
    if kind == "encoder":
        short, long = encoder(4), encoder(7)
        x, y = [[3, 1, 8, 2], [5, 5, 1, 7]], [0, 2]
        padded, targets = np.pad(x, ((0, 0), (0, 3))), (y, y)
    else:
        short, long = translator(4, 3), translator(6, 5)
        x, y = [[[3, 1, 8, 2], [5, 5, 1, 7]], [[1, 2, 3], [4, 5, 6]]], [[2, 3, 7], [5, 6, 7]]
        padded = [np.pad(part, ((0, 0), (0, 2))) for part in x]
        targets = y, np.pad(y, ((0, 0), (0, 2)))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    found = []
    for model, given, target in ((short, x, targets[0]), (long, padded, targets[1])):
        model.compile("sgd", loss, verbose=0)
        several = kind == "translator"
        given = [np.asarray(part, "int32") for part in given] if several else np.asarray(given)
        batch = Batch(given, np.asarray(target), None, None)
        objective, parameters = model._ready()[0], model.variables.parameters
        measured = jax.jit(jax.value_and_grad(lambda p, o=objective, b=batch: o(p, {}, b, None)[0]))
        found.append(measured(parameters))
    assert float(found[0][0]) == pytest.approx(float(found[1][0]), rel=1e-6)
    for a, b in zip(jax.tree.leaves(found[0]), jax.tree.leaves(found[1]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_trace_shows_queries_keys_scores_and_weights():
    model = encoder(4)
    model.compile("sgd", "mse", verbose=0)
    shown = trace(model, np.array([[3, 1, 8, 0]]), np.zeros((1, 3)))
    path = "transformer_encoder/self_attention"
    values = {name: shown.values[f"{path}/{name}"] for name in ("queries", "keys", "values")}
    scores, weights = (shown.values[f"{path}/attention_{n}"] for n in ("scores", "weights"))
    assert {value.shape for value in values.values()} == {(1, 2, 4, 2)}
    expected = np.einsum("bhid,bhjd->bhij", values["queries"], values["keys"]) / np.sqrt(2)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights.sum(-1), np.ones((1, 2, 4)), rtol=1e-6)
    np.testing.assert_array_equal(weights[..., 3], np.zeros((1, 2, 4)))
    # Parts come after the layer that they are part of, in the order in which they run.
    order = list(shown.layers)
    assert order.index("transformer_encoder") < order.index(path) < order.index(f"{path}/query")
    assert order.index(f"{path}/attention_output") < order.index("dense")
    np.testing.assert_array_equal(
        shown[f"{path}/query"].parameters["kernel"],
        model.variables.parameters["transformer_encoder"]["self_attention"]["query"]["kernel"],
    )


def test_dropped_weights_are_drawn_from_the_key():
    layer, x = MultiHeadAttention(2, 3, dropout=0.5), draw(1, 3, 4)
    variables = layer.make_variables(
        jax.random.key(0), [jax.ShapeDtypeStruct(x.shape, x.dtype)] * 2
    )
    first, again = (call(layer, [x, x], variables, training=True, seed=1)[0] for _ in range(2))
    other = call(layer, [x, x], variables, training=True, seed=2)[0]
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_regularizers_and_constraints_reach_the_parts():
    x = Input((3, 4))
    layer = MultiHeadAttention(1, 2, kernel_regularizer="l2", kernel_constraint="non_neg")
    model = Model(x, layer(x, x))
    parameters = model.variables.parameters
    kernels = [part["kernel"] for part in parameters["multi_head_attention"].values()]
    expected = 0.01 * sum(float(jnp.sum(kernel**2)) for kernel in kernels)
    assert float(model.graph.penalty(parameters)) == pytest.approx(expected, rel=1e-5)
    held = model.graph.constrain(parameters)["multi_head_attention"]
    assert all(np.all(np.asarray(part["kernel"]) >= 0) for part in held.values())


def test_rotary_heads_see_distances():
    layer = MultiHeadAttention(2, 4, rotary=RotaryEmbedding(100.0), return_attention_scores=True)
    x = jnp.tile(draw(1, 1, 6), (1, 5, 1))  # equal steps: the scores can differ by distance alone
    variables = layer.make_variables(
        jax.random.key(0), [jax.ShapeDtypeStruct(x.shape, x.dtype)] * 2
    )
    (_, a), _ = call(layer, [x, x], variables)
    s = np.log(a[0, 0])
    np.testing.assert_allclose(s[0, 0] - s[0, 1], s[3, 3] - s[3, 4], rtol=1e-3, atol=1e-5)
    assert abs(s[0, 0] - s[0, 1]) > 1e-4


def test_sinusoids_by_hand():
    """Features 4, wavelength 100: angles t and t / 10."""
    y, _ = call(PositionalEncoding(100.0), jnp.zeros((1, 2, 4)))
    expected = [[0, 1, 0, 1], [np.sin(1), np.cos(1), np.sin(0.1), np.cos(0.1)]]
    np.testing.assert_allclose(y[0], expected, rtol=1e-6)


def test_one_table_at_both_ends():
    """Tied weights: one variable, the gradients of both uses added."""
    words = Input((3,), dtype="int32")
    table = ReversibleEmbedding(5, 2)
    model = Model(words, table(table(words)))
    (path,) = [path for path, _ in model._ordered(model.shapes)]
    assert path == "reversible_embedding/embeddings"
    e = jnp.array([[1.0, 2], [3, 4], [0, 1], [1, 0], [2, 2]])
    variables = layers.Variables({"reversible_embedding": {"embeddings": e}})
    x = jnp.array([[1, 0, 1]])

    def scores(e):
        given = layers.Variables({"reversible_embedding": {"embeddings": e}})
        return model.graph.apply(given, x, layers.Context())

    np.testing.assert_array_equal(scores(e), e[x] @ e.T)
    weights = draw(1, 3, 5)
    ours = jax.grad(lambda e: jnp.sum(weights * scores(e)))(e)
    plain = jax.grad(lambda e: jnp.sum(weights * (e[x] @ e.T)))(e)
    np.testing.assert_allclose(ours, plain, rtol=1e-6)
    again = models._saving.build(models._saving.describe(model), {})
    np.testing.assert_array_equal(again.graph.apply(variables, x, layers.Context()), scores(e))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MultiHeadAttention(0, 3), ArgumentError, "num_heads to be an integer of 1"),
        (lambda: Attention(score_mode="cosine"), ArgumentError, "'dot', 'concat', got 'cosine'"),
        (
            lambda: MultiHeadAttention(2, 3)([Input((3, 4))]),
            ShapeError,
            "a list of 2 to 4 inputs, got 1; write MultiHeadAttention(...)([query, value])",
        ),
        (
            lambda: MultiHeadAttention(2, 3)([*[Input((3, 4))] * 3, Input((3, 5))]),
            ShapeError,
            "a mask of shape (batch, query steps, steps), here (2, 3, 3), got (2, 3, 5)",
        ),
        (
            lambda: TransformerEncoder(8, 3)(Input((3, 4))),
            ArgumentError,
            "number of features to be a multiple of num_heads=3, got 4",
        ),
        (
            lambda: TransformerDecoder(8, 2)([Input((3, 4))] * 3),
            ShapeError,
            "a sequence and a memory, got a list of 3",
        ),
        (
            lambda: PositionEmbedding(4)(Input((5, 4))),
            ShapeError,
            "at most 4 steps, got 5 in shape (2, 5, 4); type PositionEmbedding(5)",
        ),
        (lambda: RotaryEmbedding()(Input((5, 3))), ArgumentError, "a multiple of pairs=2, got 3"),
        (
            lambda: ReversibleEmbedding(9, 4)(Input((5,))),
            ShapeError,
            "size 4, got shape (2, 5); for word numbers, type Input(shape, dtype='int32')",
        ),
        (lambda: PositionalEncoding(1.0), ArgumentError, "max_wavelength to be a number in (1"),
    ],
    ids=range(10),
)
def test_errors(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
