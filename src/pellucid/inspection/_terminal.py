"""Pictures and probabilities in the terminal, as things that Rich can print.

>>> from rich.console import Console
>>> Console(width=40).print(Bars({"cat": 0.75, "dog": 0.25}, width=8))
cat  ██████     75.0 %
dog  ██         25.0 %
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style

from pellucid._checks import check_positive_int, check_rank

SHADES = " ░▒▓█"
ASCII_SHADES = " .:*#"
UPPER_HALF = "▀"
EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, eq=False)
class Picture:
    """A grey picture drawn with characters.

    With colours each character shows two pixels, one above the other: the upper half block in
    the shade of the upper pixel on the shade of the lower one. Without colours (a pipe, NO_COLOR)
    a character has one of five shades of ink, the mean of the two; without Unicode, of letters.

    Args:
        pixels: the picture, shape (height, width), values in [0, 1]; 1 is bright ink.
        scale: how many characters wide a pixel is drawn.
    """

    pixels: np.ndarray
    scale: int = 2

    def __post_init__(self) -> None:
        check_rank("Picture", np.shape(self.pixels), 2, "(height, width)")
        check_positive_int("Picture", "scale", self.scale)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = np.shape(self.pixels)[1] * self.scale
        return Measurement(width, width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # A character is about twice as high as wide, so it holds two square pixels.
        large = np.kron(np.clip(self.pixels, 0, 1), np.ones((self.scale, self.scale)))
        if len(large) % 2:
            large = np.vstack([large, np.zeros((1, large.shape[1]))])
        colored = console.color_system is not None and not console.no_color
        shades = ASCII_SHADES if options.ascii_only else SHADES
        for upper, lower in zip(large[::2], large[1::2], strict=True):
            if colored and not options.ascii_only:
                for a, b in zip(upper, lower, strict=True):
                    yield Segment(UPPER_HALF, Style(color=_grey(a), bgcolor=_grey(b)))
            else:
                levels = np.rint((upper + lower) / 2 * (len(shades) - 1)).astype(int)
                yield Segment("".join(shades[level] for level in levels))
            yield Segment.line()


@dataclass(frozen=True)
class Bars:
    """Shares of one, such as class probabilities, as a bar and a number each.

    Args:
        shares: a number in [0, 1] for each name.
        width: how many characters wide the bar of 1 is.
        marked: names shown in bold, each with the colour it is given.
    """

    shares: Mapping[str, float]
    width: int = 30
    marked: Mapping[str, str] | None = None

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = max(map(len, self.shares), default=0) + self.width + 11
        return Measurement(width, width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = max(map(len, self.shares), default=0)
        for name, share in self.shares.items():
            bar = _bar(share, self.width, options.ascii_only)
            color = (self.marked or {}).get(name)
            style = Style(bold=True, color=color) if color else None
            yield Segment(f"{name:<{names}}  ", style)
            yield Segment(f"{bar:<{self.width}}", style or Style(color="bright_black"))
            yield Segment(f" {100 * share:6.1f} %", style)
            yield Segment.line()


def _grey(level: float) -> str:
    value = round(255 * float(level))
    return f"rgb({value},{value},{value})"


def _bar(share: float, width: int, ascii_only: bool) -> str:
    if ascii_only:
        return "#" * round(share * width)
    whole, eighth = divmod(round(share * width * 8), 8)
    return ("█" * whole + EIGHTHS[eighth]).rstrip()


def as_picture(array: Any) -> np.ndarray:
    """Return an image of any range as values in [0, 1]: grey, or the mean of its channels."""
    pixels = np.asarray(array, float)
    if pixels.ndim == 3:
        pixels = pixels.mean(axis=-1)
    low, high = pixels.min(), pixels.max()
    return (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)
