"""``pellucid worksheet``: one training step of a small network, every number written out."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import pellucid
from pellucid.cli._app import guarded


class Form(StrEnum):
    """The forms of a worksheet."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"
    JSON = "json"


class Language(StrEnum):
    """The languages of a worksheet."""

    EN = "en"
    ZH = "zh"


@guarded
def worksheet(
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TEXT,
    language: Annotated[Language, typer.Option("--language", help="In English or Chinese.")] = (
        Language.EN
    ),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file to write, in place of the screen."),
    ] = None,
) -> None:
    """Write out one training step of the 2-2-1 network: forward, backward, update, every number.

    For a network of your own: pellucid.inspection.worksheet(model, x, y).
    """
    import jax

    with jax.enable_x64(True):
        sheet = pellucid.inspection.worksheet(
            *pellucid.inspection.worked_example(), language=language.value
        )
    written = sheet.write(form.value)
    if output is None:
        sys.stdout.write(written.rstrip("\n") + "\n")
    else:
        output.write_text(written, encoding="utf-8")
