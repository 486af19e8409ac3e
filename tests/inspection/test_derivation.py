"""Formulas as data: every entry is complete, and closed forms give the numbers of the thing."""

import json
import math
import re
from dataclasses import fields
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.cases import CASES as LAYER_CASES
from layers.cases import specs
from losses.cases import CASES as LOSS_CASES
from pellucid import activations, constraints, initializers, layers, ops, optimizers, regularizers
from pellucid._tree import flatten_paths
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection import derivation, derivation_names, derivations
from pellucid.inspection._derivation import _SUBSCRIPT, TABLES
from pellucid.inspection._formula import FUNCTIONS, parse
from pellucid.inspection._rules import loss_rule, optimizer_rules, read
from pellucid.layers import Context, Layer
from pellucid.ops import Op
from pellucid.optimizers import schedules

TESTS = Path(__file__).parents[1]
EVERY = list(derivations())
IDS = [f"{found.kind}-{found.name}" for found in EVERY]

# Words of a formula that are no symbols: functions, and the English between the symbols.
ENGLISH = """
    sum prod mean argmax softmax floor sin hat clip where else if or and of over the for each to in
    at by is no all are that with read window drawn image given normal truncated elsewhere outside
    first step turned pair box lies a features words vectors channels sees time path paths labels
    stand another order shape its axes key allowed number restarts so far fraction period straight
    lines through place as max min likewise was cut away hold
"""
WORDS = {*FUNCTIONS, *ENGLISH.split(), *"eTijrctospkln", "pi"}


def test_nothing_is_left_out():
    tables = (activations, layers, initializers, regularizers, constraints, schedules)
    count = sum(len(room.REGISTRY.entries) for room in tables)
    assert len(EVERY) > count + len(ops.REGISTRY)
    assert {name for names in derivation_names().values() for name in names} == {
        found.name for found in EVERY
    }


@pytest.mark.parametrize("found", EVERY, ids=IDS)
def test_every_entry_is_complete(found):
    assert found.summary.endswith((".", "?"))
    assert found.formula
    assert found.symbols
    assert found.shapes
    assert found.reference
    if found.kind in ("activation", "layer", "loss", "operation", "regularizer"):
        assert found.gradient
    if found.kind in ("activation", "layer", "loss", "operation"):
        assert found.flops
    if found.kind == "layer":
        assert parse(found.parameter_count)
    if found.kind != "metric":
        assert found.text or any(part.text for part in found.operations)
    path, line = found.code.rsplit(":", 1)
    source = (TESTS.parent / "src" / path).read_text().splitlines()
    assert any(found.name in text for text in source[int(line) - 1 : int(line) + 8])


@pytest.mark.parametrize("found", EVERY, ids=IDS)
def test_every_symbol_is_explained(found):
    said = _SUBSCRIPT.sub(" ", f"{found.formula} {found.parameter_count}")
    known = {part for symbol in found.symbols for part in re.findall(r"[A-Za-z]\w*", symbol)}
    known |= {part.split("_")[0] for part in known}
    unknown = set(re.findall(r"[A-Za-z]\w*", said)) - known - WORDS
    assert not unknown, f"{found.name} does not explain {sorted(unknown)}"


@pytest.mark.parametrize("found", EVERY, ids=IDS)
def test_the_tests_that_are_named_know_it(found):
    place, word = re.fullmatch(r'python -m pytest (\S+) -k "(\w+)"', found.test).groups()
    place = TESTS.parent / place
    files = place.rglob("*.py") if place.is_dir() else [place]
    assert any(word in file.read_text() for file in files)


# Layers: the operations that they name are those that they call, and their counts are right


def test_the_prover_finds_what_is_missing():
    class Silent(Layer):
        """Says nothing."""

        def apply(self, variables, x, context):
            return x

    found = derivation(Silent)
    assert (found.formula, found.shapes, found.reference) == ("", "", "")


HELPERS = {"matmul", "reshape", "permute", *activations.REGISTRY.entries}


def run(layer, training, variables, x):
    context = Context(training, key=jax.random.key(0), path=("layer",))
    return layer.run_checked(variables, x, context)


