"""The callback that writes the measures of every epoch to a CSV file."""

import csv
import os
from pathlib import Path
from typing import Any

from pellucid.training._callbacks import Callback, Logs


class CSVLogger(Callback):
    """Writes one line an epoch, as it goes: epoch, then the measures in alphabetical order.

    Args:
        filename: the file to write.
        separator: what stands between the columns.
        append: True goes on with an existing file, False replaces it.
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        self.filename = Path(filename)
        self.separator = separator
        self.append = append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        append = self.append or self.record.resumed
        has_head = append and self.filename.exists() and self.filename.stat().st_size > 0
        self._file = self.filename.open("a" if append else "w", newline="")
        self._names: list[str] | None = None
        self._writer: Any = csv.writer(self._file, delimiter=self.separator)
        self._head_is_due = not has_head

    def get_state(self) -> dict[str, Any]:
        """Return the names of the columns, and how long the file is."""
        return {"names": self._names, "size": self._file.tell()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the columns there are; later lines, which will come again, are cut off."""
        self._names = state["names"]
        self._file.truncate(min(state["size"], self._file.seek(0, os.SEEK_END)))
        self._file.seek(0, os.SEEK_END)
        self._head_is_due = self._names is None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the line of this epoch; a measure that is absent is left empty."""
        logs = logs or {}
        if self._names is None:
            self._names = sorted(logs)
            if self._head_is_due:
                self._writer.writerow(["epoch", *self._names])
        self._writer.writerow([epoch, *(logs.get(name, "") for name in self._names)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self._file.close()
