"""The layers that can be written in NumPy."""

from typing import Any

import numpy as np

from pellucid import layers
from pellucid.errors import ExportError
from pellucid.export._numpy_call import NumpyCall, handles
from pellucid.layers._augmentation import RandomImageLayer
from pellucid.layers._normalization import SMALLEST
from pellucid.models import Graph
from pellucid.ops._distance import LEAST


@handles(Graph)
def graph(call: NumpyCall) -> Any:
    """Write every layer in order."""
    network: Graph = call.layer
    values: dict[Any, str] = {}
    masks: dict[Any, Any] = {}
    given = list(call.x) if isinstance(call.x, (list, tuple)) else [call.x]
    seen = call.mask if isinstance(call.mask, list) else [call.mask] * len(given)
    for symbol, variable, known in zip(network.input_symbols, given, seen, strict=True):
        values[_place(symbol)], masks[_place(symbol)] = variable, known
    for name, number, node in network.calls():
        several = isinstance(node.inputs, list)
        symbols = node.input_symbols()
        mask: Any = [masks[_place(symbol)] for symbol in symbols]
        mask = (None if all(part is None for part in mask) else mask) if several else mask[0]
        x = [values[_place(symbol)] for symbol in symbols]
        shapes = [symbol.shape for symbol in symbols]
        if not isinstance(node.layer, ANY_TYPE):
            x = [_floating(call, *pair) for pair in zip(x, symbols, strict=True)]
        path = (*call.path, name if number == 0 else f"{name}#{number}")
        inside = NumpyCall(
            node.layer,
            call.variables.child(name),
            path,
            call.script,
            x if several else x[0],
            shapes if several else shapes[0],
            mask,
        )
        y = inside.write()
        for index, value in enumerate(y if isinstance(y, tuple) else (y,)):
            values[id(node), index] = value
            own = inside.output_mask
            masks[id(node), index] = own[index] if isinstance(own, list) else own
    outputs = tuple(values[_place(symbol)] for symbol in network.output_symbols)
    made = [masks[_place(symbol)] for symbol in network.output_symbols]
    call.output_mask = made[0] if len(made) == 1 else made
    return outputs[0] if len(outputs) == 1 else outputs


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


def _place(symbol: Any) -> tuple[int, int]:
    return (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)


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


@handles(
    layers.Dropout,
    layers.GaussianNoise,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    *(
        layer
        for layer in layers.REGISTRY.entries.values()
        if isinstance(layer, type)
        and issubclass(layer, RandomImageLayer)
        and layer is not layers.RandomCrop
    ),
)
def unchanged(call: NumpyCall) -> str:
    """y = x: what the layer draws, it draws in training alone."""
    del call.script.lines[-1]
    return str(call.x)


@handles(layers.GaussianSampling)
def gaussian_sampling(call: NumpyCall) -> str:
    """z = m."""
    return str(call.x[0])


@handles(layers.WordDropout)
def word_dropout(call: NumpyCall) -> str:
    """y = x: words are taken away in training alone."""
    del call.script.lines[-1]
    return str(call.x)


@handles(layers.Normalization)
def normalization(call: NumpyCall) -> str:
    """y = (x - m) / max(sqrt(v), 1e-7)."""
    m, v = np.asarray(call.layer.mean, np.float64), np.asarray(call.layer.variance, np.float64)
    deviation = np.maximum(np.sqrt(v), SMALLEST).astype(np.float32)
    kept = call.number("mean", m.astype(np.float32)), call.number("deviation", deviation)
    return call.put(f"({call.x} - {kept[0]}) / {kept[1]}")


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


