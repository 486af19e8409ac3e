"""Tables: what a column holds, and CSV files read row by row.

A column holds numbers, whole numbers or categories. Where nobody says which, the first rows tell:
a column in which most entries are numbers holds numbers, and another entry in it is then a mistake
of the file, named with its line.
"""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_range
from pellucid.data._arrays import Batch
from pellucid.data._blocks import objects
from pellucid.data._sources import Reader, Skipped
from pellucid.data._stages import BLOCK, Reading
from pellucid.errors import ArgumentError, DataError, DatasetError, UnknownNameError

NUMBER, INTEGER, CATEGORY = "number", "integer", "category"
KINDS = (NUMBER, INTEGER, CATEGORY)
LOOKED_AT = 1000
"""Rows that tell what a column holds."""
ABSENT = {"", "na", "nan", "null", "none", "n/a"}
"""How files write an entry that is not there, in lower case."""


@dataclass(frozen=True)
class Wanted:
    """What a caller says about a table.

    Args:
        who: the function that was called, for messages.
        target: the column to learn, or None.
        columns: the columns to learn from; None for all others.
        types: what columns hold, by name.
        missing: the number for an entry that is absent; None refuses it.
        classes: the names of the classes of the target in order; None to find them.
    """

    who: str
    target: str | None
    columns: Sequence[str] | None
    types: Mapping[str, str]
    missing: float | None
    classes: Sequence[str] | None

    def __post_init__(self) -> None:
        for kind in self.types.values():
            check_one_of(self.who, "types", kind, KINDS)
        if self.missing is not None:
            check_range(self.who, "missing", self.missing)

    def features(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the columns to learn from, after a look at all names."""
        asked = [*(self.columns or ()), *self.types, *([self.target] if self.target else [])]
        for name in asked:
            if name not in names:
                raise UnknownNameError("column", name, names)
        features = tuple(self.columns or (name for name in names if name != self.target))
        if not features:
            raise DataError(
                f"{self.who} expected a column to learn from beside the target {self.target!r}, "
                "got none; name another target."
            )
        return features

    def layout(
        self,
        where: str,
        features: tuple[str, ...],
        seen: Mapping[str, str],
        entries: Callable[[str], Iterable[str]],
    ) -> "Layout":
        """Return what the columns hold: as the caller says, else as the file shows.

        Args:
            where: the file, for messages.
            features: the columns to learn from.
            seen: what each column seems to hold.
            entries: gives the entries of a column, to find the classes of the target.
        """
        kinds, target = dict(seen), self.target
        classes = None if self.classes is None else tuple(self.classes)
        if target is not None and classes is not None:
            kinds[target] = CATEGORY
        kinds |= {name: kind for name, kind in self.types.items() if name in kinds}
        if target is not None and kinds[target] == CATEGORY and classes is None:
            classes = check_classes(where, sorted(set(entries(target)) - {""}))
        return Layout(features, kinds, target, classes, self.missing)


@dataclass(frozen=True)
class Layout:
    """What the columns of a table hold.

    Attributes:
        features: the columns to learn from, in order.
        kinds: what each column holds.
        target: the column to learn, or None.
        classes: the names of the classes of the target, None where it holds numbers.
        missing: the number for an entry that is absent, or None.
    """

    features: tuple[str, ...]
    kinds: dict[str, str]
    target: str | None
    classes: tuple[str, ...] | None
    missing: float | None
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._numbers.update({name: n for n, name in enumerate(self.classes or ())})

    @property
    def names(self) -> list[str]:
        """The columns that are read."""
        return [*self.features, *([self.target] if self.target else [])]

    def value(self, name: str, text: str) -> Any:
        """Return one entry as what its column holds; ValueError says what is wrong with it."""
        kind = self.kinds[name]
        if kind == CATEGORY and name == self.target:
            if text not in self._numbers:
                raise ValueError(f"a class among {', '.join(map(repr, self.classes or ()))}")
            return self._numbers[text]
        if kind == CATEGORY:
            return text
        if text.strip().lower() in ABSENT:
            if self.missing is None or name == self.target:
                raise ValueError("a number (missing=0.0 fills in what is absent)")
            return self.missing
        try:
            number = float(text)
        except ValueError:
            raise ValueError("a number") from None
        if not np.isfinite(number):
            raise ValueError("a finite number")
        if kind == INTEGER and not (number == int(number) and -(2**31) <= number < 2**31):
            raise ValueError("a whole number that fits int32")
        return number

    def block(self, columns: Mapping[str, Sequence[Any]]) -> Batch:
        """Return columns of values as rows: a matrix if all hold numbers, else a dictionary."""
        if all(self.kinds[name] != CATEGORY for name in self.features):
            x: Any = np.stack(
                [np.asarray(columns[name], np.float32) for name in self.features], axis=1
            )
        else:
            x = {name: self._column(name, columns[name]) for name in self.features}
        y = None
        if self.target is not None:
            whole = self.kinds[self.target] != NUMBER
            y = np.asarray(columns[self.target], np.int32 if whole else np.float32)
        return Batch(x, y, None)

    def _column(self, name: str, values: Sequence[Any]) -> np.ndarray:
        if self.kinds[name] == CATEGORY:
            return objects(list(values))
        return np.asarray(values, np.float32)


class Csv(Reader):
    """The rows of a CSV file with a line of names on top.

    Args:
        path: the file.
        wanted: what the caller says about its columns.
        delimiter: what separates the entries of a line.
        encoding: how its characters are written.
        skipped: where bad rows are noted; None raises for the first one.
    """

    def __init__(
        self,
        path: Path,
        wanted: Wanted,
        delimiter: str,
        encoding: str,
        skipped: Skipped | None,
    ) -> None:
        self.name = f"CSV file {path.name}"
        self.path = path
        self.delimiter = delimiter
        self.encoding = _encoding(encoding)
        self.skipped = skipped
        if len(delimiter) != 1:
            raise ArgumentError(
                f"from_csv expected delimiter to be one character, got {delimiter!r}."
            )
        self.header = self._header()
        features = wanted.features(self.header)
        self.places = {name: place for place, name in enumerate(self.header)}
        seen = self._kinds(features, wanted.target)
        self.layout = wanted.layout(str(path), features, seen, self._entries)
        self.class_names, self.columns = self.layout.classes, features

    def read(self, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield blocks of rows; those before ``skip`` are counted and dropped."""
        if self.skipped is not None:
            self.skipped.clear()
        names = self.layout.names
        columns: list[list[Any]] = [[] for _ in names]
        for line, row in self._rows():
            if skip and self.skipped is None:
                skip -= 1
                continue
            values = self._values(line, row, names)
            if values is None:
                continue
            if skip:
                skip -= 1
                continue
            for made, value in zip(columns, values, strict=True):
                made.append(value)
            if len(columns[0]) == BLOCK:
                yield self.layout.block(dict(zip(names, columns, strict=True)))
                columns = [[] for _ in names]
        if columns[0]:
            yield self.layout.block(dict(zip(names, columns, strict=True)))
        if self.skipped is not None:
            self.skipped.report()

    def _values(self, line: int, row: list[str], names: list[str]) -> list[Any] | None:
        """Return the entries of a row, None if it is bad and bad rows are left out."""
        try:
            if len(row) != len(self.header):
                raise DataError(
                    f"{str(self.path)!r}, line {line}: expected {len(self.header)} entries, got "
                    f"{len(row)}; mend the line, or pass on_error='skip'."
                )
            return [self._value(line, name, row[self.places[name]]) for name in names]
        except DataError as error:
            if self.skipped is None:
                raise
            self.skipped.note(error)
            return None

    def _value(self, line: int, name: str, text: str) -> Any:
        try:
            return self.layout.value(name, text)
        except ValueError as error:
            raise DataError(
                f"{str(self.path)!r}, line {line}, column {name!r}: expected {error}, got "
                f"{text!r}; mend the entry, or pass on_error='skip'."
            ) from None

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, entries) below the line of names; blank lines are no rows."""
        line = 1
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                lines = csv.reader(file, delimiter=self.delimiter)
                for row in lines:
                    if row and line > 1:
                        yield line, row
                    line = lines.line_num + 1
        except csv.Error as error:
            raise DataError(f"{str(self.path)!r}, line {line}: {error}; mend the line.") from error
        except UnicodeDecodeError as error:
            raise DataError(
                f"{str(self.path)!r}, line {line} or later, is not {error.encoding} "
                f"({error.reason}); save the file as UTF-8, or pass encoding='gb18030' or another."
            ) from error

    def _header(self) -> list[str]:
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                header = next(csv.reader(file, delimiter=self.delimiter), [])
        except FileNotFoundError as error:
            raise DatasetError(f"There is no file {str(self.path)!r}.") from error
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DatasetError(f"{str(self.path)!r} cannot be read as text: {error}.") from error
        names = [name.strip() for name in header]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice:
            raise DataError(
                f"{str(self.path)!r} expected a first line with one name for each column, got "
                f"{f'{twice[0]!r} twice' if twice else 'an empty file'}; write the names on top."
            )
        return names

    def _kinds(self, features: Sequence[str], target: str | None) -> dict[str, str]:
        """Return what each column holds, as the first rows tell."""
        names = [*features, *([target] if target else [])]
        entries: dict[str, list[str]] = {name: [] for name in names}
        rows = 0
        for _, row in self._rows():
            if len(row) == len(self.header):
                for name in names:
                    entries[name].append(row[self.places[name]])
            rows += 1
            if rows == LOOKED_AT:
                break
        if not rows:
            raise DataError(
                f"{str(self.path)!r} expected at least one row below the line of names, got none."
            )
        kinds = {name: _kind(values) for name, values in entries.items()}
        if target is not None and kinds[target] == NUMBER and _whole(entries[target]):
            kinds[target] = INTEGER
        return kinds

    def _entries(self, name: str) -> Iterator[str]:
        """Yield the entries of a column of the whole file."""
        place = self.places[name]
        return (row[place] for _, row in self._rows() if len(row) == len(self.header))


def check_classes(where: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes, if there are at least two."""
    if len(names) < 2:
        raise DataError(
            f"{where!r} expected at least 2 classes to tell apart, got "
            f"{'none' if not names else f'{names[0]!r} alone'}; add examples of another class."
        )
    return tuple(names)


def _encoding(name: str) -> str:
    """Return the name of an encoding; of UTF-8 a mark at the start of the file is left out."""
    try:
        known = codecs.lookup(name).name
    except LookupError as error:
        raise ArgumentError(
            f"from_csv expected encoding to be one that Python knows, got {name!r}; type 'utf-8' "
            "or 'gb18030', for example."
        ) from error
    return "utf-8-sig" if known == "utf-8" else known


def _kind(entries: Sequence[str]) -> str:
    there = [entry for entry in entries if entry.strip().lower() not in ABSENT]
    numbers = sum(map(_is_number, there))
    return NUMBER if 2 * numbers > len(there) or not there else CATEGORY


def _whole(entries: Sequence[str]) -> bool:
    numbers = [float(entry) for entry in entries if _is_number(entry)]
    return all(np.isfinite(number) and number == int(number) for number in numbers)


def _is_number(entry: str) -> bool:
    try:
        float(entry)
    except ValueError:
        return False
    return True
