"""Every layer kind taken apart: the totals of numbers drawn at random are the run's own numbers.

All rows of the table of layers are put into a network and take one training step each. Most rows
are slow together; one row of each way of explaining runs always.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.cases import CASES
from pellucid import Input, Model, Sequential, layers, optimizers
from pellucid._tree import flatten_paths
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection import explain, trace
from pellucid.inspection._chain import Chain
from pellucid.inspection._explain import ROUNDING, explained
from pellucid.inspection._trace import trace_step
from pellucid.layers import GRU, LSTM, Dense, Embedding, Flatten, Layer, SimpleRNN
from pellucid.layers._symbol import connect
from pellucid.models._fit_data import FitData, as_dataset

OPTIMIZERS = [
    optimizers.Adam(0.01),
    optimizers.SGD(0.05, momentum=0.9),
    optimizers.RMSprop(0.01, momentum=0.5),
]
DRAWS = 2  # of each kind of number, for each row; all rows together are far more than 500 numbers
ALWAYS = {
    "Dense",
    "Embedding",
    "Conv2D-same",
    "MaxPooling2D",
    "Softmax-axis",
    "Multiply",
    "Dropout",
    "LayerNormalization",
    "LocalResponseNormalization",
    "RadialBasis",
    "Attention",
    "LSTM-backwards",
    "GRU",
    "Bidirectional-ave",
    "GaussianSampling",
}
assert {case.id for case in CASES} >= ALWAYS
assert {type(case.layer) for case in CASES} == set(layers.REGISTRY.entries.values())

ROWS = [
    pytest.param(n, case, id=case.id, marks=[] if case.id in ALWAYS else [pytest.mark.slow])
    for n, case in enumerate(CASES)
]


def step_of(model, x, y, rng):
    """Return the trace of the 31st step: moments are there, and 1 - beta_2^t is well known."""
    dataset = as_dataset(x, y)
    model._build_for(dataset)
    batch = FitData(model.graph, model._ready()[0], None).batch(dataset)
    state = model._start(0)
    moments = dict(state.optimizer_state)
    moments["step"] = jnp.asarray(30, jnp.int32)
    moments["slots"] = jax.tree.map(
        lambda a: jnp.asarray(0.01 + 0.01 * rng.random(a.shape), a.dtype), moments["slots"]
    )
    return trace_step(model, replace(state, optimizer_state=moments), batch)


def close(found, floor):
    """Tell whether a total is the number, to 1e-5 of it or of a tenth of its largest term."""
    size = max([abs(found.value), *(0.1 * abs(term.value) for term in found.terms)])
    return abs(found.total - found.value) <= max(1e-5 * size, floor) + 1e-12


def check(chain, path, of, shape, rng, number=0):
    """Take entries drawn at random apart; return how many."""
    for _ in range(DRAWS):
        index = tuple(int(rng.integers(n)) for n in shape)
        layer = of in ("output", "delta", "pre_activation")
        unit, sample = (index[1:], index[0]) if layer else (index, 0)
        found = explained(chain, path, unit, of=of, sample=sample, output=number)
        # Where everything cancels, a number is rounding of what stands beside it.
        assert found.floor <= 2 * ROUNDING * largest(chain.trace, path, of, number)
        assert close(found, found.floor), (path, of, index, found.total, found.value)
        assert found.holds
        assert found.terms or found.rules or found.value == 0
    return DRAWS


def largest(seen, path, of, number):
    if of == "delta":
        delta = seen.layers[path].delta
        delta = delta[number] if isinstance(delta, list) else delta
        return float(jnp.abs(delta).max())
    if of == "gradient":
        leaves = jax.tree.leaves(seen[path.split("/")[0]].gradients)
        return max(float(jnp.abs(g).max()) for g in leaves)
    return 0.0


@pytest.mark.parametrize(("row", "case"), ROWS)
def test_every_layer(row, case):
    rng = np.random.default_rng(row)
    symbols = case.symbols()
    made = connect(case.layer, symbols)
    first = made[0] if isinstance(made, tuple) else made
    # What the layer reads is made by a trained layer where it can be, so that it has a delta.
    head = Dense(2, activation="tanh", name="answer")(Flatten(name="flat")(first))
    model = Model(symbols, head, seed=row)
    model.compile(OPTIMIZERS[row % 3], "mse", verbose=0)
    x = case.inputs(2, seed=row)
    y = rng.normal(size=(2, 2)).astype("float32") / 2
    seen = step_of(model, x, y, rng)
    chain = Chain(model, seen)
    name = next(iter(model.graph.layers()))
    call = chain.call(name)
    drawn = 0
    # Word numbers have no slope, and so no delta.
    assert (call.delta is None) == isinstance(case.layer, layers.WordDropout)
    for number, output in enumerate(call.outputs):
        drawn += check(chain, name, "output", output.shape, rng, number)
        if not number and call.delta is not None:
            drawn += check(chain, name, "delta", call.delta.shape, rng, number)
    if call.has_z:
        drawn += check(chain, name, "pre_activation", call.z.shape, rng)
    for parameter, g in flatten_paths(seen[name].gradients):
        for of in ("gradient", "update"):
            drawn += check(chain, f"{name}/{parameter}", of, g.shape, rng)
    assert drawn >= (2 if call.delta is None else 4)


def test_the_table_gives_more_than_500_numbers():
    assert sum(2 * DRAWS for _ in CASES) + 4 * DRAWS * len(OPTIMIZERS) > 500


# Several outputs, masks, time


@pytest.mark.parametrize("layer", [LSTM, GRU, SimpleRNN])
@pytest.mark.parametrize("settings", [{}, {"return_sequences": True, "go_backwards": True}])
def test_recurrence_with_masks_and_states(layer, settings):
    words = Input((5,), "int32")
    x = Embedding(7, 3, mask_zero=True, name="words")(words)
    memory = layer(4, return_state=True, name="memory", **settings)
    h, *finals = memory(x)
    flat = layers.Concatenate()([Flatten()(h), *finals])
    model = Model(words, Dense(1, name="answer")(flat), seed=3)
    model.compile(OPTIMIZERS[0], "mse", verbose=0)
    rng = np.random.default_rng(1)
    given = np.array([[3, 1, 4, 0, 0], [2, 5, 6, 1, 2], [1, 0, 0, 0, 0]])
    seen = step_of(model, given, rng.normal(size=(3, 1)), rng)
    chain = Chain(model, seen)
    for number in range(1 + len(finals)):
        call = chain.call("memory", number)
        check(chain, "memory", "output", call.output.shape, rng, number)
        check(chain, "memory", "delta", call.delta.shape, rng, number)
    for parameter, g in seen["memory"].gradients.items():
        check(chain, f"memory/{parameter}", "gradient", g.shape, rng)
    check(chain, "words", "delta", seen["words"].output.shape, rng)
    check(chain, "words/embeddings", "gradient", (7, 3), rng)


def test_a_step_of_an_lstm_is_worked_through():
    model = Sequential([Input((3, 2)), LSTM(2, name="memory"), Dense(1)], seed=1)
    model.compile("sgd", "mse", verbose=0)
    x = np.random.default_rng(0).normal(size=(1, 3, 2)).astype("float32")
    found = explain(model, x, np.ones((1, 1)), "memory", 1)
    assert [rule.formula.text() for rule in found.rules] == [
        "c = f c_before + i g",
        "a = (e^c - e^(-c)) / (e^c + e^(-c))",
        "h = o a",
    ]
    assert "c_before" in str(found)


# Attention, parts of layers, nested models


def test_parts_of_a_block_have_paths_of_their_own():
    x = Input((4, 6))
    y = layers.TransformerEncoder(5, 2, name="block")(Dense(6, name="first")(x))
    model = Model(x, Dense(1, name="answer")(Flatten()(y)), seed=2)
    model.compile(OPTIMIZERS[0], "mse", verbose=0)
    rng = np.random.default_rng(4)
    given = rng.normal(size=(2, 4, 6)).astype("float32")
    chain = Chain(model, step_of(model, given, rng.normal(size=(2, 1)), rng))
    for part in ("self_attention", "self_attention/query", "feedforward_intermediate"):
        shape = chain.call(f"block/{part}").z.shape
        for of in ("output", "delta"):
            check(chain, f"block/{part}", of, shape, rng)
    check(chain, "block/feedforward_norm/gamma", "gradient", (6,), rng)
    check(chain, "first", "delta", (2, 4, 6), rng)
    with pytest.raises(UnknownNameError, match="did you mean 'feedforward_norm'"):
        explained(chain, "block/feedforward_nor", (0, 0), of="output")


def test_layers_of_a_nested_model():
    inner = Sequential([Input((4,)), Dense(3, "relu", name="a"), Dense(2, name="b")])
    x = Input((5,))
    model = Model(x, Dense(1, name="answer")(inner(Dense(4, name="first")(x))), seed=2)
    model.compile(OPTIMIZERS[1], "mse", verbose=0)
    rng = np.random.default_rng(4)
    given = rng.normal(size=(2, 5)).astype("float32")
    chain = Chain(model, step_of(model, given, rng.normal(size=(2, 1)), rng))
    for path, units in (("graph", 2), ("graph/a", 3), ("graph/b", 2), ("first", 4)):
        for of in ("output", "delta"):
            check(chain, path, of, (2, units), rng)
    check(chain, "graph/a/kernel", "gradient", (4, 3), rng)
    check(chain, "graph/a/kernel", "update", (4, 3), rng)


def test_several_outputs_with_losses_and_a_shared_layer():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = Dense(4, "tanh", name="shared")
    left, right = shared(a), shared(b)
    one = Dense(2, "softmax", name="one")(layers.Add(name="sum")([left, right]))
    two = Dense(1, name="two")(right)
    model = Model([a, b], [one, two], seed=1)
    model.compile(
        OPTIMIZERS[0], ["categorical_crossentropy", "mse"], loss_weights=[0.3, 0.7], verbose=0
    )
    rng = np.random.default_rng(2)
    x = [rng.normal(size=(2, 3)).astype("float32") for _ in range(2)]
    y = [np.eye(2, dtype="float32"), rng.normal(size=(2, 1)).astype("float32")]
    chain = Chain(model, step_of(model, x, y, rng))
    for path in ("shared", "shared#1", "one", "two"):
        shape = chain.call(path).z.shape
        for of in ("output", "delta", "pre_activation"):
            check(chain, path, of, shape, rng)
    for of in ("gradient", "update"):
        check(chain, "shared/kernel", of, (3, 4), rng)


# Layers of one's own


class Scale(Layer):
    """Linear in its parameters."""

    def init(self, key, spec):
        return {"scale": jnp.full(spec.shape[-1], 1.5), "shift": jnp.full(spec.shape[-1], 0.5)}

    def apply(self, variables, x, context):
        return x * variables["scale"] + variables["shift"]


class Shortcut(Layer):
    """Reads its input again behind its pre-activation, and has a part and a penalty of its own."""

    def parts(self):
        return {"inner": Dense(4)}

    def init(self, key, spec):
        made = self.parts()["inner"].make_variables(key, spec)
        return {"inner": made.parameters, "mix": jnp.full(4, 0.7)}

    def apply(self, variables, x, context):
        z = self.parts()["inner"].apply(variables.child("inner"), x, context)
        context.add_penalty(0.01 * jnp.sum(x**2))
        return jnp.tanh(z) * variables["mix"] + x


class Softsign(Layer):
    """Has a formula, which holds for each entry."""

    sharpness: float = 2.0
    formula = "y = sharpness x / (1 + |x|)"

    def apply(self, variables, x, context):
        return self.sharpness * x / (1 + jnp.abs(x))


class Gauss(Layer):
    """Says its own formulas."""

    def apply(self, variables, x, context):
        return jnp.exp(-(x**2)) + jnp.flip(x, -1)

    def unit_steps(self, seen, index):
        row, i = seen["input"][index[:-1]], index[-1]
        return [
            ("s = x^2", {"x": row[i]}),
            ("y = exp(-s) + x_last", {"x_last": row[len(row) - 1 - i]}),
        ]


class Silent(Layer):
    """Says nothing, and is no sum."""

    def apply(self, variables, x, context):
        return jnp.exp(-(x**2)) + 0.1 * jnp.sin(x)


def own_model(layer):
    model = Sequential(
        [Input((3,)), Dense(4, name="first"), layer(name="own"), Dense(2, name="answer")], seed=1
    )
    model.compile(OPTIMIZERS[0], "mse", verbose=0)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 3)).astype("float32")
    y = rng.normal(size=(2, 2)).astype("float32")
    return model, x, y, rng


@pytest.mark.parametrize("layer", [Scale, Shortcut, Softsign, Gauss])
def test_a_layer_of_ones_own(layer):
    model, x, y, rng = own_model(layer)
    chain = Chain(model, step_of(model, x, y, rng))
    for of in ("output", "delta"):
        check(chain, "own", of, (2, 4), rng)
    check(chain, "first", "delta", (2, 4), rng)
    for parameter, g in flatten_paths(chain.trace["own"].gradients):
        for of in ("gradient", "update"):
            check(chain, f"own/{parameter}", of, g.shape, rng)


def test_what_is_not_covered_is_said():
    model, x, y, _ = own_model(Silent)
    with pytest.raises(ArgumentError, match="does not cover the output of 'own', a Silent"):
        explain(model, x, y, "own", 0)
    # The chain rule needs no formula of the layer: its deltas are sums all the same.
    assert explain(model, x, y, "own", 0, of="delta").holds
    assert explain(model, x, y, "first", 0, of="delta").holds


class Wrong(Gauss):
    """Says what is no formula."""

    def unit_steps(self, seen, index):
        return [("y = what ? x", {})]


def test_a_step_that_is_no_formula():
    model, x, y, _ = own_model(Wrong)
    with pytest.raises(ArgumentError, match=r"unit_steps of Wrong gives 'y = what \? x'"):
        explain(model, x, y, "own", 0)


def test_an_output_that_is_not_there():
    model, x, y, _ = own_model(Scale)
    with pytest.raises(ArgumentError, match="expected output from 0 to 0 for 'own', got 1"):
        explain(model, x, y, "own", 0, output=1)


# What a trace shows


def test_attention_shows_its_four_steps():
    x = Input((4, 6))
    y = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    model = Model(x, Dense(1)(Flatten()(y)), seed=2)
    model.compile("sgd", "mse", verbose=0)
    rng = np.random.default_rng(4)
    given = rng.normal(size=(2, 4, 6)).astype("float32")
    seen = trace(model, given, rng.normal(size=(2, 1)))["attention"].values
    q, k, v = seen["queries"], seen["keys"], seen["values"]
    scores, weights = seen["attention_scores"], seen["attention_weights"]
    np.testing.assert_allclose(
        scores, q @ jnp.swapaxes(k, -1, -2) / np.sqrt(3), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(weights, jax.nn.softmax(scores, -1), rtol=1e-5)
    heads = jnp.transpose(weights @ v, (0, 2, 1, 3)).reshape(2, 4, 6)
    np.testing.assert_allclose(seen["attention_output/input"], heads, rtol=1e-4, atol=1e-6)


def test_recurrence_shows_every_step():
    model = Sequential([Input((5, 2)), LSTM(3, name="memory"), Dense(1)], seed=1)
    model.compile("sgd", "mse", verbose=0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 2)).astype("float32")
    seen = trace(model, x, rng.normal(size=(2, 1)))["memory"]
    shown = seen.values
    i, f, g, o = np.split(np.asarray(shown["gates"]), 4, axis=-1)
    h, c = np.asarray(shown["hidden_states"]), np.asarray(shown["cell_states"])
    assert h.shape == c.shape == (2, 5, 3)
    np.testing.assert_allclose(c[:, 1:], f[:, 1:] * c[:, :-1] + i[:, 1:] * g[:, 1:], rtol=1e-5)
    np.testing.assert_allclose(h, o * np.tanh(c), rtol=1e-5)
    np.testing.assert_array_equal(h[:, -1], seen.output)
    # The delta of every step, through time: the bias adds to all of them.
    np.testing.assert_allclose(
        seen.deltas["input_part"].sum(axis=(0, 1)), seen.gradients["bias"], rtol=1e-4, atol=1e-6
    )
