"""A photograph of one's own, for the recipes that read photographs."""

from typing import TYPE_CHECKING

from pellucid.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


def read_photo(source: str, mode: str = "RGB") -> "Image":
    """Return an image file, set upright, in Pillow's mode ``"RGB"`` or ``"L"``.

    Raises:
        DataError: the file is no image, or a damaged one.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(source) as file:
            return ImageOps.exif_transpose(file).convert(mode)
    except FileNotFoundError:
        raise DataError(f"There is no image file {source!r}; correct the path.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{source!r} cannot be read as an image ({error}); expected a PNG or JPEG file."
        ) from None
