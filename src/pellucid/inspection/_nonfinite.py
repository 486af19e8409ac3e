"""Where a NaN came from: the step worked through until the number that everything else follows.

A NaN spreads: a moment later all numbers are NaN. So the search goes backwards, from the loss or
the weights that are no longer finite, through what they were made of, to the operation that made
the first number that is not finite out of numbers that were. An infinity that was written down on
purpose, as in a mask, is not mistaken for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pellucid.inspection._advice import advice
from pellucid.inspection._equations import Equation, Evaluation, Numbers
from pellucid.models import Model
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.training import Batch, TrainingState
from pellucid.training._finite import path_name

_PASS = {"forward": "forward pass", "backward": "backward pass"}

NORMAL = 1e6
"""Magnitudes beyond this are outside of the normal range of a network's numbers."""


@dataclass(frozen=True)
class Operand:
    """Something that an operation read: what it is, and its numbers."""

    name: str
    numbers: Numbers

    def __str__(self) -> str:
        return f"{self.name}: {self.numbers}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"name": self.name, **self.numbers.to_json()}


@dataclass(frozen=True)
class NonFinite:
    """Where the first number that is not finite came from.

    Attributes:
        step: the number of the step.
        part: where in the step: ``"given"`` (it was there before the step), ``"forward"``,
            ``"loss"``, ``"backward"`` or ``"update"``.
        layer: the path of the layer, None outside of layers.
        operation: the operation of ``pellucid.ops``, or JAX's name of a layer's or loss's own; for
            what was given, its name, such as ``"parameters/dense/kernel"`` or ``"batch/x"``.
        code: the line of code, None for what was given.
        inputs: what the operation read.
        output: what it made.
        row: the row of the batch in which it is first seen, None if it belongs to no row.
        reached: what is no longer finite after the step.
        origin: the first ancestor of the operation whose numbers left the normal range (1e6).
        advice: what to do, a sentence each.
    """

    step: int
    part: str
    layer: str | None
    operation: str
    code: str | None
    inputs: tuple[Operand, ...]
    output: Numbers
    row: int | None
    reached: tuple[str, ...]
    origin: Operand | None
    advice: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"step       {self.step}", f"where      {self._where()}"]
        if self.code is not None:
            lines.append(f"code       {self.code}")
        lines += [f"read       {operand}" for operand in self.inputs]
        lines.append(f"{'held' if self.part == 'given' else 'made':<10} {self.output}")
        if self.row is not None:
            lines.append(f"row        {self.row} of the data")
        if self.origin is not None:
            lines.append(f"origin     {self.origin}")
        lines.append(f"reached    {', '.join(self.reached)}")
        lines += [f"do         {sentence}" for sentence in self.advice]
        return "\n".join(lines)

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        how = "held" if self.part == "given" else "made"
        what = "NaN" if self.output.nans else "infinity"
        row = "" if self.row is None else f" (row {self.row} of the data)"
        return f"In step {self.step}, {self._where()}, {how} the first {what}{row}."

    def _where(self) -> str:
        if self.part == "given":
            return f"{self.operation}, before anything was computed"
        of = f" of layer {self.layer!r}" if self.layer else ""
        return f"{self.operation}{of} in the {_PASS.get(self.part, self.part)}"

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            **{name: getattr(self, name) for name in ("step", "part", "layer", "operation")},
            **{"code": self.code, "row": self.row, "reached": list(self.reached)},
            "inputs": [operand.to_json() for operand in self.inputs],
            "output": self.output.to_json(),
            "origin": None if self.origin is None else self.origin.to_json(),
            "advice": list(self.advice),
        }


def find_nonfinite(
    model: Model, x: Any, y: Any, sample_weight: Any = None, seed: int = 0
) -> NonFinite | None:
    """Return where a number stops being finite in the model's next step, None if none does.

    The step is forward pass, loss, backward pass and update, in training mode; the model stays as
    it is. Other than ``fit``, this takes data that are not finite, since they are what is looked
    for.

    Args:
        model: the compiled model.
        x: inputs of the batch.
        y: targets of the batch.
        sample_weight: weight in the loss for each row.
        seed: makes the random numbers of dropout and noise.

    Example:
        >>> import numpy as np
        >>> import pellucid
        >>> from pellucid.inspection import find_nonfinite
        >>> from pellucid.layers import Dense
        >>> model = pellucid.Sequential([Dense(2, activation="relu"), Dense(1)])
        >>> model.compile("sgd", "mse", verbose=0)
        >>> x = np.array([[1.0, 2.0], [np.nan, 1.0]], np.float32)
        >>> found = find_nonfinite(model, x, np.ones((2, 1), np.float32))
        >>> found.part, found.operation, found.row
        ('given', 'batch/x', 1)
    """
    dataset = as_dataset(*(_zero_where_bad(part) for part in (x, y, sample_weight)))
    model._build_for(dataset)
    objective, steps = model._ready()
    clean = FitData(model.graph, objective, None).batch(dataset)
    given = Batch(*(_refilled(a, b) for a, b in zip(clean, (x, y, sample_weight), strict=False)))
    return nonfinite_in_step(steps.step, model._start(seed), given)


