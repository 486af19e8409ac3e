"""The one way in which Pellucid writes: whole or not at all, and forced out to the disk.

Checkpoints, models, recordings and run folders are written here. A file is written under a
temporary name, synced, and renamed, and its folder is synced; so a kill, a full disk or a short
write at any moment leaves the old file or the new one, never half of one.

What the operating system does for that stands together in ``Disk``, so that tests can let every
single call of it fail.
"""

import errno
import json
import math
import os
import shutil
import socket
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pellucid.errors import RunError, WriteError

LARGEST_WRITE = 1 << 26
"""Bytes that one call writes at most."""
DEEPEST = 100
"""Lists and dictionaries of a JSON file that lie inside each other at most."""


class Disk:
    """The calls of the operating system with which files are written."""

    def open(self, path: Path, flags: int) -> int:
        """Open a file and return its descriptor."""
        return os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666)

    def write(self, descriptor: int, data: Any) -> int:
        """Write some of the data and return how many bytes that was."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Force a file or folder out to the disk."""
        os.fsync(descriptor)

    def replace(self, old: Path, new: Path) -> None:
        """Rename a file or folder; a file takes the place of another."""
        os.replace(old, new)

    def make_folder(self, path: Path) -> None:
        """Make one folder."""
        os.mkdir(path)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(descriptor, size)


DISK = Disk()


# Writing


