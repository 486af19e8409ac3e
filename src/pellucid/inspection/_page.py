"""A page of HTML that needs nothing but itself: text, tables, pictures and figures in sections.

Figures go in as SVG inside the page, small pictures as PNG inside the page, so that it can be sent
as one file and opened without a network.
"""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from xml.sax.saxutils import escape as escape_text
from xml.sax.saxutils import unescape

import numpy as np

from pellucid._checks import check_one_of
from pellucid.inspection._overlays import _shown
from pellucid.inspection._page_style import STYLE
from pellucid.inspection._page_words import figure_words, tell
from pellucid.inspection._words import LANGUAGES


@dataclass
class Page:
    """A page that grows section by section.

    Attributes:
        title: the heading.
        language: ``"en"`` or ``"zh"``.
        facts: a line of short facts below the heading.
        sections: (key, title, HTML) of each section.
        foot: the last line.
    """

    title: str
    language: str = "en"
    facts: list[str] = field(default_factory=list)
    sections: list[tuple[str, str, str]] = field(default_factory=list)
    foot: str = ""

    def __post_init__(self) -> None:
        check_one_of("The page", "language", self.language, LANGUAGES)

    def say(self, key: str, *values: object) -> str:
        """Return fixed words in the language of the page, ready for HTML."""
        return escape(tell(key, self.language, *values), quote=False)

    def add(self, key: str, *parts: str) -> None:
        """Add a section, unless it is empty; ``key`` names its title among the words."""
        body = "\n".join(part for part in parts if part)
        if body:
            self.sections.append((key, self.say(key), body))

    def write(self) -> str:
        """Return the page as HTML."""
        links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in self.sections)
        facts = "".join(f"<span>{fact}</span>" for fact in self.facts)
        sections = "\n".join(
            f'<section id="{key}">\n<h2>{title}</h2>\n{body}\n</section>'
            for key, title, body in self.sections
        )
        language = "zh-CN" if self.language == "zh" else "en"
        return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(self.title)}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(self.title)}</h1>
<p class="facts">{facts}</p>
<nav aria-label="{self.say("contents")}">{links}</nav>
</header>
<main>
{sections}
</main>
<footer><p>{self.foot}</p></footer>
</body>
</html>
"""


# Parts of a section


def paragraph(text: str, kind: str = "") -> str:
    """Return plain text as a paragraph; words between backquotes are code."""
    marked = re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text, quote=False))
    return f'<p class="{kind}">{marked}</p>' if kind else f"<p>{marked}</p>"


def heading(text: str) -> str:
    """Return a small heading."""
    return f"<h3>{escape(text, quote=False)}</h3>"


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], paths: bool = False) -> str:
    """Return a table; numbers stand on the right.

    Args:
        heads: titles of the columns.
        rows: cells as text or numbers; None is an empty cell. Text is escaped, ``Raw`` is not.
        paths: True if the first column holds names of code.
    """
    numeric = [
        all(isinstance(row[n], (int, float)) or row[n] is None for row in rows)
        for n in range(len(heads))
    ]
    head = "".join(
        f'<th class="n">{escape(title)}</th>' if right else f"<th>{escape(title)}</th>"
        for title, right in zip(heads, numeric, strict=True)
    )
    lines = []
    for row in rows:
        cells = []
        for n, cell in enumerate(row):
            kind = "n" if numeric[n] else "path" if paths and n == 0 else ""
            opening = f'<td class="{kind}">' if kind else "<td>"
            cells.append(f"{opening}{_cell(cell)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


class Raw(str):
    """Text that is HTML already."""


def bar(share: float, width: float = 12.0) -> Raw:
    """Return a bar for a share of one, ``width`` characters long at most."""
    return Raw(f'<span class="bar" style="width:{share * width:.2f}em"></span>')


def cards(entries: Sequence[tuple[str, str]]) -> str:
    """Return (value, name) pairs as large numbers."""
    made = (
        f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name in entries
    )
    return f'<div class="cards">{"".join(made)}</div>' if entries else ""


def details(title: str, body: str) -> str:
    """Return what is unfolded at a click."""
    return f"<details><summary>{escape(title, quote=False)}</summary>{body}</details>"


def quoted(text: str) -> str:
    """Return a text as it stands, with its line breaks."""
    return f"<blockquote>{escape(text, quote=False)}</blockquote>"


def picture_tiles(entries: Sequence[tuple[Any, str, str]]) -> str:
    """Return small pictures in rows: (pixels, a word below, a smaller word below that)."""
    made = (
        f'<div><img src="{picture_uri(pixels)}" alt="{escape(word)}">{escape(word, quote=False)}'
        f"{f'<small>{escape(note, quote=False)}</small>' if note else ''}</div>"
        for pixels, word, note in entries
    )
    return f'<div class="tiles">{"".join(made)}</div>' if entries else ""


def picture_uri(pixels: Any) -> str:
    """Return pixels of any range, grey or of three colors, as PNG inside an address."""
    from PIL import Image

    shown = np.round(255 * _shown(pixels)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(shown).save(stream, "PNG", optimize=True)
    return _uri(stream.getvalue(), "image/png")


def png_figure(content: bytes, caption: str) -> str:
    """Return a PNG file as a figure."""
    return _figure_of(_uri(content, "image/png"), caption)


def svg_figure(figure: Any, caption: str, language: str = "en", width: float | None = None) -> str:
    """Return a Matplotlib figure, its texts in the language of the page.

    The texts stay texts, which the reader's browser draws with its own fonts: Matplotlib brings
    none for Chinese.
    """
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "pellucid"}):
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)

    def translated(found: re.Match[str]) -> str:
        text = figure_words(unescape(found[2]), language)
        return f"{found[1]}{escape_text(text)}</text>"

    svg = re.sub(r"(<text[^>]*>)([^<]*)</text>", translated, svg)
    shown = width if width is not None else 72 * figure.get_figwidth()
    return _figure_of(_uri(svg.encode(), "image/svg+xml"), caption, shown)


def reading(words: Sequence[str], shares: Any) -> str:
    """Return words on red (for) or blue (against), the stronger the fuller.

    Args:
        words: in order.
        shares: how much each speaks for the answer; the strongest gets the full color.
    """
    values = np.asarray(shares, float)
    largest = max(float(np.abs(values).max()), 1e-30) if len(values) else 1.0
    made = []
    for word, value in zip(words, values / largest, strict=True):
        red, green, blue = (200, 60, 45) if value > 0 else (45, 100, 190)
        strong = 0.75 * abs(value) if abs(value) > 0.05 else 0.0
        color = f' style="background:rgba({red},{green},{blue},{strong:.2f})"' if strong else ""
        made.append(f"<span{color}>{escape(word, quote=False)}</span>")
    return f'<p class="reading">{" ".join(made)}</p>'


def drawing(svg: str) -> str:
    """Return a drawing in a box that scrolls where it is large."""
    return f'<div class="drawing">{svg}</div>'


def _figure_of(uri: str, caption: str, width: float | None = None) -> str:
    words = escape(caption)
    # Points of the figure are pixels of the page, a little enlarged.
    size = f' width="{1.18 * width:.0f}"' if width else ""
    return f'<figure><figcaption>{words}</figcaption><img src="{uri}" alt="{words}"{size}></figure>'


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _cell(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Raw):
        return str(cell)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, (int, np.integer)):
        return f"{cell:,}"
    if isinstance(cell, (float, np.floating)):
        return f"{cell:.4g}"
    return escape(str(cell), quote=False)
