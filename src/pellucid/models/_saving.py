"""Saved models: a folder with a readable description and named arrays, no code and no pickle.

::

    model.json              architecture, names, what was compiled; format version
    weights.safetensors     parameters and layer state, by path: "dense/kernel"
    training.safetensors    optimizer state, step and random key (after a fit)

A folder is written beside its place under a temporary name, synced, and renamed. Loading looks
layer types up in a closed registry (and in what the caller passes as ``custom_objects``), finds
all shapes by tracing, and compares them with the file's before any array is read. A file can name
no code, no other file and no way of loading; whatever else it holds, the answer is a
``ModelFileError``.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import pellucid
from pellucid import layers, losses, metrics, optimizers
from pellucid._checks import check_one_of
from pellucid._files import is_plain_file, old_folder, replaced_folder, strict_json, write_text
from pellucid._named import to_config
from pellucid.data import Preprocessing
from pellucid.errors import ArgumentError, DTypeError, ModelFileError, PellucidError
from pellucid.layers import Input, Layer
from pellucid.layers._symbol import connect
from pellucid.models._graph import Graph
from pellucid.models._torch_names import are_torch_names, read_torch_arrays, torch_arrays
from pellucid.training import MIXINGS, TrainingState
from pellucid.training._array_file import array_names, read_arrays, reason, write_arrays

FORMAT_VERSION = 1
DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"
TRAINING = "training.safetensors"
KEYS = {
    "format",
    "format_version",
    "pellucid",
    "kind",
    "name",
    "seed",
    "graph",
    "compile",
    "preprocessing",
}
"""What ``model.json`` may say: nothing about how it is to be loaded."""
LARGEST_DESCRIPTION = 1 << 26
"""Bytes of ``model.json`` at most."""
LARGEST_SIZE = 1 << 31
"""No whole number in the settings of a layer reaches this, except seeds."""
WINDOWS = ("kernel_size", "pool_size", "output_size", "power_iterations")
LARGEST_WINDOW = 1 << 12
"""Places of a window or a grid at most: some layers go through them while they are traced."""
TROUBLE = (
    PellucidError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a description that makes no sense can set off while the network is put together."""


def save_model(model: Any, folder: Path, overwrite: bool = True) -> None:
    """Write a model to a folder; see ``Model.save``."""
    if not overwrite and folder.exists():
        raise ModelFileError(f"{folder} exists already; pass overwrite=True to replace it.")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not is_model(folder)):
        raise ModelFileError(
            f"{folder} exists and is no saved model, so it is not replaced; choose another path."
        )
    description = describe(model)
    arrays = dict(model._ordered(model.variables))
    with replaced_folder(folder) as new:
        write_text(new / DESCRIPTION, json.dumps(description, indent=1) + "\n")
        write_arrays(new / WEIGHTS, arrays)
        if model._trained is not None:
            write_arrays(new / TRAINING, training_arrays(model._trained))


