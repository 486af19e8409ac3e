"""What the boxes of a drawn network say: name, kind, settings, output shape, parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._tree import flatten_paths
from pellucid.inspection._page_words import tell
from pellucid.layers import Layer, Symbol
from pellucid.models import Graph
from pellucid.models._graph import node_flops

PADDING = 9.0
CHARACTER = 0.6
"""Mean width of a character, in units of its height."""
FAMILIES = {
    "input": ("#ffffff", "#9aa3ad"),
    "conv": ("#e4eefa", "#5b8cc9"),
    "dense": ("#fbe9dc", "#d1813f"),
    "pooling": ("#e3f2e4", "#5f9f66"),
    "merge": ("#efe6f7", "#8f6bb8"),
    "recurrent": ("#fdf3d3", "#bf9a2c"),
    "attention": ("#fbe3ea", "#c25d7f"),
    "embedding": ("#dff1f2", "#4798a0"),
    "light": ("#f4f5f6", "#b9c0c7"),
}
"""Fill and border of the boxes of each kind of layer."""
_MARKS = {
    "attention": ("attention", "transformer"),
    "recurrent": ("rnn", "lstm", "gru", "bidirectional"),
    "embedding": ("embedding", "positional"),
    "pooling": ("pooling",),
    "conv": ("conv",),
    "dense": ("dense", "dueling", "radial"),
}
_MERGES = ("Add", "Concatenate", "Multiply", "Subtract", "Average", "Maximum", "Minimum")
_THIN = ("Activation", "Dropout", "Normalization", "ReLU", "ELU", "Softmax", "Flatten", "Noise")


@dataclass(frozen=True)
class Style:
    """What holds for the whole drawing."""

    height: float
    nested: bool
    language: str

    def say(self, word: str) -> str:
        """Return one of the few words that are not names."""
        return tell(f"draw {word}", self.language)


@dataclass(frozen=True)
class Row:
    """One call of a layer (or an input), as it is written."""

    path: str
    left: tuple[str, str]
    right: tuple[str, str]
    family: str
    tip: str
    thin: bool = False
    again: bool = False

    @property
    def width(self) -> float:
        """Width of the longer of its two lines."""
        first = 12 * 1.06 * len(self.left[0]) + 10.5 * len(self.right[0])
        second = 10.5 * (len(self.left[1]) + len(self.right[1]))
        gaps = [18 * bool(right) for right in self.right]
        lines = [first * CHARACTER + gaps[0], second * CHARACTER + gaps[1]]
        return max(lines[: 1 if self.thin else 2]) + 2 * PADDING


def row_of(
    path: str, name: str, call: int, node: Any, shapes: Any, made: list[Any], style: Style
) -> Row:
    """Return what is written of one call; ``made`` are the shapes of its outputs."""
    layer = node.layer
    kind = type(layer).__name__ if not isinstance(layer, Graph) else style.say("model")
    count = 0 if call else _count(shapes, name)
    shape = ", ".join(written(one, style) for one in made)
    thin = any(kind.endswith(end) or kind.startswith(end) for end in _THIN)
    thin = thin and not kind.startswith("RadialBasis")
    parameters = f"{count:,}" if count else ""
    settings = _settings(layer)
    note = f"{kind} {settings}".strip()
    left = name if node.source is None else f"{name}: {node.source.name}"
    left = left if call == 0 else f"{left} ({style.say('again')})"
    if thin and settings:
        left = f"{left}: {settings}"
    tip = (
        f"{path}: {note}\n{layer.formula}\n{shape}\n{count:,} {tell('parameters', style.language)}"
    )
    if not any(n is None for one in made for n in one):
        tip += f"\n{node_flops(node):,} FLOPs"
    return Row(
        path,
        (left, note),
        (parameters, shape),
        _family(kind, thin),
        tip,
        thin=thin,
        again=call > 0,
    )


def _settings(layer: Layer) -> str:
    """Return the settings that tell most, in a few characters."""
    words = []
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size is not None:
        sides = size if isinstance(size, (list, tuple)) else (size,)
        axes = next((int(end[0]) for end in ("1D", "2D", "3D") if end in type(layer).__name__), 1)
        words.append("×".join(map(str, sides * axes if len(sides) == 1 else sides)))
    strides = getattr(layer, "strides", None)
    step = strides[0] if isinstance(strides, (list, tuple)) else strides
    if isinstance(step, int) and step > 1:
        words.append(f"/{step}")
    if isinstance(getattr(layer, "rate", None), float):
        words.append(f"{layer.rate:g}")  # type: ignore[attr-defined]
    activation = getattr(layer, "activation", None)
    if activation is not None:
        chosen = activation if isinstance(activation, str) else type(activation).__name__.lower()
        chosen = getattr(activation, "__name__", chosen)
        if chosen != "linear":
            words.append(str(chosen))
    return " ".join(words)


def _family(kind: str, thin: bool) -> str:
    if thin:
        return "light"
    if kind in _MERGES:
        return "merge"
    low = kind.lower()
    return next(
        (name for name, marks in _MARKS.items() if any(mark in low for mark in marks)), "light"
    )


def _count(shapes: Any, name: str) -> int:
    own = shapes.child(name)
    return sum(
        int(np.prod(spec.shape))
        for tree in (own.parameters, own.state)
        for _, spec in flatten_paths(tree)
    )


def symbolic_shapes(graph: Graph) -> dict[int, list[tuple[int | None, ...]]]:
    """Return the shapes of the outputs of every call, with None for what is not known.

    A call knows its outputs with stand-ins for unknown sizes; the symbols that others read know
    more.
    """
    shapes = {id(n): [tuple(spec.shape[1:]) for spec in n.outputs] for n in graph.nodes}
    symbols = [s for node in graph.nodes for s in node.input_symbols()]
    for symbol in (*symbols, *graph.output_symbols):
        if symbol.node is not None:
            shapes[id(symbol.node)][symbol.index] = symbol.shape[1:]
    return shapes


def written(shape: tuple[int | None, ...], style: Style) -> str:
    return "×".join(style.say("any") if n is None else str(n) for n in shape) or "1"


def key_of(symbol: Symbol) -> tuple[int, int]:
    """Return what identifies the value of a symbol."""
    return (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)
