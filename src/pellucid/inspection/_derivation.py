"""Formulas as data: what a named thing computes, its gradient, its symbols, its source.

Everything is read where the thing itself is: class attributes, the registered operation, and the
docstring that derives the formulas. Nothing is written here a second time.

>>> from pellucid.inspection import derivation
>>> derivation("relu").formula
'y = max(x, 0)'
>>> derivation("dense").parameter_count
'features units + use_bias units'
"""

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pellucid
from pellucid import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
)
from pellucid._named import snake_case
from pellucid.errors import UnknownNameError
from pellucid.layers import Layer
from pellucid.losses import Loss
from pellucid.ops import Op
from pellucid.optimizers import schedules

TABLES: dict[str, tuple[Mapping[str, Any], str]] = {
    "activation": (activations.REGISTRY.entries, "tests/ops"),
    "layer": (layers.REGISTRY.entries, "tests/layers"),
    "loss": (losses.REGISTRY.entries, "tests/losses"),
    "optimizer": (optimizers.REGISTRY.entries, "tests/optimizers"),
    "schedule": (schedules.REGISTRY.entries, "tests/optimizers"),
    "initializer": (initializers.REGISTRY.entries, "tests/initializers"),
    "regularizer": (regularizers.REGISTRY.entries, "tests/test_regularizers.py"),
    "constraint": (constraints.REGISTRY.entries, "tests/test_constraints.py"),
    "metric": (metrics.REGISTRY.entries, "tests/metrics"),
    "operation": (ops.REGISTRY, "tests/ops"),
}
"""For each kind its entries and where their tests are; names are looked up in this order."""

_HEADING = re.compile(r"^(Args|Attributes|Returns|Raises|Example|References):$")
_SUBSCRIPT = re.compile(r"\[[^\]]*\]|_\{[^}]*\}|_\([^)]*\)|\^\([^)]*\)|(?<=\w)_(?=\w)\w+")


@dataclass(frozen=True)
class Derivation:
    """What one named thing computes.

    Attributes:
        kind: ``layer``, ``activation``, ``loss``, ``optimizer``, ``schedule``, ``initializer``,
            ``regularizer``, ``constraint``, ``metric`` or ``operation``.
        name: its Python name.
        summary: what it is, in a line.
        formula: what it computes; of an optimizer, the update.
        gradient: its derivative, one formula a line; empty where it has none.
        text: how the formulas follow, from the docstring.
        symbols: the meaning of each symbol.
        shapes: what goes in and what comes out, by shape.
        parameter_count: of a layer, how many parameters it has.
        flops: of a layer or operation, how many operations a forward pass takes.
        reference: the paper or book.
        code: file and line, below the folder of the package.
        test: the command that runs its tests, in a checkout of the project.
        operations: the operations that compute it.
    """

    kind: str
    name: str
    summary: str
    formula: str
    gradient: tuple[str, ...]
    text: str
    symbols: Mapping[str, str]
    shapes: str
    parameter_count: str
    flops: str
    reference: str
    code: str
    test: str
    operations: tuple["Derivation", ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        made = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "operations"
        }
        made["gradient"] = list(self.gradient)
        made["symbols"] = dict(self.symbols)
        made["operations"] = [operation.to_dict() for operation in self.operations]
        return made

    def to_text(self) -> str:
        """Return it as aligned text for a terminal."""
        lines = [f"{self.name} ({self.kind})", _wrapped(self.summary, "")]
        for title, content in self._facts():
            lines += ["", title, *(_wrapped(line, "  ") for line in content)]
        if self.text:
            lines += ["", "derivation", textwrap.indent(self.text, "  ")]
        for operation in self.operations:
            shown = operation.to_text().splitlines()
            lines += ["", "─" * 40, *shown]
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """Return it as Markdown."""
        return "\n".join(self._markdown(2))

    def _markdown(self, level: int) -> list[str]:
        lines = [f"{'#' * level} {self.name} ({self.kind})", "", self.summary]
        for title, content in self._facts():
            plain = title in ("reference", "shapes", "FLOPs", "symbols")
            shown = content if plain else [f"`{line}`" for line in content]
            lines += ["", f"**{title}**", "", *(f"- {line}" for line in shown)]
        if self.text:
            lines += ["", "**derivation**", "", "```text", self.text, "```"]
        for operation in self.operations:
            lines += ["", *operation._markdown(level + 1)]
        return lines

    def _facts(self) -> list[tuple[str, list[str]]]:
        symbols = [f"{symbol}: {meaning}" for symbol, meaning in self.symbols.items()]
        formula = "update" if self.kind == "optimizer" else "formula"
        facts = [
            (formula, [part.strip() for part in self.formula.split("; ")]),
            ("gradient", list(self.gradient)),
            ("symbols", symbols),
            ("shapes", [part.strip() for part in self.shapes.split("; ")]),
            ("parameters", [self.parameter_count]),
            ("FLOPs", self.flops.split("; ")),
            ("reference", [self.reference]),
            ("code", [self.code]),
            ("test", [self.test]),
        ]
        return [(title, lines) for title, lines in facts if any(lines)]

    def __str__(self) -> str:
        return self.to_text()


