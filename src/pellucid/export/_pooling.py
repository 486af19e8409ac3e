"""Pooling in ONNX's operators."""

import numpy as np

from pellucid import layers
from pellucid.export._call import Call, handles
from pellucid.export._convolution import window_attributes
from pellucid.export._writer import Value
from pellucid.ops._adaptive_pooling import _ends, _places


def _pooled(call: Call, x: Value, op: str, **more: int) -> Value:
    w, x = call.writer, call.writer.floating(x)
    settings = call.layer._settings()
    size = settings.pop("pool_size")
    attributes, count = window_attributes(x, size, **settings)
    del attributes["dilations"]
    shape = (x.shape[0], x.shape[-1], *count)
    return w.channels_last(w.add(op, [w.channels_first(x)], shape, x.dtype, **attributes, **more))


@handles(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
def max_pooling(call: Call, x: Value) -> Value:
    """y_o = max_k x_i(o,k)."""
    return _pooled(call, x, "MaxPool")


@handles(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
def average_pooling(call: Call, x: Value) -> Value:
    """y_o = (1/n_o) sum_k x_i(o,k), over the elements inside the input."""
    return _pooled(call, x, "AveragePool", count_include_pad=0)


def _kept(call: Call, y: Value, axes: int) -> Value:
    """Return (batch, channels) with axes of size 1 between, if the layer keeps them."""
    if not call.layer.keepdims:
        return y
    return call.writer.reshape(y, [y.size(0), *(1,) * axes, y.size(1)])


@handles(
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
)
def global_max_pooling(call: Call, x: Value) -> Value:
    """y_c = max_i x_ic; over time only steps that count, 0 if none does."""
    w, x = call.writer, call.writer.floating(x)
    axes = call.layer.axes
    if call.mask is None or axes > 1:
        return _kept(call, w.reduce("ReduceMax", x, range(1, axes + 1)), axes)
    counts = w.unsqueeze(call.mask, -1)
    far = w.where(counts, np.float32(0), np.finfo(np.float32).min / 2)
    any_counts = w.reduce("ReduceMax", w.floating(counts), [1])
    y = w.reduce("ReduceMax", w.binary("Add", x, far), [1])
    return _kept(call, w.binary("Mul", y, any_counts), 1)


@handles(
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
)
def global_average_pooling(call: Call, x: Value) -> Value:
    """y_c = sum_i m_i x_ic / sum_i m_i."""
    w, x = call.writer, call.writer.floating(x)
    axes = call.layer.axes
    if call.mask is None or axes > 1:
        return _kept(call, w.reduce("ReduceMean", x, range(1, axes + 1)), axes)
    m = w.unsqueeze(w.floating(call.mask), -1)
    count = w.binary("Max", w.reduce("ReduceSum", m, [1]), 1.0)
    total = w.reduce("ReduceSum", w.binary("Mul", x, m), [1])
    return _kept(call, w.binary("Div", total, count), 1)


WHY = "to know where its windows lie"


@handles(layers.AdaptiveAveragePooling1D, layers.AdaptiveAveragePooling2D)
def adaptive_average_pooling(call: Call, x: Value) -> Value:
    """y = A x along each axis, A_oi = 1/n_o where window o holds i, else 0."""
    w, x = call.writer, call.writer.floating(x)
    for axis, m in enumerate(call.layer._size(), 1):
        n = call.known(x, axis, WHY)
        starts, stops = (end[:, None] for end in _ends(n, m))
        i = np.arange(n)
        shares = ((starts <= i) & (i < stops)) / (stops - starts)
        swapped = list(range(x.rank))
        swapped[axis], swapped[-1] = swapped[-1], swapped[axis]
        y = w.matmul(w.transpose(x, swapped), w.constant(shares.T, np.float32))
        x = w.transpose(y, swapped)
    return x


@handles(layers.AdaptiveMaxPooling1D, layers.AdaptiveMaxPooling2D)
def adaptive_max_pooling(call: Call, x: Value) -> Value:
    """y_o = max over i in window o of x_i."""
    w, x = call.writer, call.writer.floating(x)
    for axis, m in enumerate(call.layer._size(), 1):
        n = call.known(x, axis, WHY)
        met = w.gather(x, w.constant(_places(n, m), np.int64), axis)
        x = w.reduce("ReduceMax", met, [axis + 1])
    return x
