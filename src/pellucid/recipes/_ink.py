"""A picture of one handwritten digit, as 8x8 counts of ink like those of the digits data set.

The data set was made from 32x32 black and white bitmaps: each bitmap was cut into 4x4 blocks, and
the black pixels of each block were counted, which gives 8x8 numbers from 0 to 16. (E. Alpaydin, C.
Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.) In all of
them the digit fills the full height, keeps its proportions, stands in the middle, and covers close
to 30 % of the bitmap whatever the digit. A photo or drawing of any size is brought to that form:

1. grey: colour to luminance; what is transparent is white;
2. ink is bright: the picture is inverted if its border is lighter than its middle grey;
3. the ink is told from the paper by Otsu's threshold, and the picture is cut to the ink's box;
4. the box is scaled to 32 rows, at most 28 columns, and put in the middle of 32x32;
5. strokes are brought to the data set's thickness: the picture is blurred (Gauss, 2 pixels), and
   its 312 brightest pixels (30.5 %, the data set's mean) are the bitmap;
6. the ink of each 4x4 block is counted.

N. Otsu: A threshold selection method from gray-level histograms, IEEE Transactions on Systems, Man,
and Cybernetics 9, 1979, equation 18.
"""

from pathlib import Path

import numpy as np

from pellucid.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")

SIDE = 32
BLOCK = 4
MAX_WIDTH = 28
INK_PIXELS = 312
BLUR = 2.0
"""Standard deviation in pixels of the 32x32 bitmap."""
LEAST_CONTRAST = 24
"""Grey levels (of 256) between ink and paper below which a picture counts as empty."""


def read_grey(path: str | Path) -> np.ndarray:
    """Return an image file as grey levels 0 to 255, shape (height, width).

    Raises:
        DataError: the file is no image, or a damaged one.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file).convert("RGBA")
    except FileNotFoundError:
        raise DataError(f"There is no image file {str(path)!r}; correct the path.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read as an image ({error}); expected a PNG or JPEG file."
        ) from None
    paper = Image.new("RGBA", upright.size, "white")
    return np.asarray(Image.alpha_composite(paper, upright).convert("L"), np.float64)


def counts_of_ink(grey: np.ndarray, source: str = "The picture") -> np.ndarray:
    """Return a picture of one digit as 8x8 counts from 0 to 16.

    Args:
        grey: grey levels 0 to 255, shape (height, width), ink dark or bright.
        source: what the picture is called in messages.

    Raises:
        DataError: there is no ink to be seen.
    """
    if grey.max() - grey.min() < LEAST_CONTRAST:
        raise DataError(f"{source} shows no ink: all of it has one shade; expected one digit.")
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    light_paper = np.median(border) > (grey.max() + grey.min()) / 2
    ink = 255.0 - grey if light_paper else grey

    boxed = _cut_to_box(ink, ink > otsu_threshold(ink))
    bitmap = _thickness_of_the_set(_in_the_middle(boxed))
    blocks = bitmap.reshape(SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK)
    return blocks.sum(axis=(1, 3)).astype(np.float32)


def otsu_threshold(grey: np.ndarray) -> float:
    """Return the level that parts the histogram into two classes furthest from each other.

    With w the share of the lower class, m its cumulated mean and M the mean of all, the variance
    between the classes is (M w - m)^2 / (w (1 - w)); the level with the greatest one is returned.
    """
    histogram = np.bincount(np.clip(grey, 0, 255).astype(int).ravel(), minlength=256) / grey.size
    w = np.cumsum(histogram)
    m = np.cumsum(histogram * np.arange(256))
    inside = (w > 0) & (w < 1)
    between = np.zeros(256)
    between[inside] = (m[-1] * w[inside] - m[inside]) ** 2 / (w[inside] * (1 - w[inside]))
    return float(np.argmax(between))


def _cut_to_box(ink: np.ndarray, is_ink: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(is_ink.any(axis=1))
    columns = np.flatnonzero(is_ink.any(axis=0))
    boxed = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Paper is 0, full ink is 1.
    paper = ink[~is_ink].mean()
    return np.clip((boxed - paper) / (boxed.max() - paper), 0, 1)


def _in_the_middle(boxed: np.ndarray) -> np.ndarray:
    from PIL import Image

    height, width = boxed.shape
    new_width = int(np.clip(round(width * SIDE / height), 1, MAX_WIDTH))
    image = Image.fromarray(boxed.astype(np.float32))
    scaled = np.asarray(image.resize((new_width, SIDE), Image.Resampling.BOX))
    left = (SIDE - new_width) // 2
    return np.pad(scaled, ((0, 0), (left, SIDE - new_width - left)))


def _thickness_of_the_set(picture: np.ndarray) -> np.ndarray:
    reach = int(3 * BLUR)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / BLUR) ** 2)
    blurred = picture
    for axis in (0, 1):
        padded = np.pad(blurred, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)])
        blurred = sum(
            weight * np.take(padded, np.arange(SIDE) + shift, axis=axis)
            for shift, weight in enumerate(weights)
        )
    order = np.argsort(-blurred, axis=None, kind="stable")[:INK_PIXELS]
    bitmap = np.zeros(SIDE * SIDE)
    bitmap[order] = blurred.ravel()[order] > 0
    return bitmap.reshape(SIDE, SIDE)
