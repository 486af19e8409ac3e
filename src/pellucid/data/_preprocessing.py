"""Preprocessing that belongs to a model: what raw data went through before the network saw it.

A ``Preprocessing`` is a frozen description. ``fit`` looks at training data and returns a fitted
one; ``transform`` turns raw data (texts, tables, names of classes, image files) into arrays. It is
written down as plain JSON and built again from a closed table, so a saved model can carry it::

    words = TextVectorization(max_tokens=5000, output_sequence_length=50).fit(texts)
    raw = RawData(inputs=words, labels=LabelNames().fit(labels))
    model.fit(raw.transform(texts), raw.transform_labels(labels))
    model.save("reviews", preprocessing=raw)
    pellucid.models.load_model("reviews").predict_raw(["what a film"])
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, dataclass_transform

import numpy as np

from pellucid._checks import check_one_of, check_positive_int
from pellucid._named import Config, Registry, to_config
from pellucid.data._folders import MODES, image_array
from pellucid.errors import ArgumentError, DataError, DTypeError, NotReadyError, ShapeError


@dataclass_transform(frozen_default=True, eq_default=True)
class Preprocessing:
    """The contract of a preprocessing: ``fit``, ``transform``, and a plain configuration."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True)(cls)

    def fit(self, data: Any) -> Self:
        """Return this preprocessing, fitted to training data."""
        return self

    def transform(self, data: Any) -> Any:
        """Return raw data as arrays.

        Raises:
            NotReadyError: before ``fit``, where there is something to fit.
            DataError: if the data is not what it was fitted to.
        """
        raise NotImplementedError(f"{type(self).__name__} lacks the method transform.")

    def transform_labels(self, data: Any) -> Any:
        """Return raw labels as numbers; where nothing is known of labels, as they are."""
        return data

    def to_config(self) -> Config:
        """Return the description as plain JSON."""
        return to_config(self)

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> "Preprocessing":
        """Return the preprocessing that ``to_config`` wrote down.

        Raises:
            UnknownNameError, ArgumentError, DTypeError: if it is none.
        """
        return PREPROCESSING.from_config(config)

    def _ready(self, fitted: Any) -> None:
        if not fitted:
            who = type(self).__name__
            raise NotReadyError(
                f"{who} has not seen data yet; type fitted = {who}(...).fit(training_data) first."
            )


PREPROCESSING: Registry[Preprocessing] = Registry(
    "preprocessing", accepts=lambda value: isinstance(value, Preprocessing), base=Preprocessing
)
"""Every preprocessing of Pellucid; a file can only name what is in it."""


@PREPROCESSING.register()
class LabelNames(Preprocessing):
    """Class names as numbers and back: the k-th name is class k.

    Args:
        names: the names in the order of their numbers; ``fit`` finds and sorts them.

    Example::

        >>> names = LabelNames().fit(["dog", "cat", "dog"])
        >>> names.transform(["dog", "cat"]).tolist(), names.inverse_transform([0])
        ([1, 0], ['cat'])
    """

    names: tuple[str, ...] = ()

    def fit(self, data: Any) -> Self:
        """Return the names in data, sorted.

        Raises:
            DataError: if there are fewer than two.
        """
        names = tuple(sorted({str(name) for name in data}))
        if len(names) < 2:
            raise DataError(
                f"LabelNames expected at least 2 classes, got {', '.join(names) or 'none'}; add "
                "examples of another class."
            )
        return type(self)(names)

    def transform(self, data: Any) -> np.ndarray:
        """Return the numbers of names, int32."""
        self._ready(self.names)
        numbers = {name: number for number, name in enumerate(self.names)}
        made = []
        for row, name in enumerate(data):
            if str(name) not in numbers:
                raise DataError(
                    f"LabelNames expected one of {', '.join(self.names[:10])}, got {str(name)!r} "
                    f"in row {row}; fit it to all classes."
                )
            made.append(numbers[str(name)])
        return np.array(made, np.int32)

    def inverse_transform(self, numbers: Any) -> list[str]:
        """Return the names of class numbers."""
        self._ready(self.names)
        return [self.names[int(number)] for number in numbers]


