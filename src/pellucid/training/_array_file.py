"""Named arrays in one safetensors file: written whole, compared with what is expected when read.

A file is eight bytes (the length of the header), the header (JSON: type, shape and place of every
array, and what is said beside them), and the numbers. Files of ours say their check sum as well.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from pellucid._files import is_plain_file, write_file
from pellucid.errors import DTypeError, ModelFileError, PellucidError

CHECK_SUM = "crc32"


def write_arrays(
    path: Path, arrays: Mapping[str, Any], said: Mapping[str, str] | None = None
) -> None:
    """Write arrays by name to a safetensors file, whole or not at all.

    Args:
        path: the file.
        arrays: the arrays by name.
        said: further words by name, for the header.

    Raises:
        WriteError: it cannot be written; what was there before stands.
        DTypeError: an array has a type that the format does not know.
    """
    write_file(path, _encoded(arrays, said or {}))


def _encoded(arrays: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[Any]:
    """Yield the bytes of a file: length of the header, header, numbers of every array."""
    plain = {name: _little_endian(np.asarray(array, order="C")) for name, array in arrays.items()}
    # Wide types first, so that every array begins at a multiple of its item size.
    names = sorted(plain, key=lambda name: (-plain[name].dtype.itemsize, name))
    head: dict[str, Any] = {"__metadata__": {**said, CHECK_SUM: _check_sum(plain)}}
    place = 0
    for name in names:
        array = plain[name]
        head[name] = {
            "dtype": _code(name, array.dtype),
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    header = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    header += b" " * (-len(header) % 8)
    yield len(header).to_bytes(8, "little") + header
    for name in names:
        yield _bytes_of(plain[name])


def _little_endian(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array


def _bytes_of(array: np.ndarray) -> Any:
    """Return the numbers of an array in C order as bytes, without a copy."""
    return array.reshape(-1).view(np.uint8).data


def _check_sum(arrays: Mapping[str, np.ndarray]) -> str:
    """Return one number for all names and numbers, whatever their order."""
    total = 0
    for name, array in arrays.items():
        total ^= zlib.crc32(_bytes_of(array), zlib.crc32(name.encode("utf-8")))
    return f"{total:08x}"


def read_arrays(path: Path, expected: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read arrays by name, after comparing every name, shape and type with what is expected.

    Raises:
        ModelFileError: if the file is damaged, or differs; all differences are listed.
    """
    from safetensors import SafetensorError, safe_open

    _check_plain(path)
    try:
        with safe_open(path, framework="numpy") as file:
            found = {
                name: (tuple(file.get_slice(name).get_shape()), file.get_slice(name).get_dtype())
                for name in file.keys()  # noqa: SIM118  (the file is no dictionary)
            }
            differences = _differences(found, expected)
            if differences:
                raise ModelFileError(f"{path} does not fit the model: {'; '.join(differences)}.")
            arrays = {name: file.get_tensor(name) for name in expected}
            _check_numbers(path, arrays, file.metadata())
            return arrays
    except FileNotFoundError as error:
        raise ModelFileError(f"{path} is missing; the model was not saved completely.") from error
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path} is damaged: {reason(error)}") from error


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of a file by name, whatever they are.

    Raises:
        ModelFileError: if the file is damaged.
    """
    return load_arrays_and_words(path)[0]


def load_arrays_and_words(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return all arrays of a file by name, and the words of its header.

    Raises:
        ModelFileError: if the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    _check_plain(path)
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            arrays = {name: file.get_tensor(name) for name in names}
            words = dict(file.metadata() or {})
            _check_numbers(path, arrays, words)
            return arrays, words
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path} is damaged: {reason(error)}") from error


def read_words(path: Path) -> dict[str, str]:
    """Return the words of a file's header alone; none if it is damaged, which reading it tells."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return {}


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in a file; none if it is damaged, which reading it tells."""
    from safetensors import SafetensorError, safe_open

    _check_plain(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return list(file.keys())
    except (SafetensorError, OSError):
        return []


def _check_plain(path: Path) -> None:
    """Raise ModelFileError for what could not be read to an end: a pipe, a device, a folder."""
    if path.exists() and not is_plain_file(path, follow=True):
        raise ModelFileError(f"{path} is no file of arrays; expected a safetensors file.")


def _check_numbers(path: Path, arrays: Mapping[str, np.ndarray], words: Any) -> None:
    """Raise ModelFileError unless the numbers have the check sum that the file says, if any."""
    said = (words or {}).get(CHECK_SUM)
    if said is not None and said != _check_sum(arrays):
        raise ModelFileError(
            f"{path} is damaged: its numbers are not those that were written (their check sum "
            "differs); save it again, or take an earlier copy."
        )


_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_CODES = {name: code for code, name in _DTYPES.items()}


def _code(name: str, dtype: np.dtype[Any]) -> str:
    if dtype.name not in _CODES:
        raise DTypeError(
            f"The array {name} has the type {dtype.name}, which files of arrays do not hold; "
            f"expected one of {', '.join(_CODES)}."
        )
    return _CODES[dtype.name]


def _differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    listed = [f"{name} is missing" for name in expected if name not in found]
    listed += [f"{name} is not in the model" for name in found if name not in expected]
    for name, spec in expected.items():
        if name in found:
            shape, dtype = found[name]
            wanted = (tuple(spec.shape), jnp.dtype(spec.dtype).name)
            if (shape, _DTYPES.get(dtype, dtype)) != wanted:
                listed.append(
                    f"{name} has shape {shape} of {_DTYPES.get(dtype, dtype)}, expected "
                    f"{wanted[0]} of {wanted[1]}"
                )
    return listed


def reason(error: BaseException) -> str:
    """Return an error in words."""
    if isinstance(error, PellucidError):
        return str(error)
    return f"{type(error).__name__}: {error}."
