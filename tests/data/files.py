"""Small made files in the formats that the loaders read."""

import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def write_idx_set(folder: Path, train: int = 7, test: int = 3, seed: int = 0):
    """Write the four files of an MNIST-like set and return what they hold."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    splits = []
    for part, count in (("train", train), ("t10k", test)):
        x = random.integers(0, 256, (count, 28, 28), np.uint8)
        y = random.integers(0, 10, count, np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(x)))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(y)))
        splits.append((x, y))
    return splits


def cifar_records(count: int, seed: int = 0):
    """Return ``count`` records as bytes, the images (n, 32, 32, 3) and the labels (n, 1)."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 256, (count, 32, 32, 3), np.uint8)
    y = random.integers(0, 10, (count, 1), np.uint8)
    records = np.concatenate([y, x.transpose(0, 3, 1, 2).reshape(count, -1)], axis=1)
    return records.tobytes(), x, y


def write_tar(path: Path, members: dict[str, bytes], extra: tarfile.TarInfo | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        if extra is not None:
            archive.addfile(extra)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def ragged(lists: list) -> np.ndarray:
    array = np.empty(len(lists), object)
    for row, entry in enumerate(lists):
        array[row] = entry
    return array


def object_npy(pickled: bytes, shape: str = "(2,)") -> bytes:
    """Return an ``.npy`` file of objects around any pickle."""
    header = f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickled
