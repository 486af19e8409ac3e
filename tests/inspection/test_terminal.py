"""Pictures and bars in the terminal, with colours, without, and without Unicode."""

import io

import numpy as np
import pytest
from rich.console import Console

from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection._terminal import Bars, Picture, as_picture

CROSS = np.array([[0, 1, 0, 0], [1, 1, 1, 0], [0, 1, 0, 0], [0, 0.5, 0, 0]])


def printed(thing, colors=None, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, color_system=colors, force_terminal=bool(colors), width=60)
    console.print(thing)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_picture_without_colors_has_shades():
    assert printed(Picture(CROSS)) == "  ██    \n██████  \n  ██    \n  ▒▒    \n"


def test_picture_without_unicode_has_letters():
    assert printed(Picture(CROSS, scale=1), encoding="ascii") == ":#: \n *  \n"


def test_picture_with_colors_has_two_pixels_in_a_character():
    text = printed(Picture(np.array([[1.0], [0.0]]), scale=1), colors="truecolor")
    assert text == "\x1b[38;2;255;255;255;48;2;0;0;0m▀\x1b[0m\n"


def test_an_odd_number_of_rows_is_filled():
    assert printed(Picture(np.ones((3, 1)), scale=1)) == "█\n▒\n"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Picture(np.zeros((2, 2, 3))), ShapeError, r"rank 2 \(height, width\)"),
        (lambda: Picture(np.zeros((2, 2)), scale=0), ArgumentError, "scale to be an integer"),
    ],
)
def test_bad_pictures(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_bars():
    shares = {"cat": 0.75, "a": 0.25, "none": 0.0}
    assert printed(Bars(shares, width=8)) == (
        "cat   ██████     75.0 %\na     ██         25.0 %\nnone              0.0 %\n"
    )
    assert "######  " in printed(Bars(shares, width=8), encoding="ascii")
    assert "▎" in printed(Bars({"x": 1 / 32}, width=8)), "an eighth of a character is drawn"


def test_the_marked_bar_is_bold():
    text = printed(Bars({"a": 0.5}, width=2, marked={"a": "green"}), colors="standard")
    assert text.startswith("\x1b[1;32ma")


def test_as_picture():
    np.testing.assert_array_equal(as_picture([[0, 8], [16, 8]]), [[0, 0.5], [1, 0.5]])
    np.testing.assert_array_equal(as_picture(np.full((2, 2), 7)), np.zeros((2, 2)))
    assert as_picture(np.random.default_rng(0).random((4, 5, 3))).shape == (4, 5)
