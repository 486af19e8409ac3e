"""Explanations: the terms of one number add up to the number that the run has."""

import json
import math

import numpy as np
import pytest

from pellucid import Input, Model, Sequential, optimizers
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection import explain, trace, worked_example
from pellucid.inspection._chain import Chain
from pellucid.inspection._explain import explained
from pellucid.layers import (
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    LayerNormalization,
    MaxPooling2D,
    ReLU,
    Softmax,
)

DRAWS = 130
RNG = np.random.default_rng(7)
ADAM = optimizers.Adam(0.01, clipnorm=0.5)
MOMENTUM = optimizers.SGD(0.05, momentum=0.9, nesterov=True)
RMSPROP = optimizers.RMSprop(0.01, momentum=0.9)


def images():
    model = Sequential(
        [
            Input((6, 6, 2)),
            Conv2D(3, 3, activation="tanh", name="conv"),
            BatchNormalization(name="norm"),
            MaxPooling2D(2, name="pool"),
            Dropout(0.3, name="drop"),
            Flatten(name="flat"),
            Dense(4, activation="sigmoid", kernel_regularizer="l2", name="hidden"),
            Dense(3, activation="softmax", name="scores"),
        ],
        seed=1,
    )
    x = RNG.normal(size=(4, 6, 6, 2)).astype("float32")
    return model, "sparse_categorical_crossentropy", x, RNG.integers(0, 3, 4)


def branches():
    x = Input((5,), name="x")
    shared = Dense(4, activity_regularizer="l2", name="shared")
    a = shared(x)
    b = shared(ReLU(name="relu")(Dense(5, name="first")(x)))
    both = Concatenate(name="both")([Add(name="sum")([a, b]), LayerNormalization(name="norm")(a)])
    model = Model(x, Dense(2, activation="tanh", name="out")(both), seed=2)
    rows = RNG.normal(size=(3, 5)).astype("float32")
    return model, "mse", rows, RNG.normal(size=(3, 2)).astype("float32") / 2


def words():
    model = Sequential(
        [
            Input((5,), dtype="int32"),
            Embedding(7, 3, name="table"),
            GlobalAveragePooling1D(name="mean"),
            Dense(4, activation="elu", name="hidden"),
            Dense(1, activation="sigmoid", name="answer"),
        ],
        seed=3,
    )
    return model, "binary_crossentropy", RNG.integers(0, 7, (4, 5)), RNG.integers(0, 2, (4, 1))


def channels():
    model = Sequential(
        [
            Input((5, 5, 2)),
            DepthwiseConv2D(2, activation="relu", name="depthwise"),
            AveragePooling2D(2, name="average"),
            Flatten(name="flat"),
            Dense(3, name="scores"),
            Softmax(name="share"),
        ],
        seed=4,
    )
    x = RNG.normal(size=(2, 5, 5, 2)).astype("float32")
    return model, "categorical_crossentropy", x, np.eye(3, dtype="float32")[[0, 2]]


CASES = {
    "images, Adam": (images, ADAM),
    "branches, momentum": (branches, MOMENTUM),
    "words, RMSprop": (words, RMSPROP),
    "channels, Adam": (channels, ADAM),
}


def own_number(seen, path, of, index):
    """Return the number of the run, straight from the trace."""
    name, _, parameter = path.partition("/")
    layer = seen[name]
    found = {
        "output": layer.output,
        "pre_activation": layer.pre_activation,
        "delta": layer.delta,
        "gradient": layer.gradients.get(parameter),
        "update": layer.updates.get(parameter),
    }[of]
    return float(found[index])


@pytest.mark.parametrize("case", CASES)
def test_numbers_drawn_at_random(case):
    """Forward, delta, gradient and update over all layers: the total is the run's own number."""
    make, optimizer = CASES[case]
    model, loss, x, y = make()
    model.compile(optimizer, loss, verbose=0)
    # In the first steps 1 - beta_2^t is not known to 1e-5 in float32.
    model.fit(x, y, epochs=30, verbose=0)
    seen = trace(model, x, y)
    chain = Chain(model, seen)
    rng = np.random.default_rng(11)
    kinds = [
        (path, of, np.shape(seen[path].output if of == "output" else seen[path].delta))
        for path in chain.nodes
        for of in ("output", "delta", "pre_activation")
        if of != "pre_activation" or seen[path].pre_activation is not None
    ]
    kinds += [
        (f"{name}/{parameter}", of, np.shape(g))
        for name in model.graph.layers()
        for parameter, g in seen[name].gradients.items()
        for of in ("gradient", "update")
    ]
    order = rng.permutation(len(kinds))
    for draw in range(max(DRAWS, len(kinds))):
        path, of, shape = kinds[order[draw % len(kinds)]]
        index = tuple(int(rng.integers(n)) for n in shape)
        layer = "/" not in path
        unit, sample = (index[1:], index[0]) if layer else (index, 0)
        found = explained(chain, path, unit, of=of, sample=sample)
        expected = own_number(seen, path, of, index)
        assert found.value == expected
        # Terms that cancel are known to the rounding of the largest of them.
        size = max([abs(expected), *(0.1 * abs(term.value) for term in found.terms)])
        assert abs(found.total - expected) <= 1e-5 * size + 1e-12, (path, of, index)
        assert found.holds


