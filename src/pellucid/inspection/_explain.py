"""One number of a training step, taken apart: its formula, its terms, and the check of the sum."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_one_of
from pellucid._tree import flatten_paths
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection._call import Call, Factor, Index, Term, agrees
from pellucid.inspection._chain import COVERED, Chain
from pellucid.inspection._formula import parse
from pellucid.inspection._formula import text as tree_text
from pellucid.inspection._rules import Rule, activation_rule, optimizer_rules, read
from pellucid.inspection._trace import trace
from pellucid.inspection._words import say
from pellucid.layers import Layer
from pellucid.models import Model

Quantity = Literal["output", "pre_activation", "delta", "gradient", "update"]
ROUNDING = 1e-6
"""What a number that cancels may be off, as a share of the largest in its array or layer."""
OF_LAYERS = ("output", "pre_activation", "delta")
OF_PARAMETERS = ("gradient", "update")


@dataclass(frozen=True)
class Explanation:
    """One number of a training step, and what it is made of.

    Attributes:
        place: where it stands, such as ``hidden[0, 1]``, batch axis included for layers.
        of: what it is: ``output``, ``pre_activation``, ``delta``, ``gradient`` or ``update``.
        value: the number that the run has.
        terms: the products that add up to it, largest first; empty where it is no sum.
        rules: formulas with their numbers, worked through in order; empty where it is a sum.
        floor: how far the sum may be off by the rounding of the array that the number stands in; it
            matters where everything cancels, as for the bias of attention's keys.
    """

    place: str
    of: Quantity
    value: float
    terms: tuple[Term, ...] = ()
    rules: tuple[Rule, ...] = ()
    floor: float = 0.0

    @property
    def total(self) -> float:
        """What the terms add up to, or what the formulas give."""
        if self.rules:
            return result(self.rules)
        return math.fsum(term.value for term in self.terms)

    @property
    def holds(self) -> bool:
        """True if the total is the number of the run, to a relative error of 1e-5.

        For an update it is 1e-4: in the first steps of Adam the last digit of beta_2^t in float32
        is that much of 1 - beta_2^t.
        """
        if self.rules:
            tolerance = 1e-4 if self.of == "update" else 1e-5
            return math.isclose(self.total, self.value, rel_tol=tolerance, abs_tol=1e-12)
        return agrees(list(self.terms), self.value, floor=self.floor)

    def text(self, language: str = "en", top: int = 10) -> str:
        """Return it as aligned text.

        Args:
            language: ``"en"`` or ``"zh"``.
            top: how many terms are shown; the rest is summed.
        """
        check_one_of("Explanation.text", "language", language, ("en", "zh"))
        lines = [f"{self.place}  {say(self.of, language)} = {self.value:.9g}", ""]
        for rule in self.rules:
            margin = f"  {'':>{len(rule.formula.symbol)}} = "
            numbers = tree_text(rule.formula.filled(rule.values).tree, _short)
            lines += [f"  {rule.formula.text()}", margin + numbers, f"{margin}{rule.value:.9g}"]
        if not self.rules:
            lines += [f"  {say('formula_' + self.of, language)}", ""]
            rows = [(f"{term.value:.9g}", _product(term)) for term in self.terms[:top]]
            rest = self.terms[top:]
            if rest:
                summed = math.fsum(term.value for term in rest)
                rows.append((f"{summed:.9g}", say("rest", language).format(len(rest))))
            width = max((len(value) for value, _ in rows), default=1)
            lines += [f"  {value:>{width}}  {product}" for value, product in rows]
            lines += [f"  {'─' * width}", f"  {self.total:>{width}.9g}  {say('total', language)}"]
        verdict = say("holds" if self.holds else "differs", language)
        return "\n".join([*lines, "", f"  {verdict}"])

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        return {
            "place": self.place,
            "of": self.of,
            "value": self.value,
            "total": self.total,
            "holds": self.holds,
            "terms": [
                {
                    "value": term.value,
                    "factors": [
                        {"name": place_of(factor), "value": factor.value} for factor in term.factors
                    ],
                }
                for term in self.terms
            ],
            "rules": [
                {
                    "formula": rule.formula.text(),
                    "numbers": rule.formula.filled(rule.values).text(),
                    "value": rule.value,
                }
                for rule in self.rules
            ],
        }

    def __str__(self) -> str:
        return self.text()


def explain(
    model: Model,
    x: Any,
    y: Any,
    path: str,
    unit: Sequence[int] | int = (),
    *,
    of: Quantity | None = None,
    sample: int = 0,
    output: int = 0,
    sample_weight: Any = None,
    seed: int = 0,
) -> Explanation:
    """Take one number of a training step apart: an activation, a delta, a gradient or an update.

    Args:
        model: the compiled model; it stays as it is.
        x: inputs of the batch.
        y: targets of the batch.
        path: a layer, such as ``"hidden"``, a part of one, such as ``"block/feedforward_norm"``, or
            a parameter, such as ``"hidden/kernel"``.
        unit: which entry, counted from 0: of a layer's output without the batch axis, or of the
            parameter.
        of: ``"output"`` (what a layer gives otherwise), ``"pre_activation"`` or ``"delta"`` (dJ/dz)
            for a layer; ``"gradient"`` (otherwise) or ``"update"`` for a parameter.
        sample: the row of the batch, for a layer.
        output: which output, for a layer of several.
        sample_weight: weight in the loss for each row.
        seed: makes the random numbers of dropout and noise.

    Returns:
        The formula, the terms, their total and the run's own number.

    Raises:
        UnknownNameError: if there is no such layer or parameter; the nearest is suggested.
        ArgumentError: if the unit is outside the shape, or the number is of a kind that is not
            covered.
    """
    chain = Chain(model, trace(model, x, y, sample_weight, seed))
    return explained(chain, path, unit, of=of, sample=sample, output=output)


def explained(
    chain: Chain,
    path: str,
    unit: Sequence[int] | int = (),
    *,
    of: Quantity | None = None,
    sample: int = 0,
    output: int = 0,
) -> Explanation:
    """Take one number of a traced step apart; the arguments are those of ``explain``."""
    unit = (unit,) if isinstance(unit, int) else tuple(unit)
    name, _, parameter = path.partition("/")
    a_layer = path in chain.trace.layers or (of in OF_LAYERS and not _has(chain, name, parameter))
    if name in chain.nodes and parameter and not a_layer:
        chosen = of or "gradient"
        check_one_of("explain", f"of for the parameter {path!r}", chosen, OF_PARAMETERS)
        return _of_parameter(chain, name, parameter, unit, chosen)
    chosen = of or "output"
    count = len(chain.call(path).outputs)
    if not 0 <= output < count:
        raise ArgumentError(
            f"explain expected output from 0 to {count - 1} for {path!r}, got {output}."
        )
    call = chain.call(path, output)
    check_one_of("explain", f"of for the layer {path!r}", chosen, OF_LAYERS)
    if chosen == "pre_activation" and not call.has_z:
        raise ArgumentError(f"The layer {path!r} has no pre-activation; type of='output'.")
    index = _checked(path, (sample, *unit), call.z.shape, batch=True)
    place = path if count == 1 else f"{path}#{output}"
    if chosen == "delta":
        terms = _largest(chain.delta(path, index, output))
        floor = ROUNDING * float(jnp.abs(call.delta).max())
        return _summed(place, index, "delta", float(call.delta[index]), terms, floor)
    if chosen == "output" and (call.has_z or type(call.layer).unit_steps is not Layer.unit_steps):
        return _of_output(call, place, index)
    value = float(call.z[index])
    rule = None if chosen == "pre_activation" else _activation(call, index)
    terms = _largest(call.forward(index))
    if rule is not None and not terms:
        return rule
    if terms or value == 0:
        return _summed(place, index, chosen, value, terms)
    raise _not_covered(call)


def _has(chain: Chain, name: str, parameter: str) -> bool:
    """Tell whether a layer has a parameter of that name."""
    return name in chain.nodes and parameter in dict(flatten_paths(chain.trace[name].parameters))


def result(rules: Sequence[Rule]) -> float:
    """Return what rules lead to: the last delta of an optimizer's, else the last value."""
    steps = [rule for rule in rules if rule.formula.symbol == "delta"]
    return (steps or list(rules))[-1].value