def load_model(
    filepath: str | Path, custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Any:
    """Load a model that ``save`` wrote; its predictions are bit-equal to the saved one's.

    Args:
        filepath: the folder.
        custom_objects: your own layer classes by name, if the model has any; a file alone can
            never name code that runs.
        compile: False leaves optimizer, loss and metrics out.

    Raises:
        ModelFileError: if the folder is no saved model, is damaged, or does not fit this version.
    """
    folder = find_folder(Path(filepath))
    description = read_description(folder)
    try:
        model = build(description, dict(custom_objects or {}))
        if "preprocessing" in description:
            model.preprocessing = Preprocessing.from_config(description["preprocessing"])
    except ModelFileError:
        raise
    except TROUBLE as error:
        raise ModelFileError(f"{folder / DESCRIPTION} is damaged: {reason(error)}") from error
    _check_own_file(folder / WEIGHTS)
    load_weights(model, folder / WEIGHTS)
    config = description.get("compile")
    if compile and config is not None:
        try:
            model.compile(**_compile_arguments(config), verbose=0)
        except TROUBLE as error:
            raise ModelFileError(
                f"What {folder / DESCRIPTION} says about training cannot be used: {reason(error)} "
                "Pass compile=False to load the network alone."
            ) from error
        if (folder / TRAINING).exists():
            _check_own_file(folder / TRAINING)
            _load_training(model, folder / TRAINING)
    return model


# The description


def describe(model: Any) -> dict[str, Any]:
    """Return the description of a model as plain JSON."""
    from pellucid.models._sequential import Sequential

    try:
        compiled = model.compile_config()
    except DTypeError:
        # A user's own function or an Optax optimizer: the network is saved without it.
        compiled = None
    raw = getattr(model, "preprocessing", None)
    return {
        "format": "pellucid model",
        "format_version": FORMAT_VERSION,
        "pellucid": pellucid.__version__,
        "kind": "Sequential" if isinstance(model, Sequential) else "Model",
        "name": model.name,
        "seed": model.seed,
        "graph": describe_graph(model.graph),
        "compile": compiled,
        **({} if raw is None else {"preprocessing": raw.to_config()}),
    }


def describe_graph(graph: Graph) -> dict[str, Any]:
    """Return layers, calls, inputs and outputs of a graph as plain JSON."""
    numbers = {id(node): number for number, node in enumerate(graph.nodes)}
    inputs = {id(symbol): number for number, symbol in enumerate(graph.input_symbols)}

    def place(symbol: Any) -> dict[str, int]:
        if symbol.node is None:
            return {"input": inputs[id(symbol)]}
        return {"call": numbers[id(symbol.node)], "output": symbol.index}

    def structure(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: place(symbol) for name, symbol in value.items()}
        if isinstance(value, (list, tuple)):
            return [place(symbol) for symbol in value]
        return {"single": place(value)}

    return {
        "inputs": [
            {"shape": list(s.shape[1:]), "dtype": jnp.dtype(s.dtype).name, "name": s.name}
            for s in graph.input_symbols
        ],
        "feed": structure(graph.inputs),
        "layers": {name: describe_layer(layer) for name, layer in graph.layers().items()},
        "calls": [
            {"layer": graph.names[id(node.layer)], "inputs": structure(node.inputs)}
            for node in graph.nodes
        ],
        "outputs": structure(graph.outputs),
        "trainable": graph.trainable,
    }


def describe_layer(layer: Layer) -> dict[str, Any]:
    """Return a layer's type and settings; a nested graph is described in full."""
    if isinstance(layer, Graph):
        return {"graph": describe_graph(layer), "name": layer.name}
    return to_config(layer, own=_kinds(layer))


def _kinds(layer: Layer) -> set[type]:
    """Return the class of a layer and those of the layers it is made of."""
    return {type(layer)}.union(*map(_kinds, layer.parts().values()))


def build(description: Mapping[str, Any], custom: Mapping[str, type]) -> Any:
    """Return the model that a description tells of, without numbers."""
    from pellucid.models._model import Model
    from pellucid.models._sequential import Sequential

    graph = build_graph(description["graph"], custom)
    name, seed = str(description["name"]), int(description["seed"])
    if description["kind"] == "Sequential":
        model: Any = Sequential(name=name, seed=seed)
        model._input = graph.input_symbols[0]
        model._chain = list(graph.layers().values())
    elif description["kind"] == "Model":
        model = Model(name=name, seed=seed)
    else:
        raise ModelFileError(f"There is no kind of model called {description['kind']!r}.")
    model._set_graph(graph)
    return model


def build_graph(described: Mapping[str, Any], custom: Mapping[str, type]) -> Graph:
    """Return the graph of a description; shapes are found again by tracing."""
    inputs = [Input(tuple(i["shape"]), i["dtype"], i["name"]) for i in described["inputs"]]
    made = {name: build_layer(config, custom) for name, config in described["layers"].items()}
    outputs: list[Any] = []

    def at(place: Mapping[str, int]) -> Any:
        if "input" in place:
            return inputs[_index(place["input"])]
        several = outputs[_index(place["call"])]
        return several[_index(place["output"])] if isinstance(several, tuple) else several

    def structure(value: Any) -> Any:
        if isinstance(value, list):
            return [at(place) for place in value]
        if set(value) == {"single"}:
            return at(value["single"])
        return {name: at(place) for name, place in value.items()}

    for call in described["calls"]:
        outputs.append(connect(made[call["layer"]], structure(call["inputs"])))
    graph = Graph(
        structure(described["feed"]),
        structure(described["outputs"]),
        trainable=bool(described["trainable"]),
    )
    if list(graph.layers()) != list(made):
        raise ModelFileError("The names of the layers do not belong to the calls.")
    return graph


def build_layer(config: Mapping[str, Any], custom: Mapping[str, type]) -> Layer:
    """Return the layer of a configuration, from the closed registry or from ``custom``."""
    if "graph" in config:
        graph = build_graph(config["graph"], custom)
        if config["name"] is not None:
            object.__setattr__(graph, "name", str(config["name"]))
        return graph
    _check_sizes(config)
    return layers.REGISTRY.from_config(config, own=custom)


def _check_sizes(config: Any, key: str = "") -> None:
    """Raise ArgumentError for a whole number in the settings of a layer that is no size."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            _check_window(str(name), value)
            _check_sizes(value, str(name))
    elif isinstance(config, list):
        for value in config:
            _check_sizes(value, key)
    elif isinstance(config, int) and abs(config) >= LARGEST_SIZE and not key.endswith("seed"):
        raise ArgumentError(f"The setting {key!r} is {config}, and no size is as large as that.")


def _check_window(key: str, sizes: Any) -> None:
    """Raise ArgumentError for a window whose places nobody could go through one by one."""
    if key not in WINDOWS:
        return
    whole = [n for n in (sizes if isinstance(sizes, list) else [sizes]) if isinstance(n, int)]
    if math.prod(whole) > LARGEST_WINDOW:
        raise ArgumentError(f"The setting {key!r} is {sizes}, and no window is as large as that.")


def _index(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ModelFileError(f"Expected the number of a call or input, got {value!r}.")
    return value


def _compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "optimizer": optimizers.REGISTRY.from_config(config["optimizer"]),
        "loss": [part and losses.REGISTRY.from_config(part) for part in config["loss"]],
        "loss_weights": config["loss_weights"],
        "metrics": [[metrics.REGISTRY.from_config(m) for m in p] for p in config["metrics"]],
        "weighted_metrics": [
            [metrics.REGISTRY.from_config(m) for m in p] for p in config["weighted_metrics"]
        ],
        "augmentation": (
            MIXINGS.from_config(config["augmentation"]) if "augmentation" in config else None
        ),
    }


# The arrays


def save_weights(model: Any, path: Path, names: str = "pellucid") -> None:
    """Write a model's numbers alone to one file."""
    check_one_of("save_weights", "names", names, ("pellucid", "pytorch"))
    own = names == "pellucid"
    arrays = dict(model._ordered(model.variables)) if own else torch_arrays(model)
    write_arrays(path, arrays)


def load_weights(model: Any, path: Path) -> None:
    """Read a model's numbers from one file, in its own names or in PyTorch's."""
    if not path.exists():
        raise ModelFileError(f"There is no file {path}.")
    if are_torch_names(array_names(path)):
        model._set_paths(read_torch_arrays(model, path))
        return
    model._set_paths(read_arrays(path, dict(model._ordered(model.shapes))))


def training_arrays(state: TrainingState) -> dict[str, Any]:
    """Return the optimizer's state, step number and key as named arrays."""
    return {
        **{f"optimizer{name}": array for name, array in _leaves(state.optimizer_state)},
        "step": state.step,
        "key": jax.random.key_data(state.key),
    }


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    pairs = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in pairs]