def write_file(path: Path, parts: Iterable[Any]) -> None:
    """Write a file, whole or not at all.

    Args:
        path: the file; the folder that it lies in is made.
        parts: its content, buffers of bytes one after the other.

    Raises:
        WriteError: it cannot be written; what was there before stands.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    with in_words(path):
        make_folders(path.parent)
        try:
            _write_new(temporary, parts)
            DISK.replace(temporary, path)
        except BaseException:
            _forget(temporary)
            raise
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_file(path, [text.encode("utf-8")])


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder that takes the place of ``folder`` at the end, whole or not at all.

    Between the two renames the old folder waits as ``old_folder(folder)``.
    """
    old = old_folder(folder)
    new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    with in_words(folder):
        make_folders(folder.parent)
        clear_leftovers(folder.parent, folder.name)
        shutil.rmtree(new, ignore_errors=True)
        try:
            DISK.make_folder(new)
            yield new
            sync_folder(new)
            if folder.exists():
                shutil.rmtree(old, ignore_errors=True)
                DISK.replace(folder, old)
                try:
                    DISK.replace(new, folder)
                except BaseException:
                    os.replace(old, folder)
                    raise
            else:
                DISK.replace(new, folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        sync_folder(folder.parent)
        shutil.rmtree(old, ignore_errors=True)


def old_folder(folder: Path) -> Path:
    """Return where a folder waits while its successor is put in its place."""
    return folder.with_name(f".{folder.name}.old")


def make_folders(folder: Path) -> None:
    """Make a folder and those that it lies in."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    with suppress(FileExistsError):
        DISK.make_folder(folder)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder out to the disk, where the system can do that."""
    try:
        descriptor = DISK.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        DISK.sync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def clear_leftovers(folder: Path, name: str = "*") -> None:
    """Remove what processes that were killed while they wrote have left in a folder."""
    for path in folder.glob(f".{name}.*.new"):
        process = path.name.split(".")[-2]
        if process.isdecimal() and not is_alive(int(process)):
            _forget(path)


class Lines:
    """A text file that grows by whole lines, such as a log.

    Half a line that a kill has left at its end is cut off; so is a line that could not be written
    whole.

    Args:
        path: the file; the folder that it lies in is made.
        size: how many bytes of what is there to keep; None keeps all whole lines.

    Attributes:
        size: bytes of the file.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path = path
        with in_words(path):
            make_folders(path.parent)
            self._file = DISK.open(path, os.O_RDWR | os.O_CREAT)
            try:
                there = os.fstat(self._file).st_size
                kept = there if size is None else min(size, there)
                self.size = _whole_lines(self._file, kept)
                if self.size < there:
                    DISK.truncate(self._file, self.size)
                os.lseek(self._file, self.size, os.SEEK_SET)
            except BaseException:
                os.close(self._file)
                raise

    def write(self, data: str | bytes) -> None:
        """Add lines, each with its end, or bytes that belong together."""
        encoded = data.encode("utf-8") if isinstance(data, str) else data
        with in_words(self.path):
            try:
                _write_all(self._file, encoded)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(self._file, self.size)
                    os.lseek(self._file, self.size, os.SEEK_SET)
                raise
        self.size += len(encoded)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _whole_lines(file: int, size: int) -> int:
    """Return the size of the file without the half line at its end."""
    step = 1 << 16
    end = size
    while end > 0:
        start = max(0, end - step)
        os.lseek(file, start, os.SEEK_SET)
        newline = os.read(file, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _write_new(path: Path, parts: Iterable[Any]) -> None:
    """Write and sync a file that is not there yet."""
    _forget(path)
    descriptor = DISK.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for part in parts:
            _write_all(descriptor, part)
        DISK.sync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: Any) -> None:
    """Write all of the data, in as many calls as that takes."""
    left = memoryview(data).cast("B")
    while len(left):
        written = DISK.write(descriptor, left[:LARGEST_WRITE])
        if written < 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left = left[written:]


def _forget(path: Path) -> None:
    """Remove a file or folder, if it is there and can be removed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


_ADVICE = {
    errno.ENOSPC: "make room on that disk and save again",
    errno.EDQUOT: "make room on that disk and save again",
    errno.EROFS: "choose a place that can be written to",
    errno.EACCES: "choose a place that you may write to",
    errno.EPERM: "choose a place that you may write to",
    errno.ENOTDIR: "a file is where a folder should be: choose another place",
    errno.EEXIST: "a file is where a folder should be: choose another place",
}


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a sentence about what could not be written."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        advice = _ADVICE.get(error.errno or 0, "look at that disk and save again")
        raise WriteError(
            f"{str(path)!r} could not be written: {why}; what was saved before is whole; {advice}."
        ) from error


# One process at a time


class Lock:
    """Keeps other processes out of a folder; the system gives it up when the process ends.

    Args:
        folder: the folder; it is made. The lock is the file ``.lock`` in it, which says who has it
            and is removed at the end. What a killed process has left of it keeps nobody out.
    """

    NAME = ".lock"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / self.NAME
        self._file: int | None = None

    def __enter__(self) -> "Lock":
        while self._file is None:
            self._try()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._file is not None:
            with suppress(OSError):
                self.path.unlink()
            os.close(self._file)
            self._file = None

    def _try(self) -> None:
        with in_words(self.path):
            make_folders(self.folder)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _lock(file):
            os.close(file)
            raise RunError(
                f"Another process ({owner(self.folder) or 'of an unknown number'}) trains in "
                f"{str(self.folder)!r}; wait for its end, or choose another folder."
            )
        # Whoever had it may have removed the file meanwhile: then this is no longer the lock.
        try:
            same = os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            same = False
        if not same:
            os.close(file)
            return
        mine = {
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        }
        with suppress(OSError):  # on a full disk the lock still holds, and does not say whose it is
            os.ftruncate(file, 0)
            os.write(file, (json.dumps(mine) + "\n").encode())
        self._file = file


def is_locked(folder: Path) -> bool:
    """Tell whether a process has the lock of a folder at this moment."""
    try:
        file = os.open(folder / Lock.NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(file)
    finally:
        os.close(file)


def owner(folder: Path) -> str:
    """Return in words which process wrote itself into the lock of a folder, "" if none did."""
    try:
        said = json.loads((folder / Lock.NAME).read_text(encoding="utf-8"))
        return f"number {int(said['process'])} on {said['host']}, since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_alive(process: int) -> bool:
    """Tell whether there is a process of this number on this machine."""
    if sys.platform == "win32":
        return True  # asking would end it; what is left over is then kept
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _lock(file: int) -> bool:
    """Try to lock an open file; return whether that went well. It is unlocked when it is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, 1 << 20, os.SEEK_SET)  # the bytes that say whose it is stay readable
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


# Reading


def is_plain_file(path: Path, follow: bool = False) -> bool:
    """Tell whether there is a file of bytes: no folder, no pipe, and no link unless followed."""
    try:
        mode = path.stat().st_mode if follow else path.lstat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode)


def strict_json(text: str) -> Any:
    """Return what a JSON text says, refusing what is ambiguous, no number, or nested without end.

    Raises:
        ValueError: it is no JSON; a name is there twice in one object; NaN, infinity, or a number
            that no float64 or int64 holds; more than 100 levels.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the name {twice!r} is there twice")
        return made

    def refused(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    def whole(digits: str) -> int:
        if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
            raise ValueError(f"the number {digits[:20]}... is too large")
        return int(digits)

    def real(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise ValueError(f"the number {digits[:20]} is too large")
        return value

    try:
        content = json.loads(
            text,
            object_pairs_hook=once,
            parse_constant=refused,
            parse_int=whole,
            parse_float=real,
        )
    except RecursionError:
        raise ValueError("too many levels") from None
    level = [content]
    for _ in range(DEEPEST):
        inside = [part for part in level if isinstance(part, (dict, list))]
        if not inside:
            return content
        level = [
            value
            for part in inside
            for value in (part.values() if isinstance(part, dict) else part)
        ]
    raise ValueError(f"more than {DEEPEST} levels")
