"""ONNX files: every layer and network against onnxruntime, what is in a file, and refusals."""

import numpy as np
import pytest

from export.cases import NETWORKS, filled, measured
from layers.cases import CASES
from pellucid import Input, Model, Sequential, activations, export, layers
from pellucid.errors import ArgumentError, ExportError, NotReadyError
from pellucid.export import _onnx
from pellucid.export._activations import FUNCTIONS
from pellucid.export._call import HANDLERS
from pellucid.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
    RandomCrop,
    ReLU,
)
from pellucid.models import Graph
from zoo.cases import CASES as ZOO

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

LIMIT = 1e-4


def written(model, path, **settings):
    """Return the file of a model."""
    export.to_onnx(model, path, **settings)
    return onnx.load(path)


def agrees(model, path, inputs, expected=None):
    """Compare a file with the model on inputs, and on fewer rows of them."""
    expected = _onnx.evaluate(model, inputs) if expected is None else expected
    run = _onnx.open_onnx(str(path))
    for rows in (len(inputs[0]), 1):
        found = run([array[:rows] for array in inputs])
        assert len(found) == len(expected)
        for a, b in zip(expected, found, strict=True):
            assert a.dtype == b.dtype
            assert _onnx.difference(a[:rows], b) < LIMIT


def test_every_layer_has_a_handler():
    assert set(HANDLERS) == {*layers.REGISTRY.entries.values(), Graph}


def test_every_activation_has_its_form():
    assert set(FUNCTIONS) == set(activations.REGISTRY.entries.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_layer(case, tmp_path):
    x = case.symbols()
    model = filled(Model(x, case.layer(x)))
    path = export.to_onnx(model, tmp_path / "layer.onnx", check=False)
    inputs = case.inputs(4)
    agrees(model, path, list(map(np.asarray, inputs)) if case.several else [np.asarray(inputs)])


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name, tmp_path):
    model, inputs, expected = measured(name)
    path = export.to_onnx(model, tmp_path / "network.onnx", check=False)
    agrees(model, path, inputs, expected)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * ZOO[n].slow) for n in ZOO]
)
def test_network_of_the_zoo(name, tmp_path):
    case = ZOO[name]
    model = filled(case.make(0))
    path = export.to_onnx(model, tmp_path / "zoo.onnx", check=False)
    agrees(model, path, list(case.x) if isinstance(case.x, list) else [case.x])


@pytest.mark.parametrize("opset", [20, max(_onnx.OPSETS)])
@pytest.mark.parametrize("name", ["residual block", "masked states"])
def test_other_versions_of_the_operators(name, opset, tmp_path):
    model, inputs, expected = measured(name)
    made = written(model, tmp_path / "m.onnx", opset=opset, check=False)
    agrees(model, tmp_path / "m.onnx", inputs, expected)
    assert made.opset_import[0].version == opset


@pytest.fixture
def small():
    parts = [
        Input((8, 8, 3), name="image"),
        Conv2D(4, 3, name="first"),
        BatchNormalization(name="norm"),
        ReLU(name="on"),
        Conv2D(2, 3, activation="tanh", name="second"),
        MaxPooling2D(name="pool"),
        Dropout(0.5),
        Flatten(),
        Dense(3, "softmax", name="answer"),
    ]
    return filled(Sequential(parts, name="small"))