def _load_training(model: Any, path: Path) -> None:
    template = jax.eval_shape(model._start, 0)
    arrays = read_arrays(path, jax.eval_shape(training_arrays, template))
    structure = jax.tree.structure(template.optimizer_state)
    leaves = [
        jnp.asarray(arrays[f"optimizer{name}"]) for name, _ in _leaves(template.optimizer_state)
    ]
    model._trained = TrainingState(
        model.variables.parameters,
        model.variables.state,
        jax.tree.unflatten(structure, leaves),
        jax.random.wrap_key_data(jnp.asarray(arrays["key"])),
        jnp.asarray(arrays["step"]),
    )


# The folder


def is_model(folder: Path) -> bool:
    """Tell whether a folder looks like a saved model."""
    return (folder / DESCRIPTION).is_file()


def find_folder(folder: Path) -> Path:
    """Return the folder of a saved model, or the one it was replacing when it was cut off."""
    if not folder.exists():
        spare = old_folder(folder)
        if is_model(spare):
            return spare
        raise ModelFileError(f"There is no folder {folder}; save a model there first.")
    if not folder.is_dir() or not is_model(folder):
        raise ModelFileError(
            f"{folder} is no saved model: a saved model is a folder with {DESCRIPTION} and "
            f"{WEIGHTS}, as model.save(path) writes it."
        )
    return folder


def read_description(folder: Path) -> dict[str, Any]:
    """Return ``model.json`` after a look at its head."""
    path = folder / DESCRIPTION
    _check_own_file(path)
    if path.stat().st_size > LARGEST_DESCRIPTION:
        raise ModelFileError(
            f"{path} has {path.stat().st_size:,} bytes, and a description of a network has at "
            f"most {LARGEST_DESCRIPTION:,}."
        )
    try:
        description = strict_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {reason(error)}") from error
    if not isinstance(description, dict) or description.get("format") != "pellucid model":
        raise ModelFileError(f"{path} does not describe a Pellucid model.")
    version = description.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r} and this is Pellucid {pellucid.__version__}, "
            f"which reads version {FORMAT_VERSION}; install a newer Pellucid."
        )
    unknown = sorted(set(description) - KEYS)
    if unknown:
        raise ModelFileError(
            f"{path} says {unknown[0]!r}, which no description of a network does; remove it, or "
            "load the model with the Pellucid that saved it."
        )
    return description


def _check_own_file(path: Path) -> None:
    """Raise ModelFileError for a link, a pipe or a folder where a file of the model should be."""
    if path.is_symlink() or (path.exists() and not is_plain_file(path)):
        raise ModelFileError(
            f"{path} is a link, or no plain file; the files of a saved model lie in its own "
            "folder. Copy the file itself there."
        )
