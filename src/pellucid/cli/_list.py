"""``pellucid list``: the recipes, or all about one of them."""

from typing import Annotated

import typer
from rich.table import Table

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, print_json, screen


@guarded
def list_recipes(
    name: Annotated[
        str | None, typer.Argument(help="A recipe to show in full, with its settings.")
    ] = None,
    json: AsJson = False,
) -> None:
    """List the recipes, one line each; with a name, show that recipe and its settings."""
    if name is not None:
        _show_one(name, json)
        return
    lines = {recipe: recipes.summary(recipe) for recipe in recipes.names()}
    if json:
        print_json({"recipes": [{"name": n, "summary": line} for n, line in lines.items()]})
        return
    table = Table(box=None, padding=(0, 3, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for recipe, line in lines.items():
        table.add_row(recipe, line)
    out = screen()
    out.print(table)
    out.print(
        "\nTrain one with [bold]pellucid train NAME[/bold]; all about one: pellucid list NAME"
    )


def _show_one(name: str, json: bool) -> None:
    text = recipes.description(name)
    settings = recipes.settings_of(recipes.find(name)).values()
    if json:
        described = [
            {"name": s.name, "default": s.default, "help": s.metadata["help"]} for s in settings
        ]
        print_json({"name": name, "description": text, "settings": described})
        return
    out = screen()
    out.print(f"[bold]{name}[/bold]\n")
    out.print(text, markup=False)
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("setting", no_wrap=True)
    table.add_column("default", justify="right")
    table.add_column("")
    for entry in settings:
        table.add_row(entry.name, str(entry.default), entry.metadata["help"])
    out.print()
    out.print(table)
    out.print(f"\nChange them with [bold]pellucid train {name} --set NAME=VALUE[/bold]")
