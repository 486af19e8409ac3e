"""Named arrays in one safetensors file: written whole, compared with what is expected when read."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from pellucid.errors import ModelFileError, PellucidError


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays by name to a safetensors file."""
    from safetensors.numpy import save_file

    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, path)


def read_arrays(path: Path, expected: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read arrays by name, after comparing every name, shape and type with what is expected.

    Raises:
        ModelFileError: if the file is damaged, or differs; all differences are listed.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            found = {
                name: (tuple(file.get_slice(name).get_shape()), file.get_slice(name).get_dtype())
                for name in file.keys()  # noqa: SIM118  (the file is no dictionary)
            }
            differences = _differences(found, expected)
            if differences:
                raise ModelFileError(f"{path} does not fit the model: {'; '.join(differences)}.")
            return {name: file.get_tensor(name) for name in expected}
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
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{path} is damaged: {reason(error)}") from error


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in a file; none if it is damaged, which reading it tells."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return list(file.keys())
    except (SafetensorError, OSError):
        return []


_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


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


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Call ``write`` with a temporary name and move what it wrote to ``path``.

    A kill at any moment leaves the old file or the new one, never half of one.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write(temporary)
        sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Force a file or folder out to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
