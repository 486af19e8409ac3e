"""The forms of a worksheet: text, Markdown, LaTeX, HTML and JSON, all from the same data."""

import html
import json
from collections.abc import Callable
from itertools import groupby
from textwrap import wrap

from pellucid.inspection._formula import Formula, text
from pellucid.inspection._notation import (
    html_math,
    html_name,
    html_number,
    latex,
    latex_name,
    latex_number,
)
from pellucid.inspection._sheet import Line, Section, Worksheet
from pellucid.inspection._words import say

WIDTH = 100


def to_text(sheet: Worksheet) -> str:
    """Return aligned plain text."""
    blocks = [_heading(say("worksheet", sheet.language), "═")]
    blocks.append(say("legend", sheet.language))
    for section in sheet.sections:
        lines = [_heading(_title(section, sheet.language), "─")]
        if section.kind == "given":
            lines += _given(section, sheet)
        elif section.kind == "step":
            for group, members in groupby(section.lines, key=lambda line: line.group):
                lines += ["", f"  {group}", *_aligned(list(members), sheet, "    ")]
            del lines[1]
        else:
            lines += _aligned(list(section.lines), sheet, "  ")
        blocks.append("\n".join(lines))
    blocks.append(_verdict(sheet))
    return "\n\n".join(blocks)


def to_markdown(sheet: Worksheet) -> str:
    """Return Markdown: a table for each section."""
    language = sheet.language
    blocks = [f"# {say('worksheet', language)}", say("legend", language)]
    for section in sheet.sections:
        blocks.append(f"## {_title(section, language)}")
        given = section.kind == "given"
        words = ["symbol", "value"] if given else ["symbol", "formula", "numbers", "value"]
        rows = [
            [line.symbol, *(() if given else _sides(line, sheet)), _number(line.value, sheet)]
            for line in section.lines
        ]
        head = [say(word, language) for word in words]
        marks = ["---"] * (len(head) - 1) + ["---:"]
        body = [head, marks] + [[_code(cell) for cell in row] for row in rows]
        blocks.append("\n".join(f"| {' | '.join(row)} |" for row in body))
    blocks.append(_verdict(sheet))
    return "\n\n".join(blocks) + "\n"


def to_latex(sheet: Worksheet) -> str:
    """Return a whole LaTeX document; the Chinese one is set with ``ctexart`` by XeLaTeX."""
    kind = {"en": "article", "zh": "ctexart"}[sheet.language]
    out = [
        rf"\documentclass{{{kind}}}",
        r"\usepackage{amsmath}",
        r"\usepackage[margin=2.2cm]{geometry}",
        r"\allowdisplaybreaks",
        r"\setcounter{secnumdepth}{0}",
        r"\begin{document}",
        rf"\section{{{say('worksheet', sheet.language)}}}",
        _math_legend(sheet.language, lambda name: f"${latex_name(name)}$"),
    ]
    for section in sheet.sections:
        title = _title(section, sheet.language).replace("_", r"\_").replace("#", r"\#")
        out += [rf"\subsection{{{title}}}", r"\begin{align*}"]
        rows = []
        for line in section.lines:
            row = rf"{latex_name(line.symbol)} &= "
            if line.rule is not None:
                formula = latex(line.rule.formula.branch(line.rule.values))
                filled = latex(line.rule.formula.filled(line.rule.values).tree, sheet.digits)
                same = filled == latex_number(line.value, sheet.digits)
                row += formula if same else rf"{formula} \\ &= {filled}"
                row += r" \\ &= "
            rows.append(row + latex_number(line.value, sheet.digits))
        out += [" \\\\\n".join(rows), r"\end{align*}"]
    out += [_verdict(sheet).lstrip("✓✗ "), r"\end{document}", ""]
    return "\n".join(out)


