"""A quantity carried from the scores of a network back to its input, layer by layer, by a rule.

The network runs once and shows what every layer read and made. Then each call hands what arrived at
its outputs on to its inputs; where several calls read one array, their shares are added.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid.inspection._attribution import Question, final_label
from pellucid.inspection._positions import find_place
from pellucid.layers import Context, Layer, Variables
from pellucid.layers._context import Collected
from pellucid.models import Graph, Model

Array = jax.Array


@dataclass(frozen=True)
class Visit:
    """One call of a layer, outside of training.

    Attributes:
        path: its path.
        layer: the layer.
        inputs: what it reads that has a gradient; None for word numbers.
        z: its pre-activation, None where it has none.
        output: its output, of several the first.
    """

    path: str
    layer: Layer
    inputs: list[Array | None]
    z: Array | None
    output: Array
    _given: list[Array] = field(repr=False)
    _variables: Variables = field(repr=False)
    _masks: Any = field(repr=False)
    ends_in_z: bool = False

    def run(self, inputs: Sequence[Array | None], probe: Any = 0.0) -> tuple[Array, list[Array]]:
        """Return z (the first output where there is none) and the outputs.

        ``probe`` is added to z.
        """
        label = f"{self.path}/pre_activation"
        probes = {} if self.z is None else {label: jnp.broadcast_to(probe, self.z.shape)}
        collected = Collected(values={}, probes=probes)
        context = Context(collected=collected, path=tuple(self.path.split("/")))
        context.mask = self._masks
        x = [new if new is not None else old for new, old in zip(inputs, self._given, strict=True)]
        y = self.layer.run_checked(self._variables, x if len(x) > 1 else x[0], context)
        outputs = list(y) if isinstance(y, (list, tuple)) else [y]
        return (collected.values or {}).get(label, outputs[0]), outputs

    def without_activation(self) -> "Visit":
        """Return the call as if it ended in its pre-activation."""
        z = self.output if self.z is None else self.z
        return replace(self, output=z, ends_in_z=True)

    @property
    def bends(self) -> bool:
        """True if an activation stands between the pre-activation and the output."""
        return self.z is not None and not self.ends_in_z

    def from_z(self, weights: Array) -> list[Array | None]:
        """Return sum_u weights_u dz_u/dx for each input x."""
        places = [n for n, x in enumerate(self.inputs) if x is not None]

        def z(*floating: Array) -> Array:
            inputs: list[Array | None] = [None] * len(self.inputs)
            for place, x in zip(places, floating, strict=True):
                inputs[place] = x
            return self.run(inputs)[0]

        back = jax.vjp(z, *(self.inputs[n] for n in places))[1](weights)
        made: list[Array | None] = [None] * len(self.inputs)
        for place, value in zip(places, back, strict=True):
            made[place] = value
        return made

    def from_output(self, weights: Array) -> Array:
        """Return sum_i weights_i da_i/dz, for a call that has a pre-activation z."""
        zero = jnp.zeros_like(self.output if self.z is None else self.z)
        output = jax.vjp(lambda probe: self.run(self.inputs, probe)[1][0], zero)
        return output[1](weights)[0]


Rule = Callable[[Visit, Array], list[Array | None]]
"""Takes a call and what arrived at its output; returns what each of its inputs gets."""


def carried_back(model: Model, question: Question, at: str | None, start: Any, rule: Rule) -> Any:
    """Return what arrives at what is explained: the input, or the output of the layer ``at``.

    Args:
        model: the model that is asked.
        question: what is asked.
        at: path of a layer, as for every attribution.
        start: takes the scores of all classes, shape (rows, classes), and returns what sets out
            from them (those that go into a final softmax).
        rule: what each call does.
    """
    graph = model.graph
    place = None if at is None else find_place(graph, at)
    given = jnp.asarray(question.given)
    collected = Collected(values={})
    graph.run_checked(model.variables, given, Context(collected=collected))
    values = collected.values or {}
    final = final_label(graph, values)

    def walk(inner: Graph, variables: Variables, prefix: str, arrived: dict[Any, Array]) -> Any:
        for name, number, node in reversed(list(inner.calls())):
            path = prefix + (name if number == 0 else f"{name}#{number}")
            if place is not None and path == place.path:
                return arrived.get((id(node), 0)), True
            r = arrived.get((id(node), 0))
            if r is None:
                continue
            symbols = node.input_symbols()
            if isinstance(node.layer, Graph):
                ends = node.layer.output_symbols
                found, stopped = walk(
                    node.layer,
                    variables.child(name),
                    f"{path}/",
                    {_place(end): arrived[id(node), n] for n, end in enumerate(ends)
                     if (id(node), n) in arrived},
                )  # fmt: skip
                if stopped:
                    return found, True
                shares = [found.get(_place(symbol)) for symbol in node.layer.input_symbols]
            else:
                visit = _visit(path, node.layer, variables.child(name), values)
                if final is None or final[0] != path:
                    shares = rule(visit, r)
                else:  # the scores are what goes into this softmax
                    shares = [r] if visit.z is None else rule(visit.without_activation(), r)
            for symbol, share in zip(symbols, shares, strict=True):
                if share is not None:
                    key = _place(symbol)
                    arrived[key] = arrived[key] + share if key in arrived else share
        return arrived, False

    scores = question.all_scores
    first = jnp.asarray(start(scores), jnp.float32)
    found, stopped = walk(graph, model.variables, "", {_place(graph.output_symbols[0]): first})
    if not stopped:
        found = found.get(_place(graph.input_symbols[0]))
    return np.zeros(question.start.shape, np.float32) if found is None else np.asarray(found)


def _visit(path: str, layer: Layer, variables: Variables, values: Mapping[str, Array]) -> Visit:
    def listed(name: str) -> list[Array]:
        if f"{path}/{name}" in values:
            return [values[f"{path}/{name}"]]
        several: list[Array] = []
        while f"{path}/{name}#{len(several)}" in values:
            several.append(values[f"{path}/{name}#{len(several)}"])
        return several

    given = listed("input")
    floating = [x if jnp.issubdtype(x.dtype, jnp.floating) else None for x in given]
    masks = [values.get(f"{path}/mask#{n}") for n in range(len(given))]
    mask = values.get(f"{path}/mask", masks if any(m is not None for m in masks) else None)
    z = values.get(f"{path}/pre_activation")
    return Visit(path, layer, floating, z, listed("output")[0], given, variables, mask)


def _place(symbol: Any) -> tuple[int, int]:
    return (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)