def place_of(factor: Factor) -> str:
    """Return the name of a factor, such as ``hidden/kernel[0, 1]``."""
    inside = ", ".join(map(str, factor.index))
    return f"{factor.path}/{factor.kind}[{inside}]" if factor.index else f"{factor.kind}"


def _summed(
    path: str,
    index: Index,
    of: Quantity,
    value: float,
    terms: tuple[Term, ...],
    floor: float = 0.0,
) -> Explanation:
    found = Explanation(f"{path}{list(index)}", of, value, terms, (), floor)
    if not found.holds:
        raise ArgumentError(
            f"The {of} of {path!r} is no sum that explain can write out (its terms give "
            f"{found.total:.6g}, the run has {value:.6g}); covered are {COVERED}."
        )
    return found


def _of_output(call: Call, place: str, index: Index) -> Explanation:
    """Explain an output by the formulas of the layer, by its activation, or as a sum."""
    for found in (_worked(call, index), _activation(call, index)):
        if found is not None:
            return found
    value = float(call.output[index])
    terms = _largest(call.forward(index, of_output=True))
    if terms or value == 0:
        return _summed(place, index, "output", value, terms)
    raise _not_covered(call)


def _worked(call: Call, index: Index) -> Explanation | None:
    """Explain an output by the formulas that the layer says itself."""
    steps = call.layer.unit_steps(call.shown(), index)
    rules: list[Rule] = []
    values: dict[str, float] = {}
    for line, numbers in steps or ():
        formula = read(line)
        if formula is None:
            raise ArgumentError(
                f"unit_steps of {type(call.layer).__name__} gives {line!r}, which is no formula; "
                "write it as in 'h = o a'."
            )
        values |= {name: float(number) for name, number in numbers.items()}
        needed = formula.tree.names()
        rules.append(Rule(formula, {name: values[name] for name in needed if name in values}))
        values[formula.symbol] = rules[-1].value
    value = float(call.output[index])
    found = Explanation(f"{call.path}{list(index)}", "output", value, (), tuple(rules))
    return found if rules and found.holds else None


