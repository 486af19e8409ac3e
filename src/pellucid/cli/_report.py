"""``pellucid report``: a run as one page of HTML."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen


class Language(StrEnum):
    """The languages of a page."""

    EN = "en"
    ZH = "zh"


@guarded
def report(
    run: Annotated[str, typer.Argument(help="A run folder, such as runs/latest.", metavar="RUN")],
    language: Annotated[Language, typer.Option("--language", help="In English or Chinese.")] = (
        Language.EN
    ),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write; report.html in the run folder by default.",
            metavar="FILE",
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Leave out what has to run the network in new ways."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Write a run as one page of HTML that needs no network: data, network, results, mistakes,
    every layer, what is inside, and what predictions rest on.
    """
    with only_json(json):
        opened = recipes.open_run(run)
        path = recipes.write_page(opened, language.value, output, full=not quick)
    if json:
        size = path.stat().st_size
        print_json({"run": str(opened.folder), "page": str(path), "bytes": size})
        return
    screen().print(f"Written: {path}", markup=False)
