"""Sounds from files: WAV by the standard library, other formats through soundfile."""

import wave
from pathlib import Path

import numpy as np

from pellucid.data._cache import damaged
from pellucid.errors import DataError, NotReadyError

SUFFIXES = (".wav", ".flac", ".ogg", ".aiff", ".mp3")


def read_sound(path: Path, rate: int | None, seconds: float | None) -> np.ndarray:
    """Return a sound as float32 ``(samples, 1)``, the mean of its channels, in [-1, 1].

    Args:
        path: the file.
        rate: samples a second that it must have; None for any.
        seconds: the length that it is cut or filled with zeros to; None keeps its own.

    Raises:
        DataError: if it has another rate, or no sample.
        DatasetError: if the file is absent or damaged.
    """
    samples, own = _wave(path) if path.suffix.lower() == ".wav" else _other(path)
    if rate is not None and own != rate:
        raise DataError(
            f"{str(path)!r} expected {rate:,} samples a second, got {own:,}; convert the file, or "
            f"pass sampling_rate={own}."
        )
    if not len(samples):
        raise DataError(f"{str(path)!r} expected at least one sample, got none; remove the file.")
    mono = samples.mean(axis=1, dtype=np.float32)[:, None]
    if seconds is None:
        return mono
    length = max(1, round(seconds * own))
    return np.pad(mono[:length], ((0, max(0, length - len(mono))), (0, 0)))


def _wave(path: Path) -> tuple[np.ndarray, int]:
    """Return (samples, channels) and the rate of a WAV file."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except FileNotFoundError as error:
        raise damaged(path, "it is not there") from error
    except (wave.Error, EOFError, OSError) as error:
        if "unknown format" in str(error):  # floats, or compressed
            return _other(path)
        raise damaged(path, f"it cannot be read as a WAV file ({error})") from error
    frames = frames[: len(frames) // (width * channels) * width * channels]
    if width == 1:
        values = (np.frombuffer(frames, np.uint8).astype(np.float32) - 128) / 128
    elif width == 3:
        parts = np.frombuffer(frames, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24
        values = (whole >> 8).astype(np.float32) / 2**23
    else:
        kind = np.dtype("<i2" if width == 2 else "<i4")
        values = np.frombuffer(frames, kind).astype(np.float32) / 2 ** (8 * width - 1)
    return values.reshape(-1, channels), rate


def _other(path: Path) -> tuple[np.ndarray, int]:
    """Return (samples, channels) and the rate of a file of another format."""
    try:
        import soundfile
    except ImportError as error:
        raise NotReadyError(
            f"{str(path)!r} needs the package soundfile, which is not installed; type "
            'pip install "pellucid[audio]", or convert the file to PCM WAV.'
        ) from error
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise damaged(path, f"it cannot be read as a sound ({error})") from error
    return np.asarray(samples), int(rate)
