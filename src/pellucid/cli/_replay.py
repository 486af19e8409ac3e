"""``pellucid replay``: any step of a run again, with its numbers; and where a NaN came from."""

from typing import Annotated, Any

import typer
from rich.table import Table

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen
from pellucid.errors import ArgumentError
from pellucid.recipes._run import plain


@guarded
def replay(
    run: Annotated[str, typer.Argument(help="A run folder, such as runs/latest.", metavar="RUN")],
    step: Annotated[
        int | None, typer.Option(help="The step; its number is the count of steps before it.")
    ] = None,
    find: Annotated[
        str | None,
        typer.Option(
            help="Name the steps: 'loss spiked', 'loss jumped', 'largest update', 'first nan' or "
            "'best validation'."
        ),
    ] = None,
    nan: Annotated[
        bool, typer.Option("--nan", help="Find where the first NaN or infinity came from.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Go back to a step of a training: its loss and measures, and the size of what it moved.

    The steps from the nearest checkpoint on are run again, with the same bits. The data are
    compared with those of the training first.
    """
    if (step is not None) + (find is not None) + nan != 1:
        raise ArgumentError(
            "replay expected one of --step 812, --find 'loss spiked' and --nan; give one of them."
        )
    with only_json(json):
        opened = recipes.open_run(run)
        found: dict[str, Any] = {"run": str(opened.folder)}
        differences = opened.recording.differences
        if step is not None:
            found |= opened.at(step).to_json()
        elif find is not None:
            found |= {"question": find, "steps": opened.find(find)}
        else:
            explained = opened.recording.explain_nonfinite()
            found["nonfinite"] = None if explained is None else explained.to_json()
    if json:
        print_json(plain({**found, "differences": differences}))
        return
    out = screen()
    if differences:
        out.print(f"Bits may differ from the training's: {'; '.join(differences)}.", markup=False)
    if step is not None:
        _show(found, opened.steps)
    elif find is not None:
        named = ", ".join(map(str, found["steps"])) or "none"
        out.print(f"{find}: {named}", markup=False)
    else:
        out.print(str(explained or "All numbers of the run are finite."), markup=False)


def _show(found: dict[str, Any], steps: range) -> None:
    out = screen()
    out.print(
        f"[bold]Step {found['step']}[/bold] of {steps.start} to {steps.stop - 1}, epoch "
        f"{found['epoch'] + 1}, {len(found['rows'])} rows"
    )
    for name, value in found["measures"].items():
        out.print(f"{name}  {value:.6g}" if isinstance(value, float) else f"{name}  {value}")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("parameter")
    for column in ("size", "gradient", "change", "change / size"):
        table.add_column(column, justify="right")
    for row in found["layers"]:
        numbers = (row["norm"], row["gradient"], row["change"], row["ratio"])
        table.add_row(row["parameter"], *("" if n is None else f"{n:.4g}" for n in numbers))
    out.print()
    out.print(table)