def derivation_names() -> dict[str, list[str]]:
    """Return everything that can be derived, by kind: Python names in order."""
    return {
        kind: sorted((_python_name(entry) for entry in table.values()), key=str.lower)
        for kind, (table, _) in TABLES.items()
    }


def derivation(thing: Any, kind: str | None = None) -> Derivation:
    """Return what a named thing computes, its gradient, its symbols, its source.

    Args:
        thing: a name such as ``"conv2d"``, ``"Adam"`` or ``"categorical_crossentropy"`` (case and
            underscores never matter), or a class, an object or an operation; a layer, loss,
            optimizer or activation of one's own too.
        kind: where to look for a name that several kinds have, such as ``"operation"``.

    Raises:
        UnknownNameError: if there is no such name, or no such kind; the nearest is suggested.

    Example:
        >>> derivation("l2").gradient
        ('dR/dw_i = 2 l2 w_i',)
    """
    if kind is not None and kind not in TABLES:
        raise UnknownNameError("kind of formula", kind, TABLES)
    if isinstance(thing, str):
        found, chosen = _find(thing, kind)
        return _derived(found, chosen)
    entry = thing if isinstance(thing, (type, Op)) or inspect.isfunction(thing) else type(thing)
    return _derived(entry, _kind_of(entry))


def derivations(kind: str | None = None) -> Iterator[Derivation]:
    """Yield the derivation of everything in the registries, or of one kind."""
    for name, (table, _) in TABLES.items():
        if kind in (None, name):
            for entry in table.values():
                yield _derived(entry, name)


def _find(name: str, kind: str | None) -> tuple[Any, str]:
    wanted = name.replace("_", "").lower()
    found = []
    for number, (each, (table, _)) in enumerate(TABLES.items()):
        if kind not in (None, each):
            continue
        for key, entry in table.items():
            python = _python_name(entry)
            if wanted in (key.replace("_", ""), python.replace("_", "").lower()):
                found.append((each == "operation", python != name, number, each, entry))
    if not found:
        known = {n for each, (table, _) in TABLES.items() if kind in (None, each) for n in table}
        raise UnknownNameError("formula", name, known)
    *_, each, entry = min(found, key=lambda candidate: candidate[:3])
    return entry, each


def _kind_of(entry: Any) -> str:
    for kind, (table, _) in TABLES.items():
        if entry in table.values():
            return kind
    bases = {
        "layer": Layer,
        "loss": Loss,
        "optimizer": optimizers.Optimizer,
        "metric": metrics.Metric,
        "initializer": initializers.Initializer,
        "regularizer": regularizers.Regularizer,
        "constraint": constraints.Constraint,
        "schedule": schedules.LearningRateSchedule,
    }
    for kind, base in bases.items():
        if isinstance(entry, type) and issubclass(entry, base):
            return kind
    return "activation"