def called_by(case, monkeypatch):
    """Return the operations that a layer calls, in training and in evaluation."""
    called = set()
    call = Op.__call__

    def record(self, *arrays, **settings):
        called.add(self.name)
        return call(self, *arrays, **settings)

    monkeypatch.setattr(Op, "__call__", record)
    x = case.inputs()
    variables = jax.eval_shape(lambda: case.start(x))
    for training in (True, False):
        jax.eval_shape(partial(run, case.layer, training), variables, x)
    return called


# A layer of attention takes these steps where somebody looks, and else does all in one operation.
ATTENTION_STEPS = {"attention_scores", "attention_weights", "attention_values"}


def test_operations_are_those_that_run(monkeypatch):
    called: dict[type, set[str]] = {}
    for case in LAYER_CASES:
        called.setdefault(type(case.layer), set()).update(called_by(case, monkeypatch))
        monkeypatch.undo()
    for layer, ran in called.items():
        named = {part.name for part in derivation(layer).operations}
        if layer in (layers.Activation, layers.Bidirectional):
            continue  # what runs inside is a setting
        if layer in (layers.TimeDistributed, layers.SpectralNormalization):
            assert named <= ran
            continue
        inner = {"dropout"} if layer is layers.TransformerEncoder else set()
        softer = named | HELPERS | inner
        if named >= ATTENTION_STEPS and "scaled_dot_product_attention" in ran:
            ran = (ran | ATTENTION_STEPS) - {"scaled_dot_product_attention"} | (
                named & {"scaled_dot_product_attention"}
            )
        assert ran - softer == set(), f"{layer.__name__} calls {ran - softer}, and does not say so"
        rows = {layers.ReversibleEmbedding: {"dense", "permute"}}.get(layer, set())
        assert named - ran - rows == set(), f"{layer.__name__} does not call {named - ran - rows}"


def sizes(case):
    """Return the numbers that the formulas of parameter counts need."""
    layer = case.layer
    shapes = case.shape if case.several else [case.shape]
    found = {name: float(v) for name, v in vars(layer).items() if isinstance(v, (int, float))}
    width = [float(shape[-1]) if shape else 1.0 for shape in shapes]
    found |= {"features": width[0], "channels": width[0], "width": width[0]}
    if hasattr(layer, "kernel_size"):
        size, axes = layer.kernel_size, getattr(layer, "axes", 2)
        found["kernel"] = float(np.prod(size if isinstance(size, tuple) else (size,) * axes))
    if isinstance(layer, layers.SparseConv2D):
        found |= {
            "entries": sum(map(len, layer.connections)),
            "filters": float(len(layer.connections)),
        }
    if isinstance(layer, layers.PReLU):
        shared = [case.shape[axis - 1] for axis in layer.shared_axes or ()]
        found |= {"entries": float(np.prod(case.shape)), "shared": float(np.prod(shared))}
    if isinstance(layer, layers.Attention):
        found["concat"] = float(layer.score_mode == "concat")
    if isinstance(layer, layers.MultiHeadAttention):
        q, v, k = (*width, width[1])[:3]
        wide = layer.value_dim or layer.key_dim
        found |= {"d_q": q, "d_k": k, "d_v": v, "d_h": wide, "d_o": layer.output_shape or q}
    if isinstance(layer, layers.TransformerDecoder):
        found |= {"memory": width[-1], "cross": float(len(width) > 1)}
    for name, inner in layer.parts().items() if hasattr(layer, "layer") else ():
        x = jax.tree.map(lambda a: a[:, 0], case.inputs())
        given = case.inputs() if name != "layer" or "Time" not in type(layer).__name__ else x
        made = inner.make_variables(jax.random.key(0), specs(given)).parameters
        key = {"layer": "inner"}.get(name, name.removesuffix("_layer"))
        found[key] = float(sum(leaf.size for leaf in jax.tree.leaves(made)))
    return found


@pytest.mark.parametrize("case", LAYER_CASES, ids=lambda case: case.id)
def test_parameters_are_as_many_as_the_formula_says(case):
    parameters = jax.eval_shape(lambda: case.start(case.inputs())).parameters
    count = sum(math.prod(leaf.shape) for _, leaf in flatten_paths(parameters))
    assert parse(case.layer.parameter_count).value(sizes(case)) == count


# Closed forms


