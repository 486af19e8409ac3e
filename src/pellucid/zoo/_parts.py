"""A part of a trained network as a model of its own: an encoder, a decoder."""

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid._tree import tree_map
from pellucid.errors import UnknownNameError
from pellucid.layers import Input, Symbol, Variables
from pellucid.models import Model


def part(model: Model, starts: Sequence[str], end: str, name: str) -> Model:
    """Return the part of a model from some places to another, with the numbers it has now.

    Args:
        model: a network whose layers have names of their own.
        starts: where the part begins: names of inputs of the model, or of layers, whose outputs
            become inputs of the part.
        end: the layer whose output the part gives.
        name: a name for the part.

    Raises:
        UnknownNameError: the model has no such input or layer, or ``end`` needs further starts.
    """
    graph = model.graph
    nodes = {layer: node for layer, _, node in graph.calls()}
    inputs = dict(zip(graph.input_names, graph.input_symbols, strict=True))
    known: dict[Any, Symbol] = {}
    given = []
    for start in starts:
        if start in inputs:
            old = inputs[start]
            new = known[id(old), 0] = Input(old.shape[1:], old.dtype, start)
        elif start in nodes:
            made = nodes[start].outputs[0]
            new = known[id(nodes[start]), 0] = Input(made.shape[1:], made.dtype, start)
        else:
            raise UnknownNameError("input or layer in this model", start, [*inputs, *nodes])
        given.append(new)
    if end not in nodes:
        raise UnknownNameError("layer in this model", end, nodes)

    def replay(symbol: Symbol) -> Symbol:
        place = (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)
        if place not in known:
            if symbol.node is None:
                raise UnknownNameError("input among the starts", symbol.name, starts)
            made = symbol.node.layer(tree_map(replay, symbol.node.inputs))
            for index, output in enumerate(made if isinstance(made, tuple) else (made,)):
                known[id(symbol.node), index] = output
        return known[place]

    last = nodes[end]
    outputs = replay(Symbol((None, *last.outputs[0].shape[1:]), last.outputs[0].dtype, last))
    small = Model(given if len(given) > 1 else given[0], outputs, name=name, seed=model.seed)
    names = small.graph.layers()

    def own(tree: Mapping[str, Any]) -> dict[str, Any]:
        return {layer: numbers for layer, numbers in tree.items() if layer in names}

    small.variables = Variables(own(model.variables.parameters), own(model.variables.state))
    return small
