"""The summary of a model: layers, shapes, parameters, FLOPs and memory in one table."""

from typing import Any

import numpy as np

from pellucid._tree import flatten_paths
from pellucid.models._graph import node_flops


def summary_rows(model: Any) -> list[dict[str, Any]]:
    """Return one row for each call of a layer, as plain data.

    Each has ``layer``, ``kind``, ``settings``, ``output_shape``, ``parameters`` (trained and kept),
    ``flops`` (one forward pass of one sample) and ``memory`` (bytes of the output of one sample).
    """
    graph, shapes = model.graph, model.shapes
    rows = []
    for name, call, node in graph.calls():
        own = [
            *flatten_paths(shapes.parameters.get(name, {})),
            *flatten_paths(shapes.state.get(name, {})),
        ]
        count = sum(int(np.prod(spec.shape)) for _, spec in own)
        memory = sum(int(np.prod(s.shape[1:])) * s.dtype.itemsize for s in node.outputs)
        rows.append(
            {
                "layer": name if call == 0 else f"{name} (again)",
                "kind": type(node.layer).__name__,
                "formula": node.layer.formula,
                "output_shape": [(None, *spec.shape[1:]) for spec in node.outputs],
                "parameters": 0 if call else count,
                "flops": node_flops(node),
                "memory": memory,
            }
        )
    return rows


def summary_text(model: Any) -> str:
    """Return the summary as text: one line a layer, the totals, and what was compiled."""
    from rich.console import Console
    from rich.table import Table

    rows = summary_rows(model)
    table = Table(title=f'Model "{model.name}"', title_justify="left", show_edge=False)
    table.add_column("Layer", style="cyan", no_wrap=True)
    table.add_column("Kind", no_wrap=True)
    table.add_column("Output shape", no_wrap=True)
    for title in ("Parameters", "FLOPs", "Memory"):
        table.add_column(title, justify="right", no_wrap=True)
    for symbol, name in zip(model.graph.input_symbols, model.graph.input_names, strict=True):
        table.add_row(name, "Input", _shape(symbol.shape), "0", "0", "")
    for row in rows:
        table.add_row(
            row["layer"],
            row["kind"],
            ", ".join(map(_shape, row["output_shape"])),
            f"{row['parameters']:,}",
            f"{row['flops']:,}",
            in_bytes(row["memory"]),
        )
    console = Console(width=110, file=None, color_system=None, record=False)
    with console.capture() as captured:
        console.print(table)
    shapes = model.shapes
    trained = sum(
        int(np.prod(spec.shape))
        for path, spec in flatten_paths(shapes.parameters)
        if model.graph.is_trainable(path)
    )
    total = model.count_params()
    weights = sum(
        int(np.prod(spec.shape)) * spec.dtype.itemsize for _, spec in model._ordered(shapes)
    )
    flops = sum(row["flops"] for row in rows)
    activations = sum(row["memory"] for row in rows)
    lines = [
        captured.get().rstrip(),
        "",
        f"{total:,} parameters, {in_bytes(weights)}: {trained:,} trained, {total - trained:,} kept",
        f"{flops:,} FLOPs and {in_bytes(activations)} of activations to run one sample forward",
    ]
    if model._compiled is not None:
        lines += ["", model._compiled.in_words(model._objective)]
    return "\n".join(lines)


def in_bytes(count: int) -> str:
    """Return a number of bytes as ``512 B``, ``3.1 KiB``, ``44.7 MiB``."""
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("batch" if i == 0 else str(n) for i, n in enumerate(shape)) + ")"