@handles(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
def zero_padding(call: NumpyCall) -> str:
    """y[n, before + p, c] = x[n, p, c], and 0 elsewhere."""
    sides = {layers.ZeroPadding1D: "_sides", layers.ZeroPadding2D: "_frame"}
    pairs = getattr(call.layer, sides.get(type(call.layer), "_shell"))()
    pairs = (pairs,) if isinstance(call.layer, layers.ZeroPadding1D) else pairs
    return call.put(f"np.pad({call.x}, {[(0, 0), *pairs, (0, 0)]!r})")


@handles(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)
def cropping(call: NumpyCall) -> str:
    """y[n, p, c] = x[n, before + p, c]."""
    ends = {layers.Cropping1D: "_ends", layers.Cropping2D: "_frame", layers.Cropping3D: "_shell"}
    pairs = getattr(call.layer, ends[type(call.layer)])()
    cut = ", ".join(f"{low}:{-high if high else ''}" for low, high in pairs)
    return call.put(f"{call.x}[:, {cut}]")


@handles(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)
def up_sampling(call: NumpyCall) -> str:
    """y[n, p, c] = x[n, floor(p / size), c]."""
    given, axes = call.layer.size, len(call.shape) - 2
    size = tuple(given) if isinstance(given, (tuple, list)) else (given,) * axes
    y = str(call.x)
    for axis, times in enumerate(size, 1):
        y = f"np.repeat({y}, {int(times)}, axis={axis})"
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


RECURRENT = {layers.SimpleRNN: "simple_rnn", layers.LSTM: "lstm", layers.GRU: "gru"}


def _sequences(call: NumpyCall, mask: str | None) -> tuple[str, list[str]]:
    """Write the run over a sequence; return all states, in the order of the input, and the last."""
    layer = call.layer
    x, *start = call.x if isinstance(call.x, list) else [call.x]
    how = call.weights("kernel", "recurrent_kernel")
    for bias in call.weights("bias"):
        rows = isinstance(layer, layers.GRU) and layer.reset_after
        how += [f"{bias}[0]", f"past={bias}[1]"] if rows else [bias]
    how += [f"{name}={state}" for name, state in zip(layer.states, start, strict=False)]
    how += [] if mask is None else [f"mask={mask}"]
    how += ["backwards=True"] if layer.go_backwards else []
    identity = "(lambda a: a)"
    act = call.activation() or identity
    if isinstance(layer, layers.SimpleRNN):
        how.append(f"f={act}")
    else:
        how += [f"act={act}", f"gate={call.activation('recurrent_activation') or identity}"]
    if isinstance(layer, layers.GRU) and not layer.reset_after:
        how.append("reset_after=False")
    made = call.script.call(RECURRENT[type(layer)], x, *how)
    labels = ["y", *layer.states]
    names = [call.script.variable("_".join((*("y", *call.path), label))) for label in labels]
    call.script.lines.append(f"{', '.join(names)} = {made}")
    return names[0], names[1:]


def _mask(call: NumpyCall) -> str | None:
    mask: str | None = call.mask[0] if isinstance(call.mask, list) else call.mask
    return mask


@handles(*RECURRENT)
def recurrent(call: NumpyCall) -> Any:
    """Return the hidden states, the last one or all, and the final states if asked for."""
    layer, mask = call.layer, _mask(call)
    sequence, finals = _sequences(call, mask)
    y, y_mask = finals[0], None
    if layer.return_sequences:
        y, y_mask = sequence, mask
        if layer.go_backwards:
            y = call.put(f"{y}[:, ::-1]")
            y_mask = None if mask is None else call.put(f"{mask}[:, ::-1]", "mask")
    call.output_mask = [y_mask, *[None] * len(finals)] if layer.return_state else y_mask
    return (y, *finals) if layer.return_state else y


@handles(layers.Bidirectional)
def bidirectional(call: NumpyCall) -> Any:
    """y_t = [h_t, k_t], h forward in time, k backward."""
    layer, mask = call.layer, _mask(call)
    x, *states = call.x if isinstance(call.x, list) else [call.x]
    if layer.merge_mode is None or states or layer.layer.return_state:
        raise ExportError(
            f"{call.who} has states or two outputs, which to_numpy does not write for two "
            "directions; use to_onnx for this model."
        )
    outputs = []
    for name, part in layer._directions.items():
        inside = call.part(name, part, x, call.shape)
        sequence, finals = _sequences(inside, mask)
        y = finals[0]
        if part.return_sequences:
            y = sequence if mask is None else f"{sequence} * {mask}[..., None]"
            call.output_mask = mask
        outputs.append(y)
    if layer.merge_mode == "concat":
        return call.put(f"np.concatenate([{', '.join(outputs)}], -1)")
    joined = (" * " if layer.merge_mode == "mul" else " + ").join(f"({y})" for y in outputs)
    return call.put(f"({joined}) / 2" if layer.merge_mode == "ave" else joined)
