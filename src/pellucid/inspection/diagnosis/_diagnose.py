"""The entry point: runs the checks over a case and sorts causes from consequences."""

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid._checks import check_one_of, check_positive_int
from pellucid.data import ArrayDataset
from pellucid.errors import ArgumentError, DataError
from pellucid.inspection._words import LANGUAGES
from pellucid.inspection.diagnosis import (  # noqa: F401  (they register their checks)
    _data_checks,
    _fit_checks,
    _gradient_checks,
    _output_checks,
    _rate_checks,
    _unit_checks,
)
from pellucid.inspection.diagnosis._case import Case, make_batch
from pellucid.inspection.diagnosis._probes import can_probe
from pellucid.inspection.diagnosis._registry import CHECKS, EXPLAINS
from pellucid.inspection.diagnosis._verdict import Diagnosis, Verdict
from pellucid.inspection.diagnosis._words import FAULTS
from pellucid.models import Model
from pellucid.models._fit_data import as_dataset
from pellucid.training import Batch, History

FAULT_NAMES = tuple(FAULTS)
"""The names of all faults that are looked for."""


def diagnose(
    model: Model,
    data: Any,
    *,
    validation_data: Any = None,
    test_data: Any = None,
    history: Any = None,
    batch_size: int | None = None,
    language: str = "en",
    seed: int = 0,
) -> Diagnosis:
    """Look for faults of a model, its data and its training, each by a measured quantity.

    A verdict names the fault, the layer or the examples, the measured numbers beside the thresholds
    of healthy runs, and what to try. Of two faults of which one explains the other, only the
    cause is a verdict; the other stands beside it. ::

        history = model.fit(x, y, epochs=20, validation_data=(x2, y2))
        print(diagnose(model, (x, y), validation_data=(x2, y2), history=history))

    Nothing in the model changes. The cost: one backward and a few forward passes over at most 1,024
    rows, comparisons of at most 2,000 rows with one another, and, only if the training loss is high
    for this data, up to ten probes: trainings of 60 steps (more where batches are smaller than
    32 rows) on copies of the state, at other rates, batch sizes and decays.

    Args:
        model: the compiled model, after ``fit`` or before.
        data: ``(x, y)`` as given to ``fit``, in the order in which ``fit`` was given it.
        validation_data: ``(x, y)`` that ``fit`` validated on, or None.
        test_data: ``(x, y)`` that is kept for the end, or None.
        history: what ``fit`` returned, or a dictionary of its measures by epoch; None if unknown.
        batch_size: rows a step; by default what the history knows, else 32.
        language: ``"en"`` or ``"zh"``.
        seed: draws samples and random numbers; equal seeds give equal diagnoses.

    Raises:
        NotReadyError: the model is not compiled.
        DataError, ShapeError: the data does not fit the model.
    """
    check_one_of("diagnose", "language", language, LANGUAGES)
    measures, known = as_history(history)
    if batch_size is not None:
        check_positive_int("diagnose", "batch_size", batch_size)
    size = batch_size or known or 32
    case = Case(
        model,
        _batch(model, data, "data"),
        None if validation_data is None else _batch(model, validation_data, "validation_data"),
        None if test_data is None else _batch(model, test_data, "test_data"),
        measures,
        size,
        seed,
    )
    return examine(case, language)


def examine(case: Case, language: str, cheap: bool = False) -> Diagnosis:
    """Run the checks over a case; only the cheap ones during a fit."""
    verdicts: list[Verdict] = []
    looked_for: list[str] = []
    absent: dict[str, str] = {}
    for check in CHECKS:
        if cheap and not check.cheap:
            missing: str | None = "time"
        else:
            missing = next((need for need in check.needs if not _has(case, need)), None)
        if missing is not None:
            absent |= dict.fromkeys(check.faults, missing)
            continue
        looked_for += check.faults
        verdicts += check.run(case)
    order = {fault: number for number, fault in enumerate(FAULTS)}
    verdicts.sort(key=lambda verdict: order[verdict.fault])
    kept, consequences = sort_out(verdicts)
    return Diagnosis(
        model=case.model.name,
        verdicts=kept,
        consequences=consequences,
        looked_for=tuple(looked_for),
        not_looked_for=absent,
        language=language,
    )


def sort_out(
    verdicts: Sequence[Verdict],
) -> tuple[tuple[Verdict, ...], dict[str, tuple[Verdict, ...]]]:
    """Return the causes, and for each cause the verdicts that follow from it."""
    kept = list(verdicts)
    consequences: dict[str, tuple[Verdict, ...]] = {}
    for cause, effects in EXPLAINS.items():
        if not any(verdict.fault == cause for verdict in kept):
            continue
        explained = tuple(verdict for verdict in kept if verdict.fault in effects)
        if explained:
            consequences[cause] = explained
            kept = [verdict for verdict in kept if verdict.fault not in effects]
    return tuple(kept), consequences


def as_history(history: Any) -> tuple[Mapping[str, list[float]], int | None]:
    """Return the measures of every epoch by name, and the batch size where it is known.

    Raises:
        ArgumentError: if it is neither what ``fit`` returns nor a dictionary of lists.
    """
    if history is None:
        return {}, None
    if isinstance(history, History):
        size = history.params.get("batch_size")
        return history.history, int(size) if size else None
    if isinstance(history, Mapping) and all(
        isinstance(values, (list, tuple)) for values in history.values()
    ):
        return {str(name): list(values) for name, values in history.items()}, None
    raise ArgumentError(
        "diagnose expected history to be what fit returned, or a dictionary of lists such as "
        f"{{'loss': [0.9, 0.4]}}, got {type(history).__name__}."
    )


def _batch(model: Model, data: Any, name: str) -> Batch:
    """Return data given as ``(x, y)`` or as a data set of arrays, as steps take it."""
    if isinstance(data, (tuple, list)) and len(data) in (2, 3):
        dataset = as_dataset(*data)
    else:
        dataset = as_dataset(data) if isinstance(data, ArrayDataset) else None
    if not isinstance(dataset, ArrayDataset):
        raise DataError(
            f"diagnose expected {name} to be (x, y) with arrays, got {type(data).__name__}; of a "
            "stream, gather a few thousand rows."
        )
    model._build_for(dataset)
    return make_batch(model, dataset)


def _has(case: Case, need: str) -> bool:
    """Tell whether a case has what a check needs."""
    if need == "optimizer":
        return can_probe(case)
    return {
        "validation": case.validation is not None,
        "held_out": case.validation is not None or case.test is not None,
        "history": bool(case.history.get("loss")),
        "labels": case.classes > 0,
        "training": case.trained,
        "one_output": case.single,
    }[need]