@PREPROCESSING.register()
class StandardScaler(Preprocessing):
    """Columns of numbers brought to mean 0 and deviation 1, ``y = (x - mean) / scale``.

    Args:
        mean: the mean of each column; ``fit`` measures it.
        scale: the standard deviation of each column; 1 where a column never changes.
    """

    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.scale) or not all(s > 0 for s in self.scale):
            raise ArgumentError(
                "StandardScaler expected as many numbers in mean and scale, all scales above 0."
            )

    def fit(self, data: Any) -> Self:
        """Return the scaler of ``data``, shape ``(rows, columns)``."""
        x = _matrix("StandardScaler", data)
        deviation = x.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        return type(self)(tuple(x.mean(axis=0).tolist()), tuple(scale.tolist()))

    def transform(self, data: Any) -> np.ndarray:
        """Return float32 of the shape of ``data``."""
        self._ready(self.scale)
        x = _matrix("StandardScaler", data)
        if x.shape[1] != len(self.scale):
            raise ShapeError(
                f"StandardScaler expected {len(self.scale)} columns as it was fitted to, got "
                f"shape {x.shape}."
            )
        return ((x - np.array(self.mean)) / np.array(self.scale)).astype(np.float32)


@PREPROCESSING.register()
class TableColumns(Preprocessing):
    """A table by columns as one matrix: numbers scaled, categories as one-hot columns.

    The matrix has first ``(x - mean) / scale`` of each column of numbers, then for each column of
    strings one column for every category, in order.

    Args:
        numbers: names of the columns of numbers; ``fit`` finds this and all that follows.
        mean: their means.
        scale: their standard deviations; 1 where a column never changes.
        strings: names of the columns of categories.
        categories: the categories of each, in order.
        unknown: what a category that was not there in training gives: ``"zeros"`` or ``"stop"``.
    """

    numbers: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    strings: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    unknown: str = "zeros"

    def __post_init__(self) -> None:
        check_one_of("TableColumns", "unknown", self.unknown, ("zeros", "stop"))
        if not len(self.numbers) == len(self.mean) == len(self.scale) or len(self.strings) != len(
            self.categories
        ):
            raise ArgumentError(
                "TableColumns expected a mean and a scale for every column of numbers, and "
                "categories for every column of strings."
            )

    @property
    def columns(self) -> list[str]:
        """The names of the columns of the matrix."""
        ones = zip(self.strings, self.categories, strict=True)
        return [*self.numbers, *(f"{name}={value}" for name, values in ones for value in values)]

    def fit(self, data: Any) -> Self:
        """Return the preprocessing of a table.

        Args:
            data: a dictionary of columns, or a data frame, or a pipeline of dictionaries, which is
                read once.
        """
        sums: dict[str, np.ndarray] = {}
        found: dict[str, set[str]] = {}
        for table in _tables(data):
            for name, values in table.items():
                column = np.asarray(values)
                if column.dtype.kind in "biuf":
                    sums[name] = merged(sums.get(name), column.astype(np.float64))
                else:
                    found.setdefault(name, set()).update(map(str, column))
        both = sorted(set(sums) & set(found))
        if both or not (sums or found):
            raise DataError(
                "TableColumns expected a table with columns of numbers or of strings, got "
                f"{f'both in column {both[0]!r}' if both else 'none'}."
            )
        deviations = [(m2 / n) ** 0.5 for n, _, m2 in sums.values()]
        return replace(
            self,
            numbers=tuple(sums),
            mean=tuple(float(mean) for _, mean, _ in sums.values()),
            scale=tuple(float(value) if value > 0 else 1.0 for value in deviations),
            strings=tuple(found),
            categories=tuple(tuple(sorted(values)) for values in found.values()),
        )

    def transform(self, data: Any) -> np.ndarray:
        """Return float32 ``(rows, columns)``; ``columns`` names them."""
        self._ready(self.numbers or self.strings)
        table = {str(name): np.asarray(values) for name, values in _table(data).items()}
        absent = [name for name in (*self.numbers, *self.strings) if name not in table]
        if absent:
            raise DataError(
                f"TableColumns expected a column {absent[0]!r} as in training, got "
                f"{', '.join(map(repr, table)) or 'none'}."
            )
        made = []
        for name, mean, scale in zip(self.numbers, self.mean, self.scale, strict=True):
            if table[name].dtype.kind not in "biuf":
                raise DataError(
                    f"TableColumns expected numbers in column {name!r} as in training, got "
                    f"{table[name].dtype}."
                )
            made.append(((table[name].astype(np.float64) - mean) / scale)[:, None])
        for name, values in zip(self.strings, self.categories, strict=True):
            made.append(self._one_hot(name, values, table[name]))
        return np.concatenate(made, axis=1).astype(np.float32)

    def _one_hot(self, name: str, values: tuple[str, ...], column: np.ndarray) -> np.ndarray:
        places = {value: place for place, value in enumerate(values)}
        rows = np.zeros((len(column), len(values)), np.float32)
        for row, value in enumerate(map(str, column)):
            if value in places:
                rows[row, places[value]] = 1
            elif self.unknown == "stop":
                raise DataError(
                    f"TableColumns expected a category of column {name!r} that was there in "
                    f"training, got {value!r} in row {row}; pass unknown='zeros' to let it be."
                )
        return rows


