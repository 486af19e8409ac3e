"""``pellucid resume``: go on with a run that stopped before its end."""

from typing import Annotated

import typer

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen
from pellucid.cli._train import pairs, show


@guarded
def resume(
    run: Annotated[
        str,
        typer.Argument(
            help="A run folder; `pellucid runs` shows those that stopped.", metavar="RUN"
        ),
    ],
    epochs: Annotated[
        int | None, typer.Option(help="Another number of passes; with --force.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; with --force."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Go on even if settings, data, versions, machine or program have changed.",
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Go on with a run that was stopped or killed, from its newest checkpoint.

    It ends with the weights, bit for bit, that it would have had without the stop. What has changed
    since it was started is listed, and then it goes on with --force alone.
    """
    given = {} if epochs is None else {"epochs": epochs}
    with only_json(json):
        out = screen()
        done = recipes.resume(
            run,
            {**given, **pairs(settings or [], given)},
            force=force,
            tell=lambda sentence: out.print(sentence, markup=False),
            page=True,
        )
    if json:
        print_json({"run": str(done.folder), "recipe": done.recipe_name, **done.metrics})
        return
    show(done, done.folder.parent)
