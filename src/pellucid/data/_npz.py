"""A strict reader of ``.npz`` files: arrays of numbers, and lists of integers, nothing else.

An ``.npz`` file is a zip of ``.npy`` files; an ``.npy`` file is a magic string, a version, a line
that says type, order and shape, and the bytes. Everything is checked before it is used: sizes
before they are read, the header against one fixed form, the shape against the bytes that are there.
Arrays of objects, which NumPy stores as a pickle, go to ``_pickled.py`` and are not run.
"""

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from pellucid.data._cache import damaged
from pellucid.data._pickled import read_lists
from pellucid.errors import DatasetError

Content = Mapping[str, np.ndarray | list[list[int]]]

_LARGEST = 1 << 28  # bytes of one array; the largest that is published here has 47 million

_LONGEST_HEADER = 1000

# The header as every NumPy writes it: sorted keys, a trailing comma, padding, a line end.
_HEADER = re.compile(
    r"\{'descr': '(\|O[48]?|[|<>=]?[biuf]\d{1,2})', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,12}L?, ?)*(?:\d{1,12}L?)?)\), \} *\n"
)

# What zipfile raises for damaged, encrypted or odd archives.
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, OverflowError, RuntimeError),
)


def read_npz(path: Path, names: tuple[str, ...]) -> Content:
    """Read the named arrays of an ``.npz`` file.

    Args:
        path: the file.
        names: the arrays that it must hold; others are left alone.

    Returns:
        For each name a numeric array, or, where the file holds an array of objects, a list of lists
        of integers.

    Raises:
        DatasetError: if the file is damaged, lacks an array, holds one that is too large, or holds
            objects that are not lists of integers.
    """
    content = {}
    for name, data in _members(path, names).items():
        try:
            content[name] = _read_npy(data)
        except DatasetError as error:
            raise damaged(path, f"its array {name} {error}") from error
    return content


def integers(path: Path, content: Content, name: str) -> np.ndarray:
    """Return the array of integers of this name.

    Raises:
        DatasetError: if it holds something else.
    """
    array = content[name]
    if isinstance(array, list) or array.dtype.kind not in "iu" or array.ndim == 0:
        what = "lists" if isinstance(array, list) else f"{array.dtype} of shape {array.shape}"
        raise damaged(path, f"its array {name} should hold integers and holds {what}")
    return array


def _members(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Unpack the named members, none larger than the limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            present = {member.filename: member for member in archive.infolist()}
            missing = [name for name in names if f"{name}.npy" not in present]
            if missing:
                raise damaged(path, f"it lacks the array {missing[0]}")
            wanted = {name: present[f"{name}.npy"] for name in names}
            for name, member in wanted.items():
                if member.file_size > _LARGEST:
                    raise damaged(
                        path,
                        f"its array {name} would have {member.file_size:,} bytes, and no more than "
                        f"{_LARGEST:,} are read",
                    )
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise damaged(path, f"its array {name} is compressed as NumPy would not do it")
            return {name: _unpack(archive, member) for name, member in wanted.items()}
    except DatasetError:  # is an OSError too
        raise
    except _ZIP_ERRORS as error:
        raise damaged(path, f"it cannot be unpacked ({error})") from error


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack a member; to ask for a number of bytes keeps a false size from costing memory."""
    with archive.open(member) as stream:
        return stream.read(member.file_size + 1)


def _read_npy(data: bytes) -> np.ndarray | list[list[int]]:
    """Read one ``.npy`` file; the errors complete the sentence "its array NAME ..."."""
    if data[:6] != b"\x93NUMPY" or len(data) < 12:
        raise DatasetError("is no .npy file")
    start = 10 if data[6] == 1 else 12
    length = int.from_bytes(data[8:start], "little")
    header = None
    if data[6] in (1, 2, 3) and length <= _LONGEST_HEADER:
        header = _HEADER.fullmatch(data[start : start + length].decode("latin1"))
    if header is None:
        raise DatasetError("has a header that NumPy would not write")
    start += length
    shape = tuple(int(size) for size in re.findall(r"\d+", header[3]))
    if header[1].startswith("|O"):
        if len(shape) != 1:
            raise DatasetError(f"should hold one list a record and has the shape {shape}")
        return read_lists(data[start:], shape[0])
    try:
        dtype = np.dtype(header[1])
    except TypeError as error:
        raise DatasetError(f"has the unknown type {header[1]!r}") from error
    size = math.prod(shape) * dtype.itemsize
    if len(data) - start != size:
        raise DatasetError(f"should have {size:,} bytes and has {len(data) - start:,}")
    order: Literal["C", "F"] = "F" if header[2] == "True" else "C"
    array = np.frombuffer(data, dtype, offset=start).reshape(shape, order=order)
    return array.astype(dtype.newbyteorder("="), order="C")  # native, and a copy of one's own
