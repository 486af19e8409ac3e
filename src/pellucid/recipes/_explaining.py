"""What a trained recipe's predictions rest on: attributions for its examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from pellucid import inspection
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.inspection import Attribution
from pellucid.layers import Embedding
from pellucid.recipes._recipe import Example, Prediction
from pellucid.recipes._run import Run

METHODS = {
    "gradient": inspection.gradient,
    "input_x_gradient": inspection.input_x_gradient,
    "integrated_gradients": inspection.integrated_gradients,
    "occlusion": inspection.occlusion,
    "smooth_grad": inspection.smooth_grad,
}
"""The methods that explain every classifier, by name."""


@dataclass(frozen=True)
class Explained:
    """Predictions and what each rests on.

    Attributes:
        predictions: the answers of the network.
        labels: the class that is explained, for each.
        attribution: how much each pixel, word or number speaks for it.
        words: for texts, the words of each example; else None.
    """

    predictions: list[Prediction]
    labels: list[str]
    attribution: Attribution
    words: list[list[str]] | None

    def positions(self, row: int) -> np.ndarray:
        """Return one number for each pixel, word or number of an example."""
        values = self.attribution.values[row]
        if self.words is not None:
            per_word = values.sum(axis=-1) if values.ndim > 1 else values
            return per_word[-len(self.words[row]) :]
        return values.sum(axis=-1) if values.ndim == 3 else values


def explain_examples(
    run: Run,
    examples: Sequence[Example],
    method: str = "integrated_gradients",
    label: str | None = None,
) -> Explained:
    """Return what a run's predictions for some examples rest on.

    Args:
        run: a finished run of a recipe that tells classes.
        examples: as the recipe's ``sample`` and ``example`` give them.
        method: one of ``METHODS``.
        label: the class that is explained; by default what the network says.

    Raises:
        ArgumentError: the recipe does not tell classes by one score for each.
        UnknownNameError: there is no such method or class; the nearest is suggested.
    """
    if method not in METHODS:
        raise UnknownNameError("explanation method", method, METHODS)
    answers = list(run.predict(list(examples)))
    predictions = [answer for answer in answers if isinstance(answer, Prediction)]
    if len(predictions) != len(answers):
        raise ArgumentError(
            f"Recipe {run.recipe_name!r} does not tell classes, so there is no score to explain; "
            "its answers are shown by `pellucid predict`."
        )
    classes = list(predictions[0].probabilities)
    if label is not None and label not in classes:
        raise UnknownNameError("class", label, classes)
    chosen = [label or prediction.label for prediction in predictions]
    targets, signs = _targets(run, classes, chosen)
    x = np.stack([example.x for example in examples])
    at = _words_layer(run.model)
    if at is None:
        x = x.astype(np.float32)
    found = METHODS[method](run.model, x, target=targets, at=at)
    if (signs < 0).any():
        turned = found.values * signs.reshape(-1, *(1,) * (found.values.ndim - 1))
        found = replace(found, values=turned, score=found.score * signs)
    words = [run.recipe.words_of(example) for example in examples] if at else None
    known = None if words is None or None in words else [list(part or ()) for part in words]
    return Explained(predictions, chosen, found, known)


def probability_without(run: Run, explained: Explained, row: int, count: int) -> float:
    """Return the probability of the class when the strongest positions are set to nothing.

    Args:
        run: the run that was explained.
        explained: what ``explain_examples`` gave.
        row: which of its examples.
        count: how many positions are taken away.
    """
    example = explained.predictions[row].example
    values = explained.positions(row)
    x = np.array(example.x)
    strongest = np.argsort(-values.reshape(-1), kind="stable")[:count]
    where = np.unravel_index(strongest, values.shape)
    if explained.words is not None:
        x[len(x) - len(values) + where[0]] = 0
    else:
        x[where] = 0
    changed = replace(example, x=x)
    answer = run.predict([changed])[0]
    if not isinstance(answer, Prediction):
        raise ArgumentError(f"Recipe {run.recipe_name!r} does not tell classes.")
    return answer.probabilities[explained.labels[row]]


def _targets(run: Run, classes: list[str], chosen: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the output for each class, and -1 where it speaks against the class."""
    outputs = run.model.graph.output_symbols
    width = outputs[0].shape[-1] if len(outputs) == 1 else None
    numbers = np.array([classes.index(one) for one in chosen])
    if width == len(classes):
        return numbers, np.ones(len(chosen))
    if width == 1 and len(classes) == 2:
        return np.zeros(len(chosen), int), np.where(numbers == 1, 1.0, -1.0)
    raise ArgumentError(
        f"Recipe {run.recipe_name!r} has {width} outputs for {len(classes)} classes; only a "
        "network with one score for each class can be explained."
    )


def _words_layer(model: Any) -> str | None:
    """Return the layer whose output stands for the words; None for pixels and numbers."""
    graph = model.graph
    symbol = graph.input_symbols[0]
    for name, _, node in graph.calls():
        reads_numbers = node.inputs is symbol and "Embedding" in type(node.layer).__name__
        if isinstance(node.layer, Embedding) or reads_numbers:
            return name
    if not jnp.issubdtype(symbol.dtype, jnp.floating):
        return next(iter(graph.layers()))
    return None