@pytest.mark.parametrize("name", sorted(set(activations.REGISTRY.entries)))
def test_activations(name):
    op = activations.operation(activations.REGISTRY.get(name))
    z = np.array([-2.3, -0.4, 0.2, 1.7, 3.1])
    constants = {"s": ops._rectifiers.SELU_SCALE, "alpha": ops._rectifiers.SELU_ALPHA}
    constants = {"leaky_relu": {"s": 0.2}, "elu": {"alpha": 1.0}, "selu": constants}.get(name, {})
    forward, backward = read(op.formula), read(op.gradient)
    with jax.enable_x64(True):
        y, back = jax.vjp(lambda x: op(x), jnp.asarray(z))
        (dx,) = back(jnp.asarray(z[::-1].copy()))
    for i in range(len(z)):
        if "_" in forward.symbol:  # every output depends on all inputs of its row
            numbers = range(1, len(z) + 1)
            values = {f"x_{n}": z[n - 1] for n in numbers} | {
                f"y_{n}": float(y[n - 1]) for n in numbers
            }
            values |= {f"dy_{n}": z[::-1][n - 1] for n in numbers}
            got = forward.spread({"j": numbers}, {"i": i + 1}).value(values)
            slope = backward.spread({"i": numbers}, {"j": i + 1}).value(values)
        else:
            got = forward.value({"x": z[i], **constants})
            values = {"x": z[i], "y": float(y[i]), "dy": z[::-1][i], **constants}
            for part in map(parse, re.findall(r", (\w = .*)$", op.formula)):
                values[part.symbol] = part.value(values)
            slope = backward.value(values)
        assert got == pytest.approx(float(y[i]), rel=1e-12)
        assert slope == pytest.approx(float(dx[i]), rel=1e-12)


# Maxima over a row, vectors of length 1 and paths are no closed forms of single numbers.
IN_WORDS = {"CTC", "CategoricalHinge", "CosineSimilarity", "Triplet", "InfoNCE"}


@pytest.mark.parametrize(
    "case",
    [case for case in LOSS_CASES if type(case.loss).__name__ not in IN_WORDS],
    ids=lambda case: repr(case.loss),
)
def test_losses(case):
    rng = np.random.default_rng(5)
    target, prediction = np.asarray(case.target(rng)), np.asarray(case.prediction(rng))
    if getattr(case.loss, "label_smoothing", 0):
        pytest.skip("smoothing changes the targets before the formula")
    values = np.asarray(case.loss.values(jnp.asarray(target), jnp.asarray(prediction)))
    for row in range(2):
        t = target[row] if target.ndim == 1 else np.atleast_1d(target[row])
        rule = loss_rule(case.loss, t, prediction[row], ("l", "t", "p"))
        assert rule is not None, case.loss.op.formula
        assert rule.value == pytest.approx(float(values[row]), rel=1e-5)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.ConstantSchedule(0.3),
        schedules.ExponentialDecay(0.3, 7, 0.8),
        schedules.InverseTimeDecay(0.3, 7, 0.8),
        schedules.PolynomialDecay(0.3, 9, 0.01, 2.0),
        schedules.CosineDecay(0.3, 9, 0.1),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_schedules(schedule):
    main, *before = schedule.formula.replace("lr(t)", "lr").split("; ")
    for t in (0, 3, 8, 20):
        values = {"t": float(t), **vars(schedule)}
        values["lr_0"] = values.get("initial_learning_rate")
        for line in map(parse, before):
            values[line.symbol] = line.value(values)
        assert parse(main).value(values) == pytest.approx(float(schedule(t)), rel=1e-6)


