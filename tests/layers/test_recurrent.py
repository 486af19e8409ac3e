"""SimpleRNN, LSTM and GRU alone, stacked, in both directions: masks, states, traces, bad input."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import Input, Model, Sequential, layers, losses
from pellucid.errors import ArgumentError, DTypeError, PellucidError, ShapeError
from pellucid.inspection import trace
from pellucid.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    Context,
    Dense,
    Embedding,
    GlobalAveragePooling1D,
    Masking,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
    Variables,
)
from pellucid.layers._context import Collected
from pellucid.models import load_model

CLOSE = {"rtol": 1e-5, "atol": 1e-6}
KINDS = pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU], ids=lambda kind: kind.__name__)
RNG = np.random.default_rng(0)
WORDS = RNG.integers(1, 9, (3, 4)).astype(np.int32)


def specs(x):
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x)


def numbers(*shape):
    return jnp.asarray(RNG.standard_normal(shape), "float32")


def run(layer, x, mask=None, training=False, seed=0, collected=None):
    """Return the output, the output's mask and the variables of a layer."""
    variables = layer.make_variables(jax.random.key(1), specs(x))
    context = Context(training, jax.random.key(seed), collected=collected, path=("layer",))
    context.mask = mask
    return layer.run_checked(variables, x, context), context.output_mask, variables


# Padding changes nothing


def backwards_and_two_way(kind):
    return [kind(3, return_sequences=True, go_backwards=True), Bidirectional(kind(2)), Dense(2)]


def stacked_and_averaged():
    sequence = Bidirectional(LSTM(2, return_sequences=True), merge_mode="sum")
    every_step = TimeDistributed(Dense(2, activation="tanh"))
    reader = SimpleRNN(3, return_sequences=True)
    writer = GRU(2, return_sequences=True)
    return [reader, sequence, writer, every_step, GlobalAveragePooling1D(), Dense(2)]