@PREPROCESSING.register()
class ImageFiles(Preprocessing):
    """Image files as arrays of one size, as ``Dataset.from_folder`` reads them.

    Args:
        height: rows of the result.
        width: columns of the result.
        color: ``"rgb"`` or ``"grey"``.
    """

    height: int
    width: int
    color: str = "rgb"

    def __post_init__(self) -> None:
        check_positive_int("ImageFiles", "height", self.height)
        check_positive_int("ImageFiles", "width", self.width)
        check_one_of("ImageFiles", "color", self.color, tuple(MODES))

    def transform(self, data: Any) -> np.ndarray:
        """Return uint8 ``(files, height, width, channels)`` for paths of images."""
        paths = [data] if isinstance(data, (str, Path)) else list(data)
        if not paths:
            raise DataError("ImageFiles expected at least one path, got none.")
        return np.stack([image_array(p, self.height, self.width, self.color) for p in paths])


@PREPROCESSING.register()
class RawData(Preprocessing):
    """What a model needs to take raw data and to answer in names.

    Args:
        inputs: turns raw inputs into arrays, None where they are arrays.
        labels: turns class names into numbers, None where they are numbers.
    """

    inputs: Preprocessing | None = None
    labels: Preprocessing | None = None

    def __post_init__(self) -> None:
        if self.labels is not None and not hasattr(self.labels, "inverse_transform"):
            raise DTypeError(
                f"RawData expected labels to be LabelNames, got {type(self.labels).__name__}."
            )

    def transform(self, data: Any) -> Any:
        """Return raw inputs as arrays."""
        return data if self.inputs is None else self.inputs.transform(data)

    def transform_labels(self, data: Any) -> Any:
        """Return class names as numbers."""
        return data if self.labels is None else self.labels.transform(data)

    def answers(self, outputs: Any, threshold: float = 0.5) -> list[Any]:
        """Return what a model's outputs say: the name or number of the class of each row.

        Args:
            outputs: shape ``(rows, classes)``; or ``(rows, 1)``, of which a number above the
                threshold says class 1. Without ``labels`` that number is returned as it is.
            threshold: 0.5 for probabilities, 0 for logits.
        """
        y = np.asarray(outputs)
        if y.ndim != 2:
            raise ShapeError(
                f"predict_raw expected outputs of shape (rows, classes), got {y.shape}; use "
                "predict for models of another kind."
            )
        if y.shape[1] == 1:
            if self.labels is None:
                return y[:, 0].tolist()
            numbers = (y[:, 0] > threshold).astype(int)
        else:
            numbers = y.argmax(axis=1)
        if self.labels is None:
            return numbers.tolist()
        names: Any = self.labels
        return names.inverse_transform(numbers)


def _matrix(who: str, data: Any) -> np.ndarray:
    x = np.asarray(data)
    if x.ndim != 2 or x.dtype.kind not in "biuf" or not len(x):
        raise ShapeError(
            f"{who} expected numbers of shape (rows, columns), got {x.dtype} of shape {x.shape}."
        )
    return x.astype(np.float64)


def _tables(data: Any) -> Any:
    """Return the pieces of a table: a dictionary of columns each."""
    if not hasattr(data, "rows"):
        return [_table(data)]
    return (_table(block.x) for block in data.rows())


def _table(data: Any) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return data
    names: Sequence[Any] | None = getattr(data, "columns", None)
    if names is None:
        raise DTypeError(
            f"TableColumns expected a dictionary of columns or a data frame, got "
            f"{type(data).__name__}; write {{'name': values, ...}}."
        )
    return {str(name): np.asarray(data[name]) for name in names}


def merged(before: np.ndarray | None, values: np.ndarray) -> np.ndarray:
    """Return (n, mean, sum of squared distances) with some values more (Chan et al.)."""
    n, mean = len(values), values.mean()
    m2 = ((values - mean) ** 2).sum()
    if before is None:
        return np.array([n, mean, m2])
    n0, mean0, m20 = before
    apart = mean - mean0
    return np.array([n0 + n, mean0 + apart * n / (n0 + n), m20 + m2 + apart**2 * n0 * n / (n0 + n)])
