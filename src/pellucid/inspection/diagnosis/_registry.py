"""The registry of checks, and which fault explains which."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pellucid.inspection.diagnosis._case import Case
from pellucid.inspection.diagnosis._verdict import Verdict
from pellucid.inspection.diagnosis._words import FAULTS

Run = Callable[[Case], Iterator[Verdict]]


@dataclass(frozen=True)
class Check:
    """A function that looks for some faults.

    Attributes:
        faults: what it may find.
        run: gives the verdicts of a case.
        needs: what the case must have, keys of ``NEEDS``.
        cheap: whether it may run during a fit.
    """

    faults: tuple[str, ...]
    run: Run
    needs: tuple[str, ...]
    cheap: bool


CHECKS: list[Check] = []
"""All checks; a file of checks adds to it when it is imported."""


def check(*faults: str, needs: Sequence[str] = (), cheap: bool = False) -> Callable[[Run], Run]:
    """Register a function that looks for some faults."""
    unknown = [fault for fault in faults if fault not in FAULTS]
    if unknown:
        raise KeyError(f"The fault {unknown[0]!r} has no words.")

    def register(run: Run) -> Run:
        CHECKS.append(Check(faults, run, tuple(needs), cheap))
        return run

    return register


_SYMPTOMS = ("plateau", "underfitting", "loss_spikes")
_RATES = ("rate_too_low", "rate_too_high", "noisy_gradients")
_UNITS = (
    "not_finite",
    "dead_units",
    "saturated_units",
    "vanishing_gradients",
    "exploding_gradients",
    "ignored_inputs",
    "frozen_layers",
)
_ALL = (*_SYMPTOMS, *_RATES, *_UNITS, "weight_decay_too_strong", "dropout_too_strong")

EXPLAINS: dict[str, tuple[str, ...]] = {
    "symmetric_initialization": _ALL,
    "initialization_too_large": (*_ALL, "overfitting"),
    "activation_does_not_fit_loss": (*_ALL, "overfitting", "misleading_metric"),
    "missing_normalization": (*_ALL, "overfitting"),
    "shuffled_labels": (*_SYMPTOMS, *_RATES, "overfitting", "mislabelled_examples"),
    "frozen_layers": (*_SYMPTOMS, *_RATES),
    "tiny_batch_normalization": (*_ALL, "overfitting"),
    "broken_augmentation": (*_ALL, "overfitting", "random_predictions"),
    "data_not_shuffled": (*_ALL, "overfitting"),
    "weight_decay_too_strong": _ALL,
    "random_predictions": (*_ALL, "overfitting"),
    "dropout_too_strong": (*_SYMPTOMS, *_RATES, *_UNITS),
    "rate_too_high": (*_SYMPTOMS, *_UNITS, "overfitting"),
    "exploding_gradients": (*_SYMPTOMS, *_RATES, "not_finite", "saturated_units", "dead_units"),
    "noisy_gradients": (*_SYMPTOMS, *_UNITS, "overfitting"),
    "saturated_units": (*_SYMPTOMS, *_RATES, "vanishing_gradients", "frozen_layers"),
    "dead_units": (*_SYMPTOMS, *_RATES, "vanishing_gradients", "ignored_inputs", "frozen_layers"),
    "vanishing_gradients": (*_SYMPTOMS, *_RATES, "frozen_layers"),
    "rate_too_low": _SYMPTOMS,
    "plateau": ("underfitting",),
    "mislabelled_examples": (*_SYMPTOMS, "overfitting"),
    "class_imbalance": ("underfitting",),
}
"""For each cause, in the order in which causes are looked at, the faults that follow from it."""
