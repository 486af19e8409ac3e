"""The formulas of activations, losses and optimizers, with the numbers of one unit put in."""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pellucid import activations, ops
from pellucid._named import snake_case
from pellucid.errors import ArgumentError
from pellucid.inspection._formula import CONSTANTS, Formula, Tree, number, parse, product
from pellucid.layers import REGISTRY, Layer
from pellucid.ops import Op

_CLIPPED = re.compile(r", 0 where \w+ was clipped")
_KNOWN = re.compile(r", Phi'?\(x\) = .*")  # what a known function is, said beside the formula
_VECTORS = {"p", "t", "z"}


@dataclass(frozen=True)
class Rule:
    """A formula with its numbers: what a line of a worksheet shows.

    Attributes:
        formula: with symbols.
        values: the number of each symbol.
    """

    formula: Formula
    values: Mapping[str, float]

    @property
    def value(self) -> float:
        """What the formula gives."""
        return self.formula.value(self.values)

    def under(self, lead: tuple[int, ...], stems: Iterable[str]) -> "Rule":
        """Return the rule with an index before the last one: a_2 becomes a_312 under (2, 0).

        Args:
            lead: the index, counted from 0.
            stems: what stands before the index in the names that get it.
        """
        found = self.formula.tree.names() | set(self.values) | {self.formula.symbol}
        new = {}
        for name in found if lead else ():
            stem, _, last = name.rpartition("_")
            if stem in stems and last.isdigit():
                new[name] = indexed(stem, (*lead, int(last) - 1))
        values = {new.get(name, name): value for name, value in self.values.items()}
        return Rule(self.formula.renamed(new), values)


def indexed(stem: str, index: tuple[int, ...]) -> str:
    """Return a name with its index, counted from 1; commas keep apart what has two digits."""
    counted = [str(i + 1) for i in index]
    join = "" if all(len(part) == 1 for part in counted) else ","
    return f"{stem}_{join.join(counted)}" if index else stem


def read(line: str) -> Formula | None:
    """Return the formula of a line, "y = x g, g = ..." put together; None if it is in words.

    A part that is said once for all entries, "c = max(r, 0), r = p - t", is put in for c_i with the
    same index on what it is made of.
    """
    line = _KNOWN.sub("", _CLIPPED.sub("", line.strip()))
    main, *parts = re.split(r", (?=\w+ = )", line)
    try:
        formula = parse(main)
        defined = list(map(parse, parts))
    except ArgumentError:
        return None
    for place, part in enumerate(defined):
        if "softmax" in part.tree.names():  # q = softmax(z) is a vector
            continue
        vectors = _VECTORS | {later.symbol for later in defined[place + 1 :]}
        new: dict[str, str | Tree] = {part.symbol: part.tree}
        for name in formula.tree.names():
            stem, mark, index = name.partition("_")
            if mark and stem == part.symbol:
                own = {v: f"{v}_{index}" for v in part.tree.names() & vectors}
                new[name] = Formula("", part.tree).renamed(own).tree
        formula = formula.renamed(new)
    return formula


def activation_of(layer: Layer) -> tuple[Op | None, dict[str, float]]:
    """Return the operation of a layer's activation, and the numbers that its formula needs.

    A layer that is an activation itself and one that ends in one are alike here.
    """
    settings: dict[str, Any] = {}
    if hasattr(layer, "activation"):
        chosen = activations.get(layer.activation)
        op = activations.operation(chosen)
        if op is not None:
            for name, parameter in inspect.signature(chosen).parameters.items():
                settings[name] = parameter.default
    else:
        ours = type(layer) in REGISTRY.entries.values()  # a layer of one's own may have any name
        op = ops.REGISTRY.get(snake_case(type(layer).__name__)) if ours else None
        settings = {name: getattr(layer, name) for name in vars(layer)}
    return op, {} if op is None else _constants(op, settings)


