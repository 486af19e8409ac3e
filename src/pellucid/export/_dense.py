"""Dense layers, tables of vectors and radial basis units in ONNX's operators."""

import numpy as np

from pellucid import layers
from pellucid.export._activations import activate
from pellucid.export._call import Call, handles
from pellucid.export._writer import Value


@handles(layers.Dense)
def dense(call: Call, x: Value) -> Value:
    """y = f(x W + b)."""
    w, bias = call.writer, call.stored_if_any("bias")
    z = w.matmul(w.floating(x), call.stored("kernel"))
    return activate(call, z if bias is None else w.binary("Add", z, bias))


@handles(layers.Embedding)
def embedding(call: Call, x: Value) -> Value:
    """y[n, t] = E[x[n, t]]; a number beyond the table reads the nearest row."""
    w, last = call.writer, call.layer.input_dim - 1
    words = w.cast(w.cast(x, np.int32) if x.dtype.kind == "f" else x, np.int64)
    if call.layer.mask_zero:
        nothing = w.binary("Equal", words, 0, dtype=bool)
        call.output_mask = w.unary("Not", nothing, bool)
    inside = w.binary("Min", w.binary("Max", words, 0), last)
    return w.gather(call.stored("embeddings"), inside, 0)


@handles(layers.ReversibleEmbedding)
def reversible_embedding(call: Call, x: Value) -> Value:
    """y[n, t] = E[x[n, t]] for words, z = x E^T for vectors."""
    if x.dtype.kind in "iu":
        return embedding(call, x)
    table = call.stored("embeddings")
    return call.writer.matmul(
        x, call.writer.add("Transpose", [table], table.shape[::-1], "float32")
    )


@handles(layers.SquaredDistance)
def squared_distance(call: Call, x: Value) -> Value:
    """d_j = sum_i (x_i - c_ji)^2."""
    w = call.writer
    gap = w.binary("Sub", w.unsqueeze(w.floating(x), -2), call.stored("centers"))
    return w.reduce("ReduceSum", w.binary("Mul", gap, gap), [-1])


@handles(layers.RadialBasis)
def radial_basis(call: Call, x: Value) -> Value:
    """y_j = exp(-d_j / (2 w_j^2))."""
    w = call.writer
    d = squared_distance(call, x)
    widths = np.asarray(call.variables["widths"])
    return w.unary("Exp", w.binary("Mul", d, call.stored("widths", -1 / (2 * widths**2))))