@pytest.mark.parametrize(
    "network",
    [*(backwards_and_two_way(kind) for kind in (SimpleRNN, LSTM, GRU)), stacked_and_averaged()],
    ids=["SimpleRNN", "LSTM", "GRU", "stacked"],
)
def test_padding_changes_nothing(network):
    """Padded in front, between and behind, a sequence gives the unpadded one's numbers."""
    model = Sequential([Input((None,), "int32"), Embedding(9, 2, mask_zero=True), *network])
    graph, variables = model.graph, model.variables
    target = numbers(3, 2)
    padded = np.zeros((3, 7), np.int32)
    padded[:, [1, 2, 4, 5]] = WORDS

    @jax.jit
    def both(parameters, words):
        def loss(parameters):
            y = graph.run_checked(Variables(parameters, {}), words, Context())
            return jnp.sum(target * y), y

        return jax.grad(loss, has_aux=True)(parameters)

    gradients, y = both(variables.parameters, WORDS)
    gradients_padded, y_padded = both(variables.parameters, padded)
    np.testing.assert_allclose(y_padded, y, **CLOSE)
    # The vector of word 0 is never used, so that all gradients can be compared.
    for a, b in zip(jax.tree.leaves(gradients_padded), jax.tree.leaves(gradients), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def test_masked_steps_repeat_the_output_and_keep_the_state():
    x, mask = numbers(1, 4, 2), jnp.asarray([[False, True, False, True]])
    (y, h, c), masks, variables = run(LSTM(3, return_sequences=True, return_state=True), x, mask)
    np.testing.assert_array_equal(y[0, 0], 0)
    np.testing.assert_array_equal(y[0, 2], y[0, 1])
    np.testing.assert_array_equal(h, y[:, -1])
    assert masks[0] is mask
    assert masks[1:] == [None, None]
    short = LSTM(3, return_state=True).apply(variables, x[:, [1, 3]], Context())
    np.testing.assert_allclose(c, short[2], **CLOSE)


def test_a_two_way_layer_gives_0_at_padding():
    x, mask = numbers(2, 3, 2), jnp.asarray([[True, False, True], [False, True, True]])
    y, kept, _ = run(Bidirectional(GRU(2, return_sequences=True)), x, mask)
    np.testing.assert_array_equal(np.all(y == 0, axis=-1), ~mask)
    assert kept is mask


def test_masking_marks_and_clears_padding():
    x = jnp.asarray([[[1.0, 2.0], [-1.0, -1.0], [-1.0, 3.0]]])
    y, mask, _ = run(Masking(-1), x)
    np.testing.assert_array_equal(mask, [[True, False, True]])
    np.testing.assert_array_equal(y[0], [[1, 2], [0, 0], [-1, 3]])


def test_states_have_no_mask_for_later_layers():
    """A loss on a state counts every row, whatever the sequences' mask."""
    x = Input((4,), dtype="int32")
    vectors = Embedding(9, 3, mask_zero=True)(x)
    _, h = GRU(5, return_sequences=True, return_state=True)(vectors)
    model = Model(x, Dense(1)(h))
    model.compile("sgd", "mse", verbose=0)
    words = np.where(np.arange(4) < 2, WORDS, 0)
    loss = model.evaluate(words, np.ones((3, 1)), verbose=0)
    np.testing.assert_allclose(loss, np.mean((model.predict(words) - 1) ** 2), rtol=1e-5)


def test_a_nested_model_passes_masks_on():
    inner = Sequential([Input((None, 2)), GRU(3, return_sequences=True)])
    model = Sequential([Input((None,), "int32"), Embedding(9, 2, mask_zero=True), inner, LSTM(2)])
    padded = np.concatenate([WORDS, np.zeros((3, 2), np.int32)], axis=1)
    np.testing.assert_allclose(model.predict(padded), model.predict(WORDS), **CLOSE)


# States, directions, dropout


@KINDS
def test_a_sequence_in_two_halves(kind):
    """The final states of the first half start the second."""
    x = numbers(2, 6, 3)
    whole, _, variables = run(kind(2, return_sequences=True), x)
    first = kind(2, return_sequences=True, return_state=True)
    y, *states = first.apply(variables, x[:, :3], Context())
    rest = kind(2, return_sequences=True).apply(variables, [x[:, 3:], *states], Context())
    np.testing.assert_allclose(jnp.concatenate([y, rest], 1), whole, **CLOSE)


@KINDS
def test_go_backwards_reads_the_flipped_sequence(kind):
    x, mask = numbers(2, 4, 3), jnp.asarray(RNG.random((2, 4)) < 0.7)
    settings = {"units": 2, "return_sequences": True, "return_state": True}
    back, masks, variables = run(kind(**settings, go_backwards=True), x, mask)
    context = Context()
    context.mask = mask[:, ::-1]
    forward = kind(**settings).apply(variables, x[:, ::-1], context)
    for a, b in zip(back, forward, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)
    np.testing.assert_array_equal(masks[0], mask[:, ::-1])


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
def test_merge_modes(mode):
    x, join = numbers(2, 4, 3), {"sum": jnp.add, "mul": jnp.multiply}
    layer = Bidirectional(GRU(2, return_sequences=True, return_state=True), merge_mode=mode)
    y, _, variables = run(layer, x)
    parts = [
        part.apply(variables.child(name), x, Context()) for name, part in layer.parts().items()
    ]
    (a, final_a), (b, final_b) = parts
    b = b[:, ::-1]
    if mode is None:
        expected = (a, b)
    elif mode == "concat":
        expected = (jnp.concatenate([a, b], -1),)
    else:
        expected = ((a + b) / 2 if mode == "ave" else join[mode](a, b),)
    for got, want in zip(y, (*expected, final_a, final_b), strict=True):
        np.testing.assert_allclose(got, want, **CLOSE)


def test_initial_states_are_further_inputs():
    x, h, c = Input((4, 3)), Input((2,)), Input((2,))
    layer = LSTM(2)
    joined = Model([x, h, c], layer([x, h, c]))
    named = Model([x, h, c], layer(x, initial_state=[h, c]))
    arrays = [numbers(3, 4, 3), numbers(3, 2), numbers(3, 2)]
    np.testing.assert_array_equal(joined(arrays), named(arrays))
    assert not np.allclose(joined(arrays), joined([arrays[0], 0 * arrays[1], 0 * arrays[2]]))
    two_way = Bidirectional(GRU(2))(x, initial_state=[h, c])
    assert two_way.shape == (None, 4)


def test_dropout_is_the_same_in_all_steps_and_off_in_evaluation():
    x = jnp.ones((2, 5, 8))
    layer = SimpleRNN(
        8,
        activation="linear",
        dropout=0.5,
        recurrent_initializer="zeros",
        return_sequences=True,
    )
    y, _, variables = run(layer, x, training=True)
    for t in range(1, 5):
        np.testing.assert_array_equal(y[:, t], y[:, 0])
    assert not np.allclose(y[0, 0], y[1, 0])
    calm = layer.apply(variables, x, Context())
    np.testing.assert_allclose(calm, jnp.sum(variables["kernel"], 0) + 0 * calm, **CLOSE)


def test_recurrent_dropout_leaves_units_out_of_the_recurrence():
    x = jnp.ones((1, 3, 1))
    layer = SimpleRNN(
        64,
        activation="linear",
        recurrent_dropout=0.25,
        kernel_initializer="ones",
        recurrent_initializer="identity",
        return_sequences=True,
    )
    y, _, _ = run(layer, x, training=True)
    grown = 1 / 0.75
    kept = np.isclose(y[0, 1], 1 + grown)
    np.testing.assert_allclose(y[0, 2], np.where(kept, 1 + grown * (1 + grown), 1), rtol=1e-5)
    assert 0.55 < kept.mean() < 0.95
    np.testing.assert_allclose(run(layer, x)[0][0, 2], 3, rtol=1e-6)


# Variables and penalties


@pytest.mark.parametrize(
    ("layer", "count"),
    [
        (SimpleRNN(5), 3 * 5 + 5 * 5 + 5),
        (LSTM(5), 4 * (3 * 5 + 5 * 5 + 5)),
        (GRU(5), 3 * (3 * 5 + 5 * 5 + 2 * 5)),
        (GRU(5, reset_after=False), 3 * (3 * 5 + 5 * 5 + 5)),
        (Bidirectional(LSTM(5, use_bias=False)), 2 * 4 * (3 * 5 + 5 * 5)),
        (TimeDistributed(Dense(5)), 3 * 5 + 5),
    ],
    ids=["rnn", "lstm", "gru", "gru-before", "two-way", "each-step"],
)
def test_parameter_counts(layer, count):
    assert Sequential([Input((4, 3)), layer]).count_params() == count


def test_forget_gates_start_open():
    bias = run(LSTM(2), numbers(1, 2, 3))[2]["bias"]
    np.testing.assert_array_equal(bias, [0, 0, 1, 1, 0, 0, 0, 0])
    assert not np.any(run(LSTM(2, unit_forget_bias=False), numbers(1, 2, 3))[2]["bias"])


def test_the_two_directions_start_differently():
    variables = run(Bidirectional(LSTM(2)), numbers(1, 2, 3))[2]
    a, b = (variables.child(name)["kernel"] for name in ("forward_layer", "backward_layer"))
    assert not np.allclose(a, b)


def test_penalties_and_constraints_reach_every_kernel():
    layer = Bidirectional(
        GRU(2, kernel_regularizer="l2", recurrent_regularizer="l1", recurrent_constraint="non_neg")
    )
    variables = run(layer, numbers(1, 2, 3))[2]
    parts = [variables.child(name) for name in layer.parts()]
    expected = 0.01 * sum(
        jnp.sum(part["kernel"] ** 2) + jnp.sum(jnp.abs(part["recurrent_kernel"])) for part in parts
    )
    np.testing.assert_allclose(layer.penalty(variables.parameters), expected, rtol=1e-6)
    after = layer.constrain(variables.parameters)
    for name in layer.parts():
        assert np.min(after[name]["recurrent_kernel"]) == 0
        np.testing.assert_array_equal(after[name]["kernel"], variables.child(name)["kernel"])


def test_a_part_that_is_not_trainable_stays():
    frozen = Bidirectional(GRU(2), backward_layer=GRU(2, go_backwards=True, trainable=False))
    model = Sequential([Input((3, 2)), frozen])
    model.compile("sgd", "mse", verbose=0)
    before = jax.tree.map(np.asarray, model.variables.parameters["bidirectional"])
    model.fit(numbers(8, 3, 2), np.ones((8, 4)), epochs=1, verbose=0)
    after = model.variables.parameters["bidirectional"]
    np.testing.assert_array_equal(
        after["backward_layer"]["kernel"], before["backward_layer"]["kernel"]
    )
    assert not np.allclose(after["forward_layer"]["kernel"], before["forward_layer"]["kernel"])


# Every step


def test_time_distributed_is_the_layer_on_every_step():
    x = numbers(2, 3, 4)
    y, _, variables = run(TimeDistributed(Dense(5, activation="tanh")), x)
    for t in range(3):
        step = Dense(5, activation="tanh").apply(variables.child("layer"), x[:, t], Context())
        np.testing.assert_allclose(y[:, t], step, **CLOSE)


def test_time_distributed_normalizes_over_steps_that_count():
    x, mask = numbers(4, 3, 2), jnp.asarray(RNG.random((4, 3)) < 0.6)
    layer, collected = TimeDistributed(BatchNormalization(momentum=0.0)), Collected()
    run(layer, x, mask, training=True, collected=collected)
    (state,) = collected.state.values()
    np.testing.assert_allclose(state["moving_mean"], x[mask].mean(0), rtol=1e-4, atol=1e-6)
    model = Sequential([Input((3, 2)), layer, GRU(2)])
    model.compile("sgd", "mse", verbose=0)
    model.fit(x, np.ones((4, 2)), epochs=1, verbose=0)
    moved = model.variables.state["time_distributed"]["layer"]["moving_mean"]
    np.testing.assert_allclose(moved, x.mean((0, 1)), rtol=1e-4, atol=1e-6)


def test_repeat_vector():
    x = numbers(2, 3)
    y, _, _ = run(RepeatVector(4), x)
    np.testing.assert_array_equal(y, np.repeat(x[:, None], 4, axis=1))


# Saving and traces


class Doubling(layers.Layer):
    """A layer of one's own inside a layer of Pellucid's."""

    def apply(self, variables, x, context):
        return 2 * x


def test_saved_and_loaded(tmp_path):
    model = Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(9, 3, mask_zero=True),
            Bidirectional(LSTM(2, return_sequences=True), merge_mode="sum"),
            Bidirectional(
                GRU(3, return_sequences=True, reset_after=False),
                backward_layer=SimpleRNN(2, return_sequences=True, go_backwards=True),
            ),
            TimeDistributed(TimeDistributed(Doubling(), name="inner")),
            GlobalAveragePooling1D(),
        ]
    )
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model", custom_objects={"Doubling": Doubling})
    np.testing.assert_array_equal(loaded.predict(WORDS), model.predict(WORDS))
    written = json.loads((tmp_path / "model" / "model.json").read_text())
    assert written["graph"]["layers"]["time_distributed"]["config"]["layer"]["name"] == (
        "TimeDistributed"
    )
    with pytest.raises(PellucidError, match="no layer named 'Doubling'"):
        load_model(tmp_path / "model")


