"""The log of a run: one line of JSON an epoch, written as it goes."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pellucid._files import Lines
from pellucid.errors import ArgumentError
from pellucid.recipes._run import plain
from pellucid.training import Callback, TrainingState


class EpochLog(Callback):
    """Writes one line an epoch, and keeps the numbers of the last whole epoch.

    Args:
        path: the file; a fit that goes on from a checkpoint goes on with it.

    Attributes:
        kept: the training state after the last whole epoch, None before one.
        epochs: how many epochs are whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: TrainingState | None = None
        self.epochs = 0
        self._before = 0.0
        self._began = time.perf_counter()
        self._lines: Lines | None = None

    @property
    def seconds(self) -> float:
        """How long the training has taken, with what it took before a stop."""
        return self._before + time.perf_counter() - self._began

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begin a log, unless there is one to go on with."""
        if not self.record.resumed:
            self._lines = Lines(self.path, size=0)

    def get_state(self) -> dict[str, Any]:
        """Return how long the log is, how many epochs are whole, and how long they took."""
        size = 0 if self._lines is None else self._lines.size
        return {"size": size, "epochs": self.epochs, "seconds": self.seconds}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the log; the lines after the checkpoint will come again."""
        self._lines = Lines(self.path, state["size"])
        self.epochs, self._before = state["epochs"], state["seconds"]
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the line of the epoch."""
        line = {"epoch": epoch + 1, **(logs or {})}
        with suppress(ArgumentError):  # what learns without an optimizer has no rate
            line["learning_rate"] = self.record.learning_rate
        line["seconds"] = round(self.seconds, 3)
        if self._lines is not None:
            self._lines.write(json.dumps(plain(line), allow_nan=False) + "\n")
        self.kept = self.record.state
        self.epochs = epoch + 1

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()
