"""CIFAR-10: colour photographs, 32 x 32 pixels, 10 classes, in the binary version.

- Records: 50,000 training and 10,000 test images, equally many of each class.
- Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", technical report,
  University of Toronto (2009), https://www.cs.toronto.edu/~kriz/cifar.html.
- Licence: none stated; the page asks to cite the report.
- Files: a folder ``cifar-10-batches-bin`` with ``data_batch_1.bin`` to ``data_batch_5.bin`` (those
  that are there) and ``test_batch.bin``, or ``cifar-10-binary.tar.gz``, in
  ``<PELLUCID_DATA>/cifar-10`` or downloaded (170 MB).

A record is 3,073 bytes: the class, then 1,024 bytes each of red, green and blue, row by row.
"""

import gzip
import os
import re
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from pellucid.data._cache import RemoteFile, announce, damaged, obtain, places
from pellucid.errors import DatasetError

__all__ = ["class_names", "load_data"]

class_names = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

_FOLDER = "cifar-10-batches-bin"
_TEST = "test_batch.bin"
_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_RECORD = 1 + 3 * 32 * 32
_BATCH = 10_000 * _RECORD  # bytes of a whole batch file
_ARCHIVE = RemoteFile(
    "cifar-10-binary.tar.gz",
    (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
    ),
    size=170_052_171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
)

Split = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Split, Split]:
    """Return the photographs as ``(x_train, y_train), (x_test, y_test)``.

    Returns:
        x: uint8 of shape ``(n, 32, 32, 3)``, rows, columns, then red, green, blue, 0 to 255; 50,000
            and 10,000 images in the whole set.
        y: uint8 of shape ``(n, 1)``, 0 to 9, places in ``class_names``.

    Raises:
        DatasetError: if the set is neither here nor to be downloaded, or if a file is damaged.
    """
    where = _folder()
    if where is not None:
        batches = _read_folder(where)
    else:
        where = obtain("cifar-10", _ARCHIVE)
        batches = _read_archive(where)
    names = [name for name in _TRAIN if name in batches]
    if not names or _TEST not in batches:
        raise DatasetError(
            f"cifar10: {where} should hold {_TRAIN[0]} (and more) and {_TEST}, and holds "
            f"{', '.join(sorted(batches)) or 'neither'}; add what is missing."
        )
    train = _records(b"".join(batches[name] for name in names), where)
    test = _records(batches[_TEST], where)
    announce("cifar10", "images", (len(train[0]), len(test[0])), (50_000, 10_000), where)
    return train, test


def _folder() -> Path | None:
    """Return the first folder with unpacked batches that comes before any archive."""
    for place in places("cifar-10"):
        for folder in (place / _FOLDER, place):
            if any(os.path.isfile(folder / name) for name in (*_TRAIN, _TEST)):
                return folder
        if os.path.isfile(place / _ARCHIVE.name):
            return None
    return None


def _read_folder(folder: Path) -> dict[str, bytes]:
    """Read the batch files that are there."""
    batches = {}
    for name in (*_TRAIN, _TEST):
        path = folder / name
        if os.path.isfile(path):
            try:
                _check_size(path, path.stat().st_size)
                batches[name] = path.read_bytes()
            except DatasetError:  # is an OSError too
                raise
            except OSError as error:
                raise damaged(path, f"it cannot be read ({error})") from error
    return batches


def _read_archive(path: Path) -> dict[str, bytes]:
    """Read the batch files out of the archive in one pass; nothing is written anywhere."""
    batches = {}
    try:
        with gzip.open(path) as unpacked:
            stream = cast(BinaryIO, _Limited(path, unpacked))
            with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as archive:
                for member in archive:
                    batch = re.fullmatch(rf"(?:\./)?{_FOLDER}/(\w+\.bin)", member.name)
                    if batch is None or not member.isreg():
                        continue
                    _check_size(path / batch[1], member.size)
                    content = archive.extractfile(member)
                    if content is not None:
                        batches[batch[1]] = content.read()
    except DatasetError:  # is an OSError too
        raise
    except (
        *(OSError, EOFError, ValueError, RecursionError),
        *(zlib.error, tarfile.TarError),
    ) as error:
        raise damaged(path, f"it cannot be unpacked ({error})") from error
    return batches


class _Limited:
    """A stream that stops at the size of the unpacked set, whatever the archive promises."""

    def __init__(self, path: Path, stream: gzip.GzipFile) -> None:
        self.path = path
        self.stream = stream
        self.left = 8 * _BATCH  # six batches, the headers, and some room

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most ``size``."""
        block = self.stream.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise damaged(self.path, f"it unpacks to more than {8 * _BATCH:,} bytes")
        return block


def _check_size(path: Path, size: int) -> None:
    if size % _RECORD or not 0 < size <= _BATCH:
        raise damaged(
            path, f"it should have 1 to 10,000 records of {_RECORD:,} bytes and has {size:,} bytes"
        )


def _records(data: bytes, where: Path) -> Split:
    """Return images (n, 32, 32, 3) and labels (n, 1)."""
    records = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    labels, pixels = records[:, :1].copy(), records[:, 1:].reshape(-1, 3, 32, 32)
    if labels.max() > 9:
        raise damaged(where, f"classes should be 0 to 9 and one is {labels.max()}")
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels
