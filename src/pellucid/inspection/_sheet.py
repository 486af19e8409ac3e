"""A worksheet as data: sections of lines with symbol, formula, numbers and the run's own value."""

import math
from dataclasses import dataclass

from pellucid._checks import check_one_of
from pellucid.errors import ArgumentError
from pellucid.inspection._rules import Rule


@dataclass(frozen=True)
class Line:
    """One line of a worksheet.

    Attributes:
        symbol: what is computed, such as ``z1_2``: unit 2 of layer 1, counted from 1.
        value: the number that the run has.
        rule: the formula with its numbers; None for what is given.
        group: what the line belongs to within its section; a weight, in an update.
    """

    symbol: str
    value: float
    rule: Rule | None = None
    group: str = ""

    @property
    def shown(self) -> float:
        """What the numbers in the formula give."""
        return self.value if self.rule is None else self.rule.value

    def holds(self, tolerance: float) -> bool:
        """Tell whether the numbers in the formula give the number of the run."""
        return math.isclose(self.shown, self.value, rel_tol=tolerance, abs_tol=tolerance * 1e-2)


@dataclass(frozen=True)
class Section:
    """Some lines under a title.

    Attributes:
        kind: ``given``, ``forward``, ``loss``, ``backward``, ``gradients`` or ``step``.
        about: what the title names: a layer, a loss, an optimizer.
        lines: the lines, in order.
    """

    kind: str
    about: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Worksheet:
    """One training step of a network on one sample, line by line.

    Attributes:
        sections: the parts, in the order in which they are computed.
        digits: how many significant digits are shown.
        language: ``"en"`` or ``"zh"``, what the forms below are written in.
    """

    sections: tuple[Section, ...]
    digits: int
    language: str = "en"

    def __getitem__(self, symbol: str) -> Line:
        """Return the first line of a symbol, such as ``sheet["z1_2"]``."""
        found = [line for line in self.lines if line.symbol == symbol]
        if not found:
            raise ArgumentError(
                f"There is no line for {symbol!r}; the symbols are "
                f"{', '.join(dict.fromkeys(line.symbol for line in self.lines))}."
            )
        return found[0]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines, in order."""
        return tuple(line for section in self.sections for line in section.lines)

    @property
    def wrong(self) -> tuple[Line, ...]:
        """The lines whose formula does not give the run's number; none, in a sound worksheet."""
        wide = self.digits > 7
        # In float32 the last digit of beta^t is 1e-4 of 1 - beta^t in the first steps.
        return tuple(
            line
            for line in self.lines
            if not line.holds(1e-9 if wide else 1e-4 if line.group else 1e-5)
        )

    def write(self, form: str = "text") -> str:
        """Return the worksheet as ``"text"``, ``"markdown"``, ``"latex"``, ``"html"``, ``"json"``.

        ``html`` and ``latex`` are whole documents that need no other file.
        """
        from pellucid.inspection._sheet_forms import FORMS  # which read this file's classes

        check_one_of("Worksheet.write", "form", form, tuple(FORMS))
        return FORMS[form](self)

    def __str__(self) -> str:
        return self.write("text")

    def _repr_html_(self) -> str:
        return self.write("html")
