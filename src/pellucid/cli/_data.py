"""``pellucid data show``: what a file, a folder or a data set holds, before training."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen

MOST_LINES = 40

commands = typer.Typer(
    help="Look at data before training.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@commands.callback()
def _group() -> None:
    """Look at data before training."""


@commands.command("show")
@guarded
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A .csv, .tsv, .parquet, .npy or .txt file, a folder by class, or a data set.",
            metavar="PATH|NAME",
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="The column to learn, for tables.", metavar="COLUMN")
    ] = None,
    rows: Annotated[int, typer.Option(help="Look at so many rows at most.", min=1)] = 20_000,
    picture: Annotated[
        str | None,
        typer.Option(help="Where the picture goes; beside you by default.", metavar="FILE.png"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show numbers and a picture of data: classes, ranges, lengths, and what to mind."""
    from pellucid import data

    with only_json(json):
        facts = data.describe(data.open_data(name, target), rows)
        path = Path(picture or f"{Path(name).stem or 'data'}-data.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        data.draw_data(facts).savefig(path, dpi=120)
    if json:
        print_json({**facts.to_json(), "picture": str(path)})
        return
    _print(facts, path)


def _print(facts: Any, path: Path) -> None:
    out = screen()
    rows = "" if facts.rows is None else f"{facts.rows:,} rows"
    seen = "" if facts.rows == facts.looked_at else f"looked at {facts.looked_at:,} rows"
    what = ", ".join(part for part in (rows, seen) if part)
    out.print(f"[bold]{escape(facts.source)}[/bold]: {what}\n")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("column", "holds"):
        table.add_column(head, no_wrap=True)
    for head in ("least", "mean", "most", "deviation"):
        table.add_column(head, justify="right")
    for column in facts.columns[:MOST_LINES]:
        shape = f" {tuple(column.shape)}" if column.shape else ""
        holds = {"numbers": f"{column.dtype}{shape}", "strings": "text, length"}.get(
            column.kind, f"{column.dtype} sequences, length"
        )
        numbers = (column.least, column.mean, column.most, column.deviation)
        table.add_row(escape(column.name), holds, *(f"{number:.5g}" for number in numbers))
    out.print(table)
    if len(facts.columns) > MOST_LINES:
        out.print(f"... and {len(facts.columns) - MOST_LINES} more columns")
    if facts.classes:
        total = sum(facts.classes.values())
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("class", no_wrap=True)
        table.add_column("rows", justify="right")
        table.add_column("share", justify="right")
        for name, count in list(facts.classes.items())[:MOST_LINES]:
            table.add_row(escape(name), f"{count:,}", f"{100 * count / max(total, 1):.1f} %")
        out.print()
        out.print(table)
    for note in facts.notes:
        out.print(f"\n{note}", markup=False)
    out.print(f"\nPicture: {path}", markup=False)
