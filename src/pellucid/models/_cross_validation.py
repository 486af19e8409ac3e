"""Cross-validation: every row is predicted by a network that has not seen it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.data import ArrayDataset
from pellucid.errors import ArgumentError, DataError
from pellucid.models._fit_data import as_dataset
from pellucid.models._model import Model
from pellucid.models._objective import in_order
from pellucid.models._population import Population
from pellucid.training import History


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation measured.

    Attributes:
        scores: for each measure one number a fold, on the rows that the fold's network has not
            learned from.
        predictions: the outputs for every row by networks that have not seen it, in the order of
            the rows; the mean over the repeats.
        folds: for each fold the numbers of the rows that were held out.
        histories: for each fold the history of its fit.
        models: for each fold its network.
    """

    scores: dict[str, list[float]]
    predictions: Any
    folds: list[np.ndarray]
    histories: list[History]
    models: list[Model]

    @property
    def mean(self) -> dict[str, float]:
        """The mean over the folds of each measure."""
        return {name: float(np.mean(values)) for name, values in self.scores.items()}

    @property
    def spread(self) -> dict[str, float]:
        """The standard deviation over the folds of each measure, s^2 = sum (x - mean)^2 / (n - 1).

        The folds share most of their rows: the mean is less certain than s / sqrt(n) says.
        """
        return {name: float(np.std(values, ddof=1)) for name, values in self.scores.items()}

    def to_json(self) -> dict[str, Any]:
        """Return scores, mean and spread as plain JSON."""
        return {"scores": self.scores, "mean": self.mean, "spread": self.spread}

    def __str__(self) -> str:
        lines = [f"{len(self.folds)} folds"]
        width = max(map(len, self.scores))
        for name, values in self.scores.items():
            each = "  ".join(f"{value:.4f}" for value in values)
            lines.append(
                f"{name:<{width}}  {self.mean[name]:.4f} ± {self.spread[name]:.4f}    {each}"
            )
        return "\n".join(lines)


def cross_validate(
    build: Callable[[], Model],
    x: Any,
    y: Any,
    folds: int = 5,
    repeats: int = 1,
    *,
    stratified: bool | None = None,
    groups: Any = None,
    seed: int = 0,
    together: bool = True,
    **settings: Any,
) -> CrossValidation:
    """Fit a network once for each fold, on all other folds, and measure it on the one held out.

    ::

        def build():
            model = Sequential([Dense(32, "relu", input_shape=(30,)), Dense(2)])
            model.compile("adam", SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
            return model

        print(cross_validate(build, x, y, folds=5, epochs=20))

    All folds are fitted in one compiled program over one copy of the data
    (``models.fit_population``). Fold number k starts from the weights of seed + k, as a fit of its
    own with that seed would.

    Args:
        build: returns a compiled model, the same every time it is called.
        x: inputs of all rows, arrays as ``fit`` takes them.
        y: their targets.
        folds: parts that the rows are divided into, 2 or more; each is held out once.
        repeats: how often the rows are divided anew.
        stratified: True gives every fold the same share of each class; None does so where ``y`` is
            whole numbers, one a row, and every class has as many rows as there are folds.
        groups: for each row the group (a person, a place) that it belongs to: no group is ever in
            both sides.
        seed: of the division and of the fits.
        together: False fits the folds one after the other with ``fit``; the numbers are the same to
            rounding.
        **settings: settings of the fit: ``epochs``, ``batch_size``, ``class_weight``,
            ``sample_weight``, ``shuffle``, ``verbose``, ``side_by_side``, and ``callbacks``, a
            function ``fold number -> callbacks``.

    Raises:
        ArgumentError: more folds than rows or groups; a setting that is not known.
        DataError: the rows cannot be stratified.

    References:
        Stone, Cross-validatory choice and assessment of statistical predictions, 1974; Kohavi, A
        study of cross-validation and bootstrap for accuracy estimation and model selection, 1995.
    """
    check_positive_int("cross_validate", "repeats", repeats)
    check_range("cross_validate", "folds", folds, 2)
    unknown = sorted(set(settings) - set(_SETTINGS))
    if unknown:
        raise ArgumentError(
            f"cross_validate has no setting {unknown[0]!r}; the settings of the fit are "
            f"{', '.join(_SETTINGS)}."
        )
    dataset = as_dataset(x, y)
    if not isinstance(dataset, ArrayDataset):
        raise ArgumentError("cross_validate expected arrays, got a stream of batches.")
    count = len(dataset)
    held_out = divide(
        y,
        count=count,
        folds=folds,
        repeats=repeats,
        stratified=stratified,
        groups=groups,
        seed=seed,
    )
    learned = [np.setdiff1d(np.arange(count), rows) for rows in held_out]
    models = []
    for number in range(len(held_out)):
        model = build()
        if not isinstance(model, Model):
            raise ArgumentError(
                "cross_validate expected build() to return a compiled model, got "
                f"{type(model).__name__}."
            )
        model.seed = seed + number
        models.append(model)
    fitted = _together if together else _one_by_one
    histories, measured, outputs = fitted(models, x, y, learned, held_out, settings)
    scores = {
        name: [own[name] for own in measured]
        for name, value in measured[0].items()
        if isinstance(value, float)
    }
    several = isinstance(outputs[0], list)
    columns = list(zip(*outputs, strict=True)) if several else [tuple(outputs)]
    merged = [_in_order(column, held_out, count, repeats) for column in columns]
    return CrossValidation(scores, merged if several else merged[0], held_out, histories, models)


