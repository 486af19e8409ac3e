"""The chain rule, term by term: which products a number of a training step is the sum of.

- z_u, linear in the layer's parameters W:            z_u = sum_a W_a dz_u/dW_a
- z_u of a layer that only scales and sums its input: z_u = sum_k x_k dz_u/dx_k  (Euler)
- z_u, linear in any other group of its numbers v:    z_u = sum_k v_k dz_u/dv_k + z_u where v is 0
- delta_k = dJ/dz_k:    f'(z_k) (sum over the layers that read it, and their units u, of
                        delta_u dz_u/dx_k)
- the gradient of W_a:  dJ/dW_a = sum over samples and units u of delta_u dz_u/dW_a

A layer inside another one (a part of a block, a layer of a nested model) is taken apart in the same
way; its delta is pulled back from the outputs of the outermost layer that it lies in.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax

from pellucid import regularizers
from pellucid._tree import flatten_paths
from pellucid.errors import UnknownNameError
from pellucid.inspection._call import Call, Factor, Index, Term, agrees, nonzero
from pellucid.inspection._trace import Trace
from pellucid.layers import Context, Layer
from pellucid.layers._symbol import Node
from pellucid.models import Graph, Model

Array = jax.Array

COVERED = (
    "sums of products of what a layer reads, has or shows to a trace, activations with a formula, "
    "and layers that say their own with unit_steps"
)


class Chain:
    """All calls of a traced step, joined by the chain rule.

    Args:
        model: the model.
        trace: its traced step.
    """

    def __init__(self, model: Model, trace: Trace) -> None:
        self.model = model
        self.trace = trace
        self.nodes: dict[str, Node] = {
            name if number == 0 else f"{name}#{number}": node
            for name, number, node in model.graph.calls()
        }
        self._calls: dict[tuple[str, int], Call] = {}

    def call(self, path: str, output: int = 0) -> Call:
        """Return a call by its path; of several outputs it takes apart the one of that number."""
        if (path, output) not in self._calls:
            self._calls[path, output] = Call(path, self._layer(path), self.trace, output)
        return self._calls[path, output]

    def _layer(self, path: str) -> Layer:
        """Return the layer of a call, from the outermost one inwards."""
        first, *rest = path.split("/")
        if first not in self.nodes:
            raise UnknownNameError("layer in this model", path, self.nodes)
        layer: Layer = self.nodes[first].layer
        outer = first
        for name in rest:
            known = self._parts(layer, outer)
            if name.split("#")[0] not in known:
                raise UnknownNameError(f"part of the layer {outer!r}", name, known)
            layer, outer = known[name.split("#")[0]], f"{outer}/{name}"
        if path not in self.trace.layers:
            raise UnknownNameError("layer in this step", path, self.trace.layers)
        return layer

    def _parts(self, layer: Layer, path: str) -> dict[str, Layer]:
        if isinstance(layer, Graph):
            return {name: layer.layers()[name] for name in layer.layers()}
        given = self.trace[path].input
        specs = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), given)
        try:
            return layer.parts(specs)  # type: ignore[call-arg]
        except TypeError:
            return layer.parts()

    def output_delta(self, path: str, index: Index, output: int = 0) -> list[Term]:
        """Return the terms of dJ/da for an entry of a call's output a."""
        call = self.call(path, output)
        expected = float(call.output_deltas[output][index])
        if path not in self.nodes:
            label = "output" if len(call.outputs) == 1 else f"output#{output}"
            return self._inside(path, label, index)
        node = self.nodes[path]

        def terms(of_output: bool) -> list[Term]:
            made = []
            for reader, other in self.nodes.items():
                for number, symbol in enumerate(other.input_symbols()):
                    if symbol.node is node and symbol.index == output:
                        made += self.call(reader).pulled("input", f"{number}", index, of_output)
            return made + self._direct(call, index)

        return _first(terms, expected)

    def delta(self, path: str, index: Index, output: int = 0) -> list[Term]:
        """Return the terms of delta = dJ/dz, or of dJ/da where the call records no z."""
        call = self.call(path, output)
        if not call.has_z:
            return self.output_delta(path, index, output)
        if path not in self.nodes:
            return self._inside(path, "pre_activation", index)
        slope = call.slope(index)
        reached = nonzero(slope)
        if reached in ([index], []):
            f = Factor(path, "slope", index, float(slope[index]))
            factors = () if f.value == 1 else (f,)
            return [Term((*term.factors, *factors)) for term in self.output_delta(path, index)]
        g = call.output_deltas[call.number]
        return [
            Term((Factor(path, "output_delta", i, float(g[i])),
                  Factor(path, "derivative", (), float(slope[i]))))
            for i in reached
        ]  # fmt: skip

    def gradient(self, name: str, parameter: str, index: Index) -> list[Term]:
        """Return the terms of dJ/dW for an entry of a layer's parameter, over all its calls."""
        expected = float(dict(flatten_paths(self.trace[name].gradients))[parameter][index])
        calls = [self.call(path) for path in self.nodes if path.split("#")[0] == name]
        penalties = []
        layer = calls[0].layer
        if not isinstance(layer.penalty(self.trace[name].parameters), float):
            of = jax.grad(layer.penalty)(dict(self.trace[name].parameters))
            value = float(dict(flatten_paths(of))[parameter][index])
            if value != 0:
                penalties.append(Term((Factor(name, "penalty", index, value),)))

        def terms(of_output: bool) -> list[Term]:
            made = [
                t for call in calls for t in call.pulled("parameter", parameter, index, of_output)
            ]
            return made + penalties

        return _first(terms, expected)

    def _inside(self, path: str, label: str, index: Index) -> list[Term]:
        """Return the terms of dJ/dv for a value inside a layer, from the outputs of that layer."""
        outer, _, rest = path.partition("/")
        return self.call(outer).pulled("recorded", f"{rest}/{label}", index, of_output=True)

    def _direct(self, call: Call, index: Index) -> list[Term]:
        """Return what reaches an output of the model from the loss, and from its own penalty."""
        terms = []
        node = self.nodes[call.path]
        for number, symbol in enumerate(self.model.graph.output_symbols):
            if symbol.node is node and symbol.index == call.number:
                value = float(self.of_loss[number][index])
                terms.append(Term((Factor(call.path, "loss", index, value),)))
        activity = regularizers.get(getattr(call.layer, "activity_regularizer", None))
        if activity is not None and call.number == 0:
            a = call.output
            value = float(jax.grad(lambda y: activity(y) / y.shape[0])(a)[index])
            terms.append(Term((Factor(call.path, "penalty", index, value),)))
        return terms

    @cached_property
    def of_loss(self) -> list[Array]:
        """The derivative of the loss by each output of the model."""
        objective, _ = self.model._ready()
        trace = self.trace

        parameters, batch = trace.start.parameters, trace.batch

        def mask() -> Any:
            """Return the mask of the outputs, which says what counts in the loss."""
            state, key = trace.start.layer_state, trace.start.step_key()
            return objective.run(parameters, state, batch.x, training=True, key=key)[1].output_mask

        context = Context()
        context.output_mask = jax.jit(mask)()

        def loss(outputs: list[Array]) -> Array:
            return objective.measure_outputs(outputs, context, parameters, batch)[0]

        return jax.jit(jax.grad(loss))(list(trace.outputs))


def _first(terms: Callable[[bool], list[Term]], expected: float) -> list[Term]:
    """Return the terms through pre-activations; if they miss something, those through outputs.

    A layer may read a number again behind its pre-activation, as a shortcut does.
    """
    made = terms(False)
    return made if agrees(made, expected) else terms(True)
