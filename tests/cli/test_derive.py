"""``pellucid derive``: formulas by name, as text, Markdown and JSON."""

import json


def test_one(pellucid):
    result = pellucid("derive", "conv2d")
    assert result.exit_code == 0, result.output
    assert "y = f(x * K + b)" in result.stdout
    assert "kernel channels filters / groups + use_bias filters" in result.stdout
    assert "LeCun, Bottou, Bengio, Haffner" in result.stdout


def test_forms(pellucid):
    written = pellucid("derive", "adam", "--markdown").stdout
    assert written.startswith("## Adam (optimizer)")
    content = json.loads(pellucid("derive", "dense", "--kind", "operation", "--json").stdout)
    assert content["gradient"] == ["dx = dy W^T", "dW = x^T dy", "db = sum_n dy_n"]


def test_all(pellucid):
    listed = pellucid("derive").stdout
    for name in ("operation (", "Conv2D", "glorot", "GlorotUniform", "PolynomialDecay"):
        assert name.lower() in listed.lower()
    assert "Adam" in json.loads(pellucid("derive", "--json").stdout)["optimizer"]


def test_unknown(pellucid):
    result = pellucid("derive", "adma")
    assert result.exit_code == 1
    assert "There is no formula named 'adma'; did you mean 'adam'?" in result.stderr
