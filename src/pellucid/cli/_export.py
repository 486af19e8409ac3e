"""``pellucid export``: a trained model for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen
from pellucid.cli._models import open_model


class Form(StrEnum):
    """What a model can be written as."""

    onnx = "onnx"
    numpy = "numpy"
    safetensors = "safetensors"
    keras = "keras"


ENDINGS = {
    Form.onnx: ".onnx",
    Form.numpy: ".py",
    Form.safetensors: ".safetensors",
    Form.keras: ".keras.npz",  # beside what numpy writes, which ends in .py and .npz
}
"""What the file of each form ends in, unless another name is chosen."""


@guarded
def export(
    model: Annotated[
        str,
        typer.Argument(
            help="A run (runs/latest), a saved model's folder, or a network such as vgg16.",
            metavar="MODEL",
        ),
    ],
    to: Annotated[
        Form,
        typer.Option(
            help="onnx for other runtimes, numpy for a script that needs NumPy alone, safetensors "
            "or keras for the numbers, by Pellucid's or by Keras's names."
        ),
    ] = Form.onnx,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The file; the model's name and the form's ending by default.", metavar="FILE"
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Write a trained model for other programs.

    An ONNX file is run beside the model on random inputs, and kept only if both agree.
    """
    from pellucid import export as room  # JAX comes with it

    with only_json(json):
        opened = open_model(model)
        path = output if output is not None else Path(f"{Path(opened.name).name}{ENDINGS[to]}")
        if to is Form.onnx:
            room.to_onnx(opened, path)
        elif to is Form.numpy:
            room.to_numpy(opened, path)
        elif to is Form.safetensors:
            room.to_safetensors(opened, path)
        else:
            room.to_keras_names(opened, path)
    files = [path, path.with_suffix(".npz")] if to is Form.numpy else [path]
    if json:
        written = [{"file": str(file), "bytes": file.stat().st_size} for file in files]
        print_json({"model": model, "to": to.value, "files": written})
        return
    for file in files:
        size = f"{file.stat().st_size:,} bytes"
        screen().print(f"{file}, {size}", markup=False)
