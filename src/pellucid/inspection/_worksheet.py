"""Worksheets: a whole training step of a small network, line by line, with the numbers put in.

``_sheet`` says what a worksheet is, ``_sheet_forms`` writes it as text, Markdown, LaTeX, HTML and
JSON; here its lines are made from a traced step and the chain rule.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from pellucid._checks import check_one_of
from pellucid._tree import flatten_paths
from pellucid.errors import ArgumentError
from pellucid.inspection._call import Call, Factor, Index, Term
from pellucid.inspection._chain import COVERED, Chain
from pellucid.inspection._explain import update_rules
from pellucid.inspection._formula import Formula, Tree, number, product, total
from pellucid.inspection._rules import (
    Rule,
    activation_rule,
    indexed,
    loss_rule,
    loss_slope_rule,
    slope_rule,
)
from pellucid.inspection._sheet import Line, Section, Worksheet
from pellucid.inspection._trace import trace
from pellucid.inspection._words import LANGUAGES
from pellucid.models import Model

MOST_NUMBERS = 200
"""A worksheet of more parameters and units than this is too long to be read."""

SHORT = {"kernel": "W", "bias": "b"}


def worksheet(model: Model, x: Any, y: Any, language: str = "en", seed: int = 0) -> Worksheet:
    """Write out one training step of a small network on one sample, with all its numbers.

    The forward pass, the loss, the deltas by the chain rule, the gradients, the optimizer's moments
    and step, and the new weights. Every value is the run's own; the formulas beside it are checked
    to give it.

    Args:
        model: the compiled model, of one input and one output; it stays as it is.
        x: one sample with its batch axis, shape (1, ...).
        y: its target, shape (1, ...).
        language: ``"en"`` or ``"zh"``.
        seed: makes the random numbers of dropout and noise.

    Raises:
        ArgumentError: if the model is too large, there is more than one sample, or a layer cannot
            be written out.
    """
    check_one_of("worksheet", "language", language, LANGUAGES)
    model._build_for(x)
    graph = model.graph
    if len(graph.input_symbols) != 1 or len(graph.output_symbols) != 1:
        raise ArgumentError(
            f"worksheet covers models of one input and one output, {model.name!r} has "
            f"{len(graph.input_symbols)} and {len(graph.output_symbols)}; use explain for one "
            "number of it."
        )
    rows = len(np.asarray(x))
    if rows != 1:
        raise ArgumentError(
            f"worksheet expected one sample, shape (1, ...), got {rows} rows; type x[:1], y[:1], "
            "or use explain(model, x, y, layer) for one number of a batch."
        )
    units = sum(math.prod(spec.shape[1:]) for node in graph.nodes for spec in node.outputs)
    size = model.count_params() + units
    if size > MOST_NUMBERS:
        raise ArgumentError(
            f"worksheet takes at most {MOST_NUMBERS} parameters and units, {model.name!r} has "
            f"{size}; use explain(model, x, y, layer, unit=...) for one number of it."
        )
    chain = Chain(model, trace(model, x, y, seed=seed))
    wide = chain.trace.loss.dtype.itemsize > 4
    return Worksheet(_Writer(chain).sections(), 10 if wide else 7, language)


class _Writer:
    """Writes the lines; it holds the numbers of the layers."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.trace = chain.trace
        self.numbers = {path: n for n, path in enumerate(chain.nodes, 1)}
        self.firsts = {path: self.numbers[path.split("#")[0]] for path in chain.nodes}
        self.objective, _ = chain.model._ready()
        self.loss: Any = self.objective.losses[0]

    def sections(self) -> tuple[Section, ...]:
        paths = list(self.chain.nodes)
        made = [Section("given", (), tuple(self.given()))]
        for path in paths:
            made.append(Section("forward", (self._n(path), path), tuple(self.forward(path))))
        about = getattr(self.loss, "function", self.loss)
        title = getattr(about, "__name__", None) or type(about).__name__
        made.append(Section("loss", (title,), tuple(self.measured())))
        for path in reversed(paths):
            made.append(Section("backward", (self._n(path), path), tuple(self.backward(path))))
        trained = [name for name in self.chain.model.graph.layers() if self.trace[name].gradients]
        for name in trained:
            made.append(Section("gradients", (self._n(name), name), tuple(self.gradients(name))))
        optimizer = type(self.chain.model._ready_optimizer()).__name__
        for name in trained:
            made.append(Section("step", (self._n(name), name, optimizer), tuple(self.step(name))))
        return tuple(section for section in made if section.lines)

    def _n(self, path: str) -> str:
        return str(self.numbers[path])

    def parameters(self, name: str) -> list[str]:
        """Return the paths of a layer's parameters within it, in the order in which it has them."""
        model = self.chain.model
        known = dict(flatten_paths(self.trace[name].parameters))
        paths = [path.partition("/") for path, _ in model._ordered(model.shapes)]
        return [inner for layer, _, inner in paths if layer == name and inner in known]

    # The names of numbers

    def symbol(self, stem: str, path: str, index: Index) -> str:
        """Return the name of a number, such as W1_12; indices are counted from 1."""
        number = (
            self.firsts[path]
            if stem not in ("z", "a", "da", "delta", "slope")
            else self.numbers[path]
        )
        return indexed(f"{stem}{number}", index)

    def name(self, factor: Factor) -> str:
        """Return the name of a factor of a term."""
        path, kind, index = factor.path, factor.kind, factor.index
        call = self.chain.call(path)
        if kind.startswith("input"):
            place = int(kind.partition("#")[2] or 0)
            return self.read(call, place, index[1:])
        if kind == "delta":
            return self.symbol("delta" if call.has_z else "da", path, index[1:])
        if kind == "output_delta":
            return self.symbol("da", path, index[1:])
        if kind == "slope":
            return self.symbol("slope", path, index[1:])
        if kind in ("penalty", "loss"):
            return f"{kind}{self.numbers[path]}"
        return self.symbol(SHORT.get(kind, kind.replace("/", "")), path, index)

    def read(self, call: Call, place: int, index: Index) -> str:
        """Return the name of what a call reads."""
        symbol = self.chain.nodes[call.path].input_symbols()[place]
        for path, node in self.chain.nodes.items():
            if symbol.node is node:
                return self.symbol("a", path, index)
        return indexed("x", index)

    def sum_of(self, symbol: str, terms: Sequence[Term], value: float) -> Line:
        """Return the line of a sum of products."""
        values: dict[str, float] = {}
        parts = []
        for term in terms:
            factors = []
            for factor in term.factors:
                if factor.kind == "derivative":  # a number without a name
                    factors.append(number(factor.value))
                    continue
                name = self.name(factor)
                values[name] = factor.value
                factors.append(Tree("name", name))
            parts.append(product(factors))
        tree = total(parts) if parts else Tree("number", number=0.0)
        return Line(symbol, value, Rule(Formula(symbol, tree), values))

    # The sections

    def given(self) -> list[Line]:
        """Return the sample, its target and the parameters."""
        x = np.asarray(self.trace.batch.x)[0]
        y = np.asarray(self.trace.batch.y)[0]
        lines = [Line(indexed("x", i), float(x[i])) for i in np.ndindex(x.shape)]
        if self._is_label(y):
            lines.append(Line("k", float(np.reshape(y, ())) + 1))
        else:
            lines += [Line(indexed("t", i), float(y[i])) for i in np.ndindex(y.shape)]
        for name in self.chain.model.graph.layers():
            known = dict(flatten_paths(self.trace[name].parameters))
            for kind in self.parameters(name):
                array = np.asarray(known[kind])
                for i in np.ndindex(array.shape):
                    lines.append(Line(self.name(Factor(name, kind, i, 0.0)), float(array[i])))
        return lines

    def _is_label(self, y: np.ndarray) -> bool:
        return "sparse" in type(self.loss).__name__.lower() and y.size == 1

    def forward(self, path: str) -> list[Line]:
        """Return z and a for each unit of a layer."""
        call = self.chain.call(path)
        output = np.asarray(call.seen.output)
        lines = []
        for i in np.ndindex(output.shape[1:]):
            index = (0, *i)
            if call.has_z:
                z = float(call.z[index])
                terms = call.forward(index)
                if not terms and z != 0:
                    raise self._not_covered(path)
                lines.append(self.sum_of(self.symbol("z", path, i), terms, z))
        for i in np.ndindex(output.shape[1:]):
            index, symbol = (0, *i), self.symbol("a", path, i)
            value = float(output[index])
            rule = self._activation(call, i)
            terms = call.forward(index) if rule is None and not call.has_z else []
            if rule is not None:
                lines.append(Line(symbol, value, rule))
            elif terms or (value == 0 and not call.has_z):
                lines.append(self.sum_of(symbol, terms, value))
            else:
                raise self._not_covered(path)
        return lines

    def _activation(self, call: Call, i: Index) -> Rule | None:
        z = call.z if call.has_z else call.inputs.get("0")
        if not i or z is None or z.shape != call.seen.output.shape:
            return None
        a = f"a{self.numbers[call.path]}"
        x = f"z{self.numbers[call.path]}" if call.has_z else self.read(call, 0, i).split("_")[0]
        row = np.asarray(z[(0, *i[:-1])])
        rule = activation_rule(call.layer, row, i[-1], (a, x))
        return rule and rule.under(i[:-1], (a, x))

    def measured(self) -> list[Line]:
        """Return the loss, with the penalties where there are some."""
        output = self.trace.outputs[0][0]
        y = np.asarray(self.trace.batch.y)[0]
        value = float(self.trace.loss)
        rule = loss_rule(self.loss, y, output, ("J", "t", self._output_name()))
        plain = self.loss.reduce(self.loss.values(self.trace.batch.y, self.trace.outputs[0]))
        weighed = self.objective.loss_weights[0] != 1
        if output.ndim != 1 or weighed or not _fits(rule, float(plain)):
            return [Line("J", value)]
        rest = value - float(plain)
        if abs(rest) <= 1e-6 * abs(value):
            return [Line("J", value, rule)]
        whole = Formula("J", total((Tree("name", "L"), Tree("name", "penalty"))))
        named = Rule(rule.formula.renamed({"J": "L"}), rule.values)
        both = {"L": float(plain), "penalty": rest}
        return [Line("L", float(plain), named), Line("J", value, Rule(whole, both))]

    def _output_name(self) -> str:
        node = self.chain.model.graph.output_symbols[0].node
        for path, other in self.chain.nodes.items():
            if other is node:
                return f"a{self.numbers[path]}"
        return "x"

    def backward(self, path: str) -> list[Line]:
        """Return dJ/da and delta for each unit of a layer."""
        call = self.chain.call(path)
        g = np.asarray(self.trace.deltas[f"{path}/output"])
        units = list(np.ndindex(g.shape[1:]))
        lines = []
        for i in units:
            symbol, value = self.symbol("da", path, i), float(g[(0, *i)])
            terms = self.chain.output_delta(path, (0, *i))
            rule = None
            if [factor.kind for term in terms for factor in term.factors] == ["loss"]:
                y, p = np.asarray(self.trace.batch.y)[0], self.trace.outputs[0][0]
                names = (f"da{self.numbers[path]}", "t", self._output_name())
                weight = self.objective.loss_weights[0]
                if len(i) == 1:
                    rule = loss_slope_rule(self.loss, y, p, i[0], names, weight)
                    rule = rule if _fits(rule, value) else None
            else:
                rule = self._through_activation(call, i)
            if rule is not None:
                lines.append(Line(symbol, value, rule))
            elif [factor.kind for term in terms for factor in term.factors] == ["loss"]:
                lines.append(Line(symbol, value))
            else:
                lines.append(self.sum_of(symbol, terms, value))
        if call.has_z:
            for i in units:
                symbol, value = self.symbol("delta", path, i), float(call.delta[(0, *i)])
                rule = self._slope(call, "delta", "z", np.asarray(call.z)[0], i)
                if rule is None:
                    rule = self.sum_of(symbol, self.chain.delta(path, (0, *i)), value).rule
                lines.append(Line(symbol, value, rule))
        return lines

    def _through_activation(self, call: Call, i: Index) -> Rule | None:
        """Return dJ/da of a layer that only an activation layer reads, by its formula."""
        readers = [
            path
            for path, node in self.chain.nodes.items()
            if any(symbol.node is self.chain.nodes[call.path] for symbol in node.input_symbols())
        ]
        if len(readers) != 1 or self.chain.call(readers[0]).has_z:
            return None
        reader = self.chain.call(readers[0])
        x = f"a{self.numbers[call.path]}"
        return self._slope(reader, f"d{x}", x, np.asarray(call.seen.output)[0], i)

    def _slope(self, call: Call, d: str, x: str, z: np.ndarray, i: Index) -> Rule | None:
        """Return dJ/dz through the activation of a call."""
        a = np.asarray(call.seen.output)[0]
        if not i or a.shape != z.shape:
            return None
        n = self.numbers[call.path]
        g = np.asarray(self.trace.deltas[f"{call.path}/output"])[0]
        names = (f"{d}{n}", f"{x}{n}") if call.has_z and d == "delta" else (d, x)
        called = (*names, f"a{n}", f"da{n}")
        lead = i[:-1]
        rule = slope_rule(call.layer, z[lead], a[lead], g[lead], i[-1], called)
        return rule and rule.under(lead, called)

    def gradients(self, name: str) -> list[Line]:
        """Return dJ/dW for each trained parameter of a layer."""
        lines = []
        trained = dict(flatten_paths(self.trace[name].gradients))
        for kind in filter(trained.__contains__, self.parameters(name)):
            array = np.asarray(trained[kind])
            for i in np.ndindex(array.shape):
                symbol = f"d{self.name(Factor(name, kind, i, 0.0))}"
                terms = self.chain.gradient(name, kind, i)
                lines.append(self.sum_of(symbol, terms, float(array[i])))
        return lines

    def step(self, name: str) -> list[Line]:
        """Return the optimizer's moments, its step and the new weight, for each parameter."""
        lines = []
        seen, after = self.trace[name], dict(flatten_paths(self.trace.parameters[name]))
        slots = self.trace.optimizer_state.get("slots", {})
        updates = dict(flatten_paths(seen.updates))
        for kind in filter(updates.__contains__, self.parameters(name)):
            update = np.asarray(updates[kind])
            for i in np.ndindex(update.shape):
                w = self.name(Factor(name, kind, i, 0.0))
                new: dict[str, str | Tree] = {"g": f"d{w}", "w": w, "delta": "step"}
                run = {
                    slot: float(dict(flatten_paths(tree))[f"{name}/{kind}"][i])
                    for slot, tree in slots.items()
                }
                rules = update_rules(self.chain, name, kind, i)
                if rules[0].formula.symbol == "g":  # clipped
                    new = {"dw": f"d{w}", "w": w, "delta": "step"}
                for rule in rules:
                    values = {str(new.get(k, k)): v for k, v in rule.values.items()}
                    named = Rule(rule.formula.renamed(new), values)
                    value = run.get(rule.formula.symbol, rule.value)
                    lines.append(Line(named.formula.symbol, value, named, w))
                steps = [
                    n for n, line in enumerate(lines) if (line.symbol, line.group) == ("step", w)
                ]
                step = float(update[i])
                lines[steps[-1]] = Line("step", step, lines[steps[-1]].rule, w)
                before = float(np.asarray(dict(flatten_paths(seen.parameters))[kind])[i])
                tree = total((Tree("name", w), Tree("name", "step")))
                moved = Rule(Formula(f"{w}'", tree), {w: before, "step": step})
                lines.append(Line(f"{w}'", float(np.asarray(after[kind])[i]), moved, w))
        return lines

    def _not_covered(self, path: str) -> ArgumentError:
        layer = type(self.chain.call(path).layer).__name__
        return ArgumentError(
            f"worksheet cannot write out {path!r}, a {layer}; covered are {COVERED}."
        )


def _fits(rule: Rule | None, value: float) -> TypeGuard[Rule]:
    """Tell whether a loss's formula is the whole truth; label smoothing changes the targets."""
    return rule is not None and math.isclose(rule.value, value, rel_tol=1e-4, abs_tol=1e-7)
