"""The idx format of MNIST and its relatives: a magic number, the shape, the bytes.

::

    0, 0, 8, rank     two zero bytes, the type (8: unsigned byte), the number of axes
    rank integers     the length of each axis, 4 bytes each, most significant first
    the entries       one byte each, last axis fastest

A file may be compressed with gzip (its name then ends in ``.gz``).
"""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.data._cache import RemoteFile, announce, damaged, named_file, obtain
from pellucid.data._npz import integers, read_npz
from pellucid.errors import DatasetError

Split = tuple[np.ndarray, np.ndarray]

_IMAGE = (28, 28)
_WHOLE = (60_000, 10_000)
_ROLES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


@dataclass(frozen=True)
class ImageSet:
    """A set of 28 x 28 images with 10 classes, published as four idx files.

    Args:
        name: the loader's name, for messages.
        folder: the set's folder below ``PELLUCID_DATA`` and the cache.
        homes: addresses that hold the four files, each ending in a slash.
        sizes: bytes of the four files: training images and labels, test images and labels.
        digests: their SHA-256.
    """

    name: str
    folder: str
    homes: tuple[str, ...]
    sizes: tuple[int, int, int, int]
    digests: tuple[str, str, str, str]

    def load(self) -> tuple[Split, Split]:
        """Return ``(x_train, y_train), (x_test, y_test)`` from the four idx files."""
        paths = [self._obtain(role) for role in range(4)]
        splits = []
        for images_path, labels_path, most in zip(paths[::2], paths[1::2], _WHOLE, strict=True):
            x, y = read_idx(images_path, _IMAGE, most), read_idx(labels_path, (), most)
            check_labels(labels_path, y, len(x))
            splits.append((x, y))
        train, test = splits
        announce(self.name, "images", (len(train[0]), len(test[0])), _WHOLE, paths[0].parent)
        return train, test

    def load_npz(self, path: str) -> tuple[Split, Split] | None:
        """Return the set from a file in the layout of Keras's ``mnist.npz``, if there is one."""
        found = named_file(self.folder, path)
        if found is None:
            return None
        content = read_npz(found, ("x_train", "y_train", "x_test", "y_test"))
        splits = []
        for part in ("train", "test"):
            x, y = integers(found, content, f"x_{part}"), integers(found, content, f"y_{part}")
            if x.shape[1:] != _IMAGE or x.dtype != np.uint8:
                raise damaged(
                    found,
                    f"x_{part} should hold bytes of shape (n, 28, 28) and holds {x.dtype} of "
                    f"shape {x.shape}",
                )
            check_labels(found, y, len(x))
            splits.append((x, y))
        train, test = splits
        announce(self.name, "images", (len(train[0]), len(test[0])), _WHOLE, found.parent)
        return train, test

    def _obtain(self, role: int) -> Path:
        bare = f"{_ROLES[role]}-ubyte"
        name = f"{bare}.gz"
        urls = tuple(home + name for home in self.homes)
        file = RemoteFile(name, urls, self.sizes[role], sha256=self.digests[role])
        return obtain(self.folder, file, bare)


def read_idx(path: Path, item_shape: tuple[int, ...], most: int) -> np.ndarray:
    """Read an idx file of unsigned bytes.

    Args:
        path: the file, gzip-compressed if its name ends in ``.gz``.
        item_shape: shape of one record; ``()`` for labels.
        most: the largest number of records that the set can have; nothing larger is read.

    Returns:
        uint8 array, shape ``(n, *item_shape)`` with ``1 <= n <= most``.

    Raises:
        DatasetError: if the file cannot be read, is cut short or is no such idx file.
    """
    rank = 1 + len(item_shape)
    length = 4 + 4 * rank
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as stream:
            header = stream.read(length)
            if len(header) < length:
                raise damaged(path, f"its header should have {length} bytes and has {len(header)}")
            magic, *shape = struct.unpack(f">{1 + rank}I", header)
            if magic != 0x800 + rank:
                raise damaged(path, f"its magic number should be {0x800 + rank} and is {magic}")
            if tuple(shape[1:]) != item_shape or not 1 <= shape[0] <= most:
                raise damaged(
                    path,
                    f"its header should give a shape {(f'1 to {most}', *item_shape)} and gives "
                    f"{tuple(shape)}",
                )
            size = math.prod(shape)
            body = stream.read(size + 1)  # one more, to see that nothing follows
    except DatasetError:  # is an OSError too
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, f"it cannot be read to its end ({error})") from error
    if len(body) != size:
        got = f"more than {size:,}" if len(body) > size else f"{len(body):,}"
        raise damaged(path, f"its header promises {size:,} bytes of records and there are {got}")
    return np.frombuffer(body, np.uint8).reshape(shape).copy()


def check_labels(path: Path, labels: np.ndarray, count: int, classes: int = 10) -> None:
    """Raise DatasetError unless there are ``count`` labels, all of 0 to ``classes`` - 1."""
    if labels.shape != (count,):
        raise damaged(path, f"there are {count:,} records and labels of shape {labels.shape}")
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise damaged(
            path,
            f"labels should be 0 to {classes - 1} and are {labels.min()} to {labels.max()}",
        )
