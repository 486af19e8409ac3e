"""What is in a data set, in numbers, before anything is trained: one look at its rows."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int
from pellucid.data._arrays import ArrayDataset, _leaves
from pellucid.data._blocks import class_numbers, rows_in
from pellucid.data._folders import IMAGES, TEXTS
from pellucid.data._opening import Opening
from pellucid.data._pipeline import Pipeline
from pellucid.data._preprocessing import merged
from pellucid.data._sounds import SUFFIXES as SOUNDS
from pellucid.data._sources import InMemory
from pellucid.errors import DatasetError, UnknownNameError

SETS = ("cifar10", "diabetes", "digits", "fashion_mnist", "iris", "mnist")
"""Data sets that ``open_data`` knows by name: those that are one pair of arrays."""
KEPT = 2000
"""Numbers of a column that its histogram is drawn from."""
EXAMPLES = 16
COLUMNS = 50
"""Columns of a matrix that are told one by one."""
UNEVEN = 3.0
"""So many times as many rows of one class as of another are told."""


@dataclass
class ColumnFacts:
    """What one column, or one array, holds.

    Attributes:
        name: the column, or ``x`` or ``y``.
        kind: ``"numbers"``, ``"strings"`` or ``"sequences"`` (of different length).
        shape: shape of one row.
        dtype: type of its numbers.
        least: the smallest number, or the length of the shortest string or sequence.
        most: the largest.
        values: some of them, for a histogram.
        common: the most frequent strings with their counts.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    least: float = np.inf
    most: float = -np.inf
    values: list[float] = field(default_factory=list, repr=False)
    common: Counter[str] = field(default_factory=Counter, repr=False)
    _moments: np.ndarray | None = field(default=None, repr=False)

    @property
    def mean(self) -> float:
        """The mean of the numbers or lengths."""
        return 0.0 if self._moments is None else float(self._moments[1])

    @property
    def deviation(self) -> float:
        """Their standard deviation."""
        return 0.0 if self._moments is None else float(self._moments[2] / self._moments[0]) ** 0.5

    def add(self, column: np.ndarray) -> None:
        """Count some rows more."""
        if self.kind == "strings":
            self.common.update(str(value)[:60] for value in column)
            if len(self.common) > KEPT:
                self.common = Counter(dict(self.common.most_common(KEPT // 2)))
        numbers = column.ravel()
        if self.kind != "numbers":
            numbers = np.array([len(value) for value in column])
        numbers = numbers.astype(np.float64)
        if not numbers.size:
            return
        self.least = min(self.least, float(numbers.min()))
        self.most = max(self.most, float(numbers.max()))
        self._moments = merged(self._moments, numbers)
        room = KEPT - len(self.values)
        if room > 0:
            random = np.random.default_rng(int(self._moments[0]))
            some = random.choice(numbers, min(room, numbers.size), replace=False)
            self.values += some.tolist()

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON."""
        said = {
            name: getattr(self, name)
            for name in ("name", "kind", "dtype", "least", "most", "mean", "deviation")
        }
        common = [{"value": v, "rows": n} for v, n in self.common.most_common(10)]
        return {**said, "shape": list(self.shape), **({"common": common} if common else {})}


@dataclass
class DataFacts:
    """What a data set holds; ``pellucid data show`` prints it.

    Attributes:
        source: what was read, in words.
        rows: the rows of the set, None where not all were looked at and only reading tells.
        looked_at: the rows that the numbers are of.
        bad_rows: rows that were left out.
        columns: what each column or array holds.
        classes: rows of each class, by name; empty where there are no classes.
        examples: some rows (x, y), for a picture.
        notes: what is worth knowing before training, in sentences.
    """

    source: str
    rows: int | None
    looked_at: int
    bad_rows: int
    columns: list[ColumnFacts]
    classes: dict[str, int]
    examples: list[tuple[Any, Any]] = field(repr=False)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON."""
        return {
            "source": self.source,
            "rows": self.rows,
            "looked_at": self.looked_at,
            "bad_rows": self.bad_rows,
            "columns": [column.to_json() for column in self.columns],
            "classes": self.classes,
            "notes": self.notes,
        }


def open_data(name: str, target: str | None = None) -> Pipeline:
    """Return a file, a folder or a set with a name as a pipeline; bad rows are left out.

    Args:
        name: a ``.csv``, ``.parquet``, ``.npy`` or ``.txt`` file; a folder of images, sounds or
            texts by class; or one of the data sets, such as ``"digits"`` (its training part).
        target: the column to learn, for tables.

    Raises:
        UnknownNameError: if it is none of these.
        DataError, DatasetError: if it cannot be read.
    """
    path = Path(name)
    if not path.exists() and name in SETS:
        return _by_name(name)
    if path.is_dir():
        return _folder(path)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        delimiter = "\t" if suffix == ".tsv" else ","
        return Opening.from_csv(path, target, delimiter=delimiter, on_error="skip")
    if suffix == ".parquet":
        return Opening.from_parquet(path, target)
    if suffix == ".npy":
        return Opening.from_npy(path)
    if suffix == ".txt":
        return Opening.from_text(path)
    if path.exists():
        raise DatasetError(
            f"{name!r} is no file that can be shown; it takes .csv, .tsv, .parquet, .npy and .txt "
            "files, and folders of images, sounds and texts by class."
        )
    raise UnknownNameError("data set, file or folder", name, SETS)


def describe(data: ArrayDataset | Pipeline, rows: int = 20_000) -> DataFacts:
    """Look at the rows of a data set and return what it holds.

    Args:
        data: a pipeline before ``batch``, or arrays after ``Dataset.from_arrays``.
        rows: rows to look at, at most; of rows that can be read in any order, so many drawn at
            random.
    """
    check_positive_int("describe", "rows", rows)
    pipeline = data if isinstance(data, Pipeline) else data.pipeline()
    looked = pipeline.shuffle(seed=0) if pipeline.any_order else pipeline
    seen = 0
    examples: list[tuple[Any, Any]] = []
    columns: dict[str, ColumnFacts] = {}
    classes: Counter[int] = Counter()
    for block in looked.take(rows).rows():
        seen += rows_in(block)
        for name, column in _columns(pipeline, block):
            if name not in columns:
                columns[name] = _facts(name, column)
            columns[name].add(column)
        y = class_numbers(block.y)
        if y is not None:
            classes.update(y.tolist())
        for row in range(min(rows_in(block), EXAMPLES - len(examples))):
            x = block.x[row] if isinstance(block.x, np.ndarray) else None
            examples.append((x, None if y is None else int(y[row])))
    labels = pipeline.labels
    if labels is not None:
        classes = Counter(labels.tolist())
    named = _named(classes, pipeline.class_names)
    known = pipeline.length()
    facts = DataFacts(
        source=pipeline.source_name,
        rows=known if known is not None else seen if seen < rows else None,
        looked_at=seen,
        bad_rows=pipeline.skipped.count,
        columns=list(columns.values()),
        classes=named,
        examples=examples,
    )
    facts.notes = _notes(facts)
    return facts


def _named(classes: Counter[int], names: tuple[str, ...] | None) -> dict[str, int]:
    """Return the rows of each class by its name, or nothing where the numbers are no classes."""
    if not classes or (names is None and (len(classes) > 100 or min(classes) < 0)):
        return {}
    if names is None:
        return {str(number): classes[number] for number in sorted(classes)}
    return {name: classes[number] for number, name in enumerate(names)}


def _columns(pipeline: Pipeline, block: Any) -> list[tuple[str, np.ndarray]]:
    """Return the columns of a block with their names: those of a small matrix one by one."""
    found = []
    for part in ("x", "y"):
        values = getattr(block, part)
        named = list(values.items()) if isinstance(values, dict) else None
        for name, column in named or ([] if values is None else _leaves(part, values)):
            names = pipeline.column_names if part == "x" and isinstance(values, np.ndarray) else ()
            if column.ndim == 2 and column.shape[1] <= COLUMNS and column.dtype.kind in "biuf":
                for place in range(column.shape[1]):
                    own = names[place] if len(names) == column.shape[1] else f"{name}[{place}]"
                    found.append((own, column[:, place]))
            else:
                found.append((name, column))
    return found


def _facts(name: str, column: np.ndarray) -> ColumnFacts:
    if column.dtype != object:
        return ColumnFacts(name, "numbers", column.shape[1:], str(column.dtype))
    if len(column) and isinstance(column[0], str):
        return ColumnFacts(name, "strings", (), "text")
    shape = np.shape(column[0])[1:]
    return ColumnFacts(name, "sequences", shape, str(np.asarray(column[0]).dtype))


def _notes(facts: DataFacts) -> list[str]:
    notes = []
    if facts.bad_rows:
        were = "row was" if facts.bad_rows == 1 else "rows were"
        notes.append(f"{facts.bad_rows:,} bad {were} left out; on_error='stop' names the first.")
    if facts.classes:
        most = max(facts.classes, key=facts.classes.__getitem__)
        least = min(facts.classes, key=facts.classes.__getitem__)
        if len(facts.classes) == 1:
            notes.append(f"There is one class alone, {most}: there is nothing to tell apart.")
        elif facts.classes[most] > UNEVEN * facts.classes[least]:
            notes.append(
                f"Class {most} has {facts.classes[most]:,} rows and {least} "
                f"{facts.classes[least]:,}; balanced() or class_weight= makes up for that."
            )
    inputs = [c for c in facts.columns if c.kind == "numbers" and c.name != "y"]
    still = [column.name for column in inputs if column.deviation == 0]
    if still:
        notes.append(f"The same number in every row: {', '.join(still[:5])}; leave it out.")
    sizes = [max(abs(c.least), abs(c.most)) for c in inputs if c.deviation > 0]
    if sizes and max(sizes) > 10:
        notes.append(
            f"Inputs reach {max(sizes):,.5g}; Normalization().adapt(data), or Rescaling for "
            "images, brings them to the size that networks learn from best."
        )
    return notes


def _folder(path: Path) -> Pipeline:
    """Return a folder of the kind of files that most of its files are."""
    kinds = {"images": IMAGES, "sounds": SOUNDS, "texts": TEXTS, "parquet": (".parquet",)}
    endings = Counter(file.suffix.lower() for file in path.rglob("*"))
    kind = max(kinds, key=lambda kind: sum(endings[suffix] for suffix in kinds[kind]))
    labels = any(p.is_dir() and not p.name.startswith(".") for p in path.iterdir())
    if kind == "parquet":
        return Opening.from_parquet(path)
    if kind == "sounds":
        return Opening.from_audio(path, labels=labels, on_error="skip")
    if kind == "texts":
        return Opening.from_text(path, labels=labels, on_error="skip")
    return Opening.from_folder(path, (64, 64), labels=labels, on_error="skip")


def _by_name(name: str) -> Pipeline:
    from pellucid import data

    (x, y), _ = getattr(data, name).load_data()
    return Pipeline(InMemory(data.Dataset.from_arrays(x, y), name))
