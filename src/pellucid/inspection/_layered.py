"""Places for the boxes of a directed graph: in layers from top to bottom, wrapped into columns.

After Sugiyama, in four steps: every box gets the rank of the longest way to it; an edge over
several ranks gets a lane through those between; the boxes of a rank are put in the order of the
means of their neighbors; and their places are the nearest ones to those means that leave the gaps.
A graph that is too high is cut where the fewest boxes are read across the cut.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

Edge = tuple[int, int]
Point = tuple[float, float]

RANK_GAP, BOX_GAP, LANE_GAP, GUTTER = 30.0, 22.0, 12.0, 56.0
STUB = 10.0
SWEEPS = 8
MOST_COLUMNS = 8


@dataclass
class Layout:
    """Where everything is.

    Attributes:
        places: left and top of each box.
        routes: for each edge (from, to), the points of its line; several for one that is wrapped.
        ends: for each route, whether it ends at a box, with an arrow.
        width: of the whole.
        height: of the whole.
    """

    places: dict[int, Point] = field(default_factory=dict)
    routes: list[list[Point]] = field(default_factory=list)
    ends: list[bool] = field(default_factory=list)
    joints: list[list[Point]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


@dataclass
class _Item:
    """A box or a piece of a lane, in one rank."""

    rank: int
    width: float
    height: float
    box: int | None
    x: float = 0.0

    @property
    def weight(self) -> float:
        """How strongly it keeps its place."""
        return 0.3 if self.box is None else 10.0


def laid_out(
    sizes: Sequence[tuple[float, float]], edges: Sequence[Edge], most: float = 1000.0
) -> Layout:
    """Return the places of boxes and the lines of edges; the graph has no cycles.

    Args:
        sizes: width and height of each box.
        edges: (from, to) by the numbers of the boxes.
        most: about the height that it may have; a higher graph is wrapped into columns, as many as
            keep it nearest to a square of this side.
    """
    ranks = _ranks(len(sizes), edges)
    best, seen = None, None
    for columns in range(1, MOST_COLUMNS + 1):
        bounds = _cuts(sizes, edges, ranks, columns)
        if bounds == seen:
            continue
        seen = bounds
        made = _in_columns(sizes, edges, ranks, bounds)
        if best is None or max(made.width, made.height) < max(best.width, best.height):
            best = made
        if max(made.height, made.width) <= most or made.width > best.width * 2:
            break
    return best or Layout()


def _in_columns(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    ranks: list[int],
    bounds: list[int],
) -> Layout:
    """Return the layout of columns that start at these ranks."""
    whole = Layout()
    left = 0.0
    before: dict[int, Point] = {}
    for number, (low, high) in enumerate(pairwise(bounds)):
        part, entries, exits = _column(sizes, edges, ranks, low, high)
        if number:
            # The lines from the column before run below it, up the gutter, and in from above.
            for lane, (source, (x, y)) in enumerate(before.items()):
                place = entries[source]
                turn = left - GUTTER / 2 + 7 * (lane - (len(before) - 1) / 2)
                under, above = whole.height + STUB + 7 * lane, -STUB - 7 * lane
                end = (left + place[0], place[1])
                route = [(x, y), (x, under), (turn, under), (turn, above), (end[0], above), end]
                whole.joints.append(route)
        whole.places |= {box: (left + x, y) for box, (x, y) in part.places.items()}
        whole.routes += [[(left + x, y) for x, y in route] for route in part.routes]
        whole.ends += part.ends
        before = {source: (left + x, y) for source, (x, y) in exits.items()}
        left += part.width + GUTTER
        whole.height = max(whole.height, part.height)
    whole.width = left - GUTTER
    if whole.joints:
        # Room for the lines above and below the columns.
        points = [y for route in whole.joints for _, y in route]
        raised = -min(points)
        whole.places = {box: (x, y + raised) for box, (x, y) in whole.places.items()}
        for lines in (whole.routes, whole.joints):
            lines[:] = [[(x, y + raised) for x, y in line] for line in lines]
        whole.height = max(whole.height, max(points)) + raised
    return whole


def _ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return the longest way to each box; boxes that read nothing stand just above their reader."""
    ranks = [0] * count
    after = defaultdict(list)
    waiting = [0] * count
    for a, b in edges:
        after[a].append(b)
        waiting[b] += 1
    starts = [box for box in range(count) if not waiting[box]]
    ready = list(starts)
    while ready:
        a = ready.pop()
        for b in after[a]:
            ranks[b] = max(ranks[b], ranks[a] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                ready.append(b)
    for box in starts:
        if after[box]:
            ranks[box] = min(ranks[b] for b in after[box]) - 1
    return ranks


def _cuts(
    sizes: Sequence[tuple[float, float]], edges: Sequence[Edge], ranks: list[int], columns: int
) -> list[int]:
    """Return the first rank of each column, and one past the last rank."""
    count = max(ranks) + 1
    heights = [0.0] * count
    for (_, height), rank in zip(sizes, ranks, strict=True):
        heights[rank] = max(heights[rank], height + RANK_GAP)
    aim = sum(heights) / columns
    read_across = [len({a for a, b in edges if ranks[a] < cut <= ranks[b]}) for cut in range(count)]
    bounds = [0]
    ends = np.cumsum(heights)
    while len(bounds) < columns:
        start = ends[bounds[-1] - 1] if bounds[-1] else 0.0
        options = [
            cut
            for cut in range(bounds[-1] + 1, count)
            if 0.6 * aim <= ends[cut - 1] - start <= 1.3 * aim and read_across[cut] <= 3
        ]
        if not options:
            break
        bounds.append(
            min(options, key=lambda cut: (read_across[cut], abs(ends[cut - 1] - start - aim)))
        )
    return [*bounds, count]


def _column(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    ranks: list[int],
    low: int,
    high: int,
) -> tuple[Layout, dict[int, Point], dict[int, Point]]:
    """Return the layout of the ranks from ``low`` to ``high``, and where lines enter and leave."""
    items: list[_Item] = []
    number: dict[tuple[str, int], int] = {}

    def item(kind: str, box: int, rank: int, width: float = 0.0, height: float = 0.0) -> int:
        if (kind, box) not in number:
            number[kind, box] = len(items)
            items.append(_Item(rank, width, height, box if kind == "box" else None))
        return number[kind, box]

    for box, rank in enumerate(ranks):
        if low <= rank < high:
            item("box", box, rank, *sizes[box])
    inner: list[tuple[int, int]] = []
    for a, b in edges:
        if not (ranks[a] < high and ranks[b] >= low):
            continue
        start = item("box", a, 0) if ranks[a] >= low else item("entry", a, low - 1)
        end = item("box", b, 0) if ranks[b] < high else item("exit", a, high)
        if (start, end) not in inner:
            inner.append((start, end))
    chains = [_lane(items, start, end) for start, end in inner]
    rows = _ordered(items, [pair for chain in chains for pair in pairwise(chain)])
    _straighten(items, rows, [pair for chain in chains for pair in pairwise(chain)])
    tops, bottoms = {}, {}
    y = 0.0
    for rank in sorted(rows):
        tops[rank] = y
        bottoms[rank] = y + max(items[i].height for i in rows[rank])
        y = bottoms[rank] + RANK_GAP
    edge = min(one.x - one.width / 2 for one in items)
    part = Layout(
        places={
            one.box: (one.x - one.width / 2 - edge, tops[one.rank])
            for one in items
            if one.box is not None
        },
        width=max(one.x + one.width / 2 for one in items) - edge,
        height=y - RANK_GAP,
    )
    doors = _doors(items, chains)
    for chain in chains:
        part.routes.append(_route(items, chain, doors, tops, bottoms, edge))
        part.ends.append(items[chain[-1]].box is not None)
    entries = {
        box: (items[i].x - edge, tops[low - 1])
        for (kind, box), i in number.items()
        if kind == "entry"
    }
    exits = {
        box: (items[i].x - edge, bottoms[high])
        for (kind, box), i in number.items()
        if kind == "exit"
    }
    return part, entries, exits


def _lane(items: list[_Item], start: int, end: int) -> list[int]:
    """Return an edge as a chain through all ranks between."""
    chain = [start]
    for rank in range(items[start].rank + 1, items[end].rank):
        chain.append(len(items))
        items.append(_Item(rank, 0.0, 0.0, None))
    return [*chain, end]


def _ordered(items: list[_Item], pairs: list[tuple[int, int]]) -> dict[int, list[int]]:
    """Return the items of each rank from left to right, with few crossings."""
    above, below = defaultdict(list), defaultdict(list)
    for a, b in pairs:
        above[b].append(a)
        below[a].append(b)
    rows: dict[int, list[int]] = defaultdict(list)
    seen: set[int] = set()
    stack = [i for i in range(len(items) - 1, -1, -1) if not above[i]]
    while stack:  # depth first, so that branches start side by side
        i = stack.pop()
        if i not in seen:
            seen.add(i)
            rows[items[i].rank].append(i)
            stack.extend(reversed(below[i]))
    best, fewest = {rank: list(row) for rank, row in rows.items()}, _crossings(rows, below)
    for sweep in range(SWEEPS):
        near = below if sweep % 2 else above
        for rank in sorted(rows, reverse=bool(sweep % 2)):
            place = {i: n for row in rows.values() for n, i in enumerate(row)}
            means = {
                i: float(np.mean([place[j] for j in near[i]])) if near[i] else place[i]
                for i in rows[rank]
            }
            rows[rank].sort(key=lambda i: means[i])
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = {rank: list(row) for rank, row in rows.items()}, crossings
    return best


def _crossings(rows: dict[int, list[int]], below: dict[int, list[int]]) -> int:
    """Return how many lines cross."""
    count = 0
    for rank, row in rows.items():
        place = {i: n for n, i in enumerate(rows.get(rank + 1, ()))}
        ends: list[int] = []
        for i in row:
            reached = sorted(place[j] for j in below[i] if j in place)
            count += sum(end > other for other in reached for end in ends)
            ends += reached
    return count


def _straighten(
    items: list[_Item], rows: dict[int, list[int]], pairs: list[tuple[int, int]]
) -> None:
    """Give every item its place from left to right: near its neighbors, with the gaps kept."""
    near = defaultdict(list)
    for a, b in pairs:
        # A lane keeps straight before a box moves for it.
        lanes = (items[a].box is None) + (items[b].box is None)
        weight = (1.0, 0.02, 4.0)[lanes]
        near[a].append((b, weight))
        near[b].append((a, weight))
    for row in rows.values():
        x = 0.0
        for one, gap in zip(row, [0.0, *_gaps(items, row)], strict=True):
            x += gap
            items[one].x = x
        for one in row:
            items[one].x -= x / 2
    for sweep in range(4 * SWEEPS):
        for rank in sorted(rows, reverse=bool(sweep % 2)):
            row = rows[rank]
            wanted = [
                sum(items[j].x * w for j, w in near[i]) / sum(w for _, w in near[i])
                if near[i]
                else items[i].x
                for i in row
            ]
            places = _apart(wanted, [items[i].weight for i in row], _gaps(items, row))
            for i, place in zip(row, places, strict=True):
                items[i].x = place


def _gaps(items: list[_Item], row: list[int]) -> list[float]:
    """Return the least distance from each item's middle to the next one's."""
    gaps = []
    for a, b in pairwise(row):
        lanes = items[a].box is None or items[b].box is None
        room = LANE_GAP if lanes else BOX_GAP
        gaps.append((items[a].width + items[b].width) / 2 + room)
    return gaps


def _apart(wanted: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """Return the places that are nearest to the wanted ones, in squares, and keep the gaps.

    With the gaps taken away it is the regression by a rising function: neighbors that are in the
    wrong order are pooled at their mean until none are left.
    """
    shift = np.concatenate([[0.0], np.cumsum(gaps)])
    pools: list[tuple[float, float, int]] = []
    for want, weight in zip(np.asarray(wanted) - shift, weights, strict=True):
        pool = (float(want), weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, many = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, many + pool[2])
        pools.append(pool)
    flat = np.concatenate([np.full(many, mean) for mean, _, many in pools])
    return [float(x) for x in flat + shift]


def _doors(items: list[_Item], chains: list[list[int]]) -> dict[tuple[int, int], float]:
    """Return by how much each line into a box is off its middle, so that arrows stand apart."""
    into = defaultdict(list)
    for chain in chains:
        into[chain[-1]].append(chain[-2])
    doors = {}
    for end, sources in into.items():
        sources.sort(key=lambda i: items[i].x)
        room = min(20.0, 0.7 * items[end].width / len(sources))
        for n, source in enumerate(sources):
            doors[source, end] = room * (n - (len(sources) - 1) / 2)
    return doors


def _route(
    items: list[_Item],
    chain: list[int],
    doors: dict[tuple[int, int], float],
    tops: dict[int, float],
    bottoms: dict[int, float],
    edge: float,
) -> list[Point]:
    """Return the points of a line: down each rank, and across in the gaps between."""
    first, last = items[chain[0]], items[chain[-1]]
    points = [(first.x - edge, tops[first.rank] + first.height)]
    points.append((first.x - edge, bottoms[first.rank]))
    for i in chain[1:-1]:
        x, rank = items[i].x - edge, items[i].rank
        points += [(x, tops[rank]), (x, bottoms[rank])]
    points.append((last.x - edge + doors[chain[-2], chain[-1]], tops[last.rank]))
    return points