@pytest.mark.parametrize("name", sorted(initializers.REGISTRY.entries))
def test_initializers(name):
    """Limits and variances; the sample is large enough to come within 1 % of them."""
    made = initializers.get(name)
    shape = (400, 300)
    values = {"fan_in": 400.0, "fan_out": 300.0, "N": 0.0}
    values |= {k: float(v) for k, v in vars(made).items() if isinstance(v, (int, float))}
    w = np.asarray(made(jax.random.key(1), shape))
    last = made.formula.split("; ")[-1]
    if last.startswith("limit = "):
        limit = parse(last).value(values)
        assert np.abs(w).max() <= limit
        assert np.abs(w).max() == pytest.approx(limit, rel=1e-3)
    elif found := re.search(r"var\(w_ij\) = ([^;]*)", made.formula):
        variance = parse(found[1]).value({**values, "n": values["fan_in"]})
        assert w.var() == pytest.approx(variance, rel=0.02)
    elif name == "orthogonal":
        np.testing.assert_allclose(w.T @ w, values["gain"] ** 2 * np.eye(300), atol=1e-4)
    elif found := re.search(r"N\((.*), (.*?)\)", made.formula):
        mean, variance = (parse(part).value(values) for part in found.groups())
        inside = 0.7737 if "given" in made.formula else 1.0  # what is left of it in [-2, 2]
        assert w.mean() == pytest.approx(mean, abs=0.001)
        assert w.var() == pytest.approx(variance * inside, rel=0.02)
    elif found := re.search(r"U\((.*), (.*?)\)", made.formula):
        low, high = (parse(part).value(values) for part in found.groups())
        assert w.min() == pytest.approx(low, rel=1e-3)
        assert w.max() == pytest.approx(high, rel=1e-3)
    else:
        right = made.formula.split(" = ", 1)[1].split(" if ")[0]
        assert np.diag(w) == pytest.approx(parse(right).value(values))


OPTIMIZERS = [
    optimizers.SGD(0.05, momentum=0.9),
    optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    optimizers.Adagrad(0.05),
    optimizers.RMSprop(0.05),
    optimizers.RMSprop(0.05, momentum=0.5, centered=True),
    optimizers.Adadelta(0.05),
    optimizers.Adam(0.05),
    optimizers.Adam(0.05, amsgrad=True),
    optimizers.AdamW(0.05, weight_decay=0.1),
    optimizers.Nadam(0.05),
    optimizers.Lion(0.05),
]


def test_every_optimizer_has_its_numbers_checked():
    assert {type(o) for o in OPTIMIZERS} == set(optimizers.REGISTRY.entries.values())


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_optimizers(optimizer):
    with jax.enable_x64(True):
        w = {"w": jnp.array([0.7, -0.4])}
        state = optimizer.init(w)
        for g in ([0.3, -0.2], [-0.1, 0.4], [0.2, 0.2]):
            before = {name: float(tree["w"][1]) for name, tree in state["slots"].items()}
            step, state = optimizer.update({"w": jnp.array(g)}, state, w)
            rules = optimizer_rules(
                optimizer, g[1], float(w["w"][1]), before, 0.05, float(state["step"])
            )
            given = [rule.value for rule in rules if rule.formula.symbol == "delta"][-1]
            assert given == pytest.approx(float(step["w"][1]), rel=1e-9)
            w = {"w": w["w"] + step["w"]}


@pytest.mark.parametrize("entry", regularizers.REGISTRY.entries.values(), ids=lambda e: e.__name__)
def test_regularizers(entry):
    w = np.array([0.7, -0.4, 0.0])
    made = entry(**{field.name: 0.3 for field in fields(entry)})
    values = {f"w_{i + 1}": float(v) for i, v in enumerate(w)} | vars(made)
    penalty = parse(made.formula.replace("R(w)", "R")).spread({"i": (1, 2, 3)}, {})
    with jax.enable_x64(True):
        assert penalty.value(values) == pytest.approx(float(made(jnp.asarray(w))), rel=1e-12)
        slopes = jax.grad(made)(jnp.asarray(w))
    for i in range(3):
        slope = parse(made.gradient.replace("dR/dw_i", "d")).spread({}, {"i": i + 1})
        assert slope.value(values) == pytest.approx(float(slopes[i]), abs=1e-12)


