"""What several layers ask of their inputs: floating numbers, channels last, a list of equals."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._checks import as_tuple, check_positive_int, check_rank
from pellucid.errors import ArgumentError, ShapeError

Array = jax.Array


def as_floating(x: Array) -> Array:
    """Return ``x`` with integers and booleans as float32; floating numbers keep their type."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype("float32")


def check_channels_last(who: str, data_format: str | None) -> None:
    """Raise ArgumentError for any order of the axes but (batch, ..., channels)."""
    if data_format not in (None, "channels_last"):
        raise ArgumentError(
            f"{who} expected data_format to be 'channels_last', got {data_format!r}; leave it out, "
            "and move the channels of your data to the end with np.moveaxis(x, 1, -1)."
        )


def as_sizes(who: str, name: str, value: Any, axes: int) -> tuple[int, ...]:
    """Return ``value`` as one integer of 1 or more for each axis; one integer stands for all."""
    if not isinstance(value, (tuple, list)):
        check_positive_int(who, name, value)
    return as_tuple(who, name, value, axes)


def check_positions(who: str, shape: Sequence[int], axes: int) -> None:
    """Raise ShapeError unless ``shape`` is that of sequences, images or volumes (axes=1, 2, 3)."""
    words = {
        1: "(batch, steps, channels)",
        2: "(batch, height, width, channels)",
        3: "(batch, depth, height, width, channels)",
    }[axes]
    sample = {1: "sequence", 2: "image", 3: "volume"}[axes]
    hint = ""
    if len(shape) < axes + 2:
        hint = f"add the missing axis: x[None] for one {sample}, x[..., None] for one channel"
    elif axes == 1 and len(shape) == 4:
        hint = f"use {who.replace('1D', '2D')} for images"
    check_rank(who, shape, axes + 2, words, hint)


def check_steps(who: str, shape: Sequence[int | None]) -> None:
    """Raise ShapeError if sequences (batch, steps, ...) have no step."""
    if shape[1] == 0:
        raise ShapeError(
            f"{who} expected sequences of 1 step or more, got shape {tuple(shape)}; leave empty "
            "sequences out, or pad them."
        )


def are_pairs(padding: Any, axes: int) -> bool:
    """Tell whether ``padding`` holds (before, after) for each axis, integers of 0 or more."""
    return (
        isinstance(padding, (tuple, list))
        and len(padding) == axes
        and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in padding)
        and all(isinstance(n, int) and n >= 0 for pair in padding for n in pair)
    )


def check_list(who: str, inputs: Any) -> None:
    """Raise ShapeError unless ``inputs`` is a list of arrays (or specs) of one rank."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ShapeError(
            f"{who} expected a list of inputs, got {_shape_in_words(inputs)}; "
            f"write {who}()([a, b])."
        )
    if len({len(x.shape) for x in inputs}) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ShapeError(
            f"{who} expected inputs of one rank, got shapes {shapes}; add the missing axes of "
            "size 1 with Reshape."
        )


def check_stretchable(who: str, inputs: Sequence[Any]) -> None:
    """Raise ShapeError unless on every axis all sizes are equal or 1; the batch must be equal."""
    check_list(who, inputs)
    for axis, sizes in enumerate(zip(*(x.shape for x in inputs), strict=True)):
        if len(set(sizes) - ({1} if axis else set())) > 1:
            shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
            raise ShapeError(
                f"{who} expected inputs of equal shape, or of size 1 where they differ, got "
                f"shapes {shapes}, which differ on axis {axis}; make them equal with a Dense or "
                "1x1 convolution layer, or join them with Concatenate."
            )


def _shape_in_words(inputs: Any) -> str:
    return f"one of shape {tuple(inputs.shape)}" if hasattr(inputs, "shape") else repr(inputs)
