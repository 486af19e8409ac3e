"""Worksheets: the 2-2-1 example to ten digits, five forms, two languages; other networks."""

import json
import re

import jax
import numpy as np
import pytest

from pellucid import Input, Model, Sequential, optimizers
from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection import worked_example, worksheet
from pellucid.layers import ELU, Activation, Add, Conv1D, Dense, Flatten, MaxPooling1D

# By hand, with s(z) = 1 / (1 + e^-z); W has the layout (in, units).
GOLDEN = {
    "x_1": 1.0,
    "x_2": 2.0,
    "t_1": 1.0,
    "z1_1": 1.0,
    "z1_2": 1.7,
    "a1_1": 0.7310585786,
    "a1_2": 0.8455347349,
    "z2_1": 2.0881687930,
    "a2_1": 0.8897479187,
    "J": 0.0060777607,
    "da2_1": -0.1102520813,
    "delta2_1": -0.0108153499,
    "da1_1": -0.0075707449,
    "da1_2": -0.0086522799,
    "delta1_1": -0.0014884988,
    "delta1_2": -0.0011300375,
    "dW1_11": -0.0014884988,
    "dW1_12": -0.0011300375,
    "dW1_21": -0.0029769976,
    "dW1_22": -0.0022600750,
    "db1_1": -0.0014884988,
    "db1_2": -0.0011300375,
    "dW2_11": -0.0079066543,
    "dW2_21": -0.0091447540,
    "db2_1": -0.0108153499,
    "W1_11'": 0.1001488499,
    "W1_12'": 0.3001130037,
    "W1_21'": 0.2002976998,
    "W1_22'": 0.4002260075,
    "b1_1'": 0.5001488499,
    "b1_2'": 0.6001130037,
    "W2_11'": 0.7007906654,
    "W2_21'": 0.8009144754,
    "b2_1'": 0.9010815350,
}


@pytest.fixture(scope="module", params=["en", "zh"])
def sheet(request):
    with jax.enable_x64(True):
        yield worksheet(*worked_example(), language=request.param)


def test_every_number_of_the_worked_example(sheet):
    for symbol, expected in GOLDEN.items():
        assert sheet[symbol].value == pytest.approx(expected, rel=0, abs=5.1e-11), symbol
        assert sheet[symbol].shown == pytest.approx(expected, rel=0, abs=5.1e-11), symbol
    assert sheet.wrong == ()


def test_formulas_of_the_worked_example(sheet):
    def formula(symbol):
        return sheet[symbol].rule.formula.text()

    assert formula("z1_2") == "z1_2 = W1_12 x_1 + W1_22 x_2 + b1_2"
    assert formula("a1_1") == "a1_1 = 1 / (1 + e^(-z1_1))"
    assert formula("J") == "J = (1 / 2) * (a2_1 - t_1)^2"
    assert formula("da1_2") == "da1_2 = W2_21 delta2_1"
    assert formula("delta1_2") == "delta1_2 = da1_2 a1_2 (1 - a1_2)"
    assert formula("dW1_21") == "dW1_21 = delta1_1 x_2"
    assert formula("step") == "step = -lr dW1_11"
    assert formula("W2_11'") == "W2_11' = W2_11 + step"


def numbers_in(written):
    return {float(found) for found in re.findall(r"-?\d+\.\d+", written)}


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html", "json"])
def test_forms_hold_every_number(sheet, form):
    written = sheet.write(form).replace("−", "-")
    found = numbers_in(written)
    for symbol, expected in GOLDEN.items():
        if expected != int(expected):
            assert any(abs(abs(number) - abs(expected)) < 5.1e-11 for number in found), symbol
    heading = {"en": "One training step, by hand", "zh": "手算一步训练"}[sheet.language]
    assert heading in written
    title = {"en": "Forward: layer 1, hidden", "zh": "前向传播：第 1 层 hidden"}[sheet.language]
    assert title in written


def test_text(sheet):
    lines = sheet.write("text").splitlines()
    assert "  a1_1 = 1 / (1 + e^(-z1_1))          = 1 / (1 + e^(-1))        = 0.7310585786" in lines
    assert max(map(len, lines)) <= 100
    verdict = {"en": "✓ all 40 lines give", "zh": "✓ 全部 40 行"}[sheet.language]
    assert lines[-1].startswith(verdict)


def test_html_is_whole_and_needs_nothing(sheet):
    page = sheet.write("html")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"(src|href)=|@import|url\(", page)
    for tag in ("section", "table", "tbody", "tr", "td", "i", "sub", "sup", "div"):
        assert page.count(f"<{tag}>") + page.count(f"<{tag} ") == page.count(f"</{tag}>"), tag


def test_latex_is_a_whole_document(sheet):
    document = sheet.write("latex")
    assert {"en": "{article}", "zh": "{ctexart}"}[sheet.language] in document
    assert document.count("{") == document.count("}")
    assert document.count(r"\begin{") == document.count(r"\end{")
    assert r"\delta^{(1)}_{1} &= \frac{\partial J}{\partial a^{(1)}_{1}} \, a^{(1)}_{1}" in document


