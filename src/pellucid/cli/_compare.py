"""``pellucid compare``: what two runs differ in, and what it changed."""

from typing import Annotated, Any

import typer
from rich.table import Table

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, print_json, screen

PARTS = ("settings", "versions", "machine", "data", "code")


@guarded
def compare(
    a: Annotated[str, typer.Argument(help="A run folder.", metavar="A")],
    b: Annotated[str, typer.Argument(help="Another run folder.", metavar="B")],
    json: AsJson = False,
) -> None:
    """Show what two runs differ in (settings, versions, machine, data, program), and what of their
    measures.
    """
    found = recipes.compare(a, b)
    if json:
        print_json(found)
        return
    out = screen()
    out.print(f"A  {found['a']}\nB  {found['b']}\n", markup=False)
    table = _table()
    for part in PARTS:
        for entry in found[part]:
            values = (_short(entry["a"]), _short(entry["b"]))
            table.add_row(
                f"{part}: {entry['name']}" if part != "settings" else entry["name"], *values
            )
    if table.row_count:
        out.print(table)
    else:
        out.print("Settings, versions, machine, data and program are the same.")
    measures = _table("change")
    for entry in found["measures"]:
        numbers = (entry["a"], entry["b"], entry["change"])
        measures.add_row(entry["name"], *("" if n is None else f"{n:.6g}" for n in numbers))
    if measures.row_count:
        out.print()
        out.print(measures)


def _table(*more: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("")
    for column in ("A", "B", *more):
        table.add_column(column, justify="right")
    return table


def _short(value: Any) -> str:
    if value is None:
        return "absent"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}... ({len(text)} characters)"
