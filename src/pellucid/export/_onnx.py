"""From a model to an ONNX file that other runtimes read, checked against the model."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pellucid._checks import check_one_of
from pellucid._files import write_file
from pellucid.errors import ExportError, ShapeError
from pellucid.export import (  # noqa: F401  (each file enters its handlers)
    _attention,
    _convolution,
    _dense,
    _merging,
    _normalization,
    _pooling,
    _recurrent,
    _regions,
    _reshaping,
)
from pellucid.export._call import Call
from pellucid.export._onnx_file import import_extra, to_proto
from pellucid.export._writer import Value, Writer
from pellucid.layers import Embedding, Variables
from pellucid.models import Graph, Model

OPSETS = tuple(range(18, 23))
"""The versions of ONNX's operators that can be written."""

TOLERANCE = 1e-4
"""What an output may differ by, as a fraction of its largest number."""

LEAST = 1e-6
"""An output below this is compared with this in place of its largest number."""

OPEN_SIZES = (32, 7, 3)
"""Sizes that the check tries, one after the other, where the model takes any."""


def to_onnx(model: Model, path: str | Path, *, opset: int = 18, check: bool = True) -> Path:
    """Write a model as one ONNX file.

    Every layer is written for itself, in operators of ONNX that compute its formula for
    evaluation; nodes have its path as their name. Inputs and outputs are as the model has them:
    batch first and of any size, images (batch, height, width, channels). Layers that change
    something in training alone (dropout, noise, augmentation) are left out.

    The file appears whole or not at all, under a temporary name first, and only if it passes the
    check.

    Args:
        model: a built model of Pellucid's layers, with float32 numbers.
        path: the file, ``mnist.onnx`` for instance.
        opset: the version of ONNX's operators, 18 to 22; older runtimes want a lower one.
        check: True runs model and file on random inputs and compares them; it needs onnxruntime.

    Returns:
        The path.

    Raises:
        ExportError: if a layer has no ONNX form, an output of the file differs from the model's by
            more than 1e-4 of its largest number, or a package is missing.
        NotReadyError: if the model does not know its input shape yet.

    Example:
        >>> import tempfile, pathlib
        >>> from pellucid import Sequential, export
        >>> from pellucid.layers import Dense, Input
        >>> model = Sequential([Input((4,)), Dense(3, "softmax")])
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "iris.onnx"
        >>> export.to_onnx(model, path).name
        'iris.onnx'

    References:
        Open Neural Network Exchange, Operator schemas, opset 18.
    """
    check_one_of("to_onnx", "opset", opset, OPSETS)
    data = make_onnx(model, opset).SerializeToString()
    if check:
        compare(model, data)
    write_file(Path(path), [data])
    return Path(path)


def make_onnx(model: Model, opset: int = 18) -> Any:
    """Return a model as ONNX's ModelProto."""
    import_extra("onnx")
    graph, writer = model.graph, Writer()
    variables = jax.tree.map(np.asarray, model.variables)
    check_types("to_onnx", model, variables)
    inputs = [
        Value(writer.name(label), symbol.shape, np.dtype(symbol.dtype))
        for label, symbol in zip(graph.input_names, graph.input_symbols, strict=True)
    ]
    made = Call(graph, variables, (), writer).write(inputs)
    values = list(made) if isinstance(made, tuple) else [made]
    names = [writer.name(label) for label in graph.output_names]
    return to_proto(writer, model.name, inputs, dict(zip(names, values, strict=True)), opset)


def check_types(who: str, model: Model, variables: Variables) -> None:
    """Raise ExportError unless all floating numbers are float32."""
    types = {path: np.dtype(array.dtype) for path, array in model._ordered(variables)}
    for name, symbol in zip(model.graph.input_names, model.graph.input_symbols, strict=True):
        if jax.numpy.issubdtype(symbol.dtype, jax.numpy.floating):
            types[f"input {name}"] = np.dtype(symbol.dtype)
    for name, dtype in types.items():
        if dtype != np.float32:
            raise ExportError(
                f"{who} expected a model of float32 numbers, got {dtype} in {name}; make the "
                "model with Input(shape, dtype='float32') and load the weights into it."
            )


# The check


