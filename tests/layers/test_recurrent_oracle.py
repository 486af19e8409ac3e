"""Recurrent layers and those around them against Keras, where it is installed, with masks."""

import os
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid._named import to_config
from pellucid.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Context,
    Dense,
    Masking,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
    Variables,
)

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")

FORWARD = {"rtol": 1e-4, "atol": 1e-5}
BACKWARD = {"rtol": 1e-3, "atol": 1e-4}
OURS = ("name", "trainable", "input_shape")
RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((3, 5, 4)), "float32")
MASK = jnp.asarray([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]], bool)

LAYERS = {
    "rnn": SimpleRNN(3),
    "rnn-relu-backwards": SimpleRNN(
        3, activation="relu", return_sequences=True, return_state=True, go_backwards=True
    ),
    "lstm": LSTM(3),
    "lstm-states": LSTM(3, return_sequences=True, return_state=True),
    "lstm-hard-no-bias": LSTM(3, recurrent_activation="hard_sigmoid", use_bias=False),
    "gru": GRU(3, return_sequences=True),
    "gru-state": GRU(3, return_state=True),
    "gru-before": GRU(3, reset_after=False, return_sequences=True, go_backwards=True),
    "gru-no-bias": GRU(3, use_bias=False),
    "two-way": Bidirectional(LSTM(3, return_sequences=True)),
    "two-way-last": Bidirectional(GRU(3), merge_mode="mul"),
    "two-way-apart": Bidirectional(
        SimpleRNN(3, return_sequences=True, return_state=True), merge_mode=None
    ),
    "two-way-mixed": Bidirectional(
        GRU(3), merge_mode="concat", backward_layer=LSTM(2, go_backwards=True)
    ),
}


def twin_of(layer):
    """Return Keras's layer of the same settings."""
    settings = {k: v for k, v in to_config(layer)["config"].items() if k not in OURS}
    for name in ("layer", "backward_layer"):
        if settings.get(name) is not None:
            settings[name] = twin_of(getattr(layer, name))
    return getattr(keras.layers, type(layer).__name__)(**settings)


def leaves(tree):
    return jax.tree.leaves(tree)


def in_order(layer, twin, numbers):
    """Return our numbers in the order of Keras's variables."""
    places = {id(v): numbers for v in twin.trainable_variables}
    for name in layer.parts():
        for variable in getattr(twin, name).trainable_variables:
            places[id(variable)] = numbers[name]
    return [places[id(v)][v.path.split("/")[-1]] for v in twin.trainable_variables]


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_and_gradients(name, masked):
    layer = LAYERS[name]
    mask = MASK if masked else None
    twin = twin_of(layer)
    twin(X)
    start = layer.make_variables(jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    rng = np.random.default_rng(1)
    numbers = jax.tree.map(
        lambda a: jnp.asarray(rng.standard_normal(a.shape) * 0.7, a.dtype), start.parameters
    )
    fixed = [v.value for v in twin.non_trainable_variables]

    def ours(numbers, x):
        context = Context()
        context.mask = mask
        return layer.run_checked(Variables(numbers, {}), x, context)

    def theirs(numbers, x):
        ordered = in_order(layer, twin, numbers)
        return twin.stateless_call(ordered, fixed, x, mask=mask)[0]

    y, expected = ours(numbers, X), theirs(numbers, X)
    assert len(leaves(y)) == len(leaves(expected))
    for a, b in zip(leaves(y), leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, **FORWARD)

    weights = [jnp.asarray(rng.standard_normal(a.shape), a.dtype) for a in leaves(y)]

    def gradients(run):
        def loss(numbers, x):
            outputs = leaves(run(numbers, x))
            return sum(jnp.sum(w * a) for w, a in zip(weights, outputs, strict=True))

        return jax.jit(jax.grad(loss, argnums=(0, 1)))(numbers, X)

    for a, b in zip(leaves(gradients(ours)), leaves(gradients(theirs)), strict=True):
        np.testing.assert_allclose(a, b, **BACKWARD)


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU], ids=lambda kind: kind.__name__)
def test_initial_states(kind):
    layer = kind(3, return_sequences=True)
    twin = twin_of(layer)
    twin(X)
    variables = layer.make_variables(jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    for theirs, ours in zip(
        twin.trainable_variables, in_order(layer, twin, variables.parameters), strict=True
    ):
        theirs.assign(ours)
    states = [jnp.asarray(RNG.standard_normal((3, 3)), "float32") for _ in layer.states]
    context = Context()
    context.mask = [MASK, *[None] * len(states)]
    y = layer.apply(variables, [X, *states], context)
    expected = twin(X, initial_state=states if len(states) > 1 else states[0], mask=MASK)
    np.testing.assert_allclose(y, expected, **FORWARD)


def test_time_distributed_masking_and_repeating():
    layer = TimeDistributed(Dense(2, activation="tanh"))
    twin = twin_of(layer)
    twin(X)
    variables = layer.make_variables(jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    for theirs, ours in zip(
        twin.trainable_variables, in_order(layer, twin, variables.parameters), strict=True
    ):
        theirs.assign(ours)
    np.testing.assert_allclose(layer.apply(variables, X, Context()), twin(X), **FORWARD)

    holes = jnp.where(MASK[..., None], X, -1)
    context = Context()
    y = Masking(-1.0).apply(Variables(), holes, context)
    np.testing.assert_array_equal(y, keras.layers.Masking(-1.0)(holes))
    np.testing.assert_array_equal(context.output_mask, MASK)
    y = RepeatVector(4).apply(Variables(), X[:, 0], Context())
    np.testing.assert_array_equal(y, keras.layers.RepeatVector(4)(X[:, 0]))