def test_json_is_the_data(sheet):
    content = json.loads(sheet.write("json"))
    kinds = [section["kind"] for section in content["sections"]]
    assert kinds == [
        *("given", "forward", "forward", "loss", "backward", "backward"),
        *("gradients", "gradients", "step", "step"),
    ]
    line = content["sections"][1]["lines"][0]
    assert line["formula"] == "W1_11 x_1 + W1_21 x_2 + b1_1"
    assert line["numbers"] == "0.1 * 1 + 0.2 * 2 + 0.5"
    assert line["value"] == 1.0
    assert content["wrong"] == []


def network(layers, loss, optimizer, x, y):
    model = Sequential([Input(x.shape[1:]), *layers], seed=1)
    model.compile(optimizer, loss, verbose=0)
    model.fit(x, y, epochs=2, verbose=0)  # so that the moments are not 0
    return model


X = np.array([[0.3, -0.7]], np.float32)
SEQUENCE = np.array([[0.3, -0.7, 1.1, 0.2, -0.4]], np.float32)[..., None]
NETWORKS = {
    "softmax": (
        [Dense(2, kernel_regularizer="l2"), ELU(), Dense(3, activation="softmax")],
        "sparse_categorical_crossentropy",
        optimizers.Adam(0.01, clipnorm=0.1),
        (X, np.array([1])),
    ),
    "logits": (
        [Dense(2, activation="relu"), Dense(3)],
        "mse",
        optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        (X, np.array([[0.1, 0.2, 0.3]], np.float32)),
    ),
    "binary": (
        [Dense(2, activation="tanh"), Dense(1, activation="sigmoid")],
        "binary_crossentropy",
        optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        (X, np.array([[1.0]], np.float32)),
    ),
    "convolution": (
        [Conv1D(2, 2, activation="silu"), MaxPooling1D(2), Flatten(), Dense(1), Activation("tanh")],
        "mean_absolute_error",
        optimizers.AdamW(0.01),
        (SEQUENCE, np.array([[1.0]], np.float32)),
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_line_gives_the_number_of_the_run(kind):
    layers, loss, optimizer, (x, y) = NETWORKS[kind]
    sheet = worksheet(network(layers, loss, optimizer, x, y), x, y)
    assert [line.symbol for line in sheet.wrong] == []
    assert sum(line.rule is not None for line in sheet.lines) > 30
    for form in ("text", "markdown", "latex", "html", "json"):
        assert sheet["J"].symbol in sheet.write(form)


def test_a_wrong_line_is_told():
    """The check is one: a line whose numbers give something else is counted and shown."""
    from dataclasses import replace

    sheet = worksheet(*worked_example())
    first, second, *rest = sheet.sections
    line = replace(second.lines[0], value=1.5)
    broken = replace(sheet, sections=(first, replace(second, lines=(line,)), *rest))
    assert [wrong.symbol for wrong in broken.wrong] == ["z1_1"]
    assert "✗ 1 of 37 lines" in broken.write("text")


@pytest.mark.parametrize("name", sorted(optimizers.REGISTRY.entries))
def test_optimizers_steps_are_their_rules(name):
    """The steps in plain text, with the numbers of one weight, are what the optimizer does."""
    from pellucid.inspection._rules import optimizer_rules

    optimizer = optimizers.get(name)
    w, g = np.float32(0.7), np.float32(-0.3)
    state = optimizer.init(w)
    for t in (1, 2, 3):
        slots = {slot: np.float32(value) for slot, value in state["slots"].items()}
        delta, state = optimizer.update(g, state, w)
        lr = np.float32(state["learning_rate"])
        rules = optimizer_rules(optimizer, g, w, slots, lr, np.float32(t))
        steps = [rule.value for rule in rules if rule.formula.symbol == "delta"]
        assert steps[-1] == pytest.approx(float(delta), rel=1e-5)
        made = {rule.formula.symbol: rule.value for rule in rules}
        for slot, value in state["slots"].items():
            assert made[slot] == pytest.approx(float(value), rel=1e-5)


def test_too_large_a_model_is_offered_explain():
    model = Sequential([Input((20,)), Dense(20)])
    model.compile("sgd", "mse", verbose=0)
    with pytest.raises(ArgumentError, match=r"at most 200 .* has 440; use explain\("):
        worksheet(model, np.zeros((1, 20)), np.zeros((1, 20)))


def test_one_sample_at_a_time():
    model, _, _ = worked_example()
    with pytest.raises(ArgumentError, match=r"one sample.*got 3 rows; type x\[:1\], y\[:1\]"):
        worksheet(model, np.zeros((3, 2)), np.zeros((3, 1)))


def test_a_sample_that_does_not_fit():
    model, _, y = worked_example()
    with pytest.raises(ShapeError, match=r"expected x of shape \(batch, 2\), got \(1, 5\)"):
        worksheet(model, np.zeros((1, 5)), y)


def test_several_inputs():
    inputs = [Input((2,)), Input((2,))]
    model = Model(inputs, Add()(inputs))
    model.compile("sgd", "mse", verbose=0)
    with pytest.raises(ArgumentError, match="one input and one output"):
        worksheet(model, [np.zeros((1, 2)), np.zeros((1, 2))], np.zeros((1, 1)))


def test_unknown_form_language_and_symbol():
    sheet = worksheet(*worked_example())
    with pytest.raises(ArgumentError, match="form"):
        sheet.write("pdf")
    with pytest.raises(ArgumentError, match="language"):
        worksheet(*worked_example(), language="fr")
    with pytest.raises(ArgumentError, match="no line for 'z9_1'"):
        _ = sheet["z9_1"]
