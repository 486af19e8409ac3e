"""The layers that can be written in NumPy."""

from typing import Any

import jax
import numpy as np

from pellucid import layers
from pellucid._checks import as_tuple
from pellucid.export._evaluation import CROPPING, PADDING, UNCHANGED, mean_and_deviation
from pellucid.export._layer_call import write_network
from pellucid.export._numpy_call import NumpyCall, handles
from pellucid.models import Graph
from pellucid.ops._distance import LEAST


@handles(Graph)
def graph(call: NumpyCall) -> Any:
    """Write every layer in order."""

    def write(inside: NumpyCall, symbols: Any, read: Any) -> Any:
        if not isinstance(inside.layer, ANY_TYPE):
            read = jax.tree.map(lambda x, symbol: _floating(call, x, symbol), read, symbols)
        inside.x, inside.shape = read, jax.tree.map(lambda symbol: symbol.shape, symbols)
        return inside.write()

    given = list(call.x) if isinstance(call.x, (list, tuple)) else [call.x]
    return write_network(call, given, write)


ANY_TYPE = (
    *(
        Graph,
        layers.Embedding,
        layers.WordDropout,
        layers.Flatten,
        layers.Reshape,
        layers.Permute,
        layers.Concatenate,
    ),
    *(layers.RepeatVector, layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D),
    *(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D),
    *(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D),
)
"""Layers that leave whole numbers what they are; all others make them float32."""


def _floating(call: NumpyCall, x: str, symbol: Any) -> str:
    if np.dtype(symbol.dtype).kind == "f":
        return x
    name = call.script.variable(f"{x}_float")
    call.script.lines.append(f"{name} = {x}.astype(np.float32)")
    return name


# Neurons


@handles(layers.Dense)
def dense(call: NumpyCall) -> str:
    """y = f(x W + b)."""
    z = call.script.call("dense", call.x, *call.weights("kernel", "bias"))
    return call.put(call.activated(z))


@handles(layers.Embedding)
def embedding(call: NumpyCall) -> str:
    """y[n, t] = E[x[n, t]]."""
    if call.layer.mask_zero:
        call.output_mask = call.put(f"{call.x}.astype(np.int64) != 0", "mask")
    return call.put(call.script.call("embedding", call.x, call.weight("embeddings")))


@handles(layers.RadialBasis)
def radial_basis(call: NumpyCall) -> str:
    """y_j = exp(-d_j / (2 w_j^2))."""
    return call.put(call.script.call("radial_basis", call.x, *call.weights("centers", "widths")))


@handles(layers.SquaredDistance)
def squared_distance(call: NumpyCall) -> str:
    """y_j = |x - c_j|^2."""
    return call.put(call.script.call("squared_distance", call.x, call.weight("centers")))


# Activations


@handles(layers.Activation)
def activation(call: NumpyCall) -> str:
    """y = f(x)."""
    return call.put(call.activated(call.x))


@handles(layers.ReLU)
def relu(call: NumpyCall) -> str:
    """y = min(max(x, 0), max_value) + negative_slope min(x, 0)."""
    slope, ceiling = float(call.layer.negative_slope), call.layer.max_value
    if ceiling is not None:
        return call.put(call.script.call("capped_relu", call.x, repr(float(ceiling)), repr(slope)))
    if slope:
        return call.put(call.script.call("leaky_relu", call.x, repr(slope)))
    return call.put(call.script.call("relu", call.x))


@handles(layers.LeakyReLU)
def leaky_relu(call: NumpyCall) -> str:
    """y = x where x > 0, else negative_slope x."""
    return call.put(call.script.call("leaky_relu", call.x, repr(float(call.layer.negative_slope))))


@handles(layers.PReLU)
def prelu(call: NumpyCall) -> str:
    """y = max(x, 0) + alpha min(x, 0)."""
    return call.put(call.script.call("leaky_relu", call.x, call.weight("alpha")))


@handles(layers.ELU)
def elu(call: NumpyCall) -> str:
    """y = x where x > 0, else alpha (e^x - 1)."""
    return call.put(call.script.call("elu", call.x, repr(float(call.layer.alpha))))


@handles(layers.Softmax)
def softmax(call: NumpyCall) -> str:
    """y_i = e^(x_i) / sum_j e^(x_j)."""
    return call.put(call.script.call("softmax", call.x, repr(int(call.layer.axis))))


# What is the same in evaluation


@handles(*UNCHANGED, layers.WordDropout)
def unchanged(call: NumpyCall) -> str:
    """y = x: what the layer draws, it draws in training alone."""
    return str(call.x)


