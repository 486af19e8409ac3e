"""The graph: layers connected from input symbols to output symbols, itself a layer."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid._named import snake_case
from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.layers import Context, Layer, Spec, Symbol, Variables
from pellucid.layers._base import fold_name
from pellucid.layers._symbol import Node, is_symbols

Array = jax.Array
Tree = Any


class Graph(Layer):
    """A network as a frozen description: which layer reads what.

    It has the two methods of a layer, so that a network can be a layer of another one. Its
    variables are nested dictionaries by layer name. Names that the user did not choose are the
    class in snake case, numbered in the order of the graph: ``dense``, ``dense_1``.

    Args:
        inputs: a symbol, or a list or dictionary of symbols made by ``Input``.
        outputs: a symbol, or a list or dictionary of symbols that depend on them.

    Raises:
        ArgumentError: if an output does not come from the inputs, or two layers have one name.
    """

    inputs: Any
    outputs: Any

    formula: ClassVar[str] = "y = network(x)"

    def __post_init__(self) -> None:
        input_symbols = symbols_of("inputs", self.inputs)
        output_symbols = symbols_of("outputs", self.outputs)
        for symbol in input_symbols:
            if symbol.node is not None:
                raise ArgumentError(
                    "Model expected every input to be made by Input(shape), got the output of "
                    f"{type(symbol.node.layer).__name__}."
                )
        nodes = _sorted_nodes(output_symbols, input_symbols)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "input_symbols", input_symbols)
        object.__setattr__(self, "output_symbols", output_symbols)
        object.__setattr__(self, "names", _layer_names(nodes))
        object.__setattr__(self, "input_names", _input_names(self.inputs, input_symbols))
        object.__setattr__(self, "output_names", self._output_names())

    nodes: ClassVar[tuple[Node, ...]]
    input_symbols: ClassVar[tuple[Symbol, ...]]
    output_symbols: ClassVar[tuple[Symbol, ...]]
    names: ClassVar[dict[int, str]]
    input_names: ClassVar[tuple[str, ...]]
    output_names: ClassVar[tuple[str, ...]]

    def layers(self) -> dict[str, Layer]:
        """Return the layers by name, each once, in the order in which they run."""
        return {self.names[id(node.layer)]: node.layer for node in self.nodes}

    def calls(self) -> Iterator[tuple[str, int, Node]]:
        """Yield (layer name, number of the call, node) in the order in which they run."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            name = self.names[id(node.layer)]
            yield name, counts.get(name, 0), node
            counts[name] = counts.get(name, 0) + 1

    def init(self, key: Array, input_spec: Any = None) -> Variables:
        """Return the variables of all layers; the shapes are those of the graph's symbols."""
        made = Variables()
        for name, call, node in self.calls():
            if call:
                continue
            specs = jax.tree.map(lambda symbol: symbol.spec(), node.inputs)
            variables = node.layer.make_variables(fold_name(key, name), specs)
            # Layers without numbers have no entry, so that trees of numbers compare leaf by leaf.
            if variables.parameters:
                made.parameters[name] = variables.parameters
            if variables.state:
                made.state[name] = variables.state
        return made

    def apply(self, variables: Variables, x: Any, context: Context) -> Any:
        """Run every layer in order; returns the outputs in the form in which they were given."""
        arrays = self.arrange_inputs(x, any_steps=context.memory is not None)
        values: dict[tuple[int, int], Array] = {}
        masks: dict[tuple[int, int], Any] = {}
        given = context.mask if isinstance(context.mask, list) else [context.mask] * len(arrays)
        for symbol, array, mask in zip(self.input_symbols, arrays, given, strict=True):
            values[_place(symbol)] = jnp.asarray(array).astype(symbol.dtype)
            masks[_place(symbol)] = mask
        for name, call, node in self.calls():
            inside = context.enter(name, call)
            inside.mask = jax.tree.map(lambda symbol: masks.get(_place(symbol)), node.inputs)
            if isinstance(inside.mask, list) and all(mask is None for mask in inside.mask):
                inside.mask = None
            read = jax.tree.map(lambda symbol: values[_place(symbol)], node.inputs)
            renewed = context.collected.state.get((*context.path, name), {})
            own = variables.child(name)
            if renewed and not isinstance(node.layer, Graph):
                own = Variables(own.parameters, own.state | renewed)
            y = node.layer.run_checked(own, read, inside)
            outputs = y if isinstance(y, (list, tuple)) else (y,)
            for index, value in enumerate(outputs):
                values[id(node), index] = value
                mask = inside.output_mask
                masks[id(node), index] = mask[index] if isinstance(mask, list) else mask
        made = [masks.get(_place(symbol)) for symbol in self.output_symbols]
        context.set_mask(made[0] if len(made) == 1 else made)
        return jax.tree.map(lambda symbol: values[_place(symbol)], self.outputs)

    def penalty(self, parameters: Mapping[str, Any]) -> Array | float:
        """Return the sum of the regularization terms of all layers."""
        total: Array | float = 0.0
        for name, layer in self.layers().items():
            total = total + layer.penalty(parameters.get(name, {}))
        return total

    def constrain(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters after the constraints of all layers."""
        layers = self.layers()
        return {name: layers[name].constrain(values) for name, values in parameters.items()}

    def flops(self, input_spec: Any = None, output_spec: Any = None) -> int:
        """Return the sum over all calls, for one sample."""
        return sum(node_flops(node) for node in self.nodes)

    def is_trainable(self, path: str) -> bool:
        """Tell whether the parameter at ``path``, such as ``"dense/kernel"``, is trained."""
        name, _, rest = path.partition("/")
        return self.trainable and self.layers()[name].is_trainable(rest)

    def arrange_inputs(self, x: Any, any_steps: bool = False) -> list[Any]:
        """Return the arrays of ``x`` in the order of the graph's inputs, checked for rank and size.

        Args:
            x: an array, or a list in the order of the inputs, or a dictionary by input name.
            any_steps: True takes sequences of any length, as when they come step by step.
        """
        count = len(self.input_symbols)
        if isinstance(x, Mapping):
            missing = [name for name in self.input_names if name not in x]
            if missing:
                raise ArgumentError(
                    f"The model expected inputs named {', '.join(self.input_names)}; "
                    f"{', '.join(missing)} is missing, got {', '.join(map(str, x))}."
                )
            arrays = [x[name] for name in self.input_names]
        else:
            arrays = list(x) if isinstance(x, (list, tuple)) else [x]
        if len(arrays) != count:
            raise ArgumentError(f"The model expected {count} inputs, got {len(arrays)}.")
        for name, symbol, array in zip(self.input_names, self.input_symbols, arrays, strict=True):
            check_input(name, symbol, jnp.shape(array), any_steps)
        return arrays

    def check_data(self, x: Any) -> None:
        """Let every layer that reads an input directly look at its numbers, before a fit."""
        arrays = dict(zip(map(id, self.input_symbols), self.arrange_inputs(x), strict=True))
        for node in self.nodes:
            if not isinstance(node.inputs, list) and id(node.inputs) in arrays:
                node.layer.check_data(arrays[id(node.inputs)])

    def _output_names(self) -> tuple[str, ...]:
        if isinstance(self.outputs, Mapping):
            return tuple(self.outputs)
        names: list[str] = []
        for symbol in self.output_symbols:
            base = self.names[id(symbol.node.layer)] if symbol.node else "input"
            number = sum(name == base or name.startswith(f"{base}_") for name in names)
            names.append(base if base not in names else f"{base}_{number}")
        return tuple(names)


def check_input(name: str, symbol: Symbol, shape: tuple[int, ...], any_steps: bool = False) -> None:
    """Raise ShapeError unless ``shape``, batch included, fits the input symbol.

    ``any_steps`` leaves the axis after the batch out.
    """
    expected = symbol.shape
    if any_steps:
        expected = (*expected[:1], *(None for _ in expected[1:2]), *expected[2:])
    fits = len(shape) == len(expected) and all(
        n is None or n == m for n, m in zip(expected[1:], shape[1:], strict=True)
    )
    if fits:
        return
    wanted = "(batch" + "".join(f", {'any' if n is None else n}" for n in expected[1:]) + ")"
    hint = ""
    if tuple(shape) == tuple(expected[1:]):
        hint = " One sample needs a batch axis: type x[None]."
    elif len(shape) + 1 == len(expected) and expected[-1] == 1:
        hint = " Add the channel axis: type x[..., None]."
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        hint = " Drop the last axis: type x[..., 0]."
    elif len(expected) == 2 and len(shape) > 2:
        hint = " Put Flatten() first, or type x.reshape(len(x), -1)."
    raise ShapeError(f"The model expected {name} of shape {wanted}, got {tuple(shape)}.{hint}")


def node_flops(node: Node) -> int:
    """Return the FLOPs of one call for one sample (a batch of one)."""

    def one_sample(spec: Spec) -> Spec:
        return jax.ShapeDtypeStruct((1, *spec.shape[1:]), spec.dtype)

    given = jax.tree.map(lambda symbol: one_sample(symbol.spec()), node.inputs)
    made = [one_sample(spec) for spec in node.outputs]
    return node.layer.flops(given, made[0] if len(made) == 1 else made)


def symbols_of(what: str, structure: Any) -> tuple[Symbol, ...]:
    """Return the symbols of a symbol, list or dictionary, in order."""
    values = list(structure.values()) if isinstance(structure, Mapping) else structure
    flat = list(values) if isinstance(values, (list, tuple)) else [values]
    if not is_symbols(flat):
        raise DTypeError(
            f"Model expected {what} to be symbols, as made by Input(shape) and by calling layers "
            f"with them, got {type(structure).__name__}."
        )
    return tuple(flat)


def _place(symbol: Symbol) -> tuple[int, int]:
    """Return what identifies the value of a symbol: its node and index, or itself for an input."""
    return (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)


def _sorted_nodes(outputs: tuple[Symbol, ...], inputs: tuple[Symbol, ...]) -> tuple[Node, ...]:
    """Return the nodes that lead to the outputs, each after those it reads."""
    known = {id(symbol) for symbol in inputs}
    done: dict[int, Node] = {}
    stack: list[tuple[Symbol, bool]] = [(symbol, False) for symbol in reversed(outputs)]
    while stack:
        symbol, expanded = stack.pop()
        if symbol.node is None:
            if id(symbol) not in known:
                raise ArgumentError(
                    f"An output of the model depends on {symbol!r}, which is not among its inputs; "
                    "add it to Model(inputs=...)."
                )
        elif id(symbol.node) not in done:
            if expanded:
                done[id(symbol.node)] = symbol.node
            else:
                stack.append((symbol, True))
                stack.extend((s, False) for s in reversed(symbol.node.input_symbols()))
    return tuple(done.values())


def _layer_names(nodes: tuple[Node, ...]) -> dict[int, str]:
    """Return a name for each layer: the user's own, else the class in snake case, numbered."""
    unique = {id(node.layer): node.layer for node in nodes}
    chosen = [layer.name for layer in unique.values() if layer.name is not None]
    for name in chosen:
        if chosen.count(name) > 1:
            raise ArgumentError(f"Two layers of the model are named {name!r}; rename one of them.")
        if "/" in name or "#" in name or not name:
            raise ArgumentError(f"A layer's name must be a word without / and #, got {name!r}.")
    names: dict[int, str] = {}
    taken = set(chosen)
    for place, layer in unique.items():
        base = snake_case(type(layer).__name__)
        number, name = 0, base
        while layer.name is None and name in taken:
            number += 1
            name = f"{base}_{number}"
        names[place] = layer.name or name
        taken.add(names[place])
    return names


def _input_names(structure: Any, symbols: tuple[Symbol, ...]) -> tuple[str, ...]:
    if isinstance(structure, Mapping):
        return tuple(structure)
    if len(symbols) == 1:
        return (symbols[0].name or "x",)
    return tuple(symbol.name or f"input_{number}" for number, symbol in enumerate(symbols))
