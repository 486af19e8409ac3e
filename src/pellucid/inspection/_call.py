"""One call of a layer in a traced step, ready to be differentiated; and products of its numbers.

No layer is told how to explain itself. Its own ``apply`` is differentiated at the numbers of the
run, and the derivatives of one unit are the factors of the terms. Where a weight meets an input
(dense, convolution), dz_u/dW_a is an input and dz_u/dx_k a weight. Which one is found by feeding
positions in place of values: the derivative is then the position.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._tree import flatten_paths, unflatten_paths
from pellucid.inspection._trace import Trace
from pellucid.layers import Context, Layer, Variables
from pellucid.layers._context import Collected

Array = jax.Array
Index = tuple[int, ...]
Numbers = dict[str, Array]

POWERS = (1, 2, 3)
"""Degrees of the homogeneous functions that are recognized."""


@dataclass(frozen=True)
class Factor:
    """One factor of a term.

    Attributes:
        path: the call that it belongs to.
        kind: a parameter's name, or ``input``, ``delta`` (dJ/dz), ``output_delta`` (dJ/da),
            ``derivative`` (of the layer's output by its input or parameter), ``slope`` (f'(z)),
            ``loss`` (derivative of the loss by the output), ``penalty``, the name of a recorded
            value, or ``rest`` (what is left where all the numbers that are named are 0).
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
    """One call of a layer in a traced step.

    Attributes:
        z: what is taken apart: the pre-activation where one is recorded, else the output; of
            several outputs the first.
        outputs: all outputs.
        output_deltas: dJ/da for each output a.

    Args:
        path: its path, such as ``dense``, ``dense#1`` or ``block/dense``.
        layer: the layer.
        trace: the traced step.
        output: which of several outputs.
    """

    def __init__(self, path: str, layer: Layer, trace: Trace, output: int = 0) -> None:
        self.path = path
        self.number = output
        self.name = path.split("#")[0]
        self.layer = layer
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
        self._state = _inside(trace.start.layer_state, path)
        self._key = trace.start.step_key()
        self._label = f"{path}/pre_activation"
        self.has_z = self.seen.pre_activation is not None
        self.outputs: list[Any] = _listed(self.seen.output)
        self.output_deltas: list[Any] = [
            trace.deltas.get(f"{path}/output" if len(self.outputs) == 1 else f"{path}/output#{n}")
            for n in range(len(self.outputs))
        ]
        self.z: Any = self.seen.pre_activation if self.has_z else self.output
        self.delta: Any = self.seen.delta if self.has_z else self.output_deltas[output]
        self.recorded: Numbers = dict(self.seen.values)

    @property
    def output(self) -> Any:
        """The output, of several the chosen one."""
        return self.outputs[self.number]

    def shown(self) -> Mapping[str, Array]:
        """Return the parameters and everything that was recorded, by name."""
        return {**self.parameters, **self.recorded}

    def _mask(self) -> Any:
        if "mask" in self.recorded:
            return self.recorded["mask"]
        masks = [self.recorded.get(f"mask#{number}") for number in range(len(self._given))]
        return masks if any(mask is not None for mask in masks) else None

    def run(
        self, parameters: Numbers, inputs: Numbers, probes: Mapping[str, Array] | None = None
    ) -> tuple[Any, list[Any], Any]:
        """Run the layer; returns z (or the output), all outputs, and the penalty that it adds.

        A penalty on the activity is left out: it is part of the delta of the output.

        ``probes`` are added to recorded values, by name.
        """
        labels = {f"{self.path}/{name}": probe for name, probe in (probes or {}).items()}
        collected = Collected(values={}, probes=labels)
        x = [inputs.get(f"{number}", value) for number, value in enumerate(self._given)]
        context = Context(True, self._key, None, collected, tuple(self.path.split("/")))
        context.mask = self._mask()
        variables = Variables(unflatten_paths(parameters), self._state)
        y = _listed(self.layer.run_checked(variables, x if self.several else x[0], context))
        values = collected.values or {}
        activity = getattr(self.layer, "activity_regularizer", None) is not None
        penalties = collected.penalties[:-1] if activity else collected.penalties
        return values.get(self._label, y[self.number]), y, sum(penalties, jnp.zeros(()))

    # Compiled derivatives. ``of_output`` chooses the outputs in place of z.

    @cached_property
    def _row(self) -> Callable[..., Any]:
        def row(parameters: Numbers, inputs: Numbers, probes: Numbers, chosen: Any) -> Any:
            z = self.run(parameters, inputs, probes)[0]
            return jnp.sum(z * chosen)

        return jax.jit(jax.grad(row, argnums=(0, 1, 2)))

    @cached_property
    def _output_row(self) -> Callable[..., Any]:
        def row(parameters: Numbers, inputs: Numbers, probes: Numbers, chosen: Any) -> Any:
            return jnp.sum(self.run(parameters, inputs, probes)[1][self.number] * chosen)

        return jax.jit(jax.grad(row, argnums=(0, 1, 2)))

    @cached_property
    def _column(self) -> Callable[..., Any]:
        def column(parameters: Numbers, inputs: Numbers, probes: Numbers, chosen: Any) -> Any:
            def made(p: Numbers, x: Numbers, q: Numbers) -> Any:
                return self.run(p, x, q)

            made_now, back = jax.vjp(made, parameters, inputs, probes)
            zeros = jax.tree.map(jnp.zeros_like, made_now)
            return jax.vjp(back, zeros)[1](chosen)[0]

        return jax.jit(column)

    @cached_property
    def _slope(self) -> Callable[..., Any]:
        def slope(chosen: Array) -> Array:
            def output(probe: Array) -> Array:
                probes = {"pre_activation": probe}
                return self.run(self.parameters, self.inputs, probes)[1][self.number]

            y, back = jax.vjp(output, jnp.zeros_like(self.z))
            return jax.vjp(lambda dy: back(dy)[0], jnp.zeros_like(y))[1](chosen)[0]

        return jax.jit(slope)

    def row(
        self,
        index: Index,
        parameters: Numbers,
        inputs: Numbers,
        probes: Numbers | None = None,
        of_output: bool = False,
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Return dz_u/dW, dz_u/dx and dz_u/d(recorded value) for the unit u at ``index``."""
        whole = self.output if of_output else self.z
        chosen = jnp.zeros_like(whole).at[index].set(1)
        row = self._output_row if of_output else self._row
        made: tuple[Numbers, Numbers, Numbers] = row(parameters, inputs, probes or {}, chosen)
        return made

    def column(
        self, kind: str, name: str, index: Index, parameters: Numbers, inputs: Numbers
    ) -> tuple[np.ndarray, list[np.ndarray], float]:
        """Return dz_u/dv and da_u/dv for all units u, and the derivative of the penalty by v.

        v is one entry of a ``parameter``, an ``input`` or a ``recorded`` value.
        """
        probes = {name: jnp.zeros_like(self.recorded[name])} if kind == "recorded" else {}
        chosen = (_zeros(parameters), _zeros(inputs), _zeros(probes))
        place = chosen[("parameter", "input", "recorded").index(kind)]
        place[name] = place[name].at[index].set(1)
        z, outputs, penalty = self._column(parameters, inputs, probes, chosen)
        return np.asarray(z), list(map(np.asarray, outputs)), float(penalty)

    def slope(self, index: Index) -> np.ndarray:
        """Return da_i/dz_k for all outputs a_i, with z_k at ``index``."""
        return np.asarray(self._slope(jnp.zeros_like(self.z).at[index].set(1)))

    # Terms

    def forward(self, index: Index, of_output: bool = False) -> list[Term]:
        """Return the terms of z_u (or of the output a_u), or the empty list if it is no sum."""
        value = float((self.output if of_output else self.z)[index])
        recorded = self._inner()
        zeros = {name: jnp.zeros_like(v) for name, v in recorded.items()}
        of = self.row(index, self.parameters, self.inputs, zeros, of_output)
        met = self.row(index, self.parameters, positions(self.inputs), zeros, of_output)[0]
        everything = (self.parameters, self.inputs, recorded)
        for names, power in self._groups():
            terms = []
            for number, (numbers, derivatives) in enumerate(zip(everything, of, strict=True)):
                for name in names[number]:
                    terms += self._terms(number, name, numbers[name], derivatives[name], met, power)
            if terms and agrees(terms, value):
                return sorted(terms, key=lambda term: len(term.factors) == 1)  # the bias comes last
            if terms and power == 1:
                rest = self._rest(index, names, of_output)
                terms.append(Term((Factor(self.path, "rest", (), rest),)))
                if agrees(terms, value):
                    return terms
        return []

    def _inner(self) -> Numbers:
        """Return what the layer recorded between its input and its output."""
        return {
            name: value
            for name, value in self.recorded.items()
            if not _is_outer(name) and jnp.issubdtype(value.dtype, jnp.floating)
        }

    def _groups(self) -> list[tuple[tuple[list[str], list[str], list[str]], int]]:
        """Return which numbers may make up the unit, the most telling first, and in what power.

        All parameters; all inputs; both; the parameters of one part; one input; one recorded value.
        """
        parameters, inputs = list(self.parameters), list(self.inputs)
        parts = dict.fromkeys(name.rpartition("/")[0] for name in reversed(parameters))
        inner = list(reversed(self._inner()))
        made_by_parts = [n for n in inner if n.count("/") == 1 and n.endswith("/output")]
        plain: list[tuple[list[str], list[str], list[str]]] = [
            (parameters, [], []),
            ([], inputs, []),
            (parameters, inputs, []),
            *(([n for n in parameters if n.rpartition("/")[0] == part], [], []) for part in parts),
            *(([], [name], []) for name in inputs if len(inputs) > 1),
            ([], [], made_by_parts),
            *(([], [], [name]) for name in inner),
            *(([name], [], []) for name in parameters if len(parameters) > 1),
        ]
        # First what is a sum without a rest, then what is a power, then the others with their rest.
        return [*((names, -1) for names in plain), *((plain[2], p) for p in POWERS[1:])] + [
            (names, 1) for names in plain
        ]

    def _terms(
        self, number: int, name: str, numbers: Array, derivatives: Array, met: Any, power: int
    ) -> list[Term]:
        terms = []
        d = np.asarray(derivatives)
        meets = np.asarray(met[name]) if number == 0 else None
        for place in nonzero(d):
            kind = (name, self._input_kind(name), name)[number]
            read = Factor(self.path, kind, place, float(numbers[place]))
            slope = d[place] / max(power, 1)
            at = math.nan if meets is None or power > 1 else meets[place]
            among = self.inputs if number == 0 else {}
            terms.append(self.product(read, slope, at, among, "input"))
        return terms

    def _rest(
        self, index: Index, names: tuple[list[str], list[str], list[str]], of_output: bool
    ) -> float:
        """Return what the unit is where these numbers are 0."""
        off = [
            {n: jnp.zeros_like(v) if n in group else v for n, v in all_of.items()}
            for group, all_of in zip(names, (self.parameters, self.inputs), strict=False)
        ]
        probes = {name: -self.recorded[name] for name in names[2]}
        z, outputs, _ = self.run(off[0], off[1], probes)
        return float((outputs[self.number] if of_output else z)[index])

    def pulled(self, kind: str, name: str, index: Index, of_output: bool = False) -> list[Term]:
        """Return the terms of dJ/dv through this call, for an entry v of ``name``.

        Args:
            kind: ``input``, ``parameter`` or ``recorded``.
            name: which of them.
            index: which entry.
            of_output: sum over the outputs; else over z, which is shorter where there is one.
        """
        d = self.column(kind, name, index, self.parameters, self.inputs)
        met_parameters, met_inputs = (
            (self.parameters, positions(self.inputs))
            if kind == "parameter"
            else (positions(self.parameters), self.inputs)
        )
        among, called = (self.inputs, "input") if kind == "parameter" else (self.parameters, "")
        mets = self.column(kind, name, index, met_parameters, met_inputs)
        terms = [] if d[2] == 0 else [Term((Factor(self.path, "penalty", (), d[2]),))]
        if self.has_z and not of_output:
            reached = [("delta", d[0], mets[0], self.delta)]
        else:
            label = "output_delta" if self.has_z else "delta"
            several = len(self.outputs) > 1
            labels = [f"{label}#{n}" if several else label for n in range(len(self.outputs))]
            reached = list(zip(labels, d[1], mets[1], self.output_deltas, strict=True))
        for label, slopes, met, delta in reached:
            for u in nonzero(slopes):
                known = Factor(self.path, label, u, float(delta[u]))
                terms.append(self.product(known, slopes[u], met[u], among, called))
        return terms

    def _input_kind(self, name: str) -> str:
        return f"input#{name}" if self.several else "input"

    def product(self, known: Factor, d: Any, met: Any, among: Numbers, kind: str) -> Term:
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


def _is_outer(name: str) -> bool:
    """Tell whether a recorded value is an input, an output or the pre-activation of the call."""
    return name.partition("#")[0] in ("input", "output", "pre_activation")


def agrees(terms: list[Term], value: float, tolerance: float = 1e-5, floor: float = 0.0) -> bool:
    """Tell whether terms add up to a number, to rounding of their own size.

    The sum of terms that cancel is known to the rounding of the largest, not of itself; nor is a
    number better known than ``floor``, the rounding of the array that it stands in.
    """
    total = math.fsum(term.value for term in terms)
    size = max((abs(term.value) for term in terms), default=0.0)
    return abs(total - value) <= max(tolerance * max(abs(value), 0.1 * size), floor)


def nonzero(array: np.ndarray) -> list[Index]:
    """Return the places that are not 0."""
    return [tuple(int(i) for i in place) for place in np.argwhere(array)]


def positions(numbers: Mapping[str, Array]) -> Numbers:
    """Return arrays of the same shapes that hold 2, 3, 4, ...; 1 is what a bias meets."""
    made, start = {}, 2
    for name, value in numbers.items():
        made[name] = jnp.arange(start, start + value.size, dtype=value.dtype).reshape(value.shape)
        start += value.size
    return made


def _zeros(numbers: Mapping[str, Array]) -> Numbers:
    return {name: jnp.zeros_like(value) for name, value in numbers.items()}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _inside(tree: Any, path: str) -> Any:
    """Return the part of a tree that belongs to a path."""
    for name in path.split("/"):
        tree = tree.get(name.split("#")[0], {}) if isinstance(tree, Mapping) else {}
    return tree
