"""Where the reading of a pipeline stands, there and back as a few plain numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.data._stages import Reading
from pellucid.errors import DataError


@dataclass
class Position:
    """Where the reading of a pipeline stands.

    Attributes:
        reading: the name of the pass, None before the first.
        batch: batches of it that have been read.
        restored: whether ``restore`` said so, for a fit to go on there.
        live: asks whoever reads at the moment, or None.
    """

    reading: Reading | None = None
    batch: int = 0
    restored: bool = False
    live: Callable[[], tuple[Reading | None, int]] | None = None

    def state(self) -> dict[str, Any]:
        """Return pass and batch as they are at this moment, as JSON can hold them."""
        reading, batch = (self.reading, self.batch) if self.live is None else self.live()
        return {"pass": None if reading is None else list(reading), "batch": batch}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken.

        Raises:
            DataError: if it is no such state.
        """
        reading, batch = state.get("pass"), state.get("batch", -1)
        numbers = [*(reading or []), batch] if isinstance(reading, (list, type(None))) else [None]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise DataError(
                f"restore expected what state() returned, got {dict(state)!r}; pass it as it was."
            )
        self.reading = None if reading is None else tuple(reading)
        self.batch, self.restored = batch, True
