"""The numbers of a model alone: safetensors, and Keras's names against Keras where it is there."""

import doctest
import importlib
import os
import pkgutil
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file

from export.cases import NETWORKS, filled
from pellucid import Input, Model, Sequential, export, layers
from pellucid.errors import ArgumentError, ExportError
from pellucid.export import _onnx
from pellucid.models import Graph


def images(room, input_of, sequential):
    """Return the same network of images in Pellucid or in Keras."""
    parts = [
        input_of((8, 8, 2)),
        room.Conv2D(3, 3, name="conv"),
        room.BatchNormalization(name="norm"),
        room.PReLU(name="slopes"),
        room.DepthwiseConv2D(2, name="depthwise"),
        room.SeparableConv2D(3, 2, name="separable"),
        room.GroupNormalization(1, name="groups"),
        room.Conv2DTranspose(2, 2, 2, name="transposed"),
        room.Flatten(name="flat"),
        room.LayerNormalization(name="layer"),
        room.Dense(3, "softmax", name="answer"),
    ]
    return sequential(parts, name="images")


def words(room, input_of, network, model):
    """Return the same network of words in Pellucid or in Keras."""
    x = input_of((6,), dtype="int32")
    y = room.Embedding(5, 4, name="table")(x)
    y = room.Bidirectional(room.LSTM(3, return_sequences=True, name="own"), name="both")(y)
    y = room.TimeDistributed(room.Dense(4, name="each"), name="steps")(y)
    y = room.MultiHeadAttention(2, 3, name="heads")(y, y)
    y = room.AdditiveAttention(name="additive")([y, y])
    y = room.SimpleRNN(3, return_sequences=True, name="simple")(y)
    y = room.GRU(3, name="gru")(y)
    return model(x, network(input_of((3,)), room.Dense(2, name="dense"))(y))


def inner(z, layer):
    """Return a network in a network."""
    return Graph(z, layer(z), name="inner")


def test_safetensors_have_the_paths_of_the_layers(tmp_path):
    model = filled(images(layers, Input, Sequential))
    path = export.to_safetensors(model, tmp_path / "m.safetensors")
    arrays = load_file(path)
    assert arrays["conv/kernel"].shape == (3, 3, 2, 3)
    assert sum(array.size for array in arrays.values()) == model.count_params()
    other = filled(images(layers, Input, Sequential), seed=1)
    other.load_weights(path)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_keras_names_and_shapes(tmp_path):
    model = filled(words(layers, Input, inner, Model))
    arrays = export.to_keras_names(model, tmp_path / "m.npz")
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes["table/embeddings"] == (5, 4)
    assert shapes["both/forward_own/lstm_cell/recurrent_kernel"] == (3, 12)
    assert shapes["both/backward_own/lstm_cell/bias"] == (12,)
    assert shapes["steps/each/kernel"] == (6, 4)
    assert shapes["heads/query/kernel"] == (4, 2, 3)
    assert shapes["heads/value/bias"] == (2, 3)
    assert shapes["heads/attention_output/kernel"] == (2, 3, 4)
    assert shapes["heads/attention_output/bias"] == (4,)
    assert shapes["gru/gru_cell/bias"] == (2, 9)
    assert shapes["simple/simple_rnn_cell/kernel"] == (4, 3)
    assert shapes["inner/dense/kernel"] == (3, 2)
    assert sum(array.size for array in arrays.values()) == model.count_params()
    with np.load(tmp_path / "m.npz", allow_pickle=False) as written:
        assert set(written) == set(arrays)
        np.testing.assert_array_equal(written["heads/query/kernel"], arrays["heads/query/kernel"])


@pytest.fixture
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("keras")


def takes_and_gives_the_same(theirs, ours):
    variables = {f"/{v.path}": v for v in theirs.variables if "seed_generator" not in v.path}
    arrays = export.to_keras_names(ours)
    assert len(arrays) == len(variables)
    for name, array in arrays.items():
        (path,) = (path for path in variables if path.endswith(f"/{name}"))
        variables[path].assign(array)
    inputs = _onnx.random_inputs(ours, 3)
    (expected,) = _onnx.evaluate(ours, inputs)
    np.testing.assert_allclose(expected, np.asarray(theirs(inputs[0])), rtol=1e-4, atol=1e-5)


def test_keras_takes_a_network_of_images(keras):
    theirs = images(keras.layers, keras.Input, keras.Sequential)
    takes_and_gives_the_same(theirs, filled(images(layers, Input, Sequential)))


def test_keras_takes_a_network_of_words(keras):
    def nested(*parts):
        return keras.Sequential(parts, name="inner")

    theirs = words(keras.layers, keras.Input, nested, keras.Model)
    takes_and_gives_the_same(theirs, filled(words(layers, Input, inner, Model)))


def test_layers_that_keras_has_not_are_refused():
    model = Sequential([Input((2,)), layers.RadialBasis(3, name="bells")])
    with pytest.raises(ExportError, match=r"'bells' \(RadialBasis\) has numbers, and Keras has no"):
        export.to_keras_names(model)
    model = NETWORKS["kernel of unit norm"]()
    with pytest.raises(ExportError, match=r"\(SpectralNormalization\)"):
        export.to_keras_names(model)


def test_other_endings_are_refused(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(3)])
    with pytest.raises(ArgumentError, match=r"ends in \.safetensors, got '.*m\.bin'; type '.*m\.s"):
        export.to_safetensors(model, tmp_path / "m.bin")
    with pytest.raises(ArgumentError, match=r"ends in \.npz, got '.*m\.h5'; type '.*m\.npz'"):
        export.to_keras_names(model, tmp_path / "m.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(export.__path__)])
def test_examples_run(module):
    if module == "_onnx":
        pytest.importorskip("onnxruntime")
    assert doctest.testmod(importlib.import_module(f"pellucid.export.{module}")).failed == 0
