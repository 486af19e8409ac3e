"""The files of a recording, and how they are written and read.

::

    recording/
        recording.json            what was trained on what: hashes of the data, versions, settings
        log.jsonl                 what happened, one line each, in order, written as it goes
        weights.safetensors       the weight of every row, where rows have weights
        000000812-17.safetensors  the whole training state before step 812

A line of the log has a ``kind`` and the ``step`` before which it happened: ``epoch`` (with the seed
of its order), ``look`` (with the measures so far), ``epoch_end``, ``checkpoint``, ``rate`` and
``weights`` (a callback changed them), ``end``.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pellucid._files import make_folders, write_text
from pellucid.errors import RunError
from pellucid.training._array_file import load_arrays, write_arrays
from pellucid.training._finite import path_name
from pellucid.training._state import Batch

DESCRIPTION, LOG, WEIGHTS = "recording.json", "log.jsonl", "weights.safetensors"
FORMAT_VERSION = 1

Entry = dict[str, Any]
"""One line of the log."""


@dataclass(frozen=True)
class RecordedFiles:
    """What is read from the folder of a recording.

    Attributes:
        folder: the folder.
        description: the content of ``recording.json``.
        entries: the lines of the log.
    """

    folder: Path
    description: dict[str, Any]
    entries: list[Entry]

    def of_kind(self, *kinds: str) -> list[Entry]:
        """Return the lines of some kinds, in order."""
        return [entry for entry in self.entries if entry["kind"] in kinds]

    @property
    def steps(self) -> range:
        """The numbers of the steps that were recorded."""
        first = int(self.description["first_step"])
        last = max((int(entry["step"]) for entry in self.entries), default=first)
        return range(first, last)


def is_recording(folder: Path) -> bool:
    """Tell whether a folder holds a recording."""
    return (folder / DESCRIPTION).is_file()


def read_recording(folder: Path) -> RecordedFiles:
    """Return what the folder of a recording holds.

    Raises:
        RunError: there is no recording, it is damaged, or of another version.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise RunError(
            f"There is no recording in {str(folder)!r}; train with "
            "callbacks=[pellucid.callbacks.Recorder(folder)], or `pellucid train` without "
            "--no-record."
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        version = description["format_version"]
        text = (folder / LOG).read_text(encoding="utf-8") if (folder / LOG).exists() else ""
        # A kill may leave half a line at the end.
        lines = text.splitlines()[: None if text.endswith("\n") else -1]
        entries = [_decoded(json.loads(line)) for line in lines]
        if any(not {"kind", "step"} <= set(entry) for entry in entries):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"The recording in {str(folder)!r} is damaged; train again to make another."
        ) from error
    if version != FORMAT_VERSION:
        raise RunError(
            f"The recording in {str(folder)!r} has version {version}, and this Pellucid reads "
            f"version {FORMAT_VERSION}; train again to make another."
        )
    return RecordedFiles(folder, description, entries)


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``recording.json``, whole or not at all."""
    text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(folder / DESCRIPTION, text)


def clear(folder: Path) -> None:
    """Make the folder, and remove what an earlier recording left in it."""
    make_folders(folder)
    if is_recording(folder):
        (folder / DESCRIPTION).unlink()
        for path in (folder / LOG, *folder.glob("*.safetensors")):
            path.unlink(missing_ok=True)


def write_weights(folder: Path, weights: Any) -> None:
    """Write the weights of the rows, an array or one for each output, where there are any."""
    arrays = {
        path_name(path): np.asarray(leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path({"weight": weights})[0]
    }
    if arrays:
        write_arrays(folder / WEIGHTS, arrays)


def read_weights(folder: Path, outputs: Sequence[str]) -> Any:
    """Return the weights of the rows: None, an array, or a list of one (or None) for each output.

    Args:
        folder: the folder of the recording.
        outputs: the names of the model's outputs, in order.
    """
    if not (folder / WEIGHTS).exists():
        return None
    arrays = load_arrays(folder / WEIGHTS)
    if "weight" in arrays:
        return arrays["weight"]
    return [
        arrays.get(f"weight/{number}", arrays.get(f"weight/{name}"))
        for number, name in enumerate(outputs)
    ]


def encoded(entry: Entry) -> str:
    """Return a line of the log; what is not finite becomes a word."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): plain(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(part) for part in value]
        if hasattr(value, "tolist"):
            return plain(value.tolist())
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(entry), allow_nan=False) + "\n"


def _decoded(entry: Entry) -> Entry:
    """Return a line with its measures as numbers again."""

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(part) for part in value]
        return float(value) if isinstance(value, str) else value

    if "logs" in entry:
        entry["logs"] = {name: number(value) for name, value in entry["logs"].items()}
    return entry


def hash_rows(data: Batch) -> dict[str, dict[str, Any]]:
    """Return shape, type and SHA-256 of every array of the inputs and targets, by name."""
    parts = {"x": data.x, "y": data.y}
    return {
        path_name(path): described(np.asarray(leaf))
        for path, leaf in jax.tree_util.tree_flatten_with_path(parts)[0]
    }


def described(array: np.ndarray) -> dict[str, Any]:
    """Return shape, type and SHA-256 of an array."""
    numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    digest = hashlib.sha256(numbers.data).hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": digest}


def environment() -> dict[str, Any]:
    """Return what the bits of a training depend on beside its own settings."""
    import platform

    import pellucid
    from pellucid import kernels

    device = jax.devices()[0]
    return {
        "pellucid": pellucid.__version__,
        "jax": jax.__version__,
        "device": f"{device.platform} {device.device_kind}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "kernels": kernels.status().words,
    }