@pytest.mark.parametrize("entry", constraints.REGISTRY.entries.values(), ids=lambda e: e.__name__)
def test_constraints(entry):
    w = np.array([3.0, -4.0])
    made = entry()
    line = made.formula.split(";")[0].replace("||w||", "n").replace("w_i", "w")
    line = re.sub(r"clip\((\w+), (\w+), (\w+)\)", r"min(max(\1, \2), \3)", line)
    settings = {k: float(v) for k, v in vars(made).items() if isinstance(v, (int, float))}
    moved = made(jnp.asarray(w, "float32"))
    for i in range(2):
        value = parse(line).value({"w": w[i], "n": 5.0, **settings})
        assert value == pytest.approx(float(moved[i]), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mean_absolute_error", lambda t, p: np.mean),
        ("mean_squared_error", lambda t, p: np.mean),
        ("root_mean_squared_error", lambda t, p: lambda v: np.sqrt(np.mean(v))),
        ("precision", None),
        ("recall", None),
    ],
)
def test_metrics(name, values):
    from pellucid import metrics

    rng = np.random.default_rng(2)
    metric = metrics.REGISTRY.get(name)
    if values is None:
        t, p = rng.integers(0, 2, (50, 1)), rng.uniform(size=(50, 1)).astype("float32")
        yes = p > 0.5
        counts = {"TP": (yes & (t == 1)).sum(), "FP": (yes & (t == 0)).sum()}
        counts["FN"] = (~yes & (t == 1)).sum()
        assert parse(metric.formula).value(counts) == pytest.approx(metric(t, p), rel=1e-6)
        return
    t, p = rng.normal(size=(2, 20, 3)).astype("float32")
    inner = re.search(r"mean of ([^ ].*?)\)?$", metric.formula)[1]
    inner = inner + ")" * (inner.count("(") - inner.count(")"))
    each = [
        parse(inner).value({"y_true": float(a), "y_pred": float(b)})
        for a, b in zip(t.ravel(), p.ravel(), strict=True)
    ]
    assert values(t, p)(each) == pytest.approx(metric(t, p), rel=1e-5)


# The reader


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv2d", "layer"),
        ("LSTM", "layer"),
        ("adam", "optimizer"),
        ("categorical_crossentropy", "loss"),
        ("glorot_uniform", "initializer"),
        ("gelu", "activation"),
        ("softmax", "activation"),
        ("Softmax", "layer"),
        ("dense", "layer"),
        ("conv", "operation"),
        ("cosine_decay", "schedule"),
        ("l2", "regularizer"),
        ("max_norm", "constraint"),
        ("auc", "metric"),
    ],
)
def test_names(name, kind):
    found = derivation(name)
    assert found.kind == kind
    assert found.name in derivation_names()[kind]


def test_things():
    assert derivation(layers.Dense(3)).name == "Dense"
    assert derivation(optimizers.Adam).kind == "optimizer"
    assert derivation(ops.dense).kind == "operation"
    assert derivation("dense", "operation").gradient[1] == "dW = x^T dy"
    assert derivation(activations.relu).formula == "y = max(x, 0)"


def test_ones_own():
    class Scale(Layer):
        """Scales each feature.

        Args:
            start: s at the start.

        Input shape (batch, features); output shape the same.
        """

        start: float = 1.0
        formula = "y = s x"
        gradient = "dx = s dy"
        symbols = {"x": "input", "s": "scales, learned"}
        parameter_count = "features"

        def apply(self, variables, x, context):
            return x * variables["s"]

    found = derivation(Scale)
    assert (found.kind, found.formula, found.gradient) == ("layer", "y = s x", ("dx = s dy",))
    assert found.symbols == {"x": "input", "s": "scales, learned"}
    assert found.shapes == "Input shape (batch, features); output shape the same"


def test_forms():
    found = derivation("dense")
    text, markdown = found.to_text(), found.to_markdown()
    for part in ("y = f(x W + b)", "dense: dW = x^T dy", "features units + use_bias units"):
        assert part in text
        assert part in markdown
    assert "dL/dW_ij = sum_n dL/dy_nj x_ni" in text  # the derivation, from the docstring
    assert markdown.startswith("## Dense (layer)")
    content = json.loads(json.dumps(found.to_dict()))
    assert content["operations"][0]["name"] == "dense"
    assert content["code"].startswith("pellucid/layers/_dense.py:")
    assert str(found) == text


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("conv2", None, "no formula named 'conv2'; did you mean 'conv"),
        ("dense", "metric", "no formula named 'dense'"),
        ("dense", "layr", "no kind of formula named 'layr'; did you mean 'layer'"),
    ],
)
def test_unknown(name, kind, message):
    with pytest.raises(UnknownNameError, match=message):
        derivation(name, kind)


def test_formulas_in_words_are_refused_by_the_reader_of_formulas():
    with pytest.raises(ArgumentError, match="formula"):
        parse(derivation("max_pooling2d").formula)
    assert len(TABLES) == 10
