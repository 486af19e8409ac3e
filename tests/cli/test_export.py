"""``pellucid export``: each form of a run or a saved model, and what it says to wrong names."""

import json

import numpy as np
import pytest

from pellucid.layers import Dense, Input, RotaryEmbedding
from pellucid.models import Sequential


@pytest.fixture
def saved(pellucid):
    """A small network in the folder ``net``."""
    Sequential([Input((3,)), Dense(2, "softmax")], name="small").save("net")
    return "net"


def test_run_as_onnx(pellucid, runs):
    pytest.importorskip("onnxruntime")
    result = pellucid("export", runs / "latest", "--output", "digits.onnx", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["to"] == "onnx"
    (written,) = printed["files"]
    assert written["file"] == "digits.onnx"
    assert written["bytes"] > 1000


@pytest.mark.parametrize(
    ("to", "names"),
    [
        ("numpy", ["small.py", "small.npz"]),
        ("safetensors", ["small.safetensors"]),
        ("keras", ["small.keras.npz"]),
    ],
)
def test_saved_model_in_each_form(pellucid, saved, tmp_path, to, names):
    result = pellucid("export", saved, "--to", to)
    assert result.exit_code == 0, result.output
    assert [line.partition(", ")[0] for line in result.stdout.splitlines()] == names
    assert {path.name for path in tmp_path.iterdir()} == {"net", *names}
    if to == "keras":
        with np.load("small.keras.npz", allow_pickle=False) as arrays:
            assert dict(arrays).keys() == {"dense/kernel", "dense/bias"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["net", "--to", "numpy", "--output", "a.txt"], 1, "expected a path that ends in .py"),
        (["turned", "--to", "numpy"], 1, "is not among the layers that to_numpy writes"),
        (["vgg17"], 1, "did you mean 'vgg1"),
        (["net", "--to", "tensorflow"], 2, "'tensorflow' is not one of 'onnx', 'numpy'"),
    ],
)
def test_refusals(pellucid, saved, arguments, code, sentence):
    Sequential([Input((4, 6)), RotaryEmbedding()]).save("turned")
    result = pellucid("export", *arguments)
    assert result.exit_code == code
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
