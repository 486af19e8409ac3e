"""``pellucid predict``: what a trained model says about a test sample or an input of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen
from pellucid.errors import ArgumentError, DataError

PICTURE_WIDTH = 24
"""Characters that a drawn picture is wide, or less."""


@guarded
def predict(
    run: Annotated[str, typer.Argument(help="A run folder, such as runs/latest.", metavar="RUN")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help="Files of your own, folders of them, or text.", metavar="INPUT"),
    ] = None,
    sample: Annotated[
        list[int] | None,
        typer.Option(help="A sample of the test part by its number, counted from 1."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show what a trained model says: label and probabilities, a text, a picture, or boxes.

    Models that read text take a file or the text itself, in quotation marks.

    An image may have any size, be dark on light or light on dark, grey or in colours; the recipe
    brings it to the form of its data set. What is drawn is what the network sees.
    """
    with only_json(json):
        opened = recipes.open_run(run)
        answers = opened.predict(_examples(opened, inputs or [], sample or []))
    if json:
        found = [answer.to_json() for answer in answers]
        print_json({"run": str(opened.folder), "recipe": opened.recipe_name, "predictions": found})
        return
    for answer in answers:
        if isinstance(answer, recipes.TextAnswer):
            _show_text(answer)
        elif isinstance(answer, recipes.PictureAnswer):
            _show_picture(answer)
        elif isinstance(answer, recipes.BoxesAnswer):
            _show_boxes(answer)
        else:
            _show(answer)
    if len(answers) > 1:
        _show_together(answers)


def _examples(run: recipes.Run, inputs: list[str], samples: list[int]) -> list[recipes.Example]:
    if not inputs and not samples:
        raise ArgumentError(
            "There is nothing to predict; name a file, a folder of files, or a test sample with "
            "--sample 7."
        )
    examples = []
    if samples:
        data = run.recipe.data()
        examples = [run.recipe.sample(data, number) for number in samples]
    return [*examples, *(run.recipe.example(path) for path in _files(run, inputs))]


def _files(run: recipes.Run, inputs: list[str]) -> list[str]:
    """Return the files themselves, those of a folder in the order of their names."""
    files: list[str] = []
    for name in inputs:
        path = Path(name)
        if not path.is_dir():
            files.append(name)
            continue
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in run.recipe.suffixes)
        if not found:
            wanted = ", ".join(run.recipe.suffixes)
            raise DataError(f"The folder {name!r} holds no file of a kind to predict ({wanted}).")
        files += map(str, found)
    return files


def _show(answer: recipes.Prediction) -> None:
    from pellucid.inspection._terminal import Bars, Picture

    truth = answer.example.truth
    right = truth is None or truth == answer.label
    color = "green" if right else "red"
    percent = 100 * answer.probabilities[answer.label]
    title = Text.assemble((answer.example.source, "bold"), ": ", (answer.label, f"bold {color}"))
    title.append(f"  {percent:.1f} %")
    if truth is not None:
        title.append(", which is right" if right else f", but it is {truth}", style=color)
    marked = {answer.label: color} if right else {answer.label: color, str(truth): "yellow"}
    grid = Table.grid(padding=(0, 4, 0, 0))
    bars = Bars(answer.probabilities, marked=marked)
    picture = answer.example.picture
    if picture is None:
        grid.add_row(bars)
    else:
        grid.add_row(Picture(picture, scale=max(1, PICTURE_WIDTH // picture.shape[1])), bars)
    out = screen()
    out.print(title)
    out.print(Padding(grid, (1, 0, 1, 2), expand=False))


def _show_text(answer: recipes.TextAnswer) -> None:
    out = screen()
    title = Text(answer.example.source, "bold")
    if answer.is_right is not None:
        color = "green" if answer.is_right else "red"
        verdict = ", right" if answer.is_right else f", but it is {answer.example.truth}"
        title.append(verdict, color)
    out.print(title)
    between = "" if answer.continues else " → "
    shown = Text.assemble((answer.given, "dim"), between, answer.text)
    out.print(Padding(shown, (1, 0, 1, 2), expand=False))


def _show_picture(answer: recipes.PictureAnswer) -> None:
    from pellucid.inspection._terminal import Picture

    pictures = [answer.picture]
    if answer.example.picture is not None:
        pictures.insert(0, answer.example.picture)
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_row(*(Picture(p, scale=max(1, PICTURE_WIDTH // p.shape[1])) for p in pictures))
    out = screen()
    out.print(Text(answer.example.source, "bold"))
    for name, value in answer.numbers.items():
        out.print(f"{name}: {value}")
    out.print(Padding(grid, (1, 0, 1, 2), expand=False))


def _show_boxes(answer: recipes.BoxesAnswer) -> None:
    out = screen()
    counts = [f"{count} {label}" for label, count in answer.counts().items()]
    title = Text.assemble((answer.example.source, "bold"), ": ", ", ".join(counts) or "nothing")
    title.append(" found")
    if answer.example.truth is not None:
        title.append(f"; there are {answer.example.truth}", "dim")
    out.print(title)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("class")
    for name in ("score", "left", "top", "right", "bottom"):
        table.add_column(name, justify="right")
    for box in answer.boxes:
        table.add_row(box.label, f"{100 * box.score:.1f} %", *(f"{side:.0f}" for side in box[2:]))
    if answer.boxes:
        out.print(Padding(table, (1, 0, 1, 2), expand=False))


def _show_together(answers: Sequence[recipes.Answer]) -> None:
    known = [answer.is_right for answer in answers if answer.is_right is not None]
    if known:
        screen().print(f"{sum(known)} of {len(known)} right")
