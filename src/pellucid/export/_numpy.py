"""From a model to one Python file that needs NumPy alone."""

import re
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pellucid
from pellucid._files import write_file
from pellucid.errors import ExportError
from pellucid.export import (  # noqa: F401  (each file enters its handlers)
    _numpy_layers,
    _numpy_recurrent,
)
from pellucid.export._numpy_call import NumpyCall, Script
from pellucid.export._onnx import check_types, words_of
from pellucid.export._weights import path_ending_in, write_npz
from pellucid.models import Model

MOST_NUMBERS = 1_000_000
"""How many numbers a network written in NumPy may have."""

FILE = '''"""{title}: what the network computes, in NumPy alone. Written by Pellucid {version}.

Its {count:,} numbers lie in {numbers} beside this file. ``python {name}`` predicts one made-up
sample; ``predict`` is the network as a function.
"""

{imports}

import numpy as np

with np.load(Path(__file__).with_suffix(".npz"), allow_pickle=False) as file:
    W = dict(file)


{functions}


def predict({arguments}):
    """Return the outputs for a batch.

    Args:
{described}
    """
    {lines}
    return {outputs}


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    print(predict({samples}))
'''


def to_numpy(model: Model, path: str | Path) -> Path:
    """Write a small model as a Python file that needs NumPy alone: the mathematics in the open.

    The file has one line or two for each layer under a comment with its path and formula, and the
    functions that they call, each under its formula. Its numbers lie beside it as ``.npz``, in
    plain arrays by the paths of the layers. Nothing of Pellucid is needed to run it::

        python mnist.py                    # predicts one made-up sample
        from mnist import predict          # the network as a function

    Args:
        model: a built model of the common layers with at most 1,000,000 numbers, all float32.
        path: the file, which ends in ``.py``.

    Returns:
        The path of the Python file.

    Raises:
        ArgumentError: if the path does not end in ``.py``.
        ExportError: if the model is too large, or has a layer that cannot be written in NumPy.
        NotReadyError: if the model does not know its input shape yet.

    Example:
        >>> import tempfile, pathlib
        >>> from pellucid import Sequential, export
        >>> from pellucid.layers import Dense, Input
        >>> model = Sequential([Input((2,)), Dense(1, "sigmoid", name="neuron")])
        >>> path = export.to_numpy(model, pathlib.Path(tempfile.mkdtemp()) / "neuron.py")
        >>> [line.strip() for line in path.read_text().splitlines() if "y_neuron =" in line]
        ["y_neuron = sigmoid(dense(x, W['neuron/kernel'], W['neuron/bias']))"]
    """
    path = path_ending_in(".py", "to_numpy", path)
    graph = model.graph
    count = model.count_params()
    if count > MOST_NUMBERS:
        raise ExportError(
            f"to_numpy writes networks of at most {MOST_NUMBERS:,} numbers, got {model.name!r} "
            f"with {count:,}; use to_onnx for this model."
        )
    variables = jax.tree.map(np.asarray, model.variables)
    check_types("to_numpy", model, variables)
    script = Script()
    names = [script.variable(name) for name in graph.input_names]
    for name, symbol in zip(names, graph.input_symbols, strict=True):
        script.lines.append(f"{name} = np.asarray({name}, {np.dtype(symbol.dtype).name!r})")
    shapes = [symbol.shape for symbol in graph.input_symbols]
    call = NumpyCall(graph, variables, (), script, names, shapes)
    outputs = call.write()
    text = _text(model, path, script, names, outputs)
    write_npz(path.with_suffix(".npz"), script.arrays)
    write_file(path, [text.encode()])
    return path


def _text(model: Model, path: Path, script: Script, names: list[str], outputs: Any) -> str:
    """Return the text of the file."""
    functions = script.source()
    imports = ["from pathlib import Path"]
    if "math." in functions:
        imports.insert(0, "import math")
    described, samples = [], []
    words = words_of(model.graph)
    for name, symbol in zip(names, model.graph.input_symbols, strict=True):
        sizes = ", ".join("any" if n is None else str(n) for n in symbol.shape[1:])
        dtype = np.dtype(symbol.dtype).name
        described.append(f"        {name}: shape (batch, {sizes}), {dtype}.")
        shape = (1, *(7 if n is None else n for n in symbol.shape[1:]))
        most = words.get(id(symbol), 128 if dtype != "bool" else 2)
        whole = dtype != "float32" or id(symbol) in words
        samples.append(
            f"rng.integers(0, {most}, {shape})" if whole else f"rng.normal(size={shape})"
        )
    return FILE.format(
        title=_plain(model.name),
        version=pellucid.__version__,
        count=sum(array.size for array in script.arrays.values()),
        numbers=_plain(path.with_suffix(".npz").name),
        name=_plain(path.name),
        imports="\n".join(imports),
        functions=functions,
        arguments=", ".join(names),
        described="\n".join(described),
        lines="\n    ".join(script.lines),
        outputs=", ".join(outputs) if isinstance(outputs, tuple) else outputs,
        samples=", ".join(samples),
    )


def _plain(name: str) -> str:
    """Return a name without what could end a string."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
