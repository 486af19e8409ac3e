"""Scripts of NumPy alone: run in a process that cannot import Pellucid, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

from export.cases import NETWORKS, filled, measured
from pellucid import Input, Model, Sequential, activations, export, layers
from pellucid.errors import ArgumentError, ExportError
from pellucid.export import _onnx
from pellucid.export._numpy_call import ACTIVATIONS, HANDLERS
from pellucid.layers import Dense, Dropout, GaussianSampling, Layer
from pellucid.models import Graph
from zoo.cases import CASES as ZOO

LIMIT = 1e-5
REFUSED = {
    "masked TimeDistributed": "'time_distributed'",
    "masked states": "states or two outputs",
    "residual block": "'group_normalization'",
    "masked attention": r"\(MultiHeadAttention\)",
    "attention with a mask of its own": r"\(MultiHeadAttention\)",
    "sequences of any length": r"\(ReversibleEmbedding\)",
    "images of any size": "pads by the size of its input, which the model leaves open",
    "films of any length": r"\(TimeDistributed\)",
    "kernel of unit norm": r"\(SpectralNormalization\)",
}
SMALL = ["mlp.mlp", "rbf_network.rbf_network", "lenet.lenet5", "recurrent_classifier.two_way_lstm"]
WRITTEN = [*(name for name in NETWORKS if name not in REFUSED), *SMALL]

# Runs scripts with inputs from a file and keeps their outputs, without Pellucid and JAX.
ALONE = """
import runpy, sys
from pathlib import Path
import numpy as np
sys.modules |= dict.fromkeys(["pellucid", "jax"])
for path in sorted(Path(sys.argv[1]).glob("*.py")):
    given = np.load(path.with_suffix(".inputs.npz"))
    made = runpy.run_path(str(path))["predict"](*given.values())
    made = made if isinstance(made, tuple) else (made,)
    np.savez(path.with_suffix(".outputs.npz"), *made)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Return by name what the model and what its script, run alone, make of the same inputs."""
    folder = tmp_path_factory.mktemp("scripts")
    expected = {}
    for number, name in enumerate(WRITTEN):
        if name in NETWORKS:
            model, inputs, outputs = measured(name)
        else:
            model = filled(ZOO[name].make(0))
            inputs = [ZOO[name].x]
            outputs = _onnx.evaluate(model, inputs)
        path = export.to_numpy(model, folder / f"net{number}.py")
        np.savez(path.with_suffix(".inputs.npz"), *inputs)
        expected[name] = path, outputs
    run(["-c", ALONE, str(folder)])
    return {
        name: (outputs, list(np.load(path.with_suffix(".outputs.npz")).values()))
        for name, (path, outputs) in expected.items()
    }


def run(arguments):
    command = [sys.executable, "-I", "-W", "error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", WRITTEN)
def test_script_alone_gives_what_the_model_gives(name, answers):
    expected, found = answers[name]
    assert len(found) == len(expected)
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == b.dtype
        assert _onnx.difference(a, b) < LIMIT


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_does_not_know_is_refused(name, tmp_path):
    with pytest.raises(ExportError, match=REFUSED[name]):
        export.to_numpy(filled(NETWORKS[name]()), tmp_path / "net.py")
    assert list(tmp_path.iterdir()) == []


def test_every_activation_has_its_function():
    assert set(ACTIVATIONS) == set(activations.REGISTRY.entries.values())


def test_handlers_are_of_known_layers():
    assert set(HANDLERS) <= {*layers.REGISTRY.entries.values(), Graph}


@pytest.fixture
def neuron():
    model = Sequential([Input((2,)), Dense(1, "sigmoid", name="neuron")], name="one neuron")
    model.set_weights([[[0.5], [-1.0]], [0.25]])
    return model


def test_file_is_readable(neuron, tmp_path):
    path = export.to_numpy(neuron, tmp_path / "neuron.py")
    text = path.read_text()
    assert text.startswith('"""one_neuron: what the network computes, in NumPy alone.')
    assert "    # neuron, Dense: y = f(x W + b)\n" in text
    assert "y_neuron = sigmoid(dense(x, W['neuron/kernel'], W['neuron/bias']))" in text
    assert "# y = 1 / (1 + e^-x)\ndef sigmoid(x):" in text
    assert "import math" not in text
    assert "def conv(" not in text
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as numbers:
        assert dict(numbers).keys() == {"neuron/kernel", "neuron/bias"}


def test_layers_that_write_nothing_have_no_comment(tmp_path):
    x, v = Input((2,)), Input((2,))
    model = Model([x, v], Dense(1)(Dropout(0.5)(GaussianSampling()([x, v]))))
    text = export.to_numpy(filled(model), tmp_path / "net.py").read_text()
    assert [line.split(",")[0] for line in text.splitlines() if line.startswith("    # ")] == [
        "    # dense"
    ]


def test_run_as_a_program_it_predicts_a_sample(neuron, tmp_path):
    printed = run([str(export.to_numpy(neuron, tmp_path / "neuron.py"))])
    x = np.random.default_rng(0).normal(size=(1, 2))
    expected = 1 / (1 + np.exp(-(0.5 * x[0, 0] - x[0, 1] + 0.25)))
    assert float(printed.strip("[] \n")) == pytest.approx(expected, abs=1e-6)


def test_names_bring_no_code_into_the_file(tmp_path):
    evil = 'a\'\n"""); print(\'ran\'); ("""{0}'
    model = Sequential([Input((2,), name="len"), Dense(1, name=evil)], name=evil)
    path = export.to_numpy(filled(model), tmp_path / "net.py")
    printed = run([str(path)])
    assert "ran" not in printed
    assert printed.startswith("[[")


def test_large_networks_and_other_endings_are_refused(neuron, tmp_path):
    large = Sequential([Input((1000,)), Dense(1000, name="wide")], name="large")
    with pytest.raises(ExportError, match="at most 1,000,000 numbers, got 'large' with 1,001,000"):
        export.to_numpy(large, tmp_path / "large.py")
    with pytest.raises(ArgumentError, match=r"ends in \.py, got '.*net\.txt'; type '.*net\.py'"):
        export.to_numpy(neuron, tmp_path / "net.txt")


class Double(Layer):
    """A layer of one's own."""

    formula = "y = 2 x"

    def apply(self, variables, x, context):
        return 2 * x


def test_layers_and_functions_of_ones_own_are_refused(tmp_path):
    with pytest.raises(ExportError, match=r"'mine' \(Double\) is not among the layers"):
        export.to_numpy(Sequential([Input((3,)), Double(name="mine")]), tmp_path / "m.py")
    model = Sequential([Input((3,)), Dense(2, lambda x: x, name="own")])
    with pytest.raises(ExportError, match="'own' .* has an activation of your own"):
        export.to_numpy(model, tmp_path / "m.py")
