"""Attention roll-out: what each step has read of the input, through all layers of attention."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_range
from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection._recorded import labels, recorded
from pellucid.models import Model


@dataclass(frozen=True)
class AttentionRollout:
    """How much of each input step is in each step behind the last layer of attention.

    Attributes:
        values: shape (rows, steps, steps): row i says of what step i is made.
        by_layer: the same for each layer alone, in order.
        layers: paths of the layers.
        identity: what the values must satisfy, in plain text.
        error: how far each row of the batch is from it.
    """

    values: np.ndarray
    by_layer: list[np.ndarray]
    layers: list[str]
    identity: str
    error: np.ndarray

    def of_step(self, step: int | None = None) -> np.ndarray:
        """Return what one step is made of, (rows, steps); by default the mean over all steps."""
        return self.values.mean(axis=1) if step is None else self.values[:, step]


def attention_rollout(model: Model, x: Any, residual: float = 0.5) -> AttentionRollout:
    """Return what each step has read of the input steps, through all layers of self-attention.

    A layer mixes the steps by its weights A (the mean over its heads), and the shortcut around it
    passes each step on as it is. Layer after layer::

        R_0 = I        R_l = ((1 - residual) A_l + residual I) R_(l-1)

    Its identity: every row of R sums to 1, since every row of A does. The error is the largest
    deviation from that; queries that may read nothing add to it.

    Args:
        model: a model with layers of self-attention, one behind the other.
        x: inputs, batch axis first.
        residual: the share of the shortcut, from 0 (no shortcut) to 1.

    Raises:
        ArgumentError: the model has no layer of attention.
        ShapeError: queries and keys are different sequences.

    References:
        Abnar, Zuidema, Quantifying attention flow in transformers (2020), section 3.
    """
    check_range("attention_rollout", "residual", residual, 0, 1)
    name = "attention_weights"
    found = [label for label in labels(model) if label.rpartition("/")[2] == name]
    if not found:
        raise ArgumentError(
            "attention_rollout expected a model with layers of attention, got one without; use "
            "gradient or occlusion."
        )
    by_layer: list[np.ndarray] = []
    for label in found:
        a = recorded(model, label, x)
        a = a.mean(axis=1) if a.ndim == 4 else a
        if a.shape[1] != a.shape[2] or (by_layer and a.shape != by_layer[0].shape):
            raise ShapeError(
                f"attention_rollout expected every layer to read its own steps, got weights of "
                f"shape {a.shape} in {label.rpartition('/')[0]!r}; make a model of the encoder."
            )
        by_layer.append(a)
    steps = by_layer[0].shape[1]
    rolled = np.broadcast_to(np.eye(steps, dtype="float32"), by_layer[0].shape)
    for a in by_layer:
        rolled = ((1 - residual) * a + residual * np.eye(steps, dtype="float32")) @ rolled
    error = np.abs(rolled.sum(axis=2) - 1).max(axis=1)
    paths = [label.rpartition("/")[0] for label in found]
    return AttentionRollout(rolled, by_layer, paths, "every row of the values sums to 1", error)
