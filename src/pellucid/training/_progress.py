"""The progress of a fit on the terminal: a bar inside an epoch, a line after it."""

import sys
import time
from typing import Any, TextIO

from pellucid.training._callbacks import Callback, Logs


class ProgressBar(Callback):
    """Shows loss, measures and time left while a fit runs.

    On a terminal a bar is drawn and renewed at every look; elsewhere (a file, a pipe) one line is
    written after each epoch.

    Args:
        file: where to write, standard output by default.
        bar: False writes only the line after each epoch.
    """

    def __init__(self, file: TextIO | None = None, bar: bool = True) -> None:
        self.file = file
        self.bar = bar

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Set the screen up."""
        from rich.console import Console

        self._console = Console(file=self.file or sys.stdout, highlight=False, soft_wrap=True)
        self._live: Any = None
        self._origin: tuple[float, int] | None = None
        self._first_epoch: int | None = None
        if self.record.resumed and self.record.begun:
            self.on_epoch_begin(self.record.epoch)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the bar of this epoch."""
        self._began = time.perf_counter()
        if self._first_epoch is None:
            self._first_epoch = epoch
        if self.bar and self._console.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn

            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.completed:>{task.fields[width]}.0f}/{task.total:.0f}"),
                TextColumn("{task.fields[measures]}"),
                console=self._console,
                transient=True,
                auto_refresh=False,
            )
            total = self.record.steps or 1
            self._task = self._live.add_task(
                self._title(epoch), total=total, measures="", width=len(str(total))
            )
            self._live.start()

    def on_look(self, batch: int, logs: Logs) -> None:
        """Renew the bar."""
        if self._live is not None:
            total = self.record.steps or batch + 1
            text = f"{measures_in_words(logs)}  {self._left(batch)}"
            self._live.update(self._task, completed=batch, total=total, measures=text)
            self._live.refresh()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Replace the bar by the line of the epoch."""
        self._stop_bar()
        seconds = time.perf_counter() - self._began
        self._console.print(
            f"{self._title(epoch)}  {in_words(seconds)}  {measures_in_words(logs or {})}"
        )

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Take the bar away."""
        self._stop_bar()
        if self.record.stopped:
            self._console.print(f"Stopped: {self.record.stopped}")

    def _stop_bar(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _title(self, epoch: int) -> str:
        return f"Epoch {epoch + 1:>{len(str(self.record.epochs))}}/{self.record.epochs}"

    def _left(self, batch: int) -> str:
        """Return the time left in the whole fit, from the speed since the first look.

        What came before the first look is mostly compilation, and will not come again.
        """
        now = time.perf_counter()
        if self.record.steps is None:
            return in_words(now - self._began)
        first = self._first_epoch or 0
        done = (self.record.epoch - first) * self.record.steps + batch
        total = (self.record.epochs - first) * self.record.steps
        if self._origin is None:
            self._origin = (now, done)
        began, before = self._origin
        if done == before:
            return ""
        return f"{in_words((now - began) * (total - done) / (done - before))} left"


def measures_in_words(logs: Logs) -> str:
    """Return the measures as ``loss 0.1234  accuracy 0.9876``."""
    return "  ".join(
        f"{name} {value:.4f}" if 1e-3 < abs(value) < 1e4 else f"{name} {value:.3g}"
        for name, value in logs.items()
        if isinstance(value, (int, float))
    )


def in_words(seconds: float) -> str:
    """Return a duration as ``0.4 s``, ``12 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"
