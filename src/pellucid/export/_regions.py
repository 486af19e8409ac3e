"""The pooling of regions in ONNX's operators."""

import numpy as np

from pellucid import layers
from pellucid._checks import as_tuple
from pellucid.export._call import Call, handles
from pellucid.export._writer import Value


@handles(layers.RoIAlign)
def roi_align(call: Call, x: list[Value]) -> Value:
    """y_pq = sum_h sum_w A_ph B_qw x_hw.

    ONNX's own operator treats places outside the map otherwise, so that this is written in
    matrix products, as in ``pellucid.ops.roi_align``.
    """
    w = call.writer
    features, boxes = map(w.floating, x)
    rows, columns = as_tuple("RoIAlign", "size", call.layer.size, 2)
    height, width, channels = (
        call.known(features, axis, "to read between its pixels") for axis in (1, 2, 3)
    )
    left, top, right, bottom = (w.slice(boxes, -1, i, i + 1) for i in range(4))
    a = _readings(call, top, bottom, rows, height)
    b = _readings(call, left, right, columns, width)
    lines = w.reshape(features, [features.size(0), 1, height, width * channels])
    read = w.matmul(a, lines)  # (batch, n, rows, width * channels)
    split = w.reshape(read, [read.size(0), read.size(1), rows, width, channels])
    return w.matmul(w.unsqueeze(b, 2), split)


def _readings(call: Call, low: Value, high: Value, bins: int, pixels: int) -> Value:
    """Return what each bin takes of each pixel of an axis, (batch, n, bins, pixels).

    ``low`` and ``high`` are the ends of the boxes, (batch, n, 1).
    """
    w, samples = call.writer, call.layer.samples
    steps = (np.arange(samples) + 0.5) / samples
    f = ((np.arange(bins)[:, None] + steps) / bins).ravel().astype(np.float32)
    r = w.binary("Add", low, w.binary("Mul", w.binary("Sub", high, low), f))
    r = w.binary("Sub", w.binary("Div", r, float(call.layer.stride)), 0.5)
    r = w.binary("Min", w.binary("Max", r, 0.0), float(pixels - 1))
    u = w.binary("Sub", w.unsqueeze(r, -1), np.arange(pixels, dtype=np.float32))
    hat = w.unary("Relu", w.binary("Sub", 1.0, w.unary("Abs", u)))
    each = w.reshape(hat, [hat.size(0), hat.size(1), bins, samples, pixels])
    return w.reduce("ReduceMean", each, [3])
