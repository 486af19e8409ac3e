"""From a picture of any size to 8x8 counts of ink."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pellucid.datasets import digits
from pellucid.errors import DataError
from pellucid.recipes._ink import (
    INK,
    LARGEST,
    counts_of_ink,
    in_the_middle,
    otsu_threshold,
    read_grey,
    upright,
    with_ink,
)

PAPER, PEN = 250, 20


def drawn(size=200, thickness=14, shift=(0, 0), slant=0.0):
    """Return grey levels of a 4, drawn dark on light."""
    image = Image.new("L", (size, size), PAPER)
    pen = ImageDraw.Draw(image)
    dx, dy = shift

    def at(u, v):
        return size * (0.5 + (u - 0.5) * 0.5 - slant * (v - 0.5)) + dx, size * (0.2 + 0.6 * v) + dy

    for line in ([at(0.55, 0), at(0, 0.65), at(1, 0.65)], [at(0.7, 0.2), at(0.7, 1)]):
        pen.line(line, fill=PEN, width=thickness)
    return np.asarray(image, float)


def enlarged(counts, side=120, edge=20):
    image = Image.fromarray((counts * 15).astype(np.uint8))
    grey = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), float)
    return np.pad(grey, edge)


def test_form_of_the_result():
    counts = counts_of_ink(drawn())
    assert counts.shape == (8, 8)
    assert counts.dtype == np.float32
    assert counts.min() >= 0
    assert counts.max() <= 16
    assert counts.mean() / 16 == pytest.approx(INK, abs=0.01)
    assert counts[0].max() > 4, "the digit reaches the top"
    assert counts[-1].max() > 4, "and the bottom"


def test_dark_on_light_and_light_on_dark_are_one():
    grey = drawn()
    np.testing.assert_array_equal(counts_of_ink(grey), counts_of_ink(255 - grey))


@pytest.mark.parametrize(
    ("other", "most"),
    [
        (drawn(shift=(25, -20)), 0.3),
        (drawn(size=600, thickness=42), 0.8),
        (drawn(size=60, thickness=4), 1.5),
        (drawn(thickness=5), 2.0),
        (drawn(thickness=24), 2.0),
        (drawn(slant=0.3), 1.6),
        (drawn() * 0.4 + 60, 0.3),
    ],
    ids=["moved", "large", "small", "thin", "thick", "slanted", "faint"],
)
def test_what_does_not_matter(other, most):
    """Place, size, pen, slant and contrast change a count (0 to 16) by little in the mean."""
    assert np.abs(counts_of_ink(other) - counts_of_ink(drawn())).mean() < most


def test_noise_does_not_move_the_box():
    noisy = drawn() * 0.8 + 30 + np.random.default_rng(0).normal(0, 6, (200, 200))
    assert np.abs(counts_of_ink(np.clip(noisy, 0, 255)) - counts_of_ink(drawn())).mean() < 0.5


def test_real_digits_survive_the_round_trip():
    """A real digit, enlarged, is still nearest to digits of its own class."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    known = x_train.reshape(-1, 64).astype(float)
    right = 0
    for image, label in zip(x_test[:120], y_test[:120], strict=True):
        counts = counts_of_ink(enlarged(image)).reshape(64)
        nearest = np.square(known - counts).sum(axis=1).argmin()
        right += y_train[nearest] == label
    assert right >= 114


def test_otsu_by_hand():
    """Of the levels 10, 10, 10, 200, 210 the cut is after 10: between are classes of 3 and 2."""
    assert otsu_threshold(np.array([[10.0, 10, 10, 200, 210]])) == 10


def test_upright_sets_a_slanted_bar_straight():
    bar = np.zeros((21, 31))
    for row in range(21):
        bar[row, row + 3 : row + 7] = 1.0
    straight = upright(bar)
    assert straight.shape[1] <= 5
    np.testing.assert_allclose(straight.sum(axis=1), 4, atol=0.1)


def test_a_thin_stroke_keeps_its_place():
    middle = in_the_middle(np.ones((40, 2)))
    assert middle.shape == (32, 32)
    np.testing.assert_array_equal(np.flatnonzero(middle.any(axis=0)), np.arange(10, 22))


@pytest.mark.parametrize("start", [0.05, 0.6])
def test_with_ink_reaches_the_wanted_mean(start):
    picture = np.zeros((32, 32))
    picture[:, 16 - round(16 * start) : 16 + round(16 * start)] = 1.0
    assert with_ink(picture, 0.3).mean() == pytest.approx(0.3)


def test_empty_paper_is_said():
    with pytest.raises(DataError, match="page.png shows no ink: all of it has one shade"):
        counts_of_ink(np.full((50, 50), 250.0), "page.png")


def test_read_grey_color_transparency_and_size(tmp_path):
    color = Image.new("RGBA", (2000, 1000), (0, 0, 0, 0))
    color.paste((255, 0, 0, 255), (500, 250, 1500, 750))
    color.save(tmp_path / "red.png")
    grey = read_grey(tmp_path / "red.png")
    assert grey.shape == (LARGEST // 2, LARGEST)
    assert grey[0, 0] == 255, "what is transparent is paper"
    assert grey[128, 256] == pytest.approx(76, abs=1), "red has the luminance 0.299 * 255"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no image file '.*digit.png'; correct the path"),
        (b"no image at all", "cannot be read as an image"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as an image"),
    ],
    ids=["absent", "text", "cut off"],
)
def test_files_that_are_no_images(tmp_path, content, message):
    path = tmp_path / "digit.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_grey(path)
