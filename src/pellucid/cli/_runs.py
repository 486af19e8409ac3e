"""``pellucid runs``: the runs there are, one line each."""

from datetime import datetime

from rich.table import Table

from pellucid import recipes
from pellucid.cli._app import AsJson, Runs, guarded, print_json, screen

MEASURES_SHOWN = 4


@guarded
def runs(runs: Runs = "runs", json: AsJson = False) -> None:
    """List the runs of a folder, the newest last: recipe, state, measures, and when.

    A run that stopped goes on with `pellucid resume`.
    """
    listed = recipes.list_runs(runs)
    if json:
        print_json({"folder": runs, "runs": [run.to_json() for run in listed]})
        return
    out = screen()
    if not listed:
        out.print(f"There is no run in {runs!r} yet; make one with `pellucid train digits`.")
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("run", no_wrap=True)
    for column in ("recipe", "state"):
        table.add_column(column)
    table.add_column("epochs", justify="right")
    table.add_column("measures")
    table.add_column("started")
    for run in listed:
        epochs = str(run.epochs) if run.of_epochs is None else f"{run.epochs}/{run.of_epochs}"
        shown = list(run.measures.items())[:MEASURES_SHOWN]
        measures = "  ".join(f"{name} {value:.4g}" for name, value in shown)
        table.add_row(run.name, run.recipe, run.state, epochs, measures, _when(run.started))
    out.print(table)
    stopped = [run.name for run in listed if run.state == "stopped"]
    if stopped:
        out.print(f"\nGo on with [bold]pellucid resume {runs}/{stopped[-1]}[/bold]")


def _when(started: str | None) -> str:
    if started is None:
        return ""
    return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M")
