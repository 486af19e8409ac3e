"""Photographs from files, as arrays of one size."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pellucid.data._cache import damaged

if TYPE_CHECKING:
    from PIL.Image import Image


def read_image(path: Path, mode: str) -> "Image":
    """Return an image file in Pillow's mode ``"RGB"`` or ``"L"``, whatever its name ends in.

    Raises:
        DatasetError: if the file is absent or damaged.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            return file.convert(mode)
    except FileNotFoundError as error:
        raise damaged(path, "the set's lists name it and it is not there") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(path, f"it cannot be read as an image ({error})") from error


def middle(image: "Image", height: int, width: int, smooth: bool = True) -> np.ndarray:
    """Return the middle of an image, as much of it as has these proportions, scaled to them.

    Args:
        image: in mode ``"RGB"`` or ``"L"``.
        height: rows of the result.
        width: columns of the result.
        smooth: average over neighbors; False takes one of them, as labels of pixels need it.
    """
    from PIL import Image, ImageOps

    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(ImageOps.fit(image, (width, height), method))