@handles(layers.GaussianSampling)
def gaussian_sampling(call: NumpyCall) -> str:
    """z = m."""
    return str(call.x[0])


@handles(layers.Normalization)
def normalization(call: NumpyCall) -> str:
    """y = (x - m) / max(sqrt(v), 1e-7)."""
    m, deviation = (part.astype(np.float32) for part in mean_and_deviation(call.layer))
    return call.put(
        f"({call.x} - {call.number('mean', m)}) / {call.number('deviation', deviation)}"
    )


# The order of numbers


@handles(layers.Rescaling)
def rescaling(call: NumpyCall) -> str:
    """y = scale x + offset."""
    return call.put(f"{float(call.layer.scale)!r} * {call.x} + {float(call.layer.offset)!r}")


@handles(layers.Flatten)
def flatten(call: NumpyCall) -> str:
    """y[n, (i, j, ...)] = x[n, i, j, ...]."""
    return call.put(f"{call.x}.reshape(len({call.x}), -1)")


@handles(layers.Reshape)
def reshape(call: NumpyCall) -> str:
    """y[n, k-th entry] = x[n, k-th entry]."""
    sizes = ", ".join(str(int(n)) for n in call.layer.target_shape)
    return call.put(f"{call.x}.reshape(len({call.x}), {sizes})")


@handles(layers.Permute)
def permute(call: NumpyCall) -> str:
    """y[n, i, j, ...] = x[n, (i, j, ...) in the order of dims]."""
    return call.put(f"{call.x}.transpose(0, {', '.join(str(int(d)) for d in call.layer.dims)})")


@handles(layers.RepeatVector)
def repeat_vector(call: NumpyCall) -> str:
    """y[i, t] = x[i]."""
    return call.put(f"np.repeat({call.x}[:, None], {int(call.layer.n)}, axis=1)")


@handles(*PADDING)
def zero_padding(call: NumpyCall) -> str:
    """y[n, before + p, c] = x[n, p, c], and 0 elsewhere."""
    pairs = PADDING[type(call.layer)](call.layer)
    return call.put(f"np.pad({call.x}, {[(0, 0), *pairs, (0, 0)]!r})")


@handles(*CROPPING)
def cropping(call: NumpyCall) -> str:
    """y[n, p, c] = x[n, before + p, c]."""
    pairs = CROPPING[type(call.layer)](call.layer)
    cut = ", ".join(f"{low}:{-high if high else ''}" for low, high in pairs)
    return call.put(f"{call.x}[:, {cut}]")


@handles(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)
def up_sampling(call: NumpyCall) -> str:
    """y[n, p, c] = x[n, floor(p / size), c]."""
    y = str(call.x)
    size = as_tuple("UpSampling", "size", call.layer.size, len(call.shape) - 2)
    for axis, times in enumerate(size, 1):
        y = f"np.repeat({y}, {times}, axis={axis})"
    return call.put(y)


# Windows


