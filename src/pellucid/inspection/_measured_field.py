"""Receptive fields by measurement: a pixel is seen where the unit has a gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_positive_int
from pellucid.errors import DTypeError
from pellucid.inspection._positions import Place, find_place
from pellucid.inspection._receptive_field import Box, check_pixel, checked_unit, input_number
from pellucid.layers import Context, Variables
from pellucid.layers._context import Collected
from pellucid.models import Graph, Model

Array = jax.Array


@dataclass(frozen=True)
class MeasuredField:
    """What one unit was seen to depend on.

    Attributes:
        layer: path of the layer.
        unit: its position along each spatial axis.
        box: the smallest box that holds every position with a gradient.
        strength: mean absolute gradient at each position, shape of the spatial axes.
    """

    layer: str
    unit: tuple[int, ...]
    box: Box
    strength: np.ndarray


def measure_receptive_field(
    model: Model,
    layer: str,
    unit: Sequence[int] | None = None,
    input: str | None = None,
    samples: int = 32,
    seed: int = 0,
) -> MeasuredField:
    """Return what one unit is seen to depend on, by back-propagation.

    The gradient of the unit, summed over its channels with random weights, is taken with respect
    to random inputs. The network's weights are replaced by positive random ones, so that no path
    cancels another and no unit is dead. Maxima let one position through at a time; many samples
    make up for it, so the measured field can only be too small, never too large.

    Args:
        model: a model whose input sizes are known.
        layer: path of the layer.
        unit: position along each spatial axis; the middle one by default.
        input: name of the input, for a model of several.
        samples: random inputs.
        seed: makes inputs and weights.

    Raises:
        DTypeError: the input holds whole numbers, which have no gradient.
    """
    check_positive_int("measure_receptive_field", "samples", samples)
    graph = model.graph
    number = input_number(graph, input)
    place = find_place(graph, layer)
    middle = tuple(n // 2 for n in place.shape[1:-1])
    at = middle if unit is None else checked_unit("measure_receptive_field", place, unit)
    parameters, state, inputs, weights = _positive(graph, number, place, samples, seed)

    @jax.jit
    def measure(parameters: Any, x: list[Array]) -> Array:
        def scalar(given: Array) -> Array:
            arrays = [given if i == number else array for i, array in enumerate(x)]
            y = _output(graph, Variables(parameters, state), arrays, place.path)
            return jnp.sum(y[(slice(None), *at)] * weights)

        return jax.grad(scalar)(x[number])

    gradient = np.asarray(measure(parameters, inputs))
    strength = np.abs(gradient).mean(axis=0).sum(axis=-1)
    return MeasuredField(place.path, tuple(at), _box_of(strength), strength)


def measure_reached(
    model: Model,
    layer: str,
    pixel: Sequence[int],
    input: str | None = None,
    samples: int = 32,
    seed: int = 0,
) -> MeasuredField:
    """Return which units of a layer move when one position of the input does.

    As ``measure_receptive_field``, by the derivative in the direction of that position.

    Returns:
        A field whose ``unit`` is the pixel and whose ``box`` and ``strength`` lie in the layer.
    """
    check_positive_int("measure_reached", "samples", samples)
    graph = model.graph
    number = input_number(graph, input)
    place = find_place(graph, layer)
    check_pixel(graph, number, pixel)
    parameters, state, inputs, weights = _positive(graph, number, place, samples, seed)

    @jax.jit
    def measure(parameters: Any, x: list[Array]) -> Array:
        def units(given: Array) -> Array:
            arrays = [given if i == number else array for i, array in enumerate(x)]
            return _output(graph, Variables(parameters, state), arrays, place.path)

        direction = jnp.zeros_like(x[number]).at[(slice(None), *pixel)].set(1.0)
        y, pull_back = jax.vjp(units, x[number])
        # The derivative in a direction is the derivative of the product (cotangent, J direction).
        along = jax.grad(lambda cotangent: jnp.vdot(pull_back(cotangent)[0], direction))
        return along(jnp.zeros_like(y))

    moved = np.asarray(measure(parameters, inputs))
    strength = np.abs(moved).mean(axis=0).sum(axis=-1)
    return MeasuredField(place.path, tuple(int(p) for p in pixel), _box_of(strength), strength)


def _box_of(strength: np.ndarray) -> Box:
    """Return the smallest box around the entries that are not zero."""
    box = []
    for axis in range(strength.ndim):
        others = tuple(i for i in range(strength.ndim) if i != axis)
        seen = np.flatnonzero((strength != 0).any(axis=others))
        box.append((int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, 0))
    return tuple(box)


def _positive(graph: Graph, number: int, place: Place, samples: int, seed: int) -> Any:
    """Return positive parameters, the state at the start, random inputs and channel weights."""
    for symbol in graph.input_symbols:
        if not jnp.issubdtype(symbol.dtype, jnp.floating):
            raise DTypeError(
                f"An input of type {jnp.dtype(symbol.dtype).name} has no gradient to measure; use "
                "receptive_field, which computes."
            )
    rng = np.random.default_rng(seed)
    key = jax.random.key(seed)
    shapes = jax.eval_shape(graph.init, key).parameters

    def vectors(key: Array) -> Any:
        made = graph.init(key)
        return [jnp.abs(a) for a in jax.tree.leaves(made.parameters) if a.ndim < 2], made.state

    # Scales and biases start as they do, but positive; the rest is drawn here.
    kept, state = jax.jit(vectors)(key)
    kept = iter(kept)

    def positive(spec: Any) -> Array:
        if len(spec.shape) < 2:
            return next(kept)
        # The mean over the inputs, so that numbers neither grow nor vanish.
        share = rng.uniform(0.5, 1.5, spec.shape) / np.prod(spec.shape[:-1])
        return jnp.asarray(share, spec.dtype)

    parameters = jax.tree.map(positive, shapes)
    inputs = [
        jnp.asarray(rng.uniform(0.1, 1.0, (samples, *symbol.spec().shape[1:])), symbol.dtype)
        for symbol in graph.input_symbols
    ]
    weights = jnp.asarray(rng.uniform(0.5, 1.5, place.shape[-1]), "float32")
    return parameters, state, inputs, weights


def _output(graph: Graph, variables: Variables, arrays: list[Array], path: str) -> Array:
    """Return the output of the layer at a path."""
    collected = Collected(values={})
    graph.run_checked(
        variables, arrays if len(arrays) > 1 else arrays[0], Context(collected=collected)
    )
    values = collected.values or {}
    label = f"{path}/output"
    return values[label] if label in values else values[f"{label}#0"]
