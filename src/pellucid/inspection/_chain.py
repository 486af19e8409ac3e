"""The chain rule, term by term: which products a number of a training step is the sum of.

No layer is told how to explain itself. Its own ``apply`` is differentiated at the numbers of the
run, and the derivatives of one unit are the factors of the terms:

- z_u, linear in the layer's parameters W:            z_u = sum_a W_a dz_u/dW_a
- z_u of a layer that only scales and sums its input: z_u = sum_k x_k dz_u/dx_k  (Euler)
- delta_k = dJ/dz_k:    f'(z_k) (sum over the layers that read it, and their units u, of
                        delta_u dz_u/dx_k)
- the gradient of W_a:  dJ/dW_a = sum over samples and units u of delta_u dz_u/dW_a

Where a weight meets an input (dense, convolution), dz_u/dW_a is an input and dz_u/dx_k a weight.
Which one is found by feeding positions in place of values: the derivative is then the position.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import regularizers
from pellucid._tree import flatten_paths, unflatten_paths
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection._trace import Trace
from pellucid.layers import Context, Layer, Variables
from pellucid.layers._context import Collected
from pellucid.layers._symbol import Node, Symbol
from pellucid.models import Model

Array = jax.Array
Index = tuple[int, ...]
Numbers = dict[str, Array]

COVERED = (
    "layers that are linear in their parameters (dense, convolution, normalization, embedding), "
    "layers that scale and sum their input (pooling, padding, reshaping, merging, ReLU), and "
    "activations with a formula"
)


@dataclass(frozen=True)
class Factor:
    """One factor of a term.

    Attributes:
        path: the call that it belongs to.
        kind: a parameter's name, or ``input``, ``delta`` (dJ/dz), ``output_delta`` (dJ/da),
            ``derivative`` (of the layer's output by its input or parameter), ``slope`` (f'(z)),
            ``loss`` (derivative of the loss by the output) or ``penalty``.
        index: where in that array it stands, batch axis included; () for derivatives.
        value: the number.
    """

    path: str
    kind: str
    index: Index
    value: float


@dataclass(frozen=True)
class Term:
    """A product of factors."""

    factors: tuple[Factor, ...]

    @property
    def value(self) -> float:
        """The product."""
        return math.prod(factor.value for factor in self.factors)


class Call:
    """One call of a layer in a traced step, ready to be differentiated.

    Args:
        path: its path, such as ``dense`` or ``dense#1``.
        node: its place in the graph.
        trace: the traced step.
    """

    def __init__(self, path: str, node: Node, trace: Trace) -> None:
        self.path = path
        self.name = path.split("#")[0]
        self.node = node
        self.layer: Layer = node.layer
        self.seen = trace[path]
        self.parameters: Numbers = dict(flatten_paths(self.seen.parameters))
        given = self.seen.input
        self.several = isinstance(given, list)
        listed = given if self.several else [given]
        self.inputs: Numbers = {
            f"{number}": x
            for number, x in enumerate(listed)
            if x is not None and jnp.issubdtype(x.dtype, jnp.floating)
        }
        self._given = listed
        self._state = trace.start.layer_state.get(self.name, {})
        self._key = trace.start.step_key()
        self.has_z = self.seen.pre_activation is not None
        self.z: Any = self.seen.pre_activation if self.has_z else self.seen.output
        self.delta = self.seen.delta

    def _run(self, parameters: Numbers, inputs: Numbers, probe: Array | None) -> tuple[Any, Any]:
        """Run the layer; returns (z, output)."""
        label = f"{self.path}/pre_activation"
        collected = Collected(values={}, probes={} if probe is None else {label: probe})
        x = [inputs.get(f"{number}", value) for number, value in enumerate(self._given)]
        context = Context(True, self._key, None, collected, tuple(self.path.split("/")))
        variables = Variables(unflatten_paths(parameters), self._state)
        y = self.layer.run_checked(variables, x if self.several else x[0], context)
        values = collected.values or {}
        return values.get(label, y), y

    @cached_property
    def _row(self) -> Callable[..., Any]:
        def row(parameters: Numbers, inputs: Numbers, chosen: Array) -> Any:
            return jax.vjp(lambda p, x: self._run(p, x, None)[0], parameters, inputs)[1](chosen)

        return jax.jit(row)

    @cached_property
    def _column(self) -> Callable[..., Any]:
        def column(parameters: Numbers, inputs: Numbers, chosen: Any) -> Array:
            z, back = jax.vjp(lambda p, x: self._run(p, x, None)[0], parameters, inputs)
            return jax.vjp(back, jnp.zeros_like(z))[1](chosen)[0]

        return jax.jit(column)

    @cached_property
    def _slope(self) -> Callable[..., Any]:
        def slope(chosen: Array) -> Array:
            def output(probe: Array) -> Array:
                return self._run(self.parameters, self.inputs, probe)[1]

            y, back = jax.vjp(output, jnp.zeros_like(self.z))
            return jax.vjp(lambda dy: back(dy)[0], jnp.zeros_like(y))[1](chosen)[0]

        return jax.jit(slope)

    def row(self, index: Index, parameters: Numbers, inputs: Numbers) -> tuple[Numbers, Numbers]:
        """Return dz_u/dW and dz_u/dx for the unit u at ``index``."""
        return self._row(parameters, inputs, jnp.zeros_like(self.z).at[index].set(1))

    def column(
        self, kind: str, name: str, index: Index, parameters: Numbers, inputs: Numbers
    ) -> np.ndarray:
        """Return dz_u/dv for all units u, with v one entry of a parameter or of an input."""
        chosen = (_zeros(parameters), _zeros(inputs))
        place = chosen[0] if kind == "parameter" else chosen[1]
        place[name] = place[name].at[index].set(1)
        return np.asarray(self._column(parameters, inputs, chosen))

    def slope(self, index: Index) -> np.ndarray:
        """Return da_i/dz_k for all outputs a_i, with z_k at ``index``."""
        return np.asarray(self._slope(jnp.zeros_like(self.z).at[index].set(1)))

    def forward(self, index: Index) -> list[Term]:
        """Return the terms of z_u, or the empty list where it is not a sum of products."""
        value = float(self.z[index])
        of_parameters, of_inputs = self.row(index, self.parameters, self.inputs)
        at_positions, _ = self.row(index, self.parameters, _positions(self.inputs))
        terms = []
        for name, w in self.parameters.items():
            d, met = np.asarray(of_parameters[name]), np.asarray(at_positions[name])
            for place in _nonzero(d):
                weight = Factor(self.path, name, place, float(w[place]))
                terms.append(self._product(weight, d[place], met[place], self.inputs, "input"))
        if self.parameters and agrees(terms, value):
            return sorted(terms, key=lambda term: len(term.factors) == 1)  # the bias comes last
        terms = []
        for name, x in self.inputs.items():
            d = np.asarray(of_inputs[name])
            for place in _nonzero(d):
                read = Factor(self.path, self._input_kind(name), place, float(x[place]))
                terms.append(self._product(read, d[place], math.nan, {}, ""))
        return terms if agrees(terms, value) else []

    def pulled(self, name: str, index: Index) -> list[Term]:
        """Return the terms of dJ/dx_k through this call, for an entry of its input ``name``."""
        d = self.column("input", name, index, self.parameters, self.inputs)
        met = self.column("input", name, index, _positions(self.parameters), self.inputs)
        return [
            self._product(self._delta(u), d[u], met[u], self.parameters, "") for u in _nonzero(d)
        ]

    def gradient(self, name: str, index: Index) -> list[Term]:
        """Return the terms of dJ/dW_a through this call, for an entry of the parameter ``name``."""
        d = self.column("parameter", name, index, self.parameters, self.inputs)
        met = self.column("parameter", name, index, self.parameters, _positions(self.inputs))
        return [
            self._product(self._delta(u), d[u], met[u], self.inputs, "input") for u in _nonzero(d)
        ]

    def _delta(self, index: Index) -> Factor:
        return Factor(self.path, "delta", index, float(self.delta[index]))

    def _input_kind(self, name: str) -> str:
        return f"input#{name}" if self.several else "input"

    def _product(self, known: Factor, d: Any, met: Any, among: Numbers, kind: str) -> Term:
        """Return known * d, with d called by the name of the number that it is, where it is one.

        ``met`` is the same derivative where ``among`` held positions in place of values.
        """
        if float(d) == 1.0 and (math.isnan(met) or float(met) == 1.0):
            return Term((known,))
        start = 2
        for name, values in among.items():
            place = float(met) - start
            start += values.size
            if 0 <= place < values.size and place.is_integer():
                index = tuple(int(i) for i in np.unravel_index(int(place), values.shape))
                if float(values[index]) == float(d):
                    called = self._input_kind(name) if kind == "input" else name
                    other = Factor(self.path, called, index, float(d))
                    return Term((known, other) if kind == "input" else (other, known))
        return Term((Factor(self.path, "derivative", (), float(d)), known))


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
        self._calls: dict[str, Call] = {}

    def call(self, path: str) -> Call:
        """Return a call by its path."""
        if path not in self.nodes:
            raise UnknownNameError("layer in this model", path, self.nodes)
        if path not in self._calls:
            made = Call(path, self.nodes[path], self.trace)
            if not hasattr(made.z, "shape"):
                raise ArgumentError(
                    f"explain covers layers of one output, and {path!r} has several; choose a "
                    f"layer that reads one of them. {_covers()}"
                )
            self._calls[path] = made
        return self._calls[path]

    def output_delta(self, path: str, index: Index) -> list[Term]:
        """Return the terms of dJ/da for an entry of a call's output a."""
        call = self.call(path)
        terms = []
        for reader, node in self.nodes.items():
            for number, symbol in enumerate(node.input_symbols()):
                if symbol.node is call.node and symbol.index == 0:
                    terms += self.call(reader).pulled(f"{number}", index)
        terms += self._direct(call, index)
        return terms

    def delta(self, path: str, index: Index) -> list[Term]:
        """Return the terms of delta = dJ/dz, or of dJ/da where the call records no z."""
        call = self.call(path)
        if not call.has_z:
            return self.output_delta(path, index)
        slope = call.slope(index)
        reached = _nonzero(slope)
        if reached in ([index], []):
            f = Factor(path, "slope", index, float(slope[index]))
            factors = () if f.value == 1 else (f,)
            return [Term((*term.factors, *factors)) for term in self.output_delta(path, index)]
        g = self.trace.deltas[f"{path}/output"]
        return [
            Term((Factor(path, "output_delta", i, float(g[i])),
                  Factor(path, "derivative", (), float(slope[i]))))
            for i in reached
        ]  # fmt: skip

    def gradient(self, name: str, parameter: str, index: Index) -> list[Term]:
        """Return the terms of dJ/dW for an entry of a layer's parameter, over all its calls."""
        paths = [path for path in self.nodes if path.split("#")[0] == name]
        terms = [term for path in paths for term in self.call(path).gradient(parameter, index)]
        layer = self.call(name).layer
        if not isinstance(layer.penalty(self.trace[name].parameters), float):
            of = jax.grad(layer.penalty)(dict(self.trace[name].parameters))
            value = float(dict(flatten_paths(of))[parameter][index])
            if value != 0:
                terms.append(Term((Factor(name, "penalty", index, value),)))
        return terms

    def _direct(self, call: Call, index: Index) -> list[Term]:
        """Return what reaches an output of the model from the loss, and from its own penalty."""
        terms = []
        for number, symbol in enumerate(self.model.graph.output_symbols):
            if self._is_output(symbol, call):
                value = float(self.of_loss[number][index])
                terms.append(Term((Factor(call.path, "loss", index, value),)))
        activity = regularizers.get(getattr(call.layer, "activity_regularizer", None))
        if activity is not None:
            a = call.seen.output
            value = float(jax.grad(lambda y: activity(y) / y.shape[0])(a)[index])
            terms.append(Term((Factor(call.path, "penalty", index, value),)))
        return terms

    @staticmethod
    def _is_output(symbol: Symbol, call: Call) -> bool:
        return symbol.node is call.node and symbol.index == 0

    @cached_property
    def of_loss(self) -> list[Array]:
        """The derivative of the loss by each output of the model."""
        objective, _ = self.model._ready()
        trace = self.trace

        def loss(outputs: list[Array]) -> Array:
            parameters = trace.start.parameters
            return objective.measure_outputs(outputs, Context(), parameters, trace.batch)[0]

        return jax.jit(jax.grad(loss))(list(trace.outputs))


def agrees(terms: list[Term], value: float, tolerance: float = 1e-5) -> bool:
    """Tell whether terms add up to a number, to rounding of their own size.

    The sum of terms that cancel is known to the rounding of the largest, not of itself.
    """
    total = math.fsum(term.value for term in terms)
    size = max((abs(term.value) for term in terms), default=0.0)
    return abs(total - value) <= tolerance * max(abs(value), 0.1 * size)


def _covers() -> str:
    return f"Covered are {COVERED}."


def _zeros(numbers: Mapping[str, Array]) -> Numbers:
    return {name: jnp.zeros_like(value) for name, value in numbers.items()}


def _nonzero(array: np.ndarray) -> list[Index]:
    return [tuple(int(i) for i in place) for place in np.argwhere(array)]


def _positions(numbers: Mapping[str, Array]) -> Numbers:
    """Return arrays of the same shapes that hold 2, 3, 4, ...; 1 is what a bias meets."""
    made, start = {}, 2
    for name, value in numbers.items():
        made[name] = jnp.arange(start, start + value.size, dtype=value.dtype).reshape(value.shape)
        start += value.size
    return made
