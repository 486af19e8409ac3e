"""The network as a drawing in SVG: boxes with names, shapes and parameter counts, and arrows.

No program and no font of the system is needed: the boxes are as wide as their words are estimated
to be, and whoever shows the drawing brings the font. Layers that follow each other one by one
stand close together; branches and skips have their own lanes; a model inside a model is a frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pellucid._checks import check_one_of, check_range
from pellucid.inspection._drawing_rows import (
    FAMILIES,
    PADDING,
    Row,
    Style,
    key_of,
    row_of,
    symbolic_shapes,
    written,
)
from pellucid.inspection._layered import Point, laid_out
from pellucid.inspection._words import LANGUAGES
from pellucid.models import Graph, Model

ROW, THIN, ROW_GAP = 38.0, 19.0, 12.0
STACK = 0.45
"""Layers that follow each other are stacked up to this share of the whole height."""
MARGIN = 8
HEAD = 24.0
"""Height of the title of a frame."""
STYLE = (
    ".p-name{font-weight:600;fill:#22272d}.p-note{fill:#5c6670}"
    ".p-line{fill:none;stroke:#8b949e;stroke-width:1.3}"
    ".p-head{fill:#8b949e}"
)
ARROW = (
    '<defs><marker id="p-arrow" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto"><path class="p-head" d="M0 0.6 8 4 0 7.4z"/></marker></defs>'
)


@dataclass
class _Stack:
    """Calls that follow each other one by one, drawn close together; or one frame."""

    rows: list[Row] = field(default_factory=list)
    frame: "_Picture | None" = None
    members: list[int] = field(default_factory=list)

    @property
    def size(self) -> tuple[float, float]:
        if self.frame is not None:
            wide = max(self.frame.width + 2 * PADDING, self.rows[0].width)
            return wide, self.frame.height + HEAD + 2 * PADDING
        return max(row.width for row in self.rows), self.offsets()[-1]

    def offsets(self) -> list[float]:
        """Return the top of each row, and the bottom of the last."""
        tops = [0.0]
        for row, after in zip(self.rows, [*self.rows[1:], None], strict=True):
            gap = 0.0 if after is None or after.thin else ROW_GAP
            tops.append(tops[-1] + (THIN if row.thin else ROW) + gap)
        return tops


@dataclass(frozen=True)
class _Picture:
    """A drawn graph: its elements and its size."""

    parts: list[str]
    width: float
    height: float


def draw(model: Model, height: float = 1000.0, nested: bool = True, language: str = "en") -> str:
    """Return the network as a drawing in SVG.

    Every call of a layer is a box with its name, its kind and settings, the shape of its output for
    one sample and the number of its parameters; pointing at it shows formula and FLOPs. Layers
    called a second time have a dashed border and no parameters. An axis of unknown size is "any".

    Args:
        model: a model whose input shape is known.
        height: of a column in pixels; longer networks are wrapped into several where few lines
            have to be led across.
        nested: False draws models inside the model as one box each.
        language: of the few words that are not names, ``"en"`` or ``"zh"``.

    Returns:
        The text of an SVG picture, for a file or inside a page.

    Raises:
        NotReadyError: the model does not know its input shape yet.

    Example:
        >>> from pellucid.inspection import draw
        >>> from pellucid.layers import Dense, Input
        >>> from pellucid.models import Sequential
        >>> draw(Sequential([Input((4,)), Dense(3), Dense(2)]))[:4]
        '<svg'

    References:
        Sugiyama, Tagawa, Toda, Methods for visual understanding of hierarchical system structures
        (1981).
    """
    check_range("draw", "height", height, 100)
    check_one_of("draw", "language", language, LANGUAGES)
    style = Style(height, nested, language)
    picture = _drawn(model.graph, model.shapes, "", style, outermost=True)
    width, high = picture.width + 2 * MARGIN, picture.height + 2 * MARGIN
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {high:.0f}" '
        f'width="{width:.0f}" height="{high:.0f}" role="img" aria-label={quoteattr(model.name)} '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif" font-size="12">'
    )
    start = f'<g transform="translate({MARGIN} {MARGIN})">'
    return "\n".join(
        [opening, f"<style>{STYLE}</style>", ARROW, start, *picture.parts, "</g>", "</svg>"]
    )


def _drawn(graph: Graph, shapes: Any, prefix: str, style: Style, outermost: bool) -> _Picture:
    """Return the picture of a graph; ``shapes`` are those of its variables."""
    stacks, edges = _stacks(graph, shapes, prefix, style, outermost)
    layout = laid_out([stack.size for stack in stacks], edges, style.height)
    parts = [
        f'<path class="p-line" {_arrow(ends)}d="{_curve(route)}"/>'
        for route, ends in zip(layout.routes, layout.ends, strict=True)
    ]
    parts += [f'<path class="p-line" d="{_corners(route)}"/>' for route in layout.joints]
    for number, stack in enumerate(stacks):
        parts += _stack_parts(stack, layout.places[number])
    return _Picture(parts, layout.width, layout.height)


def _stacks(
    graph: Graph, shapes: Any, prefix: str, style: Style, outermost: bool
) -> tuple[list[_Stack], list[tuple[int, int]]]:
    """Return the calls of a graph in stacks, and which stack reads which."""
    seen_as = symbolic_shapes(graph)
    numbers: dict[tuple[int, int], int] = {}  # the entry that makes each symbol
    entries: list[tuple[Row, _Picture | None]] = []
    for symbol, name in zip(graph.input_symbols, graph.input_names, strict=True):
        numbers[id(symbol), 0] = len(entries)
        shape = written(symbol.shape[1:], style)
        text = (
            ("", "")
            if not outermost and len(graph.input_symbols) == 1
            else (name, style.say("input"))
        )
        row = Row(f"{prefix}{name}", text, ("", shape), "input", f"{name}: {shape}")
        entries.append((row, None))
    reads: list[tuple[int, int]] = []
    for name, call, node in graph.calls():
        path = prefix + (name if call == 0 else f"{name}#{call}")
        inner = node.layer if isinstance(node.layer, Graph) else None
        row = row_of(path, name, call, node, shapes, seen_as[id(node)], style)
        frame = None
        if inner is not None and style.nested:
            frame = _drawn(inner, shapes.child(name), f"{path}/", style, outermost=False)
        for symbol in node.input_symbols():
            reads.append((numbers[key_of(symbol)], len(entries)))
        for index in range(len(node.outputs)):
            numbers[id(node), index] = len(entries)
        entries.append((row, frame))
    if len(graph.output_symbols) > 1:
        for symbol, name in zip(graph.output_symbols, graph.output_names, strict=True):
            reads.append((numbers[key_of(symbol)], len(entries)))
            shape = written(symbol.shape[1:], style)
            row = Row(f"{prefix}{name}", (name, style.say("output")), ("", shape), "input", name)
            entries.append((row, None))
    return _stacked(entries, list(dict.fromkeys(reads)), STACK * style.height)


def _stacked(
    entries: list[tuple[Row, _Picture | None]], reads: list[tuple[int, int]], most: float
) -> tuple[list[_Stack], list[tuple[int, int]]]:
    """Join entries that follow each other one by one."""
    into, out = [0] * len(entries), [0] * len(entries)
    above = {}
    for before, after in reads:
        out[before] += 1
        into[after] += 1
        above[after] = before
    home: list[int] = []
    stacks: list[_Stack] = []
    for number, (row, frame) in enumerate(entries):
        a = above.get(number, -1)
        if a >= 0 and into[number] == 1 and out[a] == 1 and frame is None:
            stack = stacks[home[a]]
            low = stack.frame is None and (row.thin or stack.size[1] < most)
            if low and stack.members[-1] == a and row.family != "merge":
                stack.rows.append(row)
                stack.members.append(number)
                home.append(home[a])
                continue
        home.append(len(stacks))
        stacks.append(_Stack([row], frame, [number]))
    joined = [(home[a], home[b]) for a, b in reads if home[a] != home[b]]
    return stacks, list(dict.fromkeys(joined))


def _stack_parts(stack: _Stack, place: Point) -> Iterator[str]:
    """Yield the elements of a stack whose left upper corner is at ``place``."""
    left, top = place
    width, height = stack.size
    if stack.frame is not None:
        row = stack.rows[0]
        yield (
            f'<g transform="translate({left:.1f} {top:.1f})"><title>{escape(row.tip)}</title>'
            f'<rect width="{width:.1f}" height="{height:.1f}" rx="8" fill="#fbfbfc" '
            f'stroke="#9aa3ad" stroke-dasharray="{"5 3" if row.again else "none"}"/>'
            + _words(row, width, 16.0, first_only=True)
            + f'<g transform="translate({(width - stack.frame.width) / 2:.1f} {HEAD + PADDING})">'
        )
        yield from stack.frame.parts
        yield "</g></g>"
        return
    tops = stack.offsets()
    for row, y in zip(stack.rows, tops, strict=False):
        if y and not row.thin:
            middle, low = left + width / 2, top + y
            line = f"M{middle:.1f} {low - ROW_GAP:.1f}V{low:.1f}"
            yield f'<path class="p-line" {_arrow(True)}d="{line}"/>'
        yield _box(row, left, top + y, width)


def _box(row: Row, left: float, top: float, width: float) -> str:
    height = THIN if row.thin else ROW
    fill, border = FAMILIES[row.family]
    dashes = ' stroke-dasharray="4 3"' if row.again else ""
    radius = 3 if row.thin else 6
    if row.family == "input" and not row.left[0]:
        radius = 12
    return (
        f'<g transform="translate({left:.1f} {top:.1f})"><title>{escape(row.tip)}</title>'
        f'<rect width="{width:.1f}" height="{height:.0f}" rx="{radius}" fill="{fill}" '
        f'stroke="{border}"{dashes}/>' + _words(row, width, 13.5 if row.thin else 16.0) + "</g>"
    )


def _words(row: Row, width: float, y: float, first_only: bool = False) -> str:
    end = width - PADDING
    size = ' font-size="11"' if row.thin else ""
    said = ""
    if row.left[0]:
        said += f'<text class="p-name" x="{PADDING}" y="{y}"{size}>{escape(row.left[0])}</text>'
    if row.right[0]:
        said += (
            f'<text class="p-note" x="{end:.1f}" y="{y}" font-size="10.5" text-anchor="end">'
            f"{escape(row.right[0])}</text>"
        )
    if row.thin or first_only:
        return said
    y += 14.5 if row.left[0] else 7.0
    if row.left[1]:
        said += (
            f'<text class="p-note" x="{PADDING}" y="{y}" font-size="10.5">'
            f"{escape(row.left[1])}</text>"
        )
    x, anchor = (end, "end") if row.left[1] else (width / 2, "middle")
    return said + (
        f'<text class="p-note" x="{x:.1f}" y="{y}" font-size="10.5" text-anchor="{anchor}">'
        f"{escape(row.right[1])}</text>"
    )


# Lines


def _arrow(ends: bool) -> str:
    return 'marker-end="url(#p-arrow)" ' if ends else ""


def _curve(points: list[Point]) -> str:
    """Return a line straight down the ranks, and bent in the gaps between them."""
    x, y = points[0]
    path = f"M{x:.1f} {y:.1f}"
    for number, (to_x, to_y) in enumerate(points[1:]):
        if number % 2 == 0 or abs(to_x - x) < 0.5:
            path += f"L{to_x:.1f} {to_y:.1f}"
        else:
            middle = (y + to_y) / 2
            path += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _corners(points: list[Point], radius: float = 6.0) -> str:
    """Return a line with right angles, rounded."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        toward = [_step(corner, end, radius) for end in (before, after)]
        path += f"L{toward[0][0]:.1f} {toward[0][1]:.1f}"
        path += f"Q{corner[0]:.1f} {corner[1]:.1f} {toward[1][0]:.1f} {toward[1][1]:.1f}"
    return path + f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def _step(start: Point, end: Point, length: float) -> Point:
    far = max(abs(end[0] - start[0]) + abs(end[1] - start[1]), 1e-9)
    share = min(length, far / 2) / far
    return (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))


# Shapes and counts