def _constants(op: Op, settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of symbols that stand for settings or for constants."""
    found = {}
    for symbol, meaning in op.symbols.items():
        word = re.split(r"[ ,]", meaning)[0]
        value = settings.get(symbol, settings.get(word))
        if isinstance(value, (int, float)):
            found[symbol] = float(value)
        elif re.fullmatch(r"\d[\d.e-]*", word):
            found[symbol] = float(word)
    return found


def activation_rule(layer: Layer, z: Any, index: int, names: tuple[str, str]) -> Rule | None:
    """Return a = f(z) for one entry of the last axis.

    Args:
        layer: ends in the activation.
        z: the row of the last axis, shape (units,).
        index: which entry.
        names: what a and z are called, without index.
    """
    op, constants = activation_of(layer)
    if op is None and not hasattr(layer, "activation"):  # the layer's own formula, entry by entry
        formula = read(layer.formula) if layer.formula else None
        constants = {k: float(v) for k, v in vars(layer).items() if isinstance(v, (int, float))}
    else:
        formula = None if op is None else read(op.formula)
    if formula is None:
        return None
    y, x = names
    i = index + 1
    if "_" not in formula.symbol:
        formula = formula.renamed({"y": f"{y}_{i}", "x": f"{x}_{i}"})
        return _rule(formula, {f"{x}_{i}": float(z[index]), **constants})
    numbers = range(1, len(z) + 1)
    formula = _stem(formula.spread({"j": numbers}, {"i": i}), {"y": y, "x": x})
    return _rule(formula, {f"{x}_{n}": float(z[n - 1]) for n in numbers})


def slope_rule(
    layer: Layer, z: Any, a: Any, g: Any, index: int, names: tuple[str, str, str, str]
) -> Rule | None:
    """Return dJ/dz from dJ/da = g through the activation, for one entry of the last axis.

    Args:
        layer: ends in the activation.
        z, a, g: rows of the last axis, shape (units,).
        index: which entry.
        names: what dJ/dz, z, a and dJ/da are called, without index.
    """
    op, constants = activation_of(layer)
    formula = None if op is None else read(op.gradient.split(";")[0])
    if formula is None:
        return None
    d, x, y, dy = names
    i = index + 1
    rows = {x: z, y: a, dy: g}
    values = {f"{name}_{n + 1}": float(row[n]) for name, row in rows.items() for n in range(len(z))}
    if "_" not in formula.symbol:
        each = {"dx": f"{d}_{i}", "x": f"{x}_{i}", "y": f"{y}_{i}", "dy": f"{dy}_{i}"}
        return _rule(formula.renamed(each), {**values, **constants})
    formula = formula.spread({"i": range(1, len(z) + 1)}, {"j": i})
    return _rule(_stem(formula, {"dx": d, "x": x, "y": y, "dy": dy}), values)


def loss_rule(loss: Any, target: Any, output: Any, names: tuple[str, str, str]) -> Rule | None:
    """Return the loss of one example.

    Args:
        loss: the loss; one of the user's own may carry a ``formula``.
        target: its target, shape (n,), or a class number.
        output: its prediction, shape (n,).
        names: what the loss, the target and the prediction are called.
    """
    formula = read(loss.op.formula if loss.op is not None else loss.formula)
    if formula is None or not formula.symbol:
        return None
    formula, values = _with_loss(formula, loss, target, output, 1, names[1:])
    return _rule(formula.renamed({"y": names[0]}), values)


def loss_slope_rule(
    loss: Any, target: Any, output: Any, index: int, names: tuple[str, str, str], dy: float = 1.0
) -> Rule | None:
    """Return dJ/dp_i, the derivative of the loss by one entry of the prediction.

    Args:
        loss: the loss; one of the user's own may carry a ``gradient``.
        target: shape (n,), or a class number.
        output: the prediction p, shape (n,).
        index: which entry.
        names: what the derivative, the target and the prediction are called, without index.
        dy: the derivative of J by the loss of this example; 1 divided by the rows.
    """
    line = loss.op.gradient if loss.op is not None else getattr(loss, "gradient", "")
    formula = read(line.split(";")[0])
    if formula is None or not formula.symbol.startswith("d"):
        return None
    i = index + 1
    formula, values = _with_loss(formula, loss, target, output, i, names[1:])
    tree = _without(formula.tree, "dy") if dy == 1.0 else formula.tree
    renamed = Formula(f"{names[0]}_{i}", tree, formula.condition, formula.other)
    return _rule(renamed, {**values, "dy": dy})


def _with_loss(
    formula: Formula, loss: Any, target: Any, output: Any, i: int, names: tuple[str, str]
) -> tuple[Formula, dict[str, float]]:
    """Return a loss's formula spread over the entries of one example, and its numbers."""
    t, p = names
    count = len(output)
    if loss.op is not None and loss.op.name in ("hinge", "squared_hinge"):
        target = np.where(np.asarray(target) == 0, -1, target)  # the loss takes 0 for -1
    constants = {} if loss.op is None else _constants(loss.op, vars(loss))
    values = {**constants, "n": float(count)}
    label = np.ndim(target) == 0 or (np.size(target) == 1 and "k" in formula_indices(formula))
    numbers = range(1, count + 1)
    fixed = {"i": i, "j": i}
    if label:
        fixed["k"] = int(np.reshape(target, ())) + 1
    else:
        values |= {f"{t}_{n}": float(target[n - 1]) for n in numbers}
    values |= {f"{p}_{n}": float(output[n - 1]) for n in numbers}
    share = np.asarray(jax.nn.softmax(output))
    values |= {f"q_{n}": float(share[n - 1]) for n in numbers}
    spread = formula.spread({"i": numbers, "j": numbers}, fixed)
    single = {"p": f"{p}_{i}", "z": f"{p}_{i}", "t": f"{t}_{i}", "q": f"q_{i}"}
    return _stem(spread.renamed(single), {"p": p, "z": p, "t": t}), values


def formula_indices(formula: Formula) -> set[str]:
    """Return the indices that its names carry."""
    return {name.partition("_")[2] for name in formula.tree.names()} | _same(formula.tree)


def _same(tree: Tree) -> set[str]:
    inner = set().union(*(_same(part) for part in tree.parts))
    return inner | ({part.word for part in tree.parts} if tree.kind == "same" else set())


def _without(tree: Tree, one: str) -> Tree:
    """Return a tree without the factors called ``one``, which are 1."""
    parts = tuple(_without(part, one) for part in tree.parts)
    if tree.kind == "multiply":
        left = [part for part in parts if part.word != one]
        return product(left) if left else number(1)
    return Tree(tree.kind, tree.word, parts, tree.number)


def _stem(formula: Formula, names: Mapping[str, str]) -> Formula:
    """Rename what stands before the index: with {"x": "z1"}, x_2 becomes z1_2."""
    found = {formula.symbol} | formula.tree.names()
    new = {}
    for name in found:
        stem, mark, index = name.partition("_")
        if mark and stem in names:
            new[name] = f"{names[stem]}_{index}"
    return formula.renamed(new)


def _rule(formula: Formula, values: Mapping[str, float]) -> Rule | None:
    """Return a rule if all its symbols have numbers and it can be computed from them."""
    needed = formula.tree.names() - set(CONSTANTS)
    if not needed <= set(values):
        return None
    rule = Rule(formula, dict(values))
    try:
        _ = rule.value
    except (ArithmeticError, ValueError):  # such as log 0, which the run clips
        return None
    return rule


def optimizer_rules(
    optimizer: Any, g: Any, w: Any, slots: Mapping[str, Any], lr: Any, t: Any
) -> list[Rule]:
    """Return the steps of one weight's update, in order; the last ``delta`` is what is added.

    The numbers of the run come in its own type, so that the steps are rounded as it rounds them.

    Args:
        optimizer: one of ours, or one of the user's own that has ``steps``.
        g: the gradient, after clipping.
        w: the weight.
        slots: what the optimizer remembers about it, before the step.
        lr: the learning rate of the step.
        t: the number of the step, from 1.
    """
    if not hasattr(optimizer, "steps"):
        raise ArgumentError(
            f"The update of {type(optimizer).__name__} carries no formula, so its steps cannot be "
            "shown; use an optimizer of pellucid.optimizers, such as Adam()."
        )
    numbers = {k: float(v) for k, v in vars(optimizer).items() if isinstance(v, (int, float))}
    values = {**numbers, **slots, "g": g, "w": w, "lr": lr, "t": t}
    lines = list(optimizer.steps())
    if optimizer.weight_decay and "weight_decay" not in lines[-1]:
        lines.append("delta = delta - lr weight_decay w")
    rules = []
    for line in lines:
        formula = parse(line)
        names = formula.tree.names()
        rules.append(Rule(formula, {name: values[name] for name in names if name in values}))
        values[formula.symbol] = type(g)(rules[-1].value)
    return rules
