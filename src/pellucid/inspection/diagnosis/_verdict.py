"""What a diagnosis says: verdicts with their evidence, as data, as text and as JSON."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid._checks import check_one_of
from pellucid.errors import UnknownNameError
from pellucid.inspection._words import LANGUAGES
from pellucid.inspection.diagnosis._phrases import KINDS, NEEDS, QUANTITIES, SENTENCES
from pellucid.inspection.diagnosis._words import FAULTS

NAMED_ROWS = 12
"""How many example numbers the text names; the data and JSON hold them all."""


@dataclass(frozen=True)
class Evidence:
    """One measured number beside the threshold that it crossed.

    Attributes:
        quantity: what was measured, a key of the table of words.
        value: the measured number.
        relation: ``">"`` if values above the threshold speak for the fault, ``"<"`` if those below.
        threshold: where healthy runs end.
        where: what it was measured on (a layer, a column, an epoch), where there is a choice.
    """

    quantity: str
    value: float
    relation: str
    threshold: float
    where: str = ""

    @property
    def speaks(self) -> bool:
        """Whether the number is beyond the threshold; what is no number always is."""
        if math.isnan(self.value):
            return True
        if self.relation == ">":
            return self.value > self.threshold
        return self.value < self.threshold

    def in_words(self, language: str) -> str:
        """Return the quantity in words."""
        words = QUANTITIES[self.quantity][LANGUAGES.index(language)]
        if not self.where:
            return words
        return f"{words}, {self.where}" if language == "en" else f"{words}（{self.where}）"


@dataclass(frozen=True)
class Verdict:
    """One fault that was found.

    Attributes:
        fault: its name, such as ``"dead_units"``; ``diagnosis.FAULT_NAMES`` lists them.
        evidence: the measured numbers, every one beyond its threshold.
        layer: path of the layer it is in, None if it is in no one layer.
        rows: numbers of the examples it is about, counted from 0.
        part: which data the rows are numbers of: ``"train"``, ``"validation"`` or ``"test"``.
        kind: the form of the fault, where it has several.
    """

    fault: str
    evidence: tuple[Evidence, ...]
    layer: str | None = None
    rows: tuple[int, ...] = ()
    part: str = "train"
    kind: str = ""

    def title(self, language: str = "en") -> str:
        """Return the fault in words."""
        title = FAULTS[self.fault].title[LANGUAGES.index(language)]
        if not self.kind:
            return title
        kind = KINDS[self.kind][LANGUAGES.index(language)]
        return f"{title}: {kind}" if language == "en" else f"{title}：{kind}"

    def remedy(self, language: str = "en") -> str:
        """Return what to try next."""
        return FAULTS[self.fault].remedy[LANGUAGES.index(language)]

    def to_json(self, language: str = "en") -> dict[str, Any]:
        """Return the verdict as plain JSON."""
        return {
            "fault": self.fault,
            "kind": self.kind or None,
            "title": self.title(language),
            "layer": self.layer,
            "part": self.part if self.rows else None,
            "rows": list(self.rows),
            "evidence": [
                {
                    "quantity": part.quantity,
                    "words": part.in_words(language),
                    "value": part.value if math.isfinite(part.value) else None,
                    "relation": part.relation,
                    "threshold": part.threshold,
                    "where": part.where or None,
                }
                for part in self.evidence
            ],
            "remedy": self.remedy(language),
        }

    def lines(self, language: str = "en") -> list[str]:
        """Return the verdict as lines of text."""
        place = "" if self.layer is None else f"  [{self.layer}]"
        made = [f"{self.title(language)}{place}"]
        for part in self.evidence:
            bound = _say("bound", language, {">": "<=", "<": ">="}[part.relation], part.threshold)
            made.append(f"   {part.in_words(language)}: {_number(part.value)}  ({bound})")
        if self.rows:
            shown = ", ".join(str(row) for row in self.rows[:NAMED_ROWS])
            more = len(self.rows) - NAMED_ROWS
            shown += _say("more", language, more) if more > 0 else ""
            made.append(f"   {_say('rows_' + self.part, language, shown)}")
        made.append(f"   {_say('try', language, self.remedy(language))}")
        return made


@dataclass(frozen=True)
class Diagnosis:
    """The verdicts about a model and its data; what follows from another fault stands beside it.

    ``"dead_units" in diagnosis`` tells whether a fault was found, ``diagnosis["dead_units"]`` gives
    its first verdict; iteration gives all verdicts.

    Attributes:
        model: the model's name.
        verdicts: the faults, the most fundamental ones first.
        consequences: for the name of a fault, the verdicts that it explains.
        looked_for: the names of the faults that could be looked for.
        not_looked_for: for the others, what was missing.
        language: ``"en"`` or ``"zh"``, what ``str`` writes.
    """

    model: str
    verdicts: tuple[Verdict, ...]
    consequences: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)
    looked_for: tuple[str, ...] = ()
    not_looked_for: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults, each once."""
        return tuple(dict.fromkeys(verdict.fault for verdict in self.verdicts))

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __contains__(self, fault: object) -> bool:
        return fault in self.faults

    def __getitem__(self, fault: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.fault == fault:
                return verdict
        if fault not in FAULTS:
            raise UnknownNameError("fault", fault, FAULTS)
        raise UnknownNameError("fault in this diagnosis", fault, self.faults or ("none at all",))

    def to_json(self) -> dict[str, Any]:
        """Return the whole diagnosis as plain JSON."""
        return {
            "model": self.model,
            "language": self.language,
            "verdicts": [
                {
                    **verdict.to_json(self.language),
                    "consequences": [
                        part.to_json(self.language)
                        for part in self.consequences.get(verdict.fault, ())
                    ],
                }
                for verdict in self.verdicts
            ],
            "looked_for": list(self.looked_for),
            "not_looked_for": dict(self.not_looked_for),
        }

    def write(self, form: str = "text") -> str:
        """Return the diagnosis as ``"text"`` or ``"json"``."""
        check_one_of("Diagnosis.write", "form", form, ("text", "json"))
        if form == "json":
            return json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        return str(self)

    def __str__(self) -> str:
        language = self.language
        key = "none" if not self.verdicts else "one" if len(self.verdicts) == 1 else "some"
        made = [_say(key, language, self.model, len(self.verdicts), len(self.looked_for))]
        told: set[str] = set()
        for number, verdict in enumerate(self.verdicts, start=1):
            first, *rest = verdict.lines(language)
            made += ["", f"{number}. {first}", *rest]
            follow = self.consequences.get(verdict.fault, ())
            if follow and verdict.fault not in told:
                told.add(verdict.fault)
                stop = ", " if language == "en" else "、"
                titles = stop.join(dict.fromkeys(part.title(language) for part in follow))
                made.append(f"   {_say('follows', language, titles)}")
        if self.not_looked_for:
            made.append("")
        for need in dict.fromkeys(self.not_looked_for.values()):
            absent = [fault for fault, why in self.not_looked_for.items() if why == need]
            stop = ", " if language == "en" else "、"
            titles = stop.join(FAULTS[fault].title[LANGUAGES.index(language)] for fault in absent)
            reason = NEEDS[need][LANGUAGES.index(language)]
            made.append(_say("absent", language, reason, titles))
        return "\n".join(made)


def _say(key: str, language: str, *values: Any) -> str:
    """Return the words for a key in a language, with values put in."""
    return SENTENCES[key][LANGUAGES.index(language)].format(*values)


def _number(value: float) -> str:
    """Return a number with four significant digits."""
    return f"{value:.4g}"