def to_html(sheet: Worksheet) -> str:
    """Return a whole HTML page that needs no other file."""
    language = sheet.language
    legend = _math_legend(language, html_name)
    parts = [f"<h1>{say('worksheet', language)}</h1>", f'<p class="legend">{legend}</p>']
    for section in sheet.sections:
        title = html.escape(_title(section, language))
        parts.append(f'<section class="{section.kind}"><h2>{title}</h2>')
        if section.kind == "given":
            pairs = [(html_name(line.symbol), line.value) for line in section.lines]
            cells = "".join(
                f"<div><b>{name}</b><span>{html_number(value, sheet.digits)}</span></div>"
                for name, value in pairs
            )
            parts.append(f'<div class="numbers">{cells}</div></section>')
            continue
        rows = []
        for group, members in groupby(section.lines, key=lambda line: line.group):
            if group:
                rows.append(f'<tr class="group"><th colspan="4">{html_name(group)}</th></tr>')
            rows += [_html_row(line, sheet) for line in members]
        head = "".join(f"<th>{say(word, language)}</th>"
                       for word in ("symbol", "formula", "numbers", "value"))  # fmt: skip
        parts.append(f"<table><thead><tr>{head}</tr></thead>")
        parts.append(f"<tbody>{''.join(rows)}</tbody></table></section>")
    parts.append(f'<p class="verdict">{_verdict(sheet)}</p>')
    body = "\n".join(parts)
    tag = {"en": "en", "zh": "zh-CN"}[language]
    return (
        f'<!doctype html>\n<html lang="{tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{say('worksheet', language)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def to_json(sheet: Worksheet) -> str:
    """Return the data: sections of lines with symbol, formula, numbers, shown and value."""
    content = {
        "language": sheet.language,
        "title": say("worksheet", sheet.language),
        "sections": [
            {
                "kind": section.kind,
                "title": _title(section, sheet.language),
                "lines": [_as_data(line) for line in section.lines],
            }
            for section in sheet.sections
        ],
        "wrong": [line.symbol for line in sheet.wrong],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


FORMS: dict[str, Callable[[Worksheet], str]] = {
    "text": to_text,
    "markdown": to_markdown,
    "latex": to_latex,
    "html": to_html,
    "json": to_json,
}
"""For each form the function that writes it."""


# Plain text


def _heading(title: str, rule: str) -> str:
    wide = sum(2 if "\u2e80" <= mark <= "\uffef" else 1 for mark in title)
    return f"{title}\n{rule * wide}"


def _title(section: Section, language: str) -> str:
    return say(section.kind, language).format(*section.about)


def _number(value: float, sheet: Worksheet) -> str:
    return _short(value, sheet.digits)


def _short(value: float, digits: int) -> str:
    return f"{value:.{digits}g}"


def _sides(line: Line, sheet: Worksheet) -> tuple[str, str]:
    """Return the formula and the formula with its numbers; empty where they say no more."""
    if line.rule is None:
        return "", ""
    tree = line.rule.formula.branch(line.rule.values)
    filled = line.rule.formula.filled(line.rule.values).tree
    numbers = text(filled, lambda value: _number(value, sheet))
    formula = text(tree, lambda value: _number(value, sheet))
    if formula == numbers:
        return numbers, ""
    return formula, "" if numbers == _number(line.value, sheet) else numbers


def _given(section: Section, sheet: Worksheet) -> list[str]:
    """Return symbols and values side by side, one row for each kind of number."""
    lines = []
    for _, members in groupby(section.lines, key=lambda line: line.symbol.partition("_")[0]):
        row = "  "
        cells = [f"{line.symbol} = {_number(line.value, sheet)}" for line in members]
        width = max(18, *map(len, cells))
        for cell in cells:
            if len(row) + len(cell) > WIDTH:
                lines.append(row.rstrip())
                row = "  "
            row += f"{cell:<{width}}  "
        lines.append(row.rstrip())
    return lines


def _aligned(lines: list[Line], sheet: Worksheet, margin: str) -> list[str]:
    """Return lines as columns, or one under the other where they would be too wide."""
    cells = [(line.symbol, *_sides(line, sheet), _number(line.value, sheet)) for line in lines]
    a, b, c, d = (max(len(cell) for cell in column) for column in zip(*cells, strict=True))
    wide = len(margin) + a + b + c + d + 9
    rows = []
    for symbol, formula, numbers, value in cells:
        if wide <= WIDTH:
            row = f"{margin}{symbol:<{a}} = "
            if b:
                row += f"{formula:<{b}} {'=' if numbers or not c else ' '} "
            if c:
                row += f"{numbers:<{c}} = "
            rows.append(f"{row}{value}")
            continue
        sides = [side for side in (formula, numbers, value) if side]
        first, blank = f"{margin}{symbol:<{a}} = ", f"{margin}{'':<{a}}"
        for side in sides:
            rows += wrap(
                side,
                WIDTH,
                initial_indent=first,
                subsequent_indent=f"{blank}   ",
                break_on_hyphens=False,
                break_long_words=False,
            )
            first = f"{blank} = "
    return rows


def _verdict(sheet: Worksheet) -> str:
    checked = [line for line in sheet.lines if line.rule is not None]
    if sheet.wrong:
        return say("unchecked", sheet.language).format(len(sheet.wrong), len(checked))
    return say("checked", sheet.language).format(len(checked))


def _code(cell: str) -> str:
    return f"`{cell}`".replace("|", "\\|") if cell else ""


def _as_data(line: Line) -> dict[str, object]:
    data: dict[str, object] = {"symbol": line.symbol, "value": line.value}
    if line.group:
        data["group"] = line.group
    if line.rule is not None:
        data["formula"] = Formula("", line.rule.formula.branch(line.rule.values)).text()
        data["numbers"] = line.rule.formula.filled(line.rule.values).text()
        data["shown"] = line.shown
    return data


def _math_legend(language: str, name: Callable[[str], str]) -> str:
    """Return what the symbols mean, written in mathematics."""
    w = name("W1_ij")
    return say("legend_math", language).format(
        W=w, d=name("delta1_j"), dz=name("dz1_j"), w=name("w'")
    )


def _html_row(line: Line, sheet: Worksheet) -> str:
    formula, numbers = "", ""
    if line.rule is not None:
        formula = html_math(line.rule.formula.branch(line.rule.values), sheet.digits)
        if _sides(line, sheet)[1]:
            filled = line.rule.formula.filled(line.rule.values)
            numbers = html_math(filled.tree, sheet.digits)
    cells = (html_name(line.symbol), formula, numbers, html_number(line.value, sheet.digits))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


STYLE = """
:root{--ink:#1d1d1f;--grey:#6b6b6b;--line:#e6e6e6;--paper:#fff;--accent:#1f5fa8}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--grey:#9a9a9a;--line:#333;--paper:#161618;
--accent:#7fb2ec}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI","PingFang SC","Noto Sans SC",sans-serif}
main{max-width:1080px;margin:0 auto;padding:48px 24px 72px}
h1{font-size:28px;font-weight:600;margin:0 0 8px}
h2{font-size:17px;font-weight:600;margin:40px 0 10px}
.legend{color:var(--grey);margin:0}
section{overflow-x:auto}
table{border-collapse:collapse;width:100%;min-width:640px;table-layout:fixed;font-variant-numeric:tabular-nums}
th{font-weight:400;font-size:13px;color:var(--grey);text-align:left}
th:first-child{width:11%}th:nth-child(2){width:28%}th:last-child{width:16%}
th,td{padding:6px 20px 6px 0;border-bottom:1px solid var(--line);vertical-align:baseline}
th:last-child,td:last-child{text-align:right;padding-right:0;white-space:nowrap}
td{font-family:"STIX Two Math","Cambria Math","Latin Modern Math",Georgia,serif}
td:first-child{white-space:nowrap}
td:last-child{color:var(--accent)}
td:nth-child(3){color:var(--grey)}
.group th{font-size:16px;color:var(--ink);padding-top:18px;text-align:left;
font-family:Georgia,serif}
.numbers{display:flex;flex-wrap:wrap;gap:8px 28px;font-family:Georgia,serif;
font-variant-numeric:tabular-nums}
.numbers b{font-weight:400}.numbers span{color:var(--accent);margin-left:8px}
sup,sub{font-size:.68em;line-height:0}
.verdict{color:var(--grey);margin-top:36px}
@media print{main{padding:0}section{break-inside:avoid}}
"""
