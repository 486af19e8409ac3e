"""``pellucid tune``: search for good settings of a recipe."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from pellucid import recipes
from pellucid.cli._app import AsJson, Runs, guarded, only_json, print_json, screen
from pellucid.cli._train import pairs
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.recipes._run import plain

if TYPE_CHECKING:
    from pellucid.tuning import Search

SHOWN = 10
"""Rows of the table of the best trials."""


class Pruner(StrEnum):
    """What stops trials early."""

    MEDIAN = "median"
    NONE = "none"


@guarded
def tune(
    name: Annotated[str, typer.Argument(help="A recipe; `pellucid list` shows them.")],
    trials: Annotated[int, typer.Option(help="How many trials there are to be.", min=1)] = 50,
    workers: Annotated[
        int, typer.Option(help="Processes that run trials at the same time.", min=1)
    ] = 1,
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space",
            metavar="NAME=RANGE",
            help="What to search, again and again if you like: learning_rate=log:1e-4:1e-1, "
            "dropout=0:0.7, batch_size=16,32,64. By default all rates and strengths of the recipe, "
            "up to ten times less and more than it has.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting that all trials share, such as epochs=5."
        ),
    ] = None,
    monitor: Annotated[
        str | None,
        typer.Option(help="The measure to compare; val_accuracy or val_loss by default."),
    ] = None,
    seed: Annotated[int, typer.Option(help="What the trials' settings are drawn from.")] = 0,
    pruner: Annotated[
        Pruner, typer.Option(help="Stop trials that are worse than the median of the others.")
    ] = Pruner.MEDIAN,
    called: Annotated[
        str | None, typer.Option("--name", help="The name of the search, the recipe's by default.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            envvar="PELLUCID_STORAGE",
            metavar="URL",
            help="A PostgreSQL database in place of a file, postgresql://user:password@host/name: "
            "the same command on several machines is then one search.",
        ),
    ] = None,
    runs: Runs = "runs",
    json: AsJson = False,
) -> None:
    """Search for good settings: each trial trains the recipe with others.

    Everything is written as it happens into runs/tune-NAME: a search that was broken off goes on
    when it is asked for again, and --trials 100 makes one of 50 longer. Trials are compared by the
    validation part.
    """
    from pellucid import tuning

    with only_json(json):
        recipe = recipes.make(name, **pairs(settings or [], {}))
        ranges = _ranges(recipe, space or [])
        out = screen()
        out.print(f"[bold]{name}[/bold]: {recipes.summary(name)}")
        for key, own in ranges.items():
            out.print(f"  {key}  {own}", markup=False)
        search = tuning.tune(
            recipe,
            ranges,
            trials,
            monitor=monitor,
            workers=workers,
            seed=seed,
            pruner=pruner.value,
            runs=runs,
            name=called or name,
            storage=storage,
            tell=lambda sentence: out.print(sentence, markup=False),
        )
    if json:
        print_json(plain({"folder": str(search.folder), "recipe": name, **search.to_json()}))
        return
    _show(search, name)


def _ranges(recipe: recipes.Recipe, texts: list[str]) -> dict[str, Any]:
    """Return the space that was typed, or one around the recipe's own settings."""
    from pellucid.tuning._space import around, parse

    known = recipes.settings_of(type(recipe))
    if not texts:
        kept_out = ("epochs", "batch_size", "seed", "validation")
        found = around(vars(recipe), [name for name in known if name not in kept_out])
        if not found:
            raise ArgumentError(
                "This recipe has no rates or strengths to search by default; say what to search, "
                "--space batch_size=16,32,64 for instance."
            )
        return found
    ranges: dict[str, Any] = {}
    for text in texts:
        key, equals, wanted = (part.strip() for part in text.partition("="))
        if not equals:
            raise ArgumentError(
                f"--space expected NAME=RANGE, got {text!r}; type "
                "--space learning_rate=log:1e-4:1e-1 for instance."
            )
        if key not in known:
            raise UnknownNameError("setting of this recipe", key, known)
        if key in ranges:
            raise ArgumentError(f"The setting {key!r} is given twice; give it once.")
        ranges[key] = parse(key, wanted, type(getattr(recipe, key)))
    return ranges


def _show(search: "Search", name: str) -> None:
    out = screen()
    question = search.question
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for column in ("trial", question.monitor, *question.space):
        table.add_column(column, justify="right")
    for place, trial in enumerate(search.complete[:SHOWN]):
        values = [trial.settings[key] for key in question.space]
        words = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
        style = None if place else "bold green"
        table.add_row(str(trial.number + 1), f"{trial.value:.4f}", *words, style=style)
    out.print()
    out.print(table)
    counts = ", ".join(f"{count} {state}" for state, count in search.counts().items())
    shares = ", ".join(f"{key} {share:.0%}" for key, share in search.importance().items())
    out.print(f"\n{counts}." + (f" What mattered: {shares}." if shares else ""))
    out.print(f"Table, best settings and pictures are in {search.folder}.")
    chosen = " ".join(
        f"--set {key}={value:.6g}" if isinstance(value, float) else f"--set {key}={value}"
        for key, value in search.best.settings.items()
    )
    out.print(f"\nTrain with the best:  [bold]pellucid train {name} {chosen}[/bold]")