def _derived(entry: Any, kind: str) -> Derivation:
    if isinstance(entry, Op):
        return _of_operation(entry)
    doc = _Docstring(entry.__doc__ or "")
    parts = tuple(_of_operation(op) for op in _operations(entry, kind))
    own = {} if kind == "layer" else (parts[0].__dict__ if parts else {})
    formula = getattr(entry, "formula", "") or own.get("formula", "")
    gradient = tuple(_lines(getattr(entry, "gradient", ""))) or own.get("gradient", ())
    if kind == "layer" and not gradient:
        gradient = tuple(f"{part.name}: {line}" for part in parts for line in part.gradient)
    settings = doc.arguments() if kind != "activation" else {}
    known = {**own.get("symbols", {}), **_symbols(entry, parts), **settings}
    said = " ".join([formula, getattr(entry, "parameter_count", ""), *_own_lines(entry, gradient)])
    return Derivation(
        kind=kind,
        name=_python_name(entry),
        summary=doc.summary,
        formula=formula,
        gradient=gradient,
        text=doc.text or own.get("text", ""),
        symbols=_used(known, said),
        shapes=doc.shapes if kind == "layer" else getattr(entry, "shapes", own.get("shapes", "")),
        parameter_count=getattr(entry, "parameter_count", "") if kind == "layer" else "",
        flops=_flops(entry, parts) if kind == "layer" else own.get("flops", ""),
        reference=getattr(entry, "reference", "") or doc.reference or own.get("reference", ""),
        code=_code(entry),
        test=_test(kind, _python_name(entry)),
        operations=parts,
    )


def _of_operation(op: Op) -> Derivation:
    doc = _Docstring(op.forward.__doc__ or "")
    arguments = [f"{name}: {meaning}" for name, meaning in doc.arguments().items()]
    returned = doc.section("Returns").rstrip(".").removesuffix(", and what the backward pass reads")
    return Derivation(
        kind="operation",
        name=op.name,
        summary=doc.summary,
        formula=op.formula,
        gradient=tuple(_lines(op.gradient)),
        text=doc.text,
        symbols=dict(op.symbols),
        shapes="; ".join([*arguments, f"returns {returned}"]),
        parameter_count="",
        flops=_counted(op.flops),
        reference=op.reference,
        code=_code(op.forward),
        test=_test("operation", op.name),
    )


def _operations(entry: Any, kind: str) -> list[Op]:
    """Return the operations that compute an entry."""
    if kind == "activation":
        op = activations.operation(entry)
        return [] if op is None else [op]
    if kind == "loss":
        name = snake_case(entry.__name__)
        known = [ops.REGISTRY.get(form) for form in (name, f"{name}_from_logits")]
        return [op for op in known if op is not None and kind in TABLES]
    names = getattr(entry, "operations", ())
    if not names and isinstance(getattr(entry, "op", None), Op):
        return [entry.op]
    return [ops.REGISTRY[name] for name in names]


def _symbols(entry: Any, parts: tuple[Derivation, ...]) -> dict[str, str]:
    """Return the symbols of a class and of what it derives from, the nearest one's meaning."""
    found: dict[str, str] = {}
    for part in parts:
        if part.formula == getattr(entry, "formula", ""):
            found |= part.symbols
    for base in reversed(getattr(entry, "__mro__", ())):
        found |= vars(base).get("symbols", {})
    return found


def _own_lines(entry: Any, gradient: tuple[str, ...]) -> tuple[str, ...]:
    return gradient if getattr(entry, "gradient", "") or not isinstance(entry, type) else ()


def _used(known: Mapping[str, str], said: str) -> dict[str, str]:
    """Return the symbols that occur in formulas; a key may name several, as in ``m, v``."""
    names = set(names_in(said))
    return {symbol: meaning for symbol, meaning in known.items() if names & set(symbol.split(", "))}


