"""Formulas and their names in the notations of LaTeX and HTML."""

import html
import re

from pellucid.inspection._formula import Tree, signed, tightness

GREEK = {"delta": "δ", "beta": "β", "gamma": "γ", "alpha": "α", "epsilon": "ε", "rho": "ρ",
         "lr": "η", "step": "Δw"}  # fmt: skip
LATEX = {"delta": r"\delta", "beta": r"\beta", "gamma": r"\gamma", "alpha": r"\alpha",
         "epsilon": r"\epsilon", "rho": r"\rho", "lr": r"\eta", "step": r"\Delta w"}  # fmt: skip
_NAME = re.compile(r"(d(?!elta)(?=[A-Za-z]+\d+_))?([A-Za-z]+)(\d*)(?:_([\w,]+))?('?)")


# LaTeX


def latex(tree: Tree, digits: int = 10) -> str:
    """Return a tree in LaTeX's mathematics."""

    def inside(part: Tree, least: int) -> str:
        line = latex(part, digits)
        return rf"\left({line}\right)" if tightness(part) < least else line

    parts = tree.parts
    match tree.kind:
        case "number":
            return latex_number(tree.number, digits)
        case "name":
            return latex_name(tree.word)
        case "add":
            rest = (f" {sign} {inside(part, 2)}" for sign, part in signed(parts[1:]))
            return inside(parts[0], 1) + "".join(rest)
        case "negative":
            return f"-{inside(parts[0], 2)}"
        case "multiply":
            first = inside(parts[0], 2)
            numbers = not all(part.names() for part in parts)
            return (r" \cdot " if numbers else r" \, ").join(
                [first, *(inside(part, 3) for part in parts[1:])]
            )
        case "divide":
            return rf"\frac{{{latex(parts[0], digits)}}}{{{latex(parts[1], digits)}}}"
        case "power":
            return f"{{{inside(parts[0], 4)}}}^{{{latex(parts[1], digits)}}}"
        case "absolute":
            return rf"\left|{latex(parts[0], digits)}\right|"
    if tree.word == "sqrt":
        return rf"\sqrt{{{latex(parts[0], digits)}}}"
    known = {"log", "max", "min", "tanh", "cosh"}
    function = f"\\{tree.word}" if tree.word in known else rf"\operatorname{{{tree.word}}}"
    return rf"{function}\left({', '.join(latex(part, digits) for part in parts)}\right)"


def latex_name(name: str) -> str:
    """Return a name: W1_12 is the entry 12 of W in layer 1, dW1_12 the derivative of J by it."""
    found = _NAME.fullmatch(name)
    if found is None:
        return rf"\mathit{{{name}}}".replace("_", r"\_")
    derivative, stem, layer, index, prime = found.groups()
    base = LATEX.get(stem, stem if len(stem) == 1 else rf"\mathit{{{stem}}}")
    if index == "hat":
        return rf"\hat{{{base}}}"
    shown = base + (f"^{{({layer})}}" if layer else "")
    if index:
        sub = index if not index.isalpha() or len(index) == 1 else rf"\mathrm{{{index}}}"
        shown += f"_{{{sub}}}".replace("decay", r"\,decay")
    if prime:
        shown = f"{{{shown}}}'"
    return rf"\frac{{\partial J}}{{\partial {shown}}}" if derivative else shown


def latex_number(value: float, digits: int) -> str:
    """Return a number in LaTeX, with a power of ten."""
    mantissa, mark, exponent = f"{value:.{digits}g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if mark else mantissa


# HTML


def html_math(tree: Tree, digits: int) -> str:
    """Return a tree in HTML, with raised and lowered marks."""

    def inside(part: Tree, least: int) -> str:
        line = html_math(part, digits)
        return f"({line})" if tightness(part) < least else line

    parts = tree.parts
    match tree.kind:
        case "number":
            return html_number(tree.number, digits)
        case "name":
            return html_name(tree.word)
        case "add":
            terms = signed(parts[1:])
            rest = (f" {sign.replace('-', '−')} {inside(part, 2)}" for sign, part in terms)
            return inside(parts[0], 1) + "".join(rest)
        case "negative":
            return f"−{inside(parts[0], 2)}"
        case "multiply":
            first = inside(parts[0], 3 if parts[0].kind == "divide" else 2)
            return " · ".join([first, *(inside(part, 3) for part in parts[1:])])
        case "divide":
            return f"{inside(parts[0], 2)} / {inside(parts[1], 3)}"
        case "power":
            return f"{inside(parts[0], 4)}<sup>{html_math(parts[1], digits)}</sup>"
        case "absolute":
            return f"|{html_math(parts[0], digits)}|"
    if tree.word == "sqrt":
        return f"√({html_math(parts[0], digits)})"
    return f"{tree.word}({', '.join(html_math(part, digits) for part in parts)})"


def html_name(name: str) -> str:
    """Return a name in HTML."""
    found = _NAME.fullmatch(name)
    if found is None:
        return f"<i>{html.escape(name)}</i>"
    derivative, stem, layer, index, prime = found.groups()
    base = f"<i>{GREEK.get(stem, stem)}</i>"
    if index == "hat":
        return f"<i>{stem}\u0302</i>"
    shown = (
        base + (f"<sup>({layer})</sup>" if layer else "") + (f"<sub>{index}</sub>" if index else "")
    )
    shown += "′" if prime else ""
    return f"∂<i>J</i>/∂{shown}" if derivative else shown


def html_number(value: float, digits: int) -> str:
    """Return a number in HTML, with a real minus and a power of ten."""
    mantissa, mark, exponent = f"{value:.{digits}g}".replace("-", "−").partition("e")
    power = exponent.replace("−0", "−").replace("+0", "").replace("+", "")
    return f"{mantissa}·10<sup>{power}</sup>" if mark else mantissa
