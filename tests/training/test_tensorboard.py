"""Event files: read back by a reader of our own, and by TensorBoard where it is installed."""

import math
import struct

import numpy as np
import pytest

from pellucid import Sequential, callbacks
from pellucid.errors import ArgumentError
from pellucid.layers import Dense
from pellucid.training._tensorboard import EventFile, crc32c, encoded_field, record_of, varint

X = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]


def fit(*used, epochs=3):
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse", verbose=0)
    settings = {"validation_data": (X, 2 * X), "batch_size": 8, "verbose": 0}
    return model.fit(X, 3 * X, epochs=epochs, callbacks=list(used), **settings)


# A reader of our own, which checks what it reads


def records(data):
    """Yield the data of every record, after its check sums."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert masked(data[:8]) == data[8:12]
        content, data = data[12 : 12 + length], data[12 + length :]
        assert masked(content) == data[:4]
        data = data[4:]
        yield content


def masked(data):
    total = slow_crc32c(data)
    return struct.pack("<I", (((total >> 15) | (total << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def slow_crc32c(data):
    """Divide bit by bit, as the polynomial says."""
    total = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            low = (total ^ byte >> bit) & 1
            total = total >> 1 ^ 0x82F63B78 * low
    return total ^ 0xFFFFFFFF


def fields(data):
    """Return (number, value) of every field of a message."""
    found = []
    while data:
        tag, data = read_varint(data)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, data = read_varint(data)
        elif kind in (1, 5):
            size, code = (8, "<d") if kind == 1 else (4, "<f")
            (value,) = struct.unpack(code, data[:size])
            data = data[size:]
        else:
            assert kind == 2
            size, data = read_varint(data)
            value, data = data[:size], data[size:]
        found.append((number, value))
    return found


def read_varint(data):
    value = 0
    for place, byte in enumerate(data):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, data[place + 1 :]
    raise AssertionError("half a varint")


def scalars(folder):
    """Return (step, name, number) of every event of the one file in a folder."""
    (path,) = folder.iterdir()
    assert path.name.startswith("events.out.tfevents.")
    first, *rest = (dict(fields(event)) for event in records(path.read_bytes()))
    assert first[3] == b"brain.Event:2"
    found = []
    for event in rest:
        for number, value in fields(event.get(5, b"")):
            assert number == 1
            parts = dict(fields(value))
            found.append((event.get(2, 0), parts[1].decode(), parts[2]))
    return found


def test_known_check_sums():
    """RFC 3720, section B.4, and the usual check value."""
    assert crc32c(b"") == 0
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_the_wire_format():
    """The examples of protobuf's own description: 150, and the string "testing" in field 2."""
    assert encoded_field(1, 150) == bytes.fromhex("089601")
    assert encoded_field(2, b"testing") == bytes.fromhex("120774657374696e67")
    assert [varint(n) for n in (0, 127, 128, 300)] == [b"\0", b"\x7f", b"\x80\x01", b"\xac\x02"]
    assert list(records(record_of(b"one") + record_of(b""))) == [b"one", b""]


def test_measures_are_written_as_they_are(tmp_path):
    history = fit(callbacks.TensorBoard(tmp_path)).history
    train, validation = (scalars(tmp_path / part) for part in ("train", "validation"))
    expected = [(n, "epoch_loss", value) for n, value in enumerate(history["loss"])]
    assert [entry for entry in train if entry[1] == "epoch_loss"] == expected
    assert {name for _, name, _ in train} == {"epoch_loss", "epoch_learning_rate"}
    assert [value for _, _, value in validation] == history["val_loss"]


def test_looks_are_written_where_asked_for(tmp_path):
    fit(callbacks.TensorBoard(tmp_path, update_freq="look"), epochs=2)
    steps = [step for step, name, _ in scalars(tmp_path / "train") if name == "batch_loss"]
    assert steps
    assert steps == sorted(steps)
    assert steps[-1] == 4


def test_numbers_that_are_not_finite(tmp_path):
    file = EventFile(tmp_path)
    file.scalars(1, {"nan": float("nan"), "large": 1e300, "small": -1e300})
    file.close()
    found = {name: value for _, name, value in scalars(tmp_path)}
    assert math.isnan(found["nan"])
    assert (found["large"], found["small"]) == (math.inf, -math.inf)


def test_tensorboard_reads_them(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    history = fit(callbacks.TensorBoard(tmp_path)).history
    read = accumulator.EventAccumulator(str(tmp_path / "train"))
    read.Reload()
    assert [event.value for event in read.Scalars("epoch_loss")] == history["loss"]


def test_other_frequencies_are_refused():
    with pytest.raises(ArgumentError, match="update_freq to be one of 'epoch', 'look', got 5"):
        callbacks.TensorBoard("logs", update_freq=5)