def test_a_trace_sees_every_time_step():
    model = Sequential([Input((4, 3)), Bidirectional(LSTM(2, name="cells")), Dense(1)])
    model.compile("sgd", losses.MeanSquaredError(), verbose=0)
    seen = trace(model, numbers(5, 4, 3), np.ones((5, 1)))
    path = "bidirectional/forward_layer"
    for name, width in (("input_part", 8), ("gates", 8), ("hidden_states", 2), ("cell_states", 2)):
        assert seen.values[f"{path}/{name}"].shape == (5, 4, width)
    i, f, g, o = np.split(np.asarray(seen.values[f"{path}/gates"]), 4, axis=-1)
    c = np.asarray(seen.values[f"{path}/cell_states"])
    before = np.concatenate([np.zeros_like(c[:, :1]), c[:, :-1]], axis=1)
    np.testing.assert_allclose(c, f * before + i * g, **CLOSE)
    np.testing.assert_allclose(seen.values[f"{path}/hidden_states"], o * np.tanh(c), **CLOSE)
    assert list(seen.layers) == [
        "bidirectional",
        "bidirectional/forward_layer",
        "bidirectional/backward_layer",
        "dense",
    ]
    assert set(seen[path].gradients) == {"kernel", "recurrent_kernel", "bias"}