def nonfinite_in_step(
    step: Any, state: TrainingState, batch: Batch, rows: np.ndarray | None = None
) -> NonFinite | None:
    """Return where a number stops being finite in a step, None if none does.

    Args:
        step: the step, ``(state, batch) -> (state, sums)``.
        state: the state before it.
        batch: its batch.
        rows: the numbers of the batch's rows in the data; 0, 1, ... by default.
    """
    given = {**{part: getattr(state, part) for part in _STATE}, "batch": batch._asdict()}
    named = [
        (path_name(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(given)[0]
    ]
    names = {id(leaf): name for name, leaf in named}
    flat = jax.tree.leaves((state, batch))
    program, shapes = jax.make_jaxpr(step, return_shape=True)(state, batch)
    told = [names.get(id(leaf), "step") for leaf in flat]
    evaluation = Evaluation(program, flat, told)
    results = _result_names(*shapes)
    search = _Search(evaluation, results)
    return search.report(int(state.step), batch, rows)


_STATE = ("parameters", "layer_state", "optimizer_state")


class _Search:
    """Goes back from what is not finite to where that began."""

    def __init__(self, evaluation: Evaluation, results: Sequence[str]) -> None:
        self.evaluation = evaluation
        self.values = evaluation.values
        self.results = results
        outputs = dict(zip(results, evaluation.outputs, strict=True))
        losses = [at for name, at in outputs.items() if name.startswith("measures/")]
        before = {v.name for v in self.values if v.name and not v.numbers.finite}
        bad = {
            name: at
            for name, at in outputs.items()
            if self._bad(at) and (name.split("/")[0] in _STATE or _is_loss(name))
        }
        self.reached = {name: at for name, at in bad.items() if name not in before} or bad
        self.forward = evaluation.ancestors(losses)

    def _bad(self, place: int) -> bool:
        return not self.values[place].numbers.finite

    def report(self, step: int, batch: Batch, rows: np.ndarray | None) -> NonFinite | None:
        """Return what was found."""
        if not self.reached:
            return None
        place = self._first_bad()
        value = self.values[place]
        # A measure is known by its name, not by the sums that it is computed from.
        named = [(not _is_loss(n), n.split("/")[1] if _is_loss(n) else n) for n in self.reached]
        reached = tuple(dict.fromkeys(name for _, name in sorted(named)))
        if value.maker is None:
            inputs: tuple[Operand, ...] = ()
            part, layer, operation, code = "given", _layer_of(value.name), value.name, None
            origin = None
        else:
            made_by = self.evaluation.equations[value.maker]
            part, code = self._part(made_by), made_by.code
            layer = made_by.layer
            if part == "update":
                layer = self._updated_layer(place)
            operation = self._operation(made_by)
            inputs = tuple(
                Operand(self._name(at), self.values[at].numbers)
                for at in dict.fromkeys(made_by.inputs)
            )
            origin = self._origin(made_by)
        return NonFinite(
            *(step, part, layer, operation, code, inputs, value.numbers),
            row=self._row(value.numbers, value.name, part, batch, rows),
            reached=reached,
            origin=origin,
            advice=advice(part, operation, self._primitive(value), inputs, origin),
        )

    # Back to the beginning

    def _first_bad(self) -> int:
        """Return the value with which it began."""
        seen: set[int] = set()
        given: list[int] = []
        created: list[int] = []
        nan_made: list[int] = []
        stack = list(self.reached.values())
        while stack:
            place = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            value = self.values[place]
            if value.maker is None:
                if value.name:
                    given.append(place)
                continue
            read = self.evaluation.equations[value.maker].inputs
            bad = [at for at in read if self._bad(at)]
            if not bad:
                created.append(place)
            if value.numbers.nans and not any(self.values[at].numbers.nans for at in bad):
                nan_made.append(place)
            stack.extend(bad)
        # What was given comes before all; an infinity that a mask wrote down begins nothing.
        return min(given or created or nan_made or list(self.reached.values()))

    def _origin(self, made_by: Equation) -> Operand | None:
        """Return the first ancestor whose numbers left the normal range."""
        for place in sorted(self.evaluation.ancestors(made_by.inputs)):
            value = self.values[place]
            known = value.maker is not None or value.name
            if known and value.numbers.size > NORMAL:
                return Operand(self._name(place), value.numbers)
        return None

    # In words

    def _part(self, equation: Equation) -> str:
        """Return the part of the step that an equation belongs to."""
        if "optimizer" in equation.scopes:
            return "update"
        derivative = "jvp" in equation.transforms
        if "transpose" in equation.transforms or (
            derivative and not set(equation.outputs) & self.forward
        ):
            return "backward"
        return "loss" if "loss" in equation.scopes else "forward"

    def _operation(self, equation: Equation) -> str:
        """Return what an equation is called: its operation, or what was differentiated into it."""
        if equation.op is not None:
            return equation.op
        if self._part(equation) == "backward":
            written = [
                other.primitive
                for other in self.evaluation.equations
                if other.place == equation.place
                and "transpose" not in other.transforms
                and set(other.outputs) & self.forward
            ]
            if written and equation.primitive not in written:
                return written[-1]
        return equation.primitive

    def _primitive(self, value: Any) -> str | None:
        return None if value.maker is None else self.evaluation.equations[value.maker].primitive

    def _name(self, place: int) -> str:
        value = self.values[place]
        if value.maker is None:
            return value.name or "a constant"
        equation = self.evaluation.equations[value.maker]
        of = f" of layer {equation.layer!r}" if equation.layer else ""
        part = self._part(equation)
        return f"{self._operation(equation)}{of} in the {_PASS.get(part, part)}"

    def _updated_layer(self, place: int) -> str | None:
        """Return the layer whose array an update was making."""
        for name, at in self.reached.items():
            if place in self.evaluation.ancestors([at]):
                return _layer_of(name)
        return None

    def _row(
        self, numbers: Numbers, name: str, part: str, batch: Batch, rows: np.ndarray | None
    ) -> int | None:
        """Return the row of the data in which it is seen first, where it has one."""
        count = len(jax.tree.leaves(batch)[0]) if jax.tree.leaves(batch) else 0
        of_rows = name.startswith("batch/") or part in ("forward", "loss")
        if not of_rows or not numbers.first or numbers.shape[0] != count:
            return None
        first = numbers.first[0]
        if rows is None:
            return first
        return int(rows[first]) if first < len(rows) else None


def _result_names(state: TrainingState, sums: Mapping[str, Any]) -> list[str]:
    """Return a name for every output of a step, in order."""
    named = {id(leaf): path_name(path) for path, leaf in _leaves(state)}
    found = [named[id(leaf)] for leaf in jax.tree.leaves(state)]
    return [*found, *(f"measures/{path_name(path)}" for path, _ in _leaves(sums))]


def _leaves(tree: Any) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def _is_loss(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == "measures" and parts[1].endswith("loss")


def _layer_of(name: str) -> str | None:
    """Return the layer in ``parameters/encoder/dense/kernel`` or an optimizer's slot of it."""
    first, *inner = name.split("/")
    if first == "optimizer_state":
        inner = inner[2:] if inner[:1] == ["slots"] else []
    return "/".join(inner[:-1]) or None if first in _STATE else None


def _zero_where_bad(given: Any) -> Any:
    """Return arrays with 0 in place of what is not finite."""

    def clean(array: Any) -> Any:
        array = np.asarray(array)
        if array.dtype.kind != "f":
            return array
        return np.where(np.isfinite(array), array, np.zeros((), array.dtype))

    return None if given is None else jax.tree.map(clean, given)


def _refilled(clean: Any, given: Any) -> Any:
    """Return arrays in the form of ``clean`` with the numbers that were given, bad ones too."""
    if given is None:
        return clean
    leaves, form = jax.tree.flatten(clean)
    if len(leaves) != len(jax.tree.leaves(given)):
        return clean
    filled = []
    for array, own in zip(leaves, jax.tree.leaves(given), strict=True):
        own = np.asarray(own)
        bad = own.dtype.kind == "f" and not np.isfinite(own).all()
        filled.append(own.astype(array.dtype).reshape(array.shape) if bad else array)
    return jax.tree.unflatten(form, filled)
