"""``pellucid train``: train a recipe and keep everything in a run folder."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pellucid import recipes
from pellucid.cli._app import AsJson, Runs, guarded, only_json, print_json, screen
from pellucid.errors import ArgumentError


@guarded
def train(
    name: Annotated[str, typer.Argument(help="A recipe; `pellucid list` shows them.")],
    epochs: Annotated[int | None, typer.Option(help="Passes over the training part.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples per step.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Fixes starting weights, order of examples and dropout.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Train from so many seeds, one run each, and show mean and spread."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change any setting of the recipe, again and again if you like; "
            "`pellucid list NAME` shows them.",
        ),
    ] = None,
    runs: Runs = "runs",
    record: Annotated[
        bool,
        typer.Option(help="Keep what it takes to go back to any step (`pellucid replay`)."),
    ] = True,
    json: AsJson = False,
) -> None:
    """Train a recipe; the run folder keeps its model, measures, log, figures and a report page.

    The recipe's own settings are good ones. The newest run is also found as runs/latest.
    """
    common = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    given = {key: value for key, value in common.items() if value is not None}
    with only_json(json):
        recipe = recipes.make(name, **given, **pairs(settings or [], given))
        out = screen()
        out.print(f"[bold]{name}[/bold]: {recipes.summary(name)}")
        trained: recipes.Run | recipes.Spread
        if seeds is None:
            trained = recipes.train(recipe, runs, tell=out.print, record=record, page=True)
            found = {"run": str(trained.folder), "recipe": name, **trained.metrics}
        else:
            trained = recipes.train_seeds(
                recipe, seeds, runs, tell=out.print, record=record, page=True
            )
            found = {"recipe": name, **trained.to_json()}
    if json:
        print_json(found)
    elif isinstance(trained, recipes.Spread):
        show_spread(trained)
    else:
        show(trained, Path(runs))


def pairs(texts: list[str], given: dict[str, Any]) -> dict[str, str]:
    """Return ``["learning_rate=0.001"]`` as a dictionary."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key:
            raise ArgumentError(
                f"--set expected NAME=VALUE, got {text!r}; write --set learning_rate=0.001 for "
                "instance."
            )
        if key in found or key in given:
            raise ArgumentError(f"The setting {key!r} is given twice; give it once.")
        found[key] = value
    return found


def show(run: recipes.Run, runs: Path) -> None:
    """Print the measures of a run, what its folder holds, and what to try."""
    out = screen()
    measures = run.metrics
    parts = [part for part in ("train", "validation", "test") if part in measures]
    columns = [name for name, value in measures["test"].items() if isinstance(value, float)]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for part in parts:
        values = (f"{measures[part][column]:.4f}" for column in columns)
        table.add_row(part, *values, style="bold green" if part == "test" else None)
    out.print()
    out.print(table)
    out.print(f"\nTrained in {measures['seconds']:.1f} s. In {run.folder} you find")
    for path in sorted(run.folder.iterdir()):
        out.print(f"  {path.name}{'/' if path.is_dir() else ''}")
    out.print(f"\nTry it:  [bold]pellucid predict {runs / 'latest'} --sample 7[/bold]")


def show_spread(spread: recipes.Spread) -> None:
    """Print for each measure its mean and spread over the seeds, and its value for each of them."""
    out = screen()
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("")
    for column in ("mean", "std", *(f"seed {seed}" for seed in spread.seeds)):
        table.add_column(column, justify="right")
    mean, std = spread.mean, spread.std
    for name, values in spread.values.items():
        numbers = (f"{value:.4f}" for value in (mean[name], std[name], *values))
        table.add_row(name, *numbers, style="bold green" if name.startswith("test/") else None)
    out.print()
    out.print(table)
    out.print("\nThe runs:")
    for run in spread.runs:
        out.print(f"  {run.folder}")
