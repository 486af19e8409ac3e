"""Folders of files by class: images, sounds and texts, one file a row."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid._checks import as_tuple, check_one_of, check_positive_int, check_range
from pellucid.data._arrays import Batch
from pellucid.data._blocks import objects
from pellucid.data._photos import middle, read_image
from pellucid.data._sounds import SUFFIXES as SOUNDS
from pellucid.data._sounds import read_sound
from pellucid.data._sources import Files, Reader, Skipped, in_lists
from pellucid.data._stages import BLOCK, Reading
from pellucid.data._tables import check_classes
from pellucid.errors import DataError, DatasetError

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
TEXTS = (".txt",)
MODES = {"rgb": "RGB", "grey": "L"}


def images(
    who: str, path: Path, image_size: Any, color: str, labels: bool, skipped: Skipped | None
) -> Files:
    """Return the images of a folder, each scaled to one size: uint8 (height, width, channels)."""
    check_one_of(who, "color", color, tuple(MODES))
    height, width = as_tuple(who, "image_size", image_size, 2)

    def read(file: str) -> np.ndarray:
        return image_array(file, height, width, color)

    # A block of images takes a few megabytes, whatever their size.
    block = max(8, min(64, 2**24 // (height * width * 3)))
    return _files(who, path, "images", IMAGES, read, labels, block, skipped)


def image_array(file: str | Path, height: int, width: int, color: str) -> np.ndarray:
    """Return the middle of an image file, scaled: uint8 (height, width, 3 or 1)."""
    pixels = middle(read_image(Path(file), MODES[color]), height, width)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def sounds(
    who: str,
    path: Path,
    rate: int | None,
    seconds: float | None,
    labels: bool,
    skipped: Skipped | None,
) -> Files:
    """Return the sounds of a folder: float32 (samples, 1), in [-1, 1]."""
    if rate is not None:
        check_positive_int(who, "sampling_rate", rate)
    if seconds is not None:
        check_range(who, "seconds", seconds, 0, open_low=True)

    def read(file: str) -> np.ndarray:
        return read_sound(Path(file), rate, seconds)

    return _files(who, path, "sounds", SOUNDS, read, labels, 32, skipped)


def texts(who: str, path: Path, labels: bool, skipped: Skipped | None) -> Files:
    """Return the texts of a folder, one string for each file."""

    def read(file: str) -> str:
        try:
            return Path(file).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file!r} is not UTF-8 ({error.reason} at byte {error.start}); save the file as "
                "UTF-8, or pass on_error='skip'."
            ) from error

    return _files(who, path, "texts", TEXTS, read, labels, 256, skipped)


class Lines(Reader):
    """The lines of a text file, without those that are blank.

    Args:
        path: the file, in UTF-8.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"text file {path.name}"
        self.path = path
        if next(self._lines(), None) is None:
            raise DataError(f"{str(path)!r} expected at least one line of text, got none.")

    def read(self, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield blocks of lines."""
        for lines in in_lists(self._lines(), skip, BLOCK):
            yield Batch(objects(lines), None, None)

    def _lines(self) -> Iterator[str]:
        number = 0
        try:
            with self.path.open(encoding="utf-8-sig") as file:
                for number, line in enumerate(file, 1):  # noqa: B007  (the handler reads it)
                    if line.strip():
                        yield line.rstrip("\n")
        except FileNotFoundError as error:
            raise DatasetError(f"There is no file {str(self.path)!r}.") from error
        except UnicodeDecodeError as error:
            raise DataError(
                f"{str(self.path)!r}, line {number + 1} or later, is not UTF-8 ({error.reason}); "
                "save the file as UTF-8."
            ) from error


def _files(
    who: str,
    path: Path,
    name: str,
    suffixes: Sequence[str],
    read: Callable[[str], Any],
    labels: bool,
    block: int,
    skipped: Skipped | None,
) -> Files:
    """Return the files of a folder, with the name of the folder below it as their class."""
    if not path.is_dir():
        raise DatasetError(f"There is no folder {str(path)!r}; {who} reads a folder of {name}.")
    if not labels:
        files = _within(path, suffixes)
        if not files:
            raise _empty(who, path, name, suffixes)
        return Files(f"{name} in {path.name}", files, read, None, None, block, skipped)
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    found = {folder.name: _within(folder, suffixes) for folder in folders}
    loose = [p for p in path.iterdir() if p.is_file() and p.suffix.lower() in suffixes]
    if not folders and loose:
        raise DataError(
            f"{who} expected a folder for each class in {str(path)!r}, got {len(loose):,} files "
            f"without; put them into {path.name}/CLASS/, or pass labels=False."
        )
    if not any(found.values()):
        raise _empty(who, path, name, suffixes)
    for class_name, files in found.items():
        if not files:
            raise DataError(
                f"{who} expected {name} in every class, got none in {str(path / class_name)!r}; "
                "add some, or remove the folder."
            )
    names = check_classes(str(path), list(found))
    numbers = [np.full(len(files), number) for number, files in enumerate(found.values())]
    every = [file for files in found.values() for file in files]
    classes = np.concatenate(numbers).astype(np.int32)
    return Files(f"{name} in {path.name}", every, read, classes, names, block, skipped)


def _within(folder: Path, suffixes: Sequence[str]) -> list[str]:
    return sorted(str(p) for p in folder.rglob("*") if p.suffix.lower() in suffixes)


def _empty(who: str, path: Path, name: str, suffixes: Sequence[str]) -> DataError:
    return DataError(
        f"{who} expected {name} in the folder {str(path)!r}, got none; it takes files that end in "
        f"{', '.join(suffixes)}."
    )
