"""The journal of a search: one line of JSON for everything that happens, shared by processes.

Optuna's own file backend guards the journal with a link that a killed process leaves behind, and
a line that it has half written is in the way for ever. Here the operating system's file lock
guards it, which ends with its process, and half a line is cut off.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid._files import Lines
from pellucid.errors import NotReadyError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


def optuna() -> Any:
    """Return Optuna, which the extra ``tune`` brings.

    Raises:
        NotReadyError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise NotReadyError(
            'Tuning needs Optuna, which is not installed; type pip install "pellucid[tune]".'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file; it ends with the process, whatever happens to that."""
    with open(path, "a", encoding="utf-8") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Presence:
    """A file that a process keeps locked as long as it lives.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # No file object: collecting the garbage must not give the lock back.
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None


def is_present(path: Path) -> bool:
    """Tell whether a process holds the lock of a ``Presence``."""
    if not path.exists() or fcntl is None:
        return False
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def journal(path: Path) -> Any:
    """Return Optuna's storage over a journal file."""
    library = optuna()

    class Journal(library.storages.journal.BaseJournalBackend):  # type: ignore[name-defined]
        """Appends lines under the file's lock and reads them from where it left off."""

        def __init__(self) -> None:
            self._lines = [0]  # where each line begins
            path.touch()

        def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
            """Return the entries from a number on; a last line that is not whole is left."""
            while len(self._lines) <= log_number_from:
                if not self._read_on():
                    return []
            entries = []
            with open(path, "rb") as file:
                file.seek(self._lines[log_number_from])
                for number, line in enumerate(file, start=log_number_from):
                    if not line.endswith(b"\n"):
                        break
                    if number + 1 == len(self._lines):
                        self._lines.append(self._lines[number] + len(line))
                    entries.append(json.loads(line))
            return entries

        def _read_on(self) -> bool:
            with open(path, "rb") as file:
                file.seek(self._lines[-1])
                line = file.readline()
            if not line.endswith(b"\n"):
                return False
            self._lines.append(self._lines[-1] + len(line))
            return True

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            """Append entries as a whole; half a line that a killed process left is cut off."""
            text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in logs)
            with locked(path.with_suffix(".lock")):
                file = Lines(path)
                file.write(text)
                file.close()

    return library.storages.JournalStorage(Journal())