def names_in(formula: str) -> list[str]:
    """Return the names in a formula: whole ones, and what stands before their indices.

    >>> names_in("y_i = sum_j W[i, j] x_(t-1)")
    ['W', 'i', 'j', 'sum', 'sum_j', 't', 'x', 'y', 'y_i']
    """
    whole = re.findall(r"[A-Za-z]\w*", formula)
    stems = re.findall(r"[A-Za-z]\w*", _SUBSCRIPT.sub(" ", formula))
    return sorted({*whole, *stems, *(name.split("_")[0] for name in whole)}, key=lambda n: n)


def _flops(layer: type[Layer], parts: tuple[Derivation, ...]) -> str:
    if layer.flops is Layer.flops:
        return "0: when the network is evaluated it moves numbers, or passes them on"
    words = _counted(layer.flops)
    costs = "; ".join(f"{part.name}: {part.flops}" for part in parts if part.flops[:1] != "0")
    return f"{words}; {costs}" if words.startswith("those") and costs else words


def _counted(flops: Any) -> str:
    return _joined(inspect.getdoc(flops) or "").removeprefix("Return ").rstrip(".")


def _code(entry: Any) -> str:
    path = Path(inspect.getsourcefile(entry) or "")
    root = Path(pellucid.__file__).parents[1]
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}:{inspect.getsourcelines(entry)[1]}"


def _test(kind: str, name: str) -> str:
    return f'python -m pytest {TABLES[kind][1]} -k "{name}"'


def _python_name(entry: Any) -> str:
    return str(entry.name) if isinstance(entry, Op) else str(entry.__name__)


def _lines(formulas: str) -> list[str]:
    return [line.strip() for line in formulas.split("; ") if line.strip()]


def _joined(text: str) -> str:
    return " ".join(text.split())


def _wrapped(line: str, margin: str) -> str:
    return textwrap.fill(line, 98, initial_indent=margin, subsequent_indent=f"{margin}  ")


class _Docstring:
    """The parts of a docstring: a summary, text with formulas, and sections."""

    def __init__(self, doc: str) -> None:
        lines = inspect.cleandoc(doc).splitlines()
        self.summary = lines[0] if lines else ""
        self._sections: dict[str, list[str]] = {"": []}
        place = ""
        for line in lines[1:]:
            heading = _HEADING.match(line)
            if heading:
                place = heading[1]
            elif place and line and not line.startswith(" "):
                place = "after"
            if not heading:
                self._sections.setdefault(place, []).append(line)

    def section(self, name: str) -> str:
        """Return a section in one line."""
        return _joined("\n".join(self._sections.get(name, [])))

    @property
    def reference(self) -> str:
        """Return the section References."""
        return self.section("References")

    @property
    def text(self) -> str:
        """Return what stands between the summary and the sections, without examples."""
        kept = [part for part in self._paragraphs("") if not part.startswith((">>>", "Input"))]
        kept = [re.sub(r"::$", ":", part) for part in kept if part.strip() != "::"]
        return "\n\n".join(kept).strip("\n")

    @property
    def shapes(self) -> str:
        """Return the paragraph that says what goes in and what comes out."""
        paragraphs = [*self._paragraphs(""), *self._paragraphs("after")]
        return "; ".join(_joined(part) for part in paragraphs if part.startswith("Input")).rstrip(
            "."
        )

    def arguments(self) -> dict[str, str]:
        """Return the meaning of each argument; a name may stand for several."""
        found: dict[str, list[str]] = {}
        for line in self._sections.get("Args", []):
            start = re.match(r"^    ([\w, ]+): (.*)$", line)
            if start:
                found[start[1]] = [start[2]]
            elif found and line.strip():
                found[next(reversed(found))].append(line.strip())
        return {name: " ".join(lines).rstrip(".") for name, lines in found.items()}

    def _paragraphs(self, section: str) -> list[str]:
        text = "\n".join(self._sections.get(section, []))
        return [part.strip("\n").rstrip() for part in re.split(r"\n\s*\n", text) if part.strip()]
