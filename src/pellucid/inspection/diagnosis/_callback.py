"""Diagnosis during a fit."""

import time
from collections.abc import Callable
from typing import Any

from pellucid._checks import check_one_of, check_range
from pellucid.inspection._words import LANGUAGES
from pellucid.inspection.diagnosis._case import Case
from pellucid.inspection.diagnosis._diagnose import _batch, examine
from pellucid.inspection.diagnosis._verdict import Diagnosis, Verdict, _say
from pellucid.training import Batch, Callback

FIRST_LOOK = 3.0
"""Seconds that a first look is taken to cost, with its compilation."""


class DiagnosisCallback(Callback):
    """Looks for faults at the ends of epochs, and prints each new verdict once.

    The cheap checks run here: dead and saturated units, gradients, equal units, weights that are
    not finite, scale of the inputs, output and loss, spikes. ``diagnose`` after the fit runs
    all. It looks only when its whole cost, compilation included, stays within ``share`` of the time
    of the fit; a fit of a few seconds may end before the first look::

        model.fit(x, y, epochs=20, callbacks=[pellucid.callbacks.Diagnosis((x, y))])

    ``diagnosis`` is the last one that was made, None before the first.

    Args:
        data: ``(x, y)`` as given to ``fit``.
        share: part of the fit's time that may be spent, 0.05 by default.
        language: ``"en"`` or ``"zh"``.
        tell: where the verdicts go.
    """

    def __init__(
        self,
        data: Any,
        *,
        share: float = 0.05,
        language: str = "en",
        tell: Callable[[str], Any] = print,
    ) -> None:
        check_one_of("Diagnosis", "language", language, LANGUAGES)
        check_range("Diagnosis", "share", share, 0.0, 1.0)
        self.data = data
        self.share = share
        self.language = language
        self.tell = tell
        self.diagnosis: Diagnosis | None = None
        self.spent = 0.0
        self.looks = 0
        self._last = FIRST_LOOK
        self._began = 0.0
        self._told: set[tuple[str, str | None, str]] = set()
        self._batch: Batch | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Note the time, and forget what an earlier fit was told."""
        self._began = time.perf_counter()
        self.spent, self.looks, self._last = 0.0, 0, FIRST_LOOK
        self._told.clear()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look, if there is time for it."""
        now = time.perf_counter()
        if self.spent + self._last > self.share * (now - self._began) and self.share < 1:
            return
        history = {name: [*values] for name, values in self.record.history.history.items()}
        for name, value in (logs or {}).items():
            history.setdefault(name, []).append(value)
        if self._batch is None:
            self._batch = _batch(self.model, self.data, "data")
        size = int(self.record.history.params.get("batch_size") or 32)
        case = Case(self.model, self._batch, None, None, history, size, seed=0)
        self.diagnosis = examine(case, self.language, cheap=True)
        self._last = time.perf_counter() - now
        self.spent += self._last
        self.looks += 1
        for verdict in self.diagnosis:
            self._say(epoch, verdict)

    def _say(self, epoch: int, verdict: Verdict) -> None:
        mark = (verdict.fault, verdict.layer, verdict.kind)
        if mark in self._told:
            return
        self._told.add(mark)
        text = "\n".join(verdict.lines(self.language))
        self.tell(_say("live", self.language, epoch + 1, text))
