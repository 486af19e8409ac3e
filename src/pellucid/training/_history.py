"""What a fit measured: plain lists of numbers, ready for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """The measures of every epoch of a ``fit``.

    Attributes:
        history: for each measure, one number an epoch: ``history["val_loss"][3]``.
        epoch: the epochs' numbers, from 0.
        params: epochs, steps an epoch, batch size.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)

    def append(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add the measures of one epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = {name: round(values[-1], 4) for name, values in self.history.items()}
        return f"History({len(self.epoch)} epochs, last {last})"