def _activation(call: Call, index: Index) -> Explanation | None:
    """Explain an output by the formula of the layer's activation, if that gives it."""
    z = call.z if call.has_z else call.inputs.get("0")
    output = call.output
    if z is None or z.shape != output.shape or not index:
        return None
    axis = getattr(call.layer, "axis", -1)
    axis = axis % len(index) if isinstance(axis, int) else len(index) - 1
    row = np.asarray(z[(*index[:axis], slice(None), *index[axis + 1 :])])
    rule = activation_rule(call.layer, row, index[axis], ("a", "z"))
    if rule is None:
        return None
    value = float(output[index])
    found = Explanation(f"{call.path}{list(index)}", "output", value, (), (rule,))
    return found if found.holds else None


def _not_covered(call: Call) -> ArgumentError:
    return ArgumentError(
        f"explain does not cover the output of {call.path!r}, a {type(call.layer).__name__}; "
        f"covered are {COVERED}."
    )


def _of_parameter(
    chain: Chain, name: str, parameter: str, unit: Index, of: Quantity
) -> Explanation:
    """Explain the gradient or the update of one entry of a parameter."""
    seen = chain.trace[name]
    known = dict(flatten_paths(seen.parameters))
    if parameter not in known:
        raise UnknownNameError(f"parameter of the layer {name!r}", parameter, known)
    trained = dict(flatten_paths(seen.gradients))
    path = f"{name}/{parameter}"
    if parameter not in trained:
        raise ArgumentError(
            f"The parameter {path!r} is not trained, so it has no gradient; set trainable=True."
        )
    index = _checked(path, unit, known[parameter].shape, batch=False)
    if of == "gradient":
        terms = _largest(chain.gradient(name, parameter, index))
        largest = max(float(jnp.abs(g).max()) for g in trained.values() if g.size)
        value = float(trained[parameter][index])
        return _summed(path, index, "gradient", value, terms, ROUNDING * largest)
    update = float(dict(flatten_paths(seen.updates))[parameter][index])
    rules = update_rules(chain, name, parameter, index)
    return Explanation(f"{path}{list(index)}", "update", update, (), tuple(rules))


def update_rules(chain: Chain, name: str, parameter: str, index: Index) -> list[Rule]:
    """Return the steps of the optimizer for one entry of a parameter."""
    step, path = chain.trace, f"{name}/{parameter}"
    optimizer = chain.model._ready_optimizer()
    if not hasattr(optimizer, "steps"):
        return optimizer_rules(optimizer, 0.0, 0.0, {}, 0.0, 1)
    gradients = dict(flatten_paths(step.gradients))
    clipped = optimizer._clip([jnp.asarray(g) for g in gradients.values()])
    g = np.asarray(dict(zip(gradients, clipped, strict=True))[path])[index]
    number = type(g)
    w = np.asarray(dict(flatten_paths(step.start.parameters))[path])[index]
    before, after = step.start.optimizer_state, step.optimizer_state
    slots = {
        slot: number(dict(flatten_paths(tree))[path][index])
        for slot, tree in before["slots"].items()
    }
    lr, t = number(after["learning_rate"]), number(after["step"])
    rules = optimizer_rules(optimizer, g, w, slots, lr, t)
    clips = (optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm)
    if all(clip is None for clip in clips):
        return rules
    raw = float(gradients[path][index])
    clip = float(g) / raw if raw else 1.0
    return [Rule(parse("g = dw clip"), {"dw": raw, "clip": clip}), *rules]


def _checked(path: str, index: Index, shape: tuple[int, ...], batch: bool) -> Index:
    """Return an index if it is inside a shape."""
    fits = len(index) == len(shape) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
    if fits:
        return index
    if batch:
        sample, unit = index[0], index[1:]
        if not 0 <= sample < shape[0]:
            raise ArgumentError(
                f"explain expected sample from 0 to {shape[0] - 1} for this batch, got {sample}."
            )
        index, shape = unit, shape[1:]
    last = tuple(n - 1 for n in shape)
    raise ArgumentError(
        f"explain expected unit from {(0,) * len(shape)} to {last} for {path!r}, got {index}."
    )


def _largest(terms: list[Term]) -> tuple[Term, ...]:
    return tuple(sorted(terms, key=lambda term: -abs(term.value)))


def _product(term: Term) -> str:
    return " · ".join(f"{place_of(factor)} {factor.value:.6g}" for factor in term.factors)


def _short(value: float) -> str:
    return f"{value:.7g}"
