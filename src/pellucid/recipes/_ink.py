"""A picture of one handwritten digit, as 8x8 counts of ink like those of the digits data set.

The data set was made from 32x32 black and white bitmaps: each was cut into blocks of 4x4 pixels,
and the black pixels of each block were counted, which gives 8x8 numbers from 0 to 16 (E. Alpaydin,
C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998). In
these bitmaps a digit stands upright, fills the full height and about 20 columns, and its strokes
cover close to 30 % of them whatever the digit. A photo or drawing of any size is brought to that
form:

1. grey: colour to luminance; what is transparent is white;
2. ink is bright: the picture is inverted if its border is lighter than the middle of its range;
3. Otsu's threshold tells ink from paper, and the picture is cut to the ink's box;
4. the digit is set upright: rows are shifted by the slope of the ink's regression line x(y);
5. it is scaled to 32 rows, keeping its proportions within 12 to 20 columns, in the middle of 32x32;
6. strokes are made thicker or thinner, pixel by pixel, until the mean ink is that of the data set;
7. the ink of each 4x4 block is counted.

N. Otsu: A threshold selection method from gray-level histograms, IEEE Transactions on Systems, Man,
and Cybernetics 9, 1979, equation 18.
"""

from pathlib import Path

import numpy as np

from pellucid.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")

LARGEST = 512
"""Pixels; a larger image is scaled down to it first."""
SIDE = 32
BLOCK = 4
LEAST_WIDTH, MOST_WIDTH = 12, 20
INK = 0.3
"""The mean ink of the data set's bitmaps."""
MOST_STEPS = 12
"""Pixels that a stroke grows or shrinks at most."""
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
            image = ImageOps.exif_transpose(file).convert("RGBA")
    except FileNotFoundError:
        raise DataError(f"There is no image file {str(path)!r}; correct the path.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read as an image ({error}); expected a PNG or JPEG file."
        ) from None
    image.thumbnail((LARGEST, LARGEST))
    paper = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(paper, image).convert("L"), np.float64)


def counts_of_ink(grey: np.ndarray, source: str = "The picture") -> np.ndarray:
    """Return a picture of one digit as 8x8 counts from 0 to 16.

    Args:
        grey: grey levels 0 to 255, shape (height, width), ink dark or bright.
        source: what the picture is called in messages.

    Raises:
        DataError: there is no ink to be seen.
    """
    boxed = cut_to_box(bright_ink(grey, source))
    bitmap = with_ink(in_the_middle(upright(boxed)), INK)
    blocks = bitmap.reshape(SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK)
    return blocks.sum(axis=(1, 3)).astype(np.float32)


def bright_ink(grey: np.ndarray, source: str = "The picture") -> np.ndarray:
    """Return grey levels 0 to 255 with the ink bright: inverted where the paper is light.

    Raises:
        DataError: there is no ink to be seen.
    """
    if grey.max() - grey.min() < LEAST_CONTRAST:
        raise DataError(f"{source} shows no ink: all of it has one shade; expected one digit.")
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    light_paper = np.median(border) > (grey.max() + grey.min()) / 2
    return 255.0 - grey if light_paper else grey


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


def cut_to_box(ink: np.ndarray) -> np.ndarray:
    """Return the box that holds all ink, as shares of full ink: 0 is paper, 1 full ink."""
    above = ink > otsu_threshold(ink)
    paper, stroke, full = ink[~above].mean(), ink[above].mean(), ink.max()
    # A quarter of the way from paper to stroke, so that the soft edge of a stroke is kept.
    is_ink = ink > paper + (stroke - paper) / 4
    rows = np.flatnonzero(is_ink.any(axis=1))
    columns = np.flatnonzero(is_ink.any(axis=0))
    boxed = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.clip((boxed - paper) / (full - paper), 0, 1)


def upright(boxed: np.ndarray) -> np.ndarray:
    """Return the digit without its slant.

    The slope of the regression of x on y over the ink is s = cov(x, y) / var(y); row y is shifted
    by -s (y - mean y).
    """
    height, width = boxed.shape
    y, x = np.mgrid[:height, :width]
    ink = boxed.sum()
    y_mean, x_mean = (y * boxed).sum() / ink, (x * boxed).sum() / ink
    covariance = ((x - x_mean) * (y - y_mean) * boxed).sum()
    variance = ((y - y_mean) ** 2 * boxed).sum()
    if variance == 0:
        return boxed
    shifts = covariance / variance * (np.arange(height) - y_mean)
    room = int(np.ceil(np.abs(shifts).max()))
    columns = np.arange(-room, width + room)
    rows = [
        np.interp(columns + shift, np.arange(-1, width + 1), np.pad(row, 1))
        for row, shift in zip(boxed, shifts, strict=True)
    ]
    sheared = np.stack(rows)
    inked = np.flatnonzero((sheared > sheared.max() / 4).any(axis=0))
    return sheared[:, inked[0] : inked[-1] + 1]


def in_the_middle(boxed: np.ndarray) -> np.ndarray:
    """Return the digit 32 rows high in the middle of 32x32."""
    from PIL import Image

    height, width = boxed.shape
    new_width = int(np.clip(round(width * SIDE / height), LEAST_WIDTH, MOST_WIDTH))
    image = Image.fromarray(boxed.astype(np.float32))
    scaled = np.asarray(image.resize((new_width, SIDE), Image.Resampling.BILINEAR), np.float64)
    left = (SIDE - new_width) // 2
    return np.pad(scaled, ((0, 0), (left, SIDE - new_width - left)))


def with_ink(picture: np.ndarray, wanted: float) -> np.ndarray:
    """Return the picture with strokes grown or shrunk until its mean is ``wanted``.

    A step takes the greatest (or smallest) of each pixel's neighbourhood, a square and a cross in
    turn, so that strokes grow round. Between the last two steps the picture is interpolated.
    """
    grow = picture.mean() < wanted
    pick = np.maximum if grow else np.minimum
    before = after = picture
    for step in range(MOST_STEPS):
        if (after.mean() < wanted) != grow:
            break
        before, after = after, _neighbourhood(pick, after, diagonal=step % 2 == 0)
    change = after.mean() - before.mean()
    if change == 0:
        return after
    share = np.clip((wanted - before.mean()) / change, 0, 1)
    return (1 - share) * before + share * after


def _neighbourhood(pick: np.ufunc, picture: np.ndarray, diagonal: bool) -> np.ndarray:
    padded = np.pad(picture, 1)
    result = picture
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            if diagonal or down == 1 or right == 1:
                result = pick(result, padded[down : down + SIDE, right : right + SIDE])
    return result
