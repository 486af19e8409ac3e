"""A search kept in a folder: a journal, one line of JSON for everything that happens.

Optuna's own file backend guards the journal with a link that a killed process leaves behind, and
a line that it has half written is in the way for ever. Here the operating system's file lock
guards it, which ends with its process, and half a line is cut off.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pellucid._files import Lines, Lock, is_locked
from pellucid.errors import NotReadyError

JOURNAL, WORKERS = "journal.jsonl", "workers"

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
            first = min(log_number_from, len(self._lines) - 1)
            entries = []
            with open(path, "rb") as file:
                file.seek(self._lines[first])
                for number, line in enumerate(file, start=first):
                    if not line.endswith(b"\n"):
                        break
                    if number + 1 == len(self._lines):
                        self._lines.append(self._lines[number] + len(line))
                    if number >= log_number_from:
                        entries.append(json.loads(line))
            return entries

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            """Append entries as a whole; half a line that a killed process left is cut off."""
            text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in logs)
            with locked(path.with_suffix(".lock")):
                file = Lines(path)
                file.write(text)
                file.close()

    return library.storages.JournalStorage(Journal())


class Files:
    """Where the processes of one machine meet: a journal, and a locked folder for each of them.

    Args:
        folder: that of the search.
    """

    name = "search"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._present: Lock | None = None

    def storage(self) -> Any:
        """Return Optuna's storage over the journal."""
        return journal(self.folder / JOURNAL)

    def enter(self, worker: str) -> None:
        """Be present under a name, as long as this process lives."""
        self._present = Lock(self._place(worker))
        self._present.__enter__()

    def leave(self) -> None:
        """Be no longer present; a second time does nothing."""
        if self._present is not None:
            self._present.__exit__()
            with suppress(OSError):
                self._present.folder.rmdir()

    def is_alive(self, worker: str) -> bool:
        """Tell whether another one is present."""
        return is_locked(self._place(worker))

    def alone(self) -> Any:
        """Return what one process at a time runs inside of."""
        return locked(self.folder / "asking.lock")

    def _place(self, worker: str) -> Path:
        return self.folder / WORKERS / worker
