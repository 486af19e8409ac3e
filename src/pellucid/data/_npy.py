"""Arrays that stay in their ``.npy`` files and are read in pieces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data._arrays import Batch, _map, _named
from pellucid.data._blocks import class_numbers
from pellucid.data._sources import AnyOrder, as_slice
from pellucid.errors import DataError, DatasetError, DTypeError, ShapeError


class NpyFiles(AnyOrder):
    """The rows of ``.npy`` files.

    The files are mapped anew for every piece and copied out of the map, so that what was read
    does not pile up in the memory of the process.

    Args:
        x: path, or paths by place or by name, of the inputs.
        y: those of the targets, or None.
        sample_weight: those of the weights, or None.
    """

    name = ".npy files"

    def __init__(self, x: Any, y: Any, sample_weight: Any) -> None:
        given = (x, y, sample_weight)
        self.paths = Batch(*(_each(Path, part) for part in given))
        opened = Batch(*(_each(_opened, part) for part in self.paths))
        (name, array), *others = _named(opened)
        for other_name, other in others:
            if len(other) != len(array):
                raise ShapeError(
                    f"from_npy expected {name} and {other_name} with as many rows each, got "
                    f"{len(array):,} and {len(other):,}; give each sample its own row in both."
                )
        if not len(array):
            raise DataError(f"from_npy expected at least one row, got none in {name}.")
        self.length = len(array)
        labels = class_numbers(opened.y)
        self.labels = None if labels is None else np.array(labels)  # not left in the file

    def load(self, rows: np.ndarray) -> Batch:
        """Read some rows; neighbors are read in one piece."""
        chosen = as_slice(rows)

        def read(path: Path) -> np.ndarray:
            part = _opened(path)[chosen]  # of neighbors a view of the file, of others a copy
            return np.array(part) if isinstance(chosen, slice) else np.asarray(part)

        return Batch(*(_each(read, part) for part in self.paths))


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function to each path and keep the form."""
    return _map(function, tuple(value) if isinstance(value, list) else value)


def _opened(path: Path) -> np.ndarray:
    """Return the array of a file, mapped."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DatasetError(f"There is no file {str(path)!r}; pass the path of a .npy file.") from (
            error
        )
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read as a .npy file of numbers ({error}); write it with "
            "numpy.save(path, array, allow_pickle=False)."
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        raise DatasetError(
            f"{str(path)!r} expected to hold one array with rows, got "
            f"{'a single number' if isinstance(array, np.ndarray) else 'an archive of several'}; "
            "write it with numpy.save(path, array)."
        )
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{str(path)!r} expected to hold numbers, got {array.dtype}.")
    return array
