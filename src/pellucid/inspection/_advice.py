"""What to do about a number that is not finite, by the operation that made it."""

from collections.abc import Sequence
from typing import Any

_LOG = (
    "The logarithm of 0 is infinite and that of a negative number is NaN: use a loss from logits "
    "(from_logits=True), or keep the argument above 0 with jnp.maximum(p, 1e-7)."
)
_EXP = (
    "exp(x) is infinite above 88.7 in float32 (11.0 in float16): subtract the largest x first, as "
    "ops.softmax and ops.log_softmax do, or limit x."
)
_DIVISION = (
    "A divisor became 0: add a small epsilon to it, as in x / jnp.sqrt(variance + 1e-5); a feature "
    "that never varies is better left out."
)
_ROOT = (
    "The slope of a root at 0 is infinite: take jnp.sqrt(x + 1e-12). A jnp.where around the root "
    "does not help, since its slope is then 0 times infinity: put the jnp.where inside of it."
)
_OPERATIONS = {
    "log": _LOG,
    "log1p": _LOG,
    "exp": _EXP,
    "exp2": _EXP,
    "expm1": _EXP,
    "div": _DIVISION,
    "rsqrt": _DIVISION,
    "sqrt": _ROOT,
    "pow": _ROOT,
    "batch_norm_inference": "A moving variance is negative or not finite: train the "
    "BatchNormalization layer on again, or put moving_mean 0 and moving_variance 1 in place.",
}


def advice(
    part: str, operation: str, primitive: str | None, inputs: Sequence[Any], origin: Any
) -> tuple[str, ...]:
    """Return what to do, a sentence each.

    Args:
        part: the part of the step.
        operation: what made the number, or what was given.
        primitive: JAX's name of it, None for what was given.
        inputs: what it read.
        origin: the first ancestor outside of the normal range, or None.
    """
    if part == "given":
        return (_given(operation),)
    said = []
    if origin is not None:
        said.append(_origin(origin.name))
    for name in (operation, primitive):
        known = _OPERATIONS.get(name or "")
        if known is not None and known not in said and (origin is None or name == operation):
            said.append(known)
            break
    if part == "backward" and not said:
        said.append(
            "The slope of this operation is infinite, or 0 times infinity, at what it read: keep "
            "its input away from there."
        )
    if part == "update" and origin is None:
        said.append("Scale the gradients down: clipnorm=1.0 in the optimizer.")
    if not said:
        said.append(
            "The numbers are larger than their type can hold: scale the inputs to mean 0 and "
            "deviation 1, or put a normalization layer in front."
        )
    return tuple(said)


def _given(name: str) -> str:
    if name.startswith("batch/sample_weight"):
        return "Look at the weights of the rows: replace those that are not finite."
    if name.startswith("batch/"):
        return "Look at this row of the data: leave it out, or replace what is not finite."
    if name.startswith("optimizer_state/"):
        return "Start with a new state of the optimizer: compile the model again."
    return (
        "It was put there before this step: look at what loads or sets the weights (a callback, "
        "set_weights, an initializer), and start from numbers that are finite."
    )


def _origin(name: str) -> str:
    if name.startswith(("parameters/", "optimizer_state/")):
        return (
            "The weights had grown out of range in the steps before: lower the learning rate, or "
            'set clipnorm=1.0 in the optimizer; run.find("loss jumped") shows where it began.'
        )
    if name.startswith("batch/"):
        return "The data hold very large numbers: scale them to mean 0 and deviation 1."
    if "update" in name or "backward" in name:
        return "A gradient grew out of range: set clipnorm=1.0 in the optimizer, or lower the rate."
    return (
        "Its numbers had left the normal range before: lower the learning rate, scale the inputs, "
        "or put a normalization layer in front."
    )
