"""Parquet files, read a piece at a time through pyarrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data._arrays import Batch
from pellucid.data._sources import Reader
from pellucid.data._stages import BLOCK, Reading
from pellucid.data._tables import CATEGORY, INTEGER, NUMBER, Layout, Wanted, check_classes
from pellucid.errors import DataError, DatasetError, NotReadyError


class Parquet(Reader):
    """The rows of a Parquet file, or of all those in a folder, in the order of their names.

    Args:
        path: a file, or a folder of ``.parquet`` files of the same columns.
        wanted: what the caller says about the columns.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.name = f"Parquet {path.name}"
        self.files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not self.files:
            raise DatasetError(f"The folder {str(path)!r} holds no .parquet file.")
        first = _opened(self.files[0])
        names = list(first.schema_arrow.names)
        features = wanted.features(names)
        read = [*features, *([wanted.target] if wanted.target else [])]
        kinds = {name: self._kind(name, first.schema_arrow.field(name).type) for name in read}
        if wanted.target and wanted.classes is not None:
            kinds[wanted.target] = CATEGORY
        for name in features:
            if kinds[name] == INTEGER:
                kinds[name] = NUMBER
        kinds |= {name: kind for name, kind in wanted.types.items() if name in kinds}
        # Row groups are what a file can be entered at: (file, group, rows).
        self.groups = []
        for file in self.files:
            opened = _opened(file)
            missing = sorted(set(read) - set(opened.schema_arrow.names))
            if missing:
                raise DataError(
                    f"{str(file)!r} expected a column {missing[0]!r} as in {self.files[0].name!r}, "
                    "got none; keep files of other columns in another folder."
                )
            for group in range(opened.metadata.num_row_groups):
                self.groups.append((file, group, opened.metadata.row_group(group).num_rows))
        self.length = sum(rows for *_, rows in self.groups)
        if not self.length:
            raise DataError(f"{str(path)!r} expected at least one row, got none.")
        self.layout = Layout(features, kinds, wanted.target, wanted.classes, wanted.missing)
        if wanted.target and kinds[wanted.target] == CATEGORY and wanted.classes is None:
            classes = check_classes(str(path), self._found(wanted.target))
            self.layout = Layout(features, kinds, wanted.target, classes, wanted.missing)
        self.class_names = self.layout.classes

    def read(self, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield blocks of rows; row groups before ``skip`` are not read."""
        names = self.layout.names
        before = 0
        for file, group, rows in self.groups:
            before, start = before + rows, before
            if before <= skip:
                continue
            for table in _opened(file).iter_batches(BLOCK, row_groups=[group], columns=names):
                if start + table.num_rows > skip:
                    part = table.slice(max(0, skip - start))
                    row = start + table.num_rows - part.num_rows
                    columns = {
                        name: self._values(file, name, part.column(name), row) for name in names
                    }
                    yield self.layout.block(columns)
                start += table.num_rows

    def _values(self, file: Path, name: str, values: Any, row: int) -> Any:
        """Return a column as numbers or strings, with what is absent filled in."""
        kind = self.layout.kinds[name]
        listed = values.to_pylist() if kind == CATEGORY or values.null_count else None
        if listed is None:
            array = np.asarray(values.to_numpy(zero_copy_only=False))
            bad = np.flatnonzero(~np.isfinite(array.astype(np.float64)))
            if kind == INTEGER and not len(bad):
                bad = np.flatnonzero(array != np.floor(array))
            if not len(bad):
                return array
            self._refuse(file, name, row + int(bad[0]), array[bad[0]])
        made = []
        for place, value in enumerate(listed or ()):
            try:
                made.append(self.layout.value(name, _text(value)))
            except ValueError:
                self._refuse(file, name, row + place, value)
        return made

    def _refuse(self, file: Path, name: str, row: int, value: Any) -> None:
        raise DataError(
            f"{str(file)!r}, row {row} of the data set, column {name!r}: expected "
            f"{self.layout.kinds[name]}, got {value!r}; mend the file, or pass missing=0.0 to fill "
            "in what is absent."
        )

    def _kind(self, name: str, kind: Any) -> str:
        import pyarrow.types as types

        if types.is_dictionary(kind):
            kind = kind.value_type
        if types.is_string(kind) or types.is_large_string(kind):
            return CATEGORY
        if types.is_boolean(kind) or types.is_integer(kind):
            return INTEGER
        if types.is_floating(kind):
            return NUMBER
        raise DataError(
            f"from_parquet expected numbers or strings in column {name!r}, got {kind}; leave it "
            "out with columns=[...]."
        )

    def _found(self, target: str) -> list[str]:
        """Return the different entries of a column, in order."""
        found: set[str] = set()
        for file in self.files:
            for table in _opened(file).iter_batches(BLOCK, columns=[target]):
                found |= {str(value) for value in table.column(target).to_pylist()}
        return sorted(found)


def _text(value: Any) -> str:
    """Return an entry as a CSV file would write it."""
    if value is None:
        return ""
    return str(int(value) if isinstance(value, bool) else value)


def _opened(path: Path) -> Any:
    """Return a Parquet file, opened; of it only the end has been read."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise NotReadyError(
            "from_parquet needs the package pyarrow, which is not installed; type "
            'pip install "pellucid[parquet]".'
        ) from error
    try:
        return ParquetFile(path)
    except FileNotFoundError as error:
        raise DatasetError(f"There is no file {str(path)!r}.") from error
    except (ArrowException, OSError) as error:
        raise DatasetError(f"{str(path)!r} cannot be read as a Parquet file: {error}.") from error
