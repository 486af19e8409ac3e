"""Attributions layer by layer: layer-wise relevance propagation, and guided back-propagation."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import activations
from pellucid._checks import check_range
from pellucid.inspection._attribution import TOLERANCE, Attribution, Question, ask, row_sums, share
from pellucid.inspection._walk import Visit, carried_back
from pellucid.layers import ELU, Activation, LeakyReLU, Multiply, PReLU, ReLU, Softmax
from pellucid.models import Model

Array = jax.Array

ENTRY_BY_ENTRY = (Activation, ELU, LeakyReLU, PReLU, ReLU, Softmax)
"""Layers that are an activation: relevance passes through them as it is."""


def layerwise_relevance(
    model: Model, x: Any, target: Any = None, at: str | None = None, epsilon: float = 1e-6
) -> Attribution:
    """Return the score divided among the inputs, layer by layer (LRP, the epsilon rule).

    The relevance R of the score is the score itself. A unit divides its own among its inputs in
    proportion to what each adds to z_u = sum_i x_i W_iu + b_u::

        R_i = sum_u x_i W_iu / (z_u + e_u) R_u        e_u = epsilon max|z|, with the sign of z_u

    and an activation passes on what it gets. W_iu stands for dz_u/dx_i, so that convolutions,
    poolings, merging and normalizations divide by the same rule; where a layer is not linear in its
    input (attention, recurrence), what it does not divide is lost.

    Its identity, conservation: the values of a row sum to S(x), but for what biases (and epsilon)
    take: without biases nothing is lost. The error is the share that is lost. In a network of ReLU
    without biases the values are those of ``input_x_gradient``.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input.
        epsilon: keeps the divisor from 0, as a share of the largest z of the layer; more than 0.
            Larger values leave less noise, and lose more.

    Raises:
        ShapeError, ArgumentError, DTypeError, UnknownNameError: inputs, target or layer do not fit.

    Example:
        >>> import numpy as np
        >>> from pellucid.inspection import layerwise_relevance
        >>> from pellucid.layers import Dense, Input
        >>> from pellucid.models import Sequential
        >>> model = Sequential([Input((2,)), Dense(1, kernel_initializer="ones")])
        >>> layerwise_relevance(model, np.array([[3.0, 4.0]])).values.round(4)
        array([[3., 4.]], dtype=float32)

    References:
        Bach, Binder, Montavon, Klauschen, Mueller, Samek, On pixel-wise explanations for non-linear
        classifier decisions by layer-wise relevance propagation (2015), equations 56 and 58.
    """
    check_range("layerwise_relevance", "epsilon", epsilon, 0, open_low=True)
    question = ask(model, x, target, at)

    def divide(visit: Visit, r: Array) -> list[Array | None]:
        if isinstance(visit.layer, ENTRY_BY_ENTRY):
            return [r]
        if isinstance(visit.layer, Multiply):  # each factor has an equal share in a product
            r = r / len(visit.inputs)
        z = visit.output if visit.z is None else visit.z
        e = jnp.maximum(epsilon * jnp.max(jnp.abs(z)), TOLERANCE)
        shares = visit.from_z(r / (z + jnp.where(z < 0, -e, e)))
        pairs = zip(visit.inputs, shares, strict=True)
        return [None if given is None or s is None else given * s for given, s in pairs]

    values = carried_back(model, question, at, lambda scores: _chosen(question, scores), divide)
    score = question.scores(question.start)
    error = share(row_sums(values) - score, score)
    identity = "sum of the values = S(x), but for what biases and epsilon take"
    return Attribution("layer-wise relevance", values, question.target, score, identity, error)


def guided_backpropagation(
    model: Model, x: Any, target: Any = None, at: str | None = None
) -> Attribution:
    """Return the gradient of the score with all that is negative cut off at every ReLU.

    A ReLU passes a gradient on only where its own input is positive, and here only where the
    gradient is positive too::

        dx = dy [x > 0] [dy > 0]

    What is left are features that speak for the class at every layer. It makes sharp pictures, and
    it is known that much of their sharpness comes from the picture: the method does not pass the
    randomization check, and does not claim to (``randomization_check``).

    Its identity: the values are the gradient where no negative gradient meets a ReLU. The error is
    the share of the gradient (by length) that differs: how much was cut off. ReLUs inside layers
    made of layers, such as transformer blocks, are left as they are.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input.

    Raises:
        ShapeError, ArgumentError, DTypeError, UnknownNameError: inputs, target or layer do not fit.

    References:
        Springenberg, Dosovitskiy, Brox, Riedmiller, Striving for simplicity: the all convolutional
        net (2015), figure 1; Adebayo et al., Sanity checks for saliency maps (2018), section 4.
    """
    question = ask(model, x, target, at)

    def pass_back(visit: Visit, dy: Array) -> list[Array | None]:
        if _is_relu(visit):
            dy = jnp.maximum(dy, 0)
        return visit.from_z(visit.from_output(dy) if visit.bends else dy)

    def one(scores: np.ndarray) -> np.ndarray:
        return np.eye(scores.shape[1], dtype="float32")[question.target]

    values = carried_back(model, question, at, one, pass_back)
    g = question.slopes(question.start)
    lengths = [np.sqrt(row_sums(v * v)) for v in (values - g, g)]
    identity = "the values are the gradient where no negative gradient meets a ReLU"
    score = question.scores(question.start)
    error = share(lengths[0], lengths[1])
    return Attribution("guided back-propagation", values, question.target, score, identity, error)


def _chosen(question: Question, scores: np.ndarray) -> np.ndarray:
    """Return the score of the class that is explained in its place, 0 elsewhere."""
    kept = np.eye(scores.shape[1], dtype="float32")[question.target]
    return np.asarray(scores * kept)


def _is_relu(visit: Visit) -> bool:
    """Tell whether a call ends in a ReLU."""
    if isinstance(visit.layer, ReLU):
        return True
    op = None
    if hasattr(visit.layer, "activation") and (visit.bends or visit.z is None):
        op = activations.operation(activations.get(visit.layer.activation))
    return op is not None and op.name in ("relu", "relu6")
