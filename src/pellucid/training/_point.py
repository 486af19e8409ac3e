"""A point from which a training goes on, bit for bit: all that it stands on, in one file.

A fit rests at every look and after every epoch, when all callbacks have had their turn. What it
stands on there is the training state, the place in the epoch and its order, the running sums of the
measures, the history, what each callback keeps, and why it stopped, if it did. The file is one of
named arrays; what is no array stands as JSON in its header.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._files import strict_json
from pellucid.errors import DTypeError, ModelFileError
from pellucid.training._array_file import load_arrays_and_words, read_words, write_arrays
from pellucid.training._checkpoint import from_arrays, is_key, named_arrays
from pellucid.training._record import FitRecord
from pellucid.training._state import TrainingState

FORMAT, FORMAT_VERSION = "pellucid checkpoint", 1
STATE, REST = "state/", "rest"


@dataclass(frozen=True)
class Point:
    """Where a fit stood.

    Attributes:
        state: the training state.
        rest: everything else, as ``point_of`` puts it together.
    """

    state: TrainingState
    rest: dict[str, Any]

    @property
    def callbacks(self) -> dict[str, Any]:
        """What the callbacks kept, by name."""
        return self.rest["callbacks"]

    @property
    def signature(self) -> dict[str, Any]:
        """What the training was one of: model, data, settings, versions."""
        return self.rest["signature"]

    def put_into(self, record: FitRecord) -> None:
        """Let a record stand where this point stands."""
        rest = self.rest
        record.live = self.state
        record.epoch = record.to_come = rest["epoch"]
        record.batch, record.begun = rest["batch"], rest["begun"]
        record.steps, record.stopped = rest["steps"], rest["stopped"]
        seed, totals = rest["order_seed"], rest["totals"]
        record.order_seed = None if seed is None else (seed[0], seed[1])
        record.totals = None if totals is None else (*map(jax.device_put, totals),)
        record.history.epoch = rest["history"]["epoch"]
        record.history.history = rest["history"]["history"]
        record.resumed = True


def point_of(
    record: FitRecord, callbacks: Mapping[str, Any], signature: Mapping[str, Any]
) -> Point:
    """Return the point at which a record stands.

    Args:
        record: the record.
        callbacks: what the callbacks keep, by name.
        signature: what the training is one of.
    """
    return Point(
        record.live,
        {
            "epoch": record.to_come,
            "batch": record.batch if record.begun else 0,
            "begun": record.begun,
            "steps": record.steps,
            "stopped": record.stopped,
            "order_seed": record.order_seed if record.begun else None,
            "totals": record.totals if record.begun else None,
            "history": {
                "epoch": list(record.history.epoch),
                "history": {name: list(v) for name, v in record.history.history.items()},
            },
            "callbacks": callbacks,
            "signature": signature,
        },
    )


def write_point(path: Path, point: Point) -> None:
    """Write a point to a file, whole or not at all.

    Raises:
        WriteError: it cannot be written; what was there before stands.
    """
    arrays = {STATE + name: array for name, array in named_arrays(point.state).items()}
    rest = _put_aside(point.rest, REST, arrays)
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "rest": rest}
    write_arrays(path, arrays, {"pellucid": json.dumps(head, allow_nan=False)})


def read_point(path: Path, like: TrainingState) -> Point:
    """Return the point of a file that ``write_point`` wrote.

    Args:
        path: the file.
        like: a state of the same form, such as the one that the training started with.

    Raises:
        ModelFileError: the file is absent, damaged, of another version, or of another form.
    """
    if not path.exists():
        raise ModelFileError(f"There is no file {path}.")
    arrays, words = load_arrays_and_words(path)
    head = _head(path, words)
    expected = jax.eval_shape(named_arrays, like)
    found = {
        name.removeprefix(STATE): array for name, array in arrays.items() if name.startswith(STATE)
    }
    _check_form(path, found, expected)
    try:
        rest = _put_back(head["rest"], arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} is damaged: it lacks {error}.") from error
    if not all(isinstance(a, (np.ndarray, jax.Array)) for a in jax.tree.leaves(rest["totals"])):
        raise ModelFileError(f"{path} is damaged: its running sums are no arrays.")
    return Point(from_arrays(found, like), rest)


def read_rest(path: Path) -> dict[str, Any] | None:
    """Return what the header of a file says beside arrays; None if it is damaged."""
    try:
        return _head(path, read_words(path))["rest"]
    except ModelFileError:
        return None


def _is_place(rest: Mapping[str, Any]) -> bool:
    """Tell whether everything is there that says where a fit stood, and is of its kind."""

    def is_count(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    def is_pair(value: Any) -> bool:
        return value is None or (isinstance(value, list) and len(value) == 2)

    seed, history = rest["order_seed"], rest["history"]
    return (
        all(is_count(rest[name]) for name in ("epoch", "batch"))
        and isinstance(rest["begun"], bool)
        and (rest["steps"] is None or is_count(rest["steps"]))
        and isinstance(rest["stopped"], str | None)
        and is_pair(seed)
        and all(map(is_count, seed or ()))
        and is_pair(rest["totals"])
        and all(isinstance(sums, dict) for sums in rest["totals"] or ())
        and isinstance(history["epoch"], list)
        and all(isinstance(values, list) for values in history["history"].values())
        and all(isinstance(rest[name], dict) for name in ("callbacks", "signature"))
    )


def _head(path: Path, words: Mapping[str, str]) -> dict[str, Any]:
    if "pellucid" not in words:
        raise ModelFileError(f"{path} is damaged, or no checkpoint of a training.")
    try:
        head = strict_json(words["pellucid"])
        version = head["format_version"]
        if head["format"] != FORMAT or not isinstance(head["rest"], dict):
            raise ValueError("another format")
        if version == FORMAT_VERSION and not _is_place(head["rest"]):
            raise ValueError("it does not say where the training stood")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is damaged: {error}.") from error
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version!r}, and this Pellucid reads version "
            f"{FORMAT_VERSION}; install the Pellucid that wrote it."
        )
    return head


def _check_form(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    names = sorted({*found} ^ {*expected})
    wrong = [f"{name} is {'missing' if name in expected else 'not in the model'}" for name in names]
    for name in sorted({*found} & {*expected}):
        was, is_ = found[name], expected[name]
        if was.shape != is_.shape or was.dtype != is_.dtype:
            wrong.append(
                f"{name} has shape {was.shape} of {was.dtype}, expected {is_.shape} of {is_.dtype}"
            )
    if wrong:
        raise ModelFileError(f"{path} does not fit the model: {'; '.join(wrong)}.")


# Arrays inside plain structures


def _put_aside(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Return a structure as JSON; its arrays go to ``arrays``, and their names stay."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _put_aside(part, f"{name}/{key}", arrays) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_put_aside(part, f"{name}/{n}", arrays) for n, part in enumerate(value)]
    if isinstance(value, (np.ndarray, jax.Array)):
        key = is_key(value)
        arrays[name] = jax.random.key_data(value) if key else value
        return {"$key" if key else "$array": name}
    raise DTypeError(
        f"A checkpoint holds numbers, words, arrays, lists and dictionaries of them, got "
        f"{type(value).__name__} in {name.removeprefix(f'{REST}/')}; let get_state return "
        "those alone."
    )


def _put_back(value: Any, arrays: Mapping[str, Any]) -> Any:
    """Return the structure that was put aside."""
    if isinstance(value, list):
        return [_put_back(part, arrays) for part in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"$number"}:
        return float(value["$number"])
    if set(value) == {"$array"}:
        return arrays[value["$array"]]
    if set(value) == {"$key"}:
        return jax.random.wrap_key_data(jnp.asarray(arrays[value["$key"]]))
    return {key: _put_back(part, arrays) for key, part in value.items()}


# What changed


def differences(then: Any, now: Any, path: str = "") -> list[str]:
    """Return in words where two plain structures differ, place by place."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return [
            line
            for key in dict.fromkeys((*then, *now))
            for line in differences(
                then.get(key), now.get(key), f"{path}/{key}" if path else str(key)
            )
        ]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [
            line
            for n, (a, b) in enumerate(zip(then, now, strict=True))
            for line in differences(a, b, f"{path}/{n}")
        ]
    return [] if then == now else [f"{path} was {_short(then)} and is {_short(now)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