def compare(model: Model, data: bytes) -> float:
    """Return the largest difference between a file and the model, as a fraction of the output.

    Args:
        model: the model.
        data: the content of the file.

    Raises:
        ExportError: if it is above 1e-4.
    """
    names = model.graph.output_names
    inputs = random_inputs(model, 3)
    expected = evaluate(model, inputs)
    run, worst = open_onnx(data), 0.0
    for batch in (3, 1):  # rows do not see each other
        found = run([array[:batch] for array in inputs])
        for name, a, b in zip(names, expected, found, strict=True):
            gap = difference(a[:batch], b)
            worst = max(worst, gap)
            if not gap <= TOLERANCE:
                raise ExportError(
                    f"The ONNX file of {model.name!r} was not kept: its output {name!r} differs "
                    f"from the model's by {gap:.1e} of the largest number, more than "
                    f"{TOLERANCE:.0e}; export with check=False to look at the file."
                )
    return worst


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return max |a - b| / max |a|; infinite where shapes differ or one alone is not finite."""
    if a.shape != b.shape:
        return float("inf")
    usual = np.isfinite(a)
    if not np.array_equal(a[~usual], b[~usual], equal_nan=True) or not np.isfinite(b[usual]).all():
        return float("inf")
    a, b = a[usual].astype(np.float64), b[usual].astype(np.float64)
    scale = max(np.max(np.abs(a), initial=0.0), LEAST)
    return float(np.max(np.abs(a - b), initial=0.0) / scale)


def evaluate(model: Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of a model in a flat list, with matrix products in full float32."""
    with jax.default_matmul_precision("float32"):
        made = model(_form(inputs))
    outputs = [made[name] for name in model.graph.output_names] if isinstance(made, dict) else made
    several = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [np.asarray(output) for output in several]


def open_onnx(file: str | bytes) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Return a file as a function from its inputs to its outputs, run by onnxruntime on the CPU.

    Args:
        file: its path or its content.
    """
    runtime = import_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = runtime.InferenceSession(
        file, sess_options=options, providers=["CPUExecutionProvider"]
    )
    names = [entry.name for entry in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs, strict=True)))


def random_inputs(model: Model, batch: int, seed: int = 0) -> list[np.ndarray]:
    """Return random inputs: words for embeddings, else normal numbers, bytes or booleans."""
    graph, shapes, run = model.graph, model.shapes, partial(model._run, training=False)
    any_open = any(None in symbol.shape[1:] for symbol in graph.input_symbols)
    *sizes, last = OPEN_SIZES
    for size in sizes if any_open else ():
        inputs = list(_draw(graph, batch, size, seed))
        with suppress(ShapeError):
            jax.eval_shape(run, shapes.parameters, shapes.state, _form(inputs), None)
            return inputs
    return list(_draw(graph, batch, last, seed))


def _form(inputs: list[np.ndarray]) -> Any:
    return inputs if len(inputs) > 1 else inputs[0]


def _draw(graph: Graph, batch: int, size: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    words = words_of(graph)
    for symbol in graph.input_symbols:
        shape = (batch, *(size if n is None else n for n in symbol.shape[1:]))
        dtype, most = np.dtype(symbol.dtype), words.get(id(symbol))
        if most is not None:
            yield rng.integers(0, most, shape).astype(dtype)
        elif dtype.kind == "b":
            yield rng.integers(0, 2, shape).astype(bool)
        elif dtype.kind in "iu":
            yield rng.integers(0, 128, shape).astype(dtype)
        else:
            yield rng.standard_normal(shape).astype(dtype)


def words_of(graph: Graph) -> dict[int, int]:
    """Return for each input symbol that an embedding reads how many words it knows."""
    found: dict[int, int] = {}

    def note(symbol: Any, most: int) -> None:
        found[id(symbol)] = min(most, found.get(id(symbol), most))

    for node in graph.nodes:
        if isinstance(node.layer, Embedding) and node.inputs.node is None:
            note(node.inputs, node.layer.input_dim)
        elif isinstance(node.layer, Graph):
            inner = words_of(node.layer)
            for outer, own in zip(node.input_symbols(), node.layer.input_symbols, strict=True):
                if id(own) in inner and outer.node is None:
                    note(outer, inner[id(own)])
    return found