_SETTINGS = (
    "batch_size",
    "callbacks",
    "class_weight",
    "epochs",
    "sample_weight",
    "shuffle",
    "side_by_side",
    "verbose",
)


def divide(
    y: Any,
    *,
    count: int,
    folds: int,
    repeats: int,
    stratified: bool | None,
    groups: Any,
    seed: int,
) -> list[np.ndarray]:
    """Return the numbers of the rows that each fold holds out, folds x repeats of them.

    Args:
        y: targets; read where the folds are stratified.
        count: how many rows there are.
        folds: parts of each division.
        repeats: divisions; number r is drawn from seed + r.
        stratified: as in ``cross_validate``.
        groups: as in ``cross_validate``.
        seed: of the first division.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    several = isinstance(y, Mapping) or (isinstance(y, (list, tuple)) and np.ndim(y[0]) > 0)
    labels = None if several else np.asarray(y)
    whole = labels is not None and labels.ndim == 1 and labels.dtype.kind in "iub"
    least = 0
    if labels is not None and whole:
        least = int(np.unique(labels, return_counts=True)[1].min())
    if stratified is None:
        stratified = bool(whole and least >= folds)
    elif stratified and not whole:
        raise DataError(
            "cross_validate can stratify by classes, whole numbers with one a row; leave "
            "stratified out for other targets."
        )
    elif stratified and least < folds:
        raise DataError(
            f"cross_validate expected every class to have at least {folds} rows, one for each "
            f"fold, got a class of {least}; take fewer folds, or stratified=False."
        )
    if groups is not None and len(groups) != count:
        raise DataError(
            f"cross_validate expected groups with one entry for each of the {count} rows, got "
            f"{len(groups)}."
        )
    most = count if groups is None else len(np.unique(groups))
    if folds > most:
        what = "rows" if groups is None else "groups"
        raise ArgumentError(
            f"cross_validate expected at most as many folds as there are {what}, {most}, got "
            f"{folds}; type folds={most}."
        )
    kinds = {
        (False, False): KFold,
        (True, False): StratifiedKFold,
        (False, True): GroupKFold,
        (True, True): StratifiedGroupKFold,
    }
    kind = kinds[stratified, groups is not None]
    held_out = []
    for number in range(repeats):
        splitter = kind(folds, shuffle=True, random_state=seed + number)
        parts = splitter.split(np.zeros(count), labels if stratified else None, groups)
        held_out += [np.sort(rows) for _, rows in parts]
    return held_out


def _together(
    models: list[Model],
    x: Any,
    y: Any,
    learned: list[np.ndarray],
    held_out: list[np.ndarray],
    settings: Mapping[str, Any],
) -> tuple[list[History], list[dict[str, Any]], list[Any]]:
    given = dict(settings)
    own = ("class_weight", "sample_weight", "side_by_side")
    population = Population(models, x, y, **{name: given.pop(name, None) for name in own})
    histories = population.fit(rows=learned, validation_rows=held_out, **given)
    return histories, population.evaluate(held_out), population.predict(held_out)


def _one_by_one(
    models: list[Model],
    x: Any,
    y: Any,
    learned: list[np.ndarray],
    held_out: list[np.ndarray],
    settings: Mapping[str, Any],
) -> tuple[list[History], list[dict[str, Any]], list[Any]]:
    given = dict(settings)
    given.pop("side_by_side", None)
    callbacks = given.pop("callbacks", None)
    dataset = as_dataset(x, y, given.pop("sample_weight", None))
    histories, measured, outputs = [], [], []
    for number, (model, rows, tested) in enumerate(zip(models, learned, held_out, strict=True)):
        own, other = dataset.take(rows), dataset.take(tested)
        weight = other.sample_weight
        history = model.fit(
            own.x,
            own.y,
            sample_weight=own.sample_weight,
            validation_data=(other.x, other.y) if weight is None else (other.x, other.y, weight),
            callbacks=callbacks(number) if callbacks else None,
            **{"verbose": 0, **given},
        )
        histories.append(history)
        scores = model.evaluate(other.x, other.y, sample_weight=weight, return_dict=True, verbose=0)
        measured.append(scores)
        made = in_order(model.graph, model.predict(other.x))
        outputs.append(made[0] if len(made) == 1 else made)
    return histories, measured, outputs


def _in_order(
    parts: tuple[np.ndarray, ...], folds: list[np.ndarray], count: int, repeats: int
) -> np.ndarray:
    """Return one output for every row: the mean of those of its folds, one in each repeat."""
    total = np.zeros((count, *parts[0].shape[1:]), np.float64)
    for part, rows in zip(parts, folds, strict=True):
        total[rows] += part
    return (total / repeats).astype(parts[0].dtype)
