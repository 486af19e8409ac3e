"""Parquet files, read a piece at a time through pyarrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data._arrays import Batch
from pellucid.data._sources import Reader
from pellucid.data._stages import BLOCK, Reading
from pellucid.data._tables import CATEGORY, INTEGER, NUMBER, Wanted
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
        seen = {name: self._kind(name, first.schema_arrow.field(name).type) for name in read}
        seen |= {name: NUMBER for name in features if seen[name] == INTEGER}
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
        self.layout = wanted.layout(str(path), features, seen, self._entries)
        self.class_names, self.columns = self.layout.classes, features

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
        if kind != CATEGORY and not values.null_count:
            array = np.asarray(values.to_numpy(zero_copy_only=False))
            if array.dtype.kind in "biuf" and np.isfinite(array).all():
                whole = (array == np.floor(array)) & (array >= -(2**31)) & (array < 2**31)
                if kind == NUMBER or whole.all():
                    return array
        made = []
        for place, value in enumerate(values.to_pylist()):
            try:
                made.append(self.layout.value(name, _text(value)))
            except ValueError as error:
                raise DataError(
                    f"{str(file)!r}, row {row + place} of the data set, column {name!r}: expected "
                    f"{error}, got {value!r}; mend the file."
                ) from None
        return made

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

    def _entries(self, name: str) -> Iterator[str]:
        """Yield the entries of a column of all files."""
        for file in self.files:
            for table in _opened(file).iter_batches(BLOCK, columns=[name]):
                yield from map(_text, table.column(name).to_pylist())


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