def test_file_is_readable(small, tmp_path):
    made = written(small, tmp_path / "small.onnx")
    nodes = [(node.op_type, node.name) for node in made.graph.node]
    assert nodes == [
        ("Transpose", "first/Transpose"),
        ("Conv", "first/Conv"),
        ("BatchNormalization", "norm/BatchNormalization"),
        ("Relu", "on/Relu"),
        ("Conv", "second/Conv"),
        ("Tanh", "second/Tanh"),
        ("MaxPool", "pool/MaxPool"),
        ("Transpose", "pool/Transpose"),
        ("Reshape", "flatten/Reshape"),
        ("MatMul", "answer/MatMul"),
        ("Add", "answer/Add"),
        ("Softmax", "answer/Softmax"),
        ("Identity", "output/answer"),
    ]
    names = {tensor.name for tensor in made.graph.initializer}
    assert {"first/kernel", "first/bias", "norm/moving_mean", "answer/kernel"} <= names
    assert [entry.name for entry in made.graph.input] == ["image"]
    assert [entry.name for entry in made.graph.output] == ["answer"]
    sizes = made.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in sizes] == ["batch", 8, 8, 3]
    assert made.graph.name == "small"


def test_shared_weights_are_written_once(tmp_path):
    made = written(NETWORKS["shared layers"](), tmp_path / "m.onnx")
    assert [t.name for t in made.graph.initializer if t.dims == [4, 4]] == ["twice/kernel"]
    assert {"twice/MatMul", "twice#1/MatMul"} <= {node.name for node in made.graph.node}
    assert [entry.name for entry in made.graph.input] == ["a", "b"]
    assert [entry.name for entry in made.graph.output] == ["sum", "deep"]


def test_wrong_file_is_refused_and_nothing_is_left(small, tmp_path, monkeypatch):
    monkeypatch.setitem(
        HANDLERS,
        ReLU,
        lambda call, x: call.writer.binary("Mul", call.writer.unary("Relu", x), 1.01),
    )
    with pytest.raises(ExportError, match=r"'small' was not kept: its output 'answer' differs"):
        export.to_onnx(small, tmp_path / "small.onnx")
    assert list(tmp_path.iterdir()) == []
    export.to_onnx(small, tmp_path / "small.onnx", check=False)
    assert [path.name for path in tmp_path.iterdir()] == ["small.onnx"]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 4.0], [1.0, 4.2], 0.05),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([1.0, 1.0], [np.inf, 1.0], np.inf),
        ([1.0, 1.0], [1.0], np.inf),
    ],
)
def test_difference(a, b, expected):
    assert _onnx.difference(np.array(a), np.array(b)) == pytest.approx(expected)


class Double(Layer):
    """A layer of one's own."""

    def apply(self, variables, x, context):
        return 2 * x


def test_layers_and_functions_of_ones_own_are_refused(tmp_path):
    model = Sequential([Input((3,)), Double(name="mine")])
    with pytest.raises(ExportError, match=r"Layer 'mine' \(Double\) is no layer of Pellucid's"):
        export.to_onnx(model, tmp_path / "m.onnx")
    model = Sequential([Input((3,)), Dense(2, lambda x: x, name="own")])
    with pytest.raises(ExportError, match="'own' .* has an activation of your own"):
        export.to_onnx(model, tmp_path / "m.onnx")


def test_open_size_that_must_be_known_is_refused(tmp_path):
    model = Sequential([Input((None, 8, 1)), RandomCrop(3, 3, name="crop")])
    with pytest.raises(ExportError, match="'crop' .* needs the size of axis 1 .* find its middle"):
        export.to_onnx(model, tmp_path / "m.onnx")


def test_other_types_are_refused(tmp_path):
    model = Sequential([Input((3,), "bfloat16"), Dense(2)])
    with pytest.raises(ExportError, match="float32 numbers, got bfloat16 in dense/kernel"):
        export.to_onnx(model, tmp_path / "m.onnx")


def test_model_without_shape_and_unknown_version(small, tmp_path):
    with pytest.raises(NotReadyError, match="does not know its input shape"):
        export.to_onnx(Sequential([Dense(2)]), tmp_path / "m.onnx")
    with pytest.raises(ArgumentError, match="expected opset to be one of 18, .*, got 7"):
        export.to_onnx(small, tmp_path / "m.onnx", opset=7)


def test_missing_package_is_told(small, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r'onnxruntime, .* pip install "pellucid\[export\]"'):
        export.to_onnx(small, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
