"""``pellucid explain``: what a prediction of a trained model rests on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen
from pellucid.cli._predict import _examples
from pellucid.cli._report import Language
from pellucid.errors import ArgumentError

if TYPE_CHECKING:
    from pellucid.inspection._grounds import Grounds
    from pellucid.recipes._explaining import Explained

TAKEN_AWAY = 0.1
"""Share of the positions that are taken away to see what becomes of the answer."""


@guarded
def explain(
    run: Annotated[str, typer.Argument(help="A run folder, such as runs/latest.", metavar="RUN")],
    given: Annotated[
        str | None, typer.Argument(help="A file of your own, or text.", metavar="INPUT")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="A sample of the test part by its number, counted from 1.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The class that is explained; by default what the network says."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="integrated_gradients, input_x_gradient, gradient, smooth_grad or occlusion."
        ),
    ] = "integrated_gradients",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the drawn picture goes.", metavar="FILE")
    ] = Path("explanation.png"),
    language: Annotated[Language, typer.Option("--language", help="In English or Chinese.")] = (
        Language.EN
    ),
    json: AsJson = False,
) -> None:
    """Show what a prediction rests on: drawn over a picture, or word by word, and in sentences.

    The last sentences check it: whether the shares add up as the method promises, and what becomes
    of the answer when the strongest parts are taken away.
    """
    from pellucid.recipes._explaining import explain_examples, probability_without

    with only_json(json):
        opened = recipes.open_run(run)
        if (given is None) == (sample is None):
            raise ArgumentError(
                "Expected one input to explain: a test sample with --sample 7, or a file or text."
            )
        samples = [] if sample is None else [sample]
        examples = _examples(opened, [] if given is None else [given], samples)
        if len(examples) != 1:
            raise ArgumentError(
                f"Expected one input to explain, got a folder of {len(examples)}; name one file."
            )
        found = explain_examples(opened, examples, method, label)
        values = found.positions(0)
        grounds, names = _grounds(opened, found, values, language.value)
        count = max(1, round(TAKEN_AWAY * values.size))
        left = probability_without(opened, found, 0, count)
        picture = None
        if found.words is None and values.ndim == 2:
            from pellucid.inspection import plot_attribution

            figure = plot_attribution(
                found.attribution,
                np.stack([example.x for example in examples]),
                list(found.predictions[0].probabilities),
            )
            figure.savefig(output)
            picture = str(output)
    if json:
        print_json(_as_json(opened, found, grounds, names, values, count, left, picture))
        return
    _show(found, grounds, names, values, count, left, picture, language.value)


def _grounds(
    run: recipes.Run, found: "Explained", values: Any, language: str
) -> "tuple[Grounds, list[str] | None]":
    """Return what the attribution comes to, and what its parts are called if they have names."""
    from pellucid.inspection._grounds import grounds_of_parts, grounds_of_picture

    if found.words is not None:
        return grounds_of_parts(values, found.words[0]), found.words[0]
    if values.ndim == 2:
        return grounds_of_picture(values, language), None
    side = round(values.size**0.5)
    example = found.predictions[0].example
    if example.picture is not None and example.picture.size == values.size == side * side:
        return grounds_of_picture(values.reshape(side, side), language), None
    names = [f"x{n} = {value:.3g}" for n, value in enumerate(np.ravel(example.x))]
    return grounds_of_parts(values.reshape(-1), names), names


def _kind(found: "Explained", names: list[str] | None) -> str:
    return "words" if found.words is not None else "numbers" if names is not None else "pixels"


def _as_json(
    run: recipes.Run,
    found: "Explained",
    grounds: "Grounds",
    names: list[str] | None,
    values: Any,
    count: int,
    left: float,
    picture: str | None,
) -> dict[str, Any]:
    prediction, label = found.predictions[0], found.labels[0]
    document: dict[str, Any] = {
        "run": str(run.folder),
        "recipe": run.recipe_name,
        "prediction": prediction.to_json(),
        "explained": label,
        "method": found.attribution.method,
        "identity": found.attribution.identity,
        "identity_error": float(found.attribution.error[0]),
        "grounds": grounds.to_json(),
        "without": {
            "count": count,
            "before": prediction.probabilities[label],
            "after": left,
        },
        "values": np.asarray(values, float).tolist(),
    }
    if names is not None:
        document["names"] = names
    if picture is not None:
        document["picture"] = picture
    return document


def _show(
    found: "Explained",
    grounds: "Grounds",
    names: list[str] | None,
    values: Any,
    count: int,
    left: float,
    picture: str | None,
    language: str,
) -> None:
    out = screen()
    prediction, label = found.predictions[0], found.labels[0]
    kind = _tell(_kind(found, names), language)
    percent = f"{100 * prediction.probabilities[prediction.label]:.1f}"
    from pellucid.inspection._page_words import figure_words

    title = Text(figure_words(prediction.example.source, language), "bold")
    said = [_tell("rests_label", language, prediction.label, percent)]
    truth = prediction.example.truth
    if truth is not None:
        right = truth == prediction.label
        said.append(
            _tell("rests_truth_right", language)
            if right
            else _tell("rests_truth_wrong", language, truth)
        )
    if label != prediction.label:
        said.append(_tell("rests_asked", language, label))
    out.print(title)
    out.print(_joined(said, language), markup=False)
    out.print()
    if names is not None:
        for part in (_reading(names, values.reshape(-1)), _shares(grounds, language)):
            out.print(Padding(part, (0, 0, 1, 2), expand=False), soft_wrap=False)
    lines = []
    if grounds.half:
        half = _tell("rests_half", language, label, grounds.half, grounds.count, kind)
        lines.append(_joined([half, _where("rests_where", grounds.strongest, language)], language))
    if grounds.opposing:
        opposing = _named(grounds.opposing, language)
        lines.append(_tell("rests_against", language, f"{100 * grounds.against:.0f}", opposing))
    before = f"{100 * prediction.probabilities[label]:.1f}"
    after = f"{100 * left:.1f}"
    lines.append(_tell("rests_without", language, count, kind, label, before, after))
    method = found.attribution.method
    error = f"{100 * float(found.attribution.error[0]):.2g}"
    lines.append(_tell("rests_identity", language, method, found.attribution.identity, error))
    if picture is not None:
        lines.append(_tell("drawn_in", language, picture))
    for line in lines:
        out.print(line, markup=False)


def _tell(key: str, language: str, *values: object) -> str:
    from pellucid.inspection._page_words import tell

    return tell(key, language, *values)


def _joined(sentences: list[str], language: str) -> str:
    return ("" if language == "zh" else " ").join(sentences)


def _named(parts: tuple[tuple[str, float], ...], language: str) -> str:
    between = "、" if language == "zh" else ", "
    return between.join(f"{name} {100 * share:.0f} %" for name, share in parts)


def _where(key: str, parts: tuple[tuple[str, float], ...], language: str) -> str:
    return _tell(key, language, _named(parts, language))


def _reading(names: list[str], values: Any) -> Text:
    """Return words in red (for) and blue (against), the strongest bold."""
    largest = max(float(np.abs(values).max()), 1e-30)
    text = Text()
    for word, value in zip(names, values / largest, strict=True):
        color = "red" if value > 0 else "blue"
        style = f"bold {color}" if abs(value) > 0.5 else color if abs(value) > 0.15 else "dim"
        text.append(word, style)
        text.append(" ")
    return text


def _shares(grounds: "Grounds", language: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for key in ("for", "share", "against", "share"):
        table.add_column(_tell(key, language), justify="right" if key == "share" else "left")
    for row in range(max(len(grounds.strongest), len(grounds.opposing))):
        cells: list[str] = []
        for side in (grounds.strongest, grounds.opposing):
            cells += [side[row][0], f"{100 * side[row][1]:.1f} %"] if row < len(side) else ["", ""]
        table.add_row(*(Text(cell) for cell in cells))
    return table
