"""``pellucid receptive-field``: what the units of each layer see of the input."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import pellucid
from pellucid.cli._app import AsJson, guarded, print_json, screen
from pellucid.cli._models import open_model
from pellucid.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from pellucid.models import Model


@guarded
def receptive_field(
    model: Annotated[
        str,
        typer.Argument(
            help="A run (runs/latest), a saved model's folder, or a network such as vgg16.",
            metavar="MODEL",
        ),
    ],
    layer: Annotated[
        str | None, typer.Argument(help="One layer by its path; all by default.", metavar="LAYER")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="A unit of the layer, as in 3,4; the middle one by default.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the field by gradients too.")
    ] = False,
    image: Annotated[
        Path | None, typer.Option(help="A picture to draw the field on.", metavar="FILE")
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Where the drawn picture goes.", metavar="FILE")
    ] = Path("receptive_field.png"),
    json: AsJson = False,
) -> None:
    """Show how much of the input each unit sees: size, stride and where the first field starts.

    Sizes count the padding. A layer behind a Flatten or a global pooling sees all.
    """
    opened = open_model(model)
    if layer is None:
        if unit is not None or measure or image is not None:
            raise ArgumentError(
                "A unit, a measurement and a picture belong to one layer; name it after the model."
            )
        table = pellucid.inspection.receptive_fields(opened)
        if json:
            print_json({"model": model, "layers": [row.to_json() for row in table]})
        else:
            screen().print(str(table), markup=False)
        return
    _show_one(opened, layer, unit, measure, image, output, json)


def _show_one(
    model: "Model",
    layer: str,
    unit: str | None,
    measure: bool,
    image: Path | None,
    output: Path,
    json: bool,
) -> None:
    field = pellucid.inspection.receptive_field(model, layer)
    at = tuple(n // 2 for n in field.units) if unit is None else _numbers(unit)
    found = {**field.to_json(), "unit": list(at)}
    found["sees"] = [list(side) for side in pellucid.inspection.seen_by(model, layer, at)]
    if measure:
        box = pellucid.inspection.measure_receptive_field(model, layer, at).box
        found["measured"] = [list(side) for side in box]
    if image is not None:
        figure = pellucid.inspection.plot_receptive_field(
            model, layer, _picture(image, field.pixels), at
        )
        figure.savefig(output)
        found["picture"] = str(output)
    if json:
        print_json(found)
        return
    out = screen()
    out.print(str(pellucid.inspection.ReceptiveFields((field,))), markup=False)
    which = f"unit ({', '.join(map(str, at))})" if at else "every unit"
    out.print(f"{which} sees {_sides(found['sees'])}", markup=False)
    if measure:
        out.print(f"measured by gradient: {_sides(found['measured'])}", markup=False)
    if image is not None:
        out.print(f"drawn in {output}", markup=False)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ArgumentError(
            f"A unit is whole numbers with commas, such as --unit 3,4, got {text!r}."
        ) from None


def _picture(path: Path, size: tuple[int, ...]) -> Any:
    """Return the picture in a file at the size of the model's input."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    if len(size) != 2:
        raise ArgumentError(
            f"A field can be drawn on a picture for a model of images, got an input of {size} "
            "positions; leave --image out."
        )
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((size[1], size[0])))
    except UnidentifiedImageError:
        raise DataError(f"The file {str(path)!r} is no picture.") from None


def _sides(box: list[list[int]]) -> str:
    words = ("rows", "columns") if len(box) == 2 else ("positions",) * len(box)
    return ", ".join(f"{w} {a} to {b - 1}" for w, (a, b) in zip(words, box, strict=True))