def test_terms_of_the_worked_example():
    found = explain(*worked_example(), "hidden", 1, of="pre_activation")
    assert [term.value for term in found.terms] == pytest.approx([0.8, 0.6, 0.3])
    (w, x), (b,), _ = [term.factors for term in found.terms]
    assert (w.kind, w.index, w.value) == ("kernel", (1, 1), pytest.approx(0.4))
    assert (x.kind, x.index, x.value) == ("input", (0, 1), 2.0)
    assert (b.kind, b.index) == ("bias", (1,))
    assert found.value == pytest.approx(1.7)


def test_a_delta_is_traced_through_the_layer_after():
    found = explain(*worked_example(), "hidden", 0, of="delta")
    (term,) = found.terms
    assert [(f.path, f.kind) for f in term.factors] == [
        ("output", "kernel"),
        ("output", "delta"),
        ("hidden", "slope"),
    ]
    assert [f.value for f in term.factors] == pytest.approx(
        [0.7, -0.0108153499, 0.7310585786 * (1 - 0.7310585786)], rel=1e-5
    )


def test_text_shows_the_largest_and_sums_the_rest():
    found = explain(*worked_example(), "hidden", 1, of="pre_activation")
    lines = found.text(top=1).splitlines()
    assert lines[0] == "hidden[0, 1]  pre-activation z = 1.70000005"
    assert lines[4] == "  0.800000012  hidden/kernel[1, 1] 0.4 · hidden/input[0, 1] 2"
    assert lines[5] == "  0.900000036  the other 2 terms"
    assert lines[-1] == "  ✓ the total is the number of the run"
    assert "加权输入" in found.text("zh")
    assert "其余 2 项之和" in found.text("zh", top=1)


def test_an_update_is_worked_through():
    model, x, y = worked_example()
    model.compile(optimizers.Adam(0.1), "mse", verbose=0)
    found = explain(model, x, y, "output/kernel", (1, 0), of="update")
    assert [rule.formula.symbol for rule in found.rules] == ["m", "v", "m_hat", "v_hat", "delta"]
    assert found.value == pytest.approx(0.1, rel=1e-3)
    assert "delta = -lr m_hat / (sqrt(v_hat) + epsilon)" in found.text()


def test_as_data():
    content = json.loads(json.dumps(explain(*worked_example(), "output/kernel", (0, 0)).to_dict()))
    assert content["of"] == "gradient"
    assert content["holds"] is True
    factors = content["terms"][0]["factors"]
    assert [factor["name"] for factor in factors] == ["output/delta[0, 0]", "output/input[0, 0]"]
    assert math.prod(factor["value"] for factor in factors) == pytest.approx(content["value"])


@pytest.mark.parametrize(
    ("path", "unit", "settings", "error", "message"),
    [
        ("hiden", 0, {}, UnknownNameError, "did you mean 'hidden'"),
        ("hidden/kernal", 0, {}, UnknownNameError, "did you mean 'kernel'"),
        ("hidden", 2, {}, ArgumentError, r"unit from \(0,\) to \(1,\) for 'hidden', got \(2,\)"),
        ("hidden", (0, 0), {}, ArgumentError, r"got \(0, 0\)"),
        ("hidden", -1, {}, ArgumentError, r"got \(-1,\)"),
        ("hidden/kernel", (0, 2), {}, ArgumentError, r"unit from \(0, 0\) to \(1, 1\)"),
        ("hidden", 0, {"sample": 1}, ArgumentError, "sample from 0 to 0 .* got 1"),
        ("hidden", 0, {"of": "gradient"}, ArgumentError, "of for the layer 'hidden'"),
        ("hidden/bias", 0, {"of": "delta"}, ArgumentError, "of for the parameter 'hidden/bias'"),
    ],
)
def test_bad_input(path, unit, settings, error, message):
    with pytest.raises(error, match=message):
        explain(*worked_example(), path, unit, **settings)


def test_a_frozen_parameter_has_no_gradient():
    model = Sequential([Input((2,)), Dense(2, trainable=False, name="frozen"), Dense(1)])
    model.compile("sgd", "mse", verbose=0)
    with pytest.raises(ArgumentError, match="'frozen/kernel' is not trained"):
        explain(model, np.ones((1, 2)), np.ones((1, 1)), "frozen/kernel", (0, 0))