@handles(
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
def convolution(call: NumpyCall) -> str:
    """y = f(x * K + b); a separable one runs over the channels first."""
    plain = isinstance(call.layer, (layers.Conv1D, layers.Conv2D, layers.Conv3D))
    settings = call.layer._settings() if plain else call.layer.window_settings()
    separable = isinstance(call.layer, (layers.SeparableConv1D, layers.SeparableConv2D))
    name = "depthwise_kernel" if separable else "kernel"
    *size, channels, multiplier = call.variables[name].shape
    groups, kernel = settings.pop("groups", 1), call.weight(name)
    if not plain:
        groups = channels
        kernel += f".reshape({', '.join(map(str, (*size, 1, channels * multiplier)))})"
    bias = [] if separable else [f"b={b}" for b in call.weights("bias")]
    laid = call.windows(size, settings["strides"], settings["padding"], settings["dilation"])
    how = [f"padding={tuple((w.low, w.high) for w in laid)}"]
    if any(w.stride > 1 for w in laid):
        how.append(f"strides={tuple(w.stride for w in laid)}")
    if any(w.dilation > 1 for w in laid):
        how.append(f"dilation={tuple(w.dilation for w in laid)}")
    if groups > 1:
        how.append(f"groups={groups}")
    z = call.script.call("conv", call.x, kernel, *bias, *how)
    if separable:
        middle = call.put(z, "channels")
        point = call.weight("pointwise_kernel") + f"[{', '.join('0' for _ in size)}]"
        z = call.script.call("dense", middle, point, *call.weights("bias"))
    return call.put(call.activated(z))


def _pooled(call: NumpyCall, function: str) -> str:
    settings = call.layer._settings()
    laid = call.windows(settings["pool_size"], settings["strides"], settings["padding"])
    how = [
        repr(tuple(w.kernel for w in laid)),
        repr(tuple(w.stride for w in laid)),
        repr(tuple((w.low, w.high) for w in laid)),
    ]
    return call.put(call.script.call(function, call.x, *how))


@handles(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
def max_pooling(call: NumpyCall) -> str:
    """y_o = max_k x_i(o,k)."""
    return _pooled(call, "max_pool")


@handles(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
def average_pooling(call: NumpyCall) -> str:
    """y_o = (1/n_o) sum_k x_i(o,k)."""
    return _pooled(call, "average_pool")


def _over_all(call: NumpyCall, method: str, masked: str) -> str:
    axes = tuple(range(1, call.layer.axes + 1))
    if call.mask is not None and call.layer.axes == 1:
        y = call.script.call(masked, call.x, call.mask)
        return call.put(f"{y}[:, None]" if call.layer.keepdims else y)
    return call.put(f"{call.x}.{method}({axes!r}, keepdims={bool(call.layer.keepdims)})")


@handles(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D)
def global_max_pooling(call: NumpyCall) -> str:
    """y_c = max_i x_ic."""
    return _over_all(call, "max", "masked_max")


@handles(
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D
)
def global_average_pooling(call: NumpyCall) -> str:
    """y_c = mean_i x_ic."""
    return _over_all(call, "mean", "masked_mean")


# Normalization


def _affine(call: NumpyCall) -> list[str]:
    names = zip(("gamma", "beta"), ("1", "0"), strict=True)
    return [(call.weights(name) or [absent])[0] for name, absent in names]


@handles(layers.BatchNormalization)
def batch_normalization(call: NumpyCall) -> str:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta."""
    moving = call.weights("moving_mean", "moving_variance")
    epsilon = repr(float(call.layer.epsilon))
    return call.put(call.script.call("normalized", call.x, *moving, *_affine(call), epsilon))


@handles(layers.LayerNormalization)
def layer_normalization(call: NumpyCall) -> str:
    """The same, with mean and variance of each row."""
    epsilon = repr(float(call.layer.epsilon))
    return call.put(call.script.call("layer_norm", call.x, *_affine(call), epsilon))


# Several inputs

OPERATORS = {
    layers.Add: "{} + {}",
    layers.Average: "{} + {}",
    layers.Subtract: "{} - {}",
    layers.Multiply: "{} * {}",
    layers.Maximum: "np.maximum({}, {})",
    layers.Minimum: "np.minimum({}, {})",
}


@handles(*OPERATORS)
def merging(call: NumpyCall) -> str:
    """y = x_1 + x_2 + ..., or another operation."""
    masks = call.mask or [None]
    if all(mask is not None for mask in masks):
        call.output_mask = call.put(" | ".join(masks), "mask")
    y = str(call.x[0])
    for other in call.x[1:]:
        y = OPERATORS[type(call.layer)].format(y, other)
    return call.put(f"({y}) / {len(call.x)}" if isinstance(call.layer, layers.Average) else y)


@handles(layers.Concatenate)
def concatenate(call: NumpyCall) -> str:
    """y = [x_1, x_2, ...]."""
    axis = int(call.layer.axis) % len(call.shape[0])
    if call.mask is not None:
        masks = [
            f"np.ones({x}.shape[:2], bool)" if mask is None else mask
            for x, mask in zip(call.x, call.mask, strict=True)
        ]
        joined = f"np.concatenate([{', '.join(masks)}], 1)" if axis == 1 else " & ".join(masks)
        call.output_mask = call.put(joined, "mask")
    return call.put(f"np.concatenate([{', '.join(call.x)}], {axis})")


@handles(layers.Dueling)
def dueling(call: NumpyCall) -> str:
    """q_i = v + a_i - (1/n) sum_j a_j."""
    v, a = call.x
    return call.put(f"{v} + {a} - {a}.mean(-1, keepdims=True)")


@handles(layers.PairDistance)
def pair_distance(call: NumpyCall) -> str:
    """d = sqrt(sum_i (a_i - b_i)^2)."""
    a, b = call.x
    return call.put(f"np.sqrt((({a} - {b}) ** 2).sum(-1, keepdims=True) + {LEAST!r})")


# Sequences


@handles(layers.Masking)
def masking(call: NumpyCall) -> str:
    """y[n, t] = m[n, t] x[n, t]."""
    value = repr(float(call.layer.mask_value))
    call.output_mask = call.put(f"({call.x} != {value}).any(-1)", "mask")
    return call.put(f"{call.x} * {call.output_mask}[..., None]")
