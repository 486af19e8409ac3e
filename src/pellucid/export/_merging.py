"""Layers of several inputs in ONNX's operators."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from pellucid import layers
from pellucid.export._call import Call, handles
from pellucid.export._writer import Value
from pellucid.ops._distance import LEAST

Values = Sequence[Value]

OPERATORS = {
    layers.Add: "Add",
    layers.Multiply: "Mul",
    layers.Subtract: "Sub",
    layers.Average: "Add",
    layers.Maximum: "Max",
    layers.Minimum: "Min",
}


@handles(*OPERATORS)
def merging(call: Call, x: Values) -> Value:
    """y = x_1 + x_2 + ..., or another operation; a step counts if it counts in any input."""
    w = call.writer
    masks = call.mask or [None]
    if all(mask is not None for mask in masks):
        call.output_mask = reduce(lambda a, b: w.binary("Or", a, b), masks)
    op = OPERATORS[type(call.layer)]
    y = reduce(lambda a, b: w.binary(op, a, b), map(w.floating, x))
    return w.binary("Mul", y, 1 / len(x)) if isinstance(call.layer, layers.Average) else y


@handles(layers.Concatenate)
def concatenate(call: Call, x: Values) -> Value:
    """y = [x_1, x_2, ...]; over time masks are joined, else a step counts if it does in all."""
    w = call.writer
    if len({part.dtype for part in x}) > 1:
        x = [w.floating(part) for part in x]
    axis = call.layer.axis % x[0].rank
    if call.mask is not None:
        masks = [
            _every_step(call, part) if mask is None else mask
            for part, mask in zip(x, call.mask, strict=True)
        ]
        joined = axis == 1
        call.output_mask = (
            w.concat(masks, 1) if joined else reduce(lambda a, b: w.binary("And", a, b), masks)
        )
    return w.concat(x, axis)


def _every_step(call: Call, x: Value) -> Value:
    """Return the mask (batch, time) in which every step of x counts."""
    w = call.writer
    sizes = w.vector([x.size(0), x.size(1)])
    return w.add("Expand", [w.constant(np.array(True)), sizes], x.shape[:2], bool)


@handles(layers.Dueling)
def dueling(call: Call, x: Values) -> Value:
    """q_i = v + a_i - (1/n) sum_j a_j."""
    w = call.writer
    v, a = map(w.floating, x)
    centered = w.binary("Sub", a, w.reduce("ReduceMean", a, [-1], keepdims=True))
    return w.binary("Add", v, centered)


@handles(layers.PairDistance)
def pair_distance(call: Call, x: Values) -> Value:
    """d = sqrt(sum_i (a_i - b_i)^2)."""
    w = call.writer
    gap = w.binary("Sub", *map(w.floating, x))
    total = w.reduce("ReduceSum", w.binary("Mul", gap, gap), [-1], keepdims=True)
    return w.unary("Sqrt", w.binary("Add", total, LEAST))


@handles(layers.GaussianSampling)
def gaussian_sampling(call: Call, x: Values) -> Value:
    """z = m: in evaluation nothing is drawn."""
    return call.writer.floating(x[0])