def test_the_delta_of_every_step_makes_the_gradients():
    """dJ/d(input part) is the delta of the gates: dW = x^T delta and db = sum delta."""
    x = numbers(3, 4, 2)
    layer, collected = LSTM(2), Collected(values={})
    _, _, variables = run(layer, x, collected=collected)
    probe = jnp.zeros_like(collected.values["layer/input_part"])

    def loss(parameters, probe):
        probed = Collected(probes={"layer/input_part": probe})
        context = Context(collected=probed, path=("layer",))
        return jnp.sum(layer.run_checked(Variables(parameters, {}), x, context) ** 2)

    gradients, delta = jax.grad(loss, argnums=(0, 1))(variables.parameters, probe)
    np.testing.assert_allclose(gradients["kernel"], jnp.einsum("ntf,ntg->fg", x, delta), **CLOSE)
    np.testing.assert_allclose(gradients["bias"], delta.sum((0, 1)), **CLOSE)


# Bad input


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LSTM(0), ArgumentError, "units to be an integer of 1 or more, got 0"),
        (lambda: GRU(3, dropout=1.0), ArgumentError, r"dropout to be a number in \[0, 1\)"),
        (
            lambda: LSTM(3, activation="gelu"),
            ArgumentError,
            "LSTM expected activation to be one of 'tanh', .*, got 'gelu'",
        ),
        (
            lambda: GRU(3, recurrent_activation=jnp.tanh),
            ArgumentError,
            "recurrent_activation to be one of .*, got None",
        ),
        (lambda: Bidirectional(Dense(3)), DTypeError, "a recurrent layer, such as LSTM"),
        (
            lambda: Bidirectional(LSTM(3), merge_mode="max"),
            ArgumentError,
            "merge_mode to be one of 'concat', 'sum', 'mul', 'ave', None, got 'max'",
        ),
        (
            lambda: Bidirectional(LSTM(3), backward_layer=LSTM(3)),
            ArgumentError,
            r"backward_layer=LSTM\(..., go_backwards=True\)",
        ),
        (
            lambda: Bidirectional(
                LSTM(3), backward_layer=LSTM(3, go_backwards=True, return_sequences=True)
            ),
            ArgumentError,
            "same return_sequences for layer and backward_layer, got False and True",
        ),
        (
            lambda: Bidirectional(LSTM(3), "sum", backward_layer=LSTM(4, go_backwards=True)),
            ArgumentError,
            "as many units in both directions .* got 3 and 4; use 'concat'",
        ),
        (lambda: TimeDistributed(Dense), DTypeError, "TimeDistributed expected one layer"),
        (lambda: RepeatVector(0), ArgumentError, "n to be an integer of 1 or more, got 0"),
        (lambda: Masking("0"), ArgumentError, "mask_value to be a number"),
    ],
)
def test_settings_that_do_not_fit(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shapes", "mask", "message"),
    [
        (
            LSTM(2),
            [(3, 4, 2)],
            (3, 5),
            r"and the mask of equal shape, got \(3, 4\) and \(3, 5\); make it of the same steps",
        ),
        (Bidirectional(GRU(2)), [(3, 4, 2)], (4, 4), "Bidirectional expected .* the mask"),
        (TimeDistributed(Dense(2)), [(3, 4, 2)], (3, 5), "TimeDistributed expected .* the mask"),
        (GRU(2), [(3, 0, 2)], None, r"sequences of 1 step or more, got shape \(3, 0, 2\)"),
        (TimeDistributed(Dense(2)), [(3, 0, 2)], None, "sequences of 1 step or more"),
        (
            LSTM(2),
            [(3, 4, 2), (3, 2)],
            None,
            r"LSTM expected 2 initial states, \(h, c\), got 1; type layer\(x, initial_state=\[h",
        ),
        (
            LSTM(2),
            [(3, 4, 2), (3, 2), (3, 5)],
            None,
            r"initial c of equal shape, got \(3, 2\) and \(3, 5\); bring it to 2 units with Dense",
        ),
        (
            Bidirectional(GRU(2)),
            [(3, 4, 2), (3, 2)],
            None,
            "Bidirectional expected 2 initial states, those of the forward direction first, got 1",
        ),
        (
            TimeDistributed(layers.Add()),
            [(3, 4, 2), (3, 5, 2)],
            None,
            "inputs of equal batch and steps",
        ),
    ],
)
def test_input_that_does_not_fit(layer, shapes, mask, message):
    x = [jnp.zeros(shape) for shape in shapes]
    mask = None if mask is None else jnp.ones(mask, bool)
    with pytest.raises(ShapeError, match=message) as caught:
        run(layer, x if len(x) > 1 else x[0], mask)
    assert str(caught.value).startswith("In layer '")


def test_an_empty_sequence_reaches_no_loop():
    model = Sequential([Input((None, 2)), LSTM(3)])
    with pytest.raises(ShapeError, match="In layer 'lstm' .* sequences of 1 step or more"):
        model.predict(np.zeros((4, 0, 2), np.float32))
