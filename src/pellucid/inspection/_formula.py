"""Formulas in one line of plain text, as trees that are shown, filled with numbers and computed.

The operations, losses and optimizers carry their formulas as such lines::

    m_hat = m / (1 - beta_1^t)          y = -(1/n) sum_i t_i log p_i

A blank between two factors multiplies them; ``sum_i`` takes the product that follows it; ``log p``
applies to the factor that follows; ``[i = k]`` is 1 where the indices are equal, else 0.

>>> formula = parse("m_hat = m / (1 - beta_1^t)")
>>> formula.value({"m": 0.5, "beta_1": 0.5, "t": 1})
1.0
>>> formula.filled({"m": 0.5, "beta_1": 0.9, "t": 1}).text()
'0.5 / (1 - 0.9^1)'
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import ArgumentError

Values = Mapping[str, Any]


def _keeping_type(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """Return a function that gives a number of the type it was given, as float32."""
    return lambda x: type(x)(function(x))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": _keeping_type(math.sqrt),
    "log": _keeping_type(math.log),
    "exp": _keeping_type(math.exp),
    "cos": _keeping_type(math.cos),
    "erf": _keeping_type(math.erf),
    "Phi": _keeping_type(lambda x: (1 + math.erf(x / math.sqrt(2))) / 2),
    "Phi'": _keeping_type(lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi)),
    "sign": _keeping_type(lambda x: float(x > 0) - float(x < 0)),
    "max": max,
    "min": min,
    "tanh": _keeping_type(math.tanh),
    "cosh": _keeping_type(math.cosh),
    "sigmoid": _keeping_type(lambda x: 0.5 * (1 + math.tanh(x / 2))),
}
CONSTANTS = {"e": math.e, "pi": math.pi}
RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
_TOKEN = re.compile(
    r"\s*(\d+\.?\d*(?:e[+-]?\d+)?(?![A-Za-z_])|[A-Za-z](?:\w|,(?=\d))*'*|[-+*/^()|\[\]=,<>])"
)


@dataclass(frozen=True)
class Tree:
    """A part of a formula: what it is, and the parts in it.

    Attributes:
        kind: ``number``, ``name``, ``add``, ``negative``, ``multiply``, ``divide``, ``power``,
            ``call``, ``absolute``, ``sum`` or ``same``.
        word: the name, the function or the index of a sum.
        parts: the parts, in order.
        number: the value of a number.
    """

    kind: str
    word: str = ""
    parts: tuple["Tree", ...] = ()
    number: float = 0.0

    def map(self, change: Callable[["Tree"], "Tree"]) -> "Tree":
        """Return the tree with ``change`` applied to its leaves."""
        if not self.parts:
            return change(self)
        parts = tuple(part.map(change) for part in self.parts)
        return Tree(self.kind, self.word, parts, self.number)

    def names(self) -> set[str]:
        """Return the names in it."""
        own = {self.word} if self.kind == "name" else set()
        return own.union(*(part.names() for part in self.parts))


@dataclass(frozen=True)
class Formula:
    """``symbol = tree``; where ``condition`` is given and does not hold, ``symbol = other``.

    Attributes:
        symbol: what is computed; empty for an expression.
        tree: how.
        condition: comparisons that must all hold, as (left, relation, right).
        other: what holds in the other case.
    """

    symbol: str
    tree: Tree
    condition: tuple[tuple[Tree, str, Tree], ...] = ()
    other: Tree | None = None

    def branch(self, values: Values) -> Tree:
        """Return the tree that holds for these values."""
        met = all(RELATIONS[how](compute(a, values), compute(b, values))
                  for a, how, b in self.condition)  # fmt: skip
        return self.tree if met or self.other is None else self.other

    def value(self, values: Values) -> float:
        """Return what the formula gives for these values by name."""
        return float(compute(self.branch(values), values))

    def filled(self, values: Values) -> "Formula":
        """Return the right side with the numbers put in."""
        return Formula("", fill(self.branch(values), values))

    def renamed(self, names: Mapping[str, str | Tree]) -> "Formula":
        """Return the formula with other names, or with expressions in place of names."""

        def change(leaf: Tree) -> Tree:
            new = names.get(leaf.word, leaf) if leaf.kind == "name" else leaf
            return Tree("name", new) if isinstance(new, str) else new

        condition = tuple((a.map(change), how, b.map(change)) for a, how, b in self.condition)
        other = self.other and self.other.map(change)
        symbol = names.get(self.symbol, self.symbol)
        shown = symbol if isinstance(symbol, str) else self.symbol
        return Formula(shown, self.tree.map(change), condition, other)

    def spread(self, ranges: Mapping[str, Iterable[int]], fixed: Mapping[str, int]) -> "Formula":
        """Return the formula with its sums written out and its free indices put in.

        Args:
            ranges: for the index of each sum, the numbers it runs through.
            fixed: the numbers of the other indices.
        """
        tree = _spread(self.tree, ranges, fixed)
        return Formula(_indexed(self.symbol, fixed), tree, self.condition, self.other)

    def text(self) -> str:
        """Return the formula as a line of plain text."""
        line = f"{self.symbol} = {text(self.tree)}" if self.symbol else text(self.tree)
        if self.other is None:
            return line
        condition = text(self.condition[0][0]) + "".join(
            f" {how} {text(b)}" for _, how, b in self.condition
        )
        return f"{line} where {condition}, else {text(self.other)}"


def parse(line: str) -> Formula:
    """Return the formula that a line of text says.

    Raises:
        ArgumentError: if it is not written in the language of this module.
    """
    symbol, equals, right = line.partition(" = ")
    if not equals or not re.fullmatch(r"[A-Za-z][\w,']*", symbol.strip()):
        symbol, right = "", line
    right, _, rest = right.partition(" where ")
    if not rest:
        return Formula(symbol.strip(), _parsed(right))
    condition, _, other = rest.partition(", else ")
    sides = re.split(r"\s*([<>])\s*", condition)
    comparisons = tuple(
        (_parsed(sides[i]), sides[i + 1], _parsed(sides[i + 2]))
        for i in range(0, len(sides) - 2, 2)
    )
    if not comparisons or not other:
        raise ArgumentError(f"Expected 'x where a < b, else y' in a formula, got {line!r}.")
    return Formula(symbol.strip(), _parsed(right), comparisons, _parsed(other))


def number(value: Any) -> Tree:
    """Return a number as a tree."""
    return Tree("number", number=float(value))


def product(factors: Iterable[Tree]) -> Tree:
    """Return the product of trees."""
    parts = tuple(factors)
    return parts[0] if len(parts) == 1 else Tree("multiply", parts=parts)


def total(terms: Iterable[Tree]) -> Tree:
    """Return the sum of trees."""
    parts = tuple(terms)
    return parts[0] if len(parts) == 1 else Tree("add", parts=parts)


def fill(tree: Tree, values: Values) -> Tree:
    """Return a tree with the numbers put in for the names."""

    def change(leaf: Tree) -> Tree:
        known = leaf.kind == "name" and leaf.word in values
        return number(values[leaf.word]) if known else leaf

    return tree.map(change)


def compute(tree: Tree, values: Values) -> Any:
    """Return the value of a tree, in the arithmetic of the values.

    With values of type float32 the roundings are those of the run; plain floats do not widen them.
    """
    if tree.kind == "number":
        return tree.number
    if tree.kind == "name":
        if tree.word in values:
            return values[tree.word]
        if tree.word in CONSTANTS:
            return CONSTANTS[tree.word]
        raise ArgumentError(f"A formula needs a value for {tree.word!r}; it has {sorted(values)}.")
    parts = [compute(part, values) for part in tree.parts]
    match tree.kind:
        case "add":
            return sum(parts[1:], start=parts[0])
        case "negative":
            return -parts[0]
        case "multiply":
            return math.prod(parts[1:], start=parts[0])
        case "divide":
            return parts[0] / parts[1]
        case "power":
            return parts[0] ** parts[1]
        case "absolute":
            return abs(parts[0])
        case "call":
            return FUNCTIONS[tree.word](*parts)
    raise ArgumentError(f"A {tree.kind} in a formula must be written out before it is computed.")


# How tightly each kind holds its parts together; what is looser stands in parentheses.
TIGHTNESS = {"add": 1, "negative": 1, "multiply": 2, "divide": 2, "sum": 2, "power": 3}


def tightness(tree: Tree) -> int:
    """Return how tightly a tree holds together."""
    if tree.kind == "number" and tree.number < 0:
        return 1
    return TIGHTNESS.get(tree.kind, 4)


def signed(terms: Iterable[Tree]) -> Iterator[tuple[str, Tree]]:
    """Yield each term that follows another as its sign and what comes after it."""
    for term in terms:
        if term.kind == "negative":
            yield "-", term.parts[0]
        elif term.kind == "number" and term.number < 0:
            yield "-", number(-term.number)
        else:
            yield "+", term


def text(tree: Tree, show: Callable[[float], str] = repr) -> str:
    """Return a tree as plain text that ``parse`` reads.

    Args:
        tree: the tree.
        show: writes a number.
    """

    def inside(part: Tree, least: int) -> str:
        line = text(part, show)
        return f"({line})" if tightness(part) < least else line

    parts = tree.parts
    match tree.kind:
        case "number":
            whole = tree.number.is_integer() and abs(tree.number) < 1e15
            return str(int(tree.number)) if whole else show(tree.number)
        case "name":
            return tree.word
        case "add":
            line = inside(parts[0], 1)
            for sign, part in signed(parts[1:]):
                line += f" {sign} {inside(part, 2)}"
            return line
        case "negative":
            return f"-{inside(parts[0], 2)}"
        case "multiply":
            line = inside(parts[0], 3 if parts[0].kind == "divide" else 2)
            for before, part in zip(parts, parts[1:], strict=False):
                join = " " if before.names() and part.names() else " * "
                line += join + inside(part, 3)
            return line
        case "divide":
            return f"{inside(parts[0], 2)} / {inside(parts[1], 3)}"
        case "power":
            return f"{inside(parts[0], 4)}^{inside(parts[1], 4)}"
        case "absolute":
            return f"|{text(parts[0], show)}|"
        case "call":
            return f"{tree.word}({', '.join(text(part, show) for part in parts)})"
        case "sum":
            return f"sum_{tree.word} {inside(parts[0], 2)}"
    return f"[{parts[0].word} = {parts[1].word}]"


def _spread(tree: Tree, ranges: Mapping[str, Iterable[int]], fixed: Mapping[str, int]) -> Tree:
    if tree.kind == "name":
        return Tree("name", _indexed(tree.word, fixed))
    if tree.kind == "same":
        left, right = (fixed[part.word] for part in tree.parts)
        return number(left == right)
    if tree.kind == "sum":
        body = tree.parts[0]
        return total(_spread(body, ranges, {**fixed, tree.word: i}) for i in ranges[tree.word])
    parts = tuple(_spread(part, ranges, fixed) for part in tree.parts)
    return Tree(tree.kind, tree.word, parts, tree.number)


def _indexed(name: str, fixed: Mapping[str, int]) -> str:
    stem, mark, index = name.partition("_")
    return f"{stem}_{fixed[index]}" if mark and index in fixed else name


def _parsed(line: str) -> Tree:
    tokens, place = [], 0
    line = line.strip()
    while place < len(line):
        found = _TOKEN.match(line, place)
        if found is None:
            raise ArgumentError(f"Expected a formula, got {line!r}: {line[place:]!r} is unknown.")
        tokens.append(found[1])
        place = found.end()
    reader = _Reader(tokens, line)
    tree = reader.sum()
    if reader.next():
        raise ArgumentError(f"Expected a formula, got {line!r}: {reader.next()!r} is too much.")
    return tree


class _Reader:
    """Reads a list of tokens from left to right."""

    def __init__(self, tokens: list[str], line: str) -> None:
        self.tokens = tokens
        self.line = line

    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted: str = "") -> str:
        if not self.tokens or (wanted and self.tokens[0] != wanted):
            raise ArgumentError(f"Expected {wanted or 'more'!r} in the formula {self.line!r}.")
        return self.tokens.pop(0)

    def sum(self) -> Tree:
        terms = [self.signed()]
        while self.next() in ("+", "-"):
            minus = self.take() == "-"
            term = self.product()
            terms.append(Tree("negative", parts=(term,)) if minus else term)
        return total(terms)

    def signed(self) -> Tree:
        if self.next() != "-":
            return self.product()
        self.take()
        inner = self.product()
        if inner.kind == "number":
            return number(-inner.number)
        return Tree("negative", parts=(inner,))

    def product(self) -> Tree:
        tree = self.factor()
        while self.next() and self.next() not in tuple("+-)|],=<>"):
            if self.next() == "/":
                self.take()
                tree = Tree("divide", parts=(tree, self.factor()))
                continue
            if self.next() == "*":
                self.take()
            before = tree.parts if tree.kind == "multiply" else (tree,)
            tree = Tree("multiply", parts=(*before, self.factor()))
        return tree

    def factor(self) -> Tree:
        base = self.atom()
        if self.next() != "^":
            return base
        self.take()
        minus = self.next() == "-" and bool(self.take())
        power = self.atom()
        if minus:
            power = Tree("negative", parts=(power,))
        return Tree("power", parts=(base, power))

    def atom(self) -> Tree:
        token = self.take()
        if token[0].isdigit():
            return number(token)
        if token == "(":
            inner = self.sum()
            self.take(")")
            return inner
        if token == "|":
            inner = self.sum()
            self.take("|")
            return Tree("absolute", parts=(inner,))
        if token == "[":
            left = self.take()
            self.take("=")
            right = self.take()
            self.take("]")
            return Tree("same", parts=(Tree("name", left), Tree("name", right)))
        if token.startswith("sum_"):
            return Tree("sum", token[4:], (self.product(),))
        if token in FUNCTIONS:
            return self.call(token)
        if not token[0].isalpha():
            raise ArgumentError(f"Expected a number or name, got {token!r} in {self.line!r}.")
        return Tree("name", token)

    def call(self, function: str) -> Tree:
        if self.next() != "(":
            return Tree("call", function, (self.factor(),))
        self.take("(")
        arguments = [self.sum()]
        while self.next() == ",":
            self.take()
            arguments.append(self.sum())
        self.take(")")
        return Tree("call", function, tuple(arguments))
