"""Layers that order, cut, pad or repeat, and those that do nothing in evaluation."""

import numpy as np

from pellucid import layers
from pellucid._checks import as_tuple
from pellucid.export._call import Call, handles
from pellucid.export._evaluation import CROPPING, PADDING, UNCHANGED, mean_and_deviation
from pellucid.export._writer import Value


@handles(*UNCHANGED)
def unchanged(call: Call, x: Value) -> Value:
    """y = x: what the layer draws, it draws in training alone."""
    return call.writer.floating(x)


@handles(layers.RandomCrop)
def random_crop(call: Call, x: Value) -> Value:
    """The window in the middle, which evaluation takes."""
    w, x = call.writer, call.writer.floating(x)
    for axis, n in ((1, call.layer.height), (2, call.layer.width)):
        start = (call.known(x, axis, "to find its middle") - n) // 2
        x = w.slice(x, axis, start, start + n)
    return x


@handles(layers.Rescaling)
def rescaling(call: Call, x: Value) -> Value:
    """y = scale x + offset."""
    w = call.writer
    y = w.binary("Mul", w.floating(x), float(call.layer.scale))
    return w.binary("Add", y, float(call.layer.offset)) if call.layer.offset else y


@handles(layers.WordDropout)
def word_numbers(call: Call, x: Value) -> Value:
    """y = x, whole numbers as they are."""
    return x


@handles(layers.Normalization)
def normalization(call: Call, x: Value) -> Value:
    """y = (x - m) / max(sqrt(v), 1e-7)."""
    w = call.writer
    m, deviation = mean_and_deviation(call.layer)
    centered = w.binary("Sub", w.floating(x), w.constant(m, np.float32))
    return w.binary("Mul", centered, w.constant(1 / deviation, np.float32))


@handles(layers.Flatten)
def flatten(call: Call, x: Value) -> Value:
    """y[n, (i, j, ...)] = x[n, i, j, ...]."""
    return call.writer.reshape(x, [x.size(0), -1 if x.rank > 1 else 1])


@handles(layers.Reshape)
def reshape(call: Call, x: Value) -> Value:
    """y[n, k-th entry] = x[n, k-th entry]."""
    return call.writer.reshape(x, [x.size(0), *call.layer.target_shape])


@handles(layers.Permute)
def permute(call: Call, x: Value) -> Value:
    """y[n, i, j, ...] = x[n, (i, j, ...) in the order of dims]."""
    return call.writer.transpose(x, (0, *call.layer.dims))


@handles(*CROPPING)
def cropping(call: Call, x: Value) -> Value:
    """y[n, p, c] = x[n, before + p, c]."""
    for axis, (before, after) in enumerate(CROPPING[type(call.layer)](call.layer), 1):
        if before or after:
            x = call.writer.slice(x, axis, before, -after if after else None)
    return x


@handles(*PADDING)
def zero_padding(call: Call, x: Value) -> Value:
    """y[n, before + p, c] = x[n, p, c], and 0 elsewhere."""
    w = call.writer
    first = w.channels_first(x)
    whole = ((0, 0), (0, 0), *PADDING[type(call.layer)](call.layer))
    ends = w.integers(*(low for low, _ in whole), *(high for _, high in whole))
    added = zip(first.shape, whole, strict=True)
    shape = tuple(None if n is None else n + low + high for n, (low, high) in added)
    return w.channels_last(w.add("Pad", [first, ends], shape, x.dtype, mode="constant"))


@handles(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)
def up_sampling(call: Call, x: Value) -> Value:
    """y[n, p, o] = x[n, floor(p / size), o]."""
    w = call.writer
    size = as_tuple("UpSampling", "size", call.layer.size, x.rank - 2)
    first = w.channels_first(x)
    scales = w.constant(np.array((1, 1, *size), np.float32))
    grown = zip(first.shape, (1, 1, *size), strict=True)
    shape = tuple(None if n is None else n * times for n, times in grown)
    settings = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    read = [first, None, scales]
    return w.channels_last(w.add("Resize", read, shape, x.dtype, mode="nearest", **settings))


@handles(layers.RepeatVector)
def repeat_vector(call: Call, x: Value) -> Value:
    """y[i, t] = x[i]."""
    w, n = call.writer, call.layer.n
    step = w.unsqueeze(x, 1)
    shape = (step.shape[0], n, step.shape[2])
    return w.add("Tile", [step, w.integers(1, n, 1)], shape, x.dtype)


@handles(layers.Masking)
def masking(call: Call, x: Value) -> Value:
    """y[n, t] = m[n, t] x[n, t], m = 0 where all features are mask_value."""
    w = call.writer
    x = w.floating(x)
    same = w.binary("Equal", x, float(call.layer.mask_value), dtype=bool)
    counts = w.reduce("ReduceMax", w.floating(w.unary("Not", same, bool)), [-1], keepdims=True)
    call.output_mask = w.cast(w.squeeze(counts, -1), bool)
    return w.binary("Mul", x, counts)


@handles(layers.TimeDistributed)
def time_distributed(call: Call, x: Value | list[Value]) -> Value | tuple[Value, ...]:
    """y[n, t] = layer(x[n, t]): the layer runs once, on all steps of all samples."""
    w = call.writer
    several = isinstance(x, (list, tuple))
    given: list[Value] = list(x) if isinstance(x, (list, tuple)) else [x]
    mask = call.mask
    if isinstance(mask, list):
        mask = next((part for part in mask if part is not None), None)
    call.output_mask = mask
    rows = [w.reshape(a, [-1, *(a.size(axis) for axis in range(2, a.rank))]) for a in given]
    y = call.part("layer", call.layer.layer, rows if several else rows[0])
    first = given[0]

    def in_steps(a: Value) -> Value:
        inner = [a.size(axis) for axis in range(1, a.rank)]
        steps = first.size(1)
        batch = first.size(0) if any(not isinstance(n, int) for n in (*inner, steps)) else -1
        return w.reshape(a, [batch, steps, *inner])

    return tuple(map(in_steps, y)) if isinstance(y, tuple) else in_steps(y)
