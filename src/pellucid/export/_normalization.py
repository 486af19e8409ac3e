"""Normalizations in ONNX's operators."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from pellucid import layers, ops
from pellucid.export._call import Call, handles
from pellucid.export._writer import Value
from pellucid.layers import Variables
from pellucid.layers._spectral_normalization import _unit


def _vector(call: Call, name: str, absent: float, size: int) -> np.ndarray:
    """Return gamma or beta, or a vector of what stands for it where there is none."""
    array = call.variables.get(name)
    return np.full(size, absent, np.float32) if array is None else np.asarray(array)


@handles(layers.BatchNormalization)
def batch_normalization(call: Call, x: Value) -> Value:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moving averages."""
    w, x, epsilon = call.writer, call.writer.floating(x), float(call.layer.epsilon)
    mean = np.asarray(call.variables["moving_mean"])
    variance = np.asarray(call.variables["moving_variance"])
    gamma, beta = _vector(call, "gamma", 1, mean.size), _vector(call, "beta", 0, mean.size)
    if x.source is not None and x.order == (0, *range(2, x.rank), 1):  # after a convolution
        read = [x.source, call.stored("gamma", gamma), call.stored("beta", beta)]
        read += [call.stored("moving_mean"), call.stored("moving_variance")]
        y = w.add("BatchNormalization", read, x.source.shape, x.dtype, epsilon=epsilon)
        return w.transpose(y, x.order)
    scale = gamma / np.sqrt(variance + np.float32(epsilon))
    y = w.binary("Mul", x, call.stored("scale", scale))
    return w.binary("Add", y, call.stored("offset", beta - mean * scale))


@handles(layers.LayerNormalization)
def layer_normalization(call: Call, x: Value) -> Value:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta over the last axis."""
    w, x = call.writer, call.writer.floating(x)
    size = call.known(x, -1, "to write gamma")
    gamma, beta = call.stored("gamma", _vector(call, "gamma", 1, size)), call.stored_if_any("beta")
    read = [x, gamma] + ([] if beta is None else [beta])
    epsilon = float(call.layer.epsilon)
    return w.add("LayerNormalization", read, x.shape, x.dtype, axis=-1, epsilon=epsilon)


def _group_normalized(call: Call, x: Value, groups: int) -> Value:
    """Return x normalized over the positions and channels of each of its groups."""
    w = call.writer
    channels = call.known(x, -1, "to part it into groups")
    parts = w.reshape(x, [x.size(0), -1, groups, channels // groups])
    centered = w.binary("Sub", parts, w.reduce("ReduceMean", parts, [1, 3], keepdims=True))
    variance = w.reduce("ReduceMean", w.binary("Mul", centered, centered), [1, 3], keepdims=True)
    root = w.unary("Sqrt", w.binary("Add", variance, float(call.layer.epsilon)))
    h = w.reshape(w.binary("Div", centered, root), [x.size(axis) for axis in range(x.rank)])
    if call.layer.scale:
        h = w.binary("Mul", h, call.stored("gamma"))
    return w.binary("Add", h, call.stored("beta")) if call.layer.center else h


@handles(layers.GroupNormalization)
def group_normalization(call: Call, x: Value) -> Value:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta over each group of channels."""
    channels = call.known(x, -1, "to part it into groups")
    groups = channels if call.layer.groups == -1 else call.layer.groups
    return _group_normalized(call, call.writer.floating(x), groups)


@handles(layers.InstanceNormalization)
def instance_normalization(call: Call, x: Value) -> Value:
    """The same, with every channel a group of its own."""
    channels = call.known(x, -1, "to part it into groups")
    return _group_normalized(call, call.writer.floating(x), channels)


@handles(layers.LocalResponseNormalization)
def local_response_normalization(call: Call, x: Value) -> Value:
    """y_i = x_i s_i^(-beta), s_i = k + alpha sum_j x_j^2 over the nearest channels."""
    w, x, layer = call.writer, call.writer.floating(x), call.layer
    if x.rank == 4:
        first = w.channels_first(x)
        settings = {"alpha": float(layer.alpha * layer.size), "beta": float(layer.beta)}
        y = w.add(
            "LRN", [first], first.shape, x.dtype, size=layer.size, bias=float(layer.k), **settings
        )
        return w.channels_last(y)
    i = np.arange(call.known(x, -1, "to know which channels are neighbors"))
    near = np.abs(i[:, None] - i) <= layer.size // 2
    squares = w.matmul(w.binary("Mul", x, x), w.constant(layer.alpha * near, np.float32))
    s = w.binary("Add", squares, float(layer.k))
    return w.binary("Mul", x, w.binary("Pow", s, -float(layer.beta)))


@handles(layers.SpectralNormalization)
def spectral_normalization(call: Call, x: Any) -> Any:
    """y = layer(x; W / sigma), sigma = v^T W u: in evaluation W / sigma is a constant."""
    layer, variables = call.layer, call.variables
    name = layer._kernel_name(variables.parameters)
    kernel = jnp.asarray(variables[name])
    matrix = kernel.reshape(-1, kernel.shape[-1])
    u = jnp.asarray(variables["vector_u"])[0]
    for _ in range(layer.power_iterations):
        v = _unit(matrix @ u)
        u = _unit(v @ matrix)
    divided = np.asarray(ops.spectral_normalize(kernel, u, v))
    inside = Variables({**variables.parameters, name: divided}, variables.state)
    part = Call(layer.layer, inside, call.path, call.writer, mask=call.mask)
    y = part.run(x)
    call.output_mask = part.output_mask
    return y
