"""The callback that writes TensorBoard's event files, without TensorBoard.

An event file is a sequence of records (TFRecord)::

    uint64  length of the data
    uint32  masked CRC-32C of the eight bytes before
    bytes   the data: one ``Event`` in protobuf's wire format
    uint32  masked CRC-32C of the data

with masked(c) = ((c >> 15) | (c << 17)) + 0xa282ead8 modulo 2^32. Of protobuf only four kinds of
field are needed: a field is its number and kind (number << 3 | kind) as a varint, then a varint
(kind 0), eight bytes (kind 1), a varint length and so many bytes (kind 2), or four bytes (kind 5).
"""

import os
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pellucid._checks import check_one_of
from pellucid._files import Lines
from pellucid.errors import ArgumentError
from pellucid.training._callbacks import Callback, Logs

# Fields of the messages of TensorFlow's event.proto and summary.proto.
WALL_TIME, STEP, FILE_VERSION, SUMMARY, SESSION_LOG = 1, 2, 3, 5, 7
VALUE, TAG, SIMPLE_VALUE, STATUS, START = 1, 1, 2, 1, 1
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC-32C, bits reversed."""


class TensorBoard(Callback):
    """Writes the measures of a fit where TensorBoard shows them.

    ``log_dir/train`` holds ``epoch_loss``, ``epoch_accuracy`` and so on, ``log_dir/validation`` the
    same of the validation data; see them with ``tensorboard --logdir log_dir``. TensorBoard itself
    is not needed to write them.

    Args:
        log_dir: the folder of the event files.
        update_freq: ``"epoch"`` writes after every epoch; ``"look"`` also at every look, a few
            times a second, as ``batch_loss`` over the steps.

    Reference: TensorFlow, event.proto, summary.proto and the TFRecord format; Castagnoli et al.,
    Optimization of cyclic redundancy-check codes with 24 and 32 parity bits (1993).
    """

    def __init__(self, log_dir: str | Path = "logs", update_freq: str = "epoch") -> None:
        check_one_of("TensorBoard", "update_freq", update_freq, ("epoch", "look"))
        self.log_dir = Path(log_dir)
        self.update_freq = update_freq

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Close the files of an earlier fit; those of this one are made when they are needed."""
        self.on_train_end()
        self._files: dict[str, EventFile] = {}

    def on_look(self, batch: int, logs: Logs) -> None:
        """Write the measures of the epoch so far, if asked to."""
        if self.update_freq == "look":
            self._write("train", "batch_", int(self.record.live.step), logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the measures of the epoch, and the learning rate."""
        logs = dict(logs or {})
        with suppress(ArgumentError):  # what learns without an optimizer has no rate
            logs.setdefault("learning_rate", self.record.learning_rate)
        validation = {name: v for name, v in logs.items() if name.startswith("val_")}
        training = {name: v for name, v in logs.items() if name not in validation}
        self._write("train", "epoch_", epoch, training)
        if validation:
            named = {name.removeprefix("val_"): value for name, value in validation.items()}
            self._write("validation", "epoch_", epoch, named)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        for file in getattr(self, "_files", {}).values():
            file.close()
        self._files = {}

    def _write(self, part: str, prefix: str, step: int, logs: Mapping[str, Any]) -> None:
        if part not in self._files:
            self._files[part] = EventFile(self.log_dir / part)
            if self.record.resumed:
                self._files[part].start(step)
        numbers = {f"{prefix}{n}": v for n, v in logs.items() if isinstance(v, (int, float))}
        self._files[part].scalars(step, numbers)


class EventFile:
    """One file of events, which grows record by record.

    Args:
        folder: where it is made.
    """

    def __init__(self, folder: Path) -> None:
        now = time.time()
        host = socket.gethostname()
        for number in range(10_000):
            name = f"events.out.tfevents.{int(now)}.{host}.{os.getpid()}.{number}"
            if not (folder / name).exists():
                break
        self._lines = Lines(folder / name)
        self._write(encoded_field(FILE_VERSION, b"brain.Event:2"))

    def start(self, step: int) -> None:
        """Say that the steps from this one on come again, and count as written now."""
        self._write(
            encoded_field(STEP, step),
            encoded_field(SESSION_LOG, encoded_field(STATUS, START)),
        )

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        summary = b"".join(
            encoded_field(
                VALUE,
                encoded_field(TAG, name.encode("utf-8"))
                + encoded_field(SIMPLE_VALUE, float(value)),
            )
            for name, value in values.items()
        )
        self._write(encoded_field(STEP, step), encoded_field(SUMMARY, summary))

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _write(self, *fields: bytes) -> None:
        event = struct.pack("<Bd", WALL_TIME << 3 | EIGHT_BYTES, time.time()) + b"".join(fields)
        self._lines.write(record_of(event))


def encoded_field(number: int, value: int | float | bytes) -> bytes:
    """Return a field of a message: an integer of 0 or more, a float32, or bytes."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | FOUR_BYTES) + _float32(value)
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def _float32(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def varint(value: int) -> bytes:
    """Return an integer of 0 or more, seven bits a byte, the lowest first."""
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def record_of(data: bytes) -> bytes:
    """Return the record of some data, with its two check sums."""
    length = struct.pack("<Q", len(data))
    return length + _sum_of(length) + data + _sum_of(data)


def _sum_of(data: bytes) -> bytes:
    total = crc32c(data)
    return struct.pack("<I", ((total >> 15 | total << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: Iterable[int]) -> int:
    """Return the CRC-32C (Castagnoli) of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    total = 0xFFFFFFFF
    for byte in data:
        total = total >> 8 ^ _TABLE[(total ^ byte) & 255]
    return total ^ 0xFFFFFFFF


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
    return value


_TABLE = [_row(value) for value in range(256)]
