"""Recurrent layers in ONNX: by its own operators, and with masks as a loop over the steps.

ONNX's ``LSTM``, ``GRU`` and ``RNN`` know the length of a sequence, but no mask that may have a hole
or padding in front. Where there is a mask, the equations of a step stand in the body of a ``Scan``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import layers
from pellucid.export._activations import activate
from pellucid.export._call import Call, handles
from pellucid.export._writer import Body, Value

BLOCKS = {layers.LSTM: (0, 3, 1, 2), layers.GRU: (0, 1, 2), layers.SimpleRNN: (0,)}
"""Which of our blocks of columns comes first, second, ...: for the LSTM (i, f, g, o) as iofg."""

OPERATORS = {layers.LSTM: "LSTM", layers.GRU: "GRU", layers.SimpleRNN: "RNN"}

NAMES = {
    "linear": ("Affine", 1.0, 0.0),
    "tanh": ("Tanh",),
    "sigmoid": ("Sigmoid",),
    "relu": ("Relu",),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
}
"""The activations inside ONNX's operators, with alpha and beta where they have them."""


@handles(layers.SimpleRNN, layers.LSTM, layers.GRU)
def recurrent(call: Call, x: Any) -> Any:
    """Return the hidden states, the last one or all, and the final states if asked for."""
    w, layer = call.writer, call.layer
    mask = call.first_mask
    sequence, finals = sequences(call, x, mask)
    y, y_mask = finals[0], None
    if layer.return_sequences:
        y, y_mask = sequence, mask
        if layer.go_backwards:
            y = w.flip(y, 1)
            y_mask = None if mask is None else w.flip(mask, 1)
    call.output_mask = [y_mask, *[None] * len(finals)] if layer.return_state else y_mask
    return (y, *finals) if layer.return_state else y


@handles(layers.Bidirectional)
def bidirectional(call: Call, x: Any) -> Any:
    """y_t = [h_t, k_t], h forward in time, k backward."""
    w, layer = call.writer, call.layer
    x, *states = x if isinstance(x, (list, tuple)) else [x]
    mask = call.first_mask
    outputs, ends = [], []
    for (name, part), given in zip(layer._directions.items(), layer._divided(states), strict=True):
        inside = Call(part, call.variables.child(name), (*call.path, name), w, mask=mask)
        with w.at("/".join(inside.path)):
            sequence, finals = sequences(inside, [x, *given], mask)
        y = finals[0]
        if part.return_sequences:
            y = sequence
            if mask is not None:
                y = w.binary("Mul", y, w.unsqueeze(w.floating(mask), -1))
        outputs.append(y)
        ends += finals if part.return_state else []
    merged = outputs if layer.merge_mode is None else [_merged(call, outputs)]
    kept = mask if layer._directions["forward_layer"].return_sequences else None
    if len(merged) + len(ends) == 1:
        call.output_mask = kept
        return merged[0]
    call.output_mask = [*[kept] * len(merged), *[None] * len(ends)]
    return (*merged, *ends)


def _merged(call: Call, outputs: list[Value]) -> Value:
    w, mode = call.writer, call.layer.merge_mode
    if mode == "concat":
        return w.concat(outputs, -1)
    y = w.binary("Mul" if mode == "mul" else "Add", *outputs)
    return w.binary("Mul", y, 0.5) if mode == "ave" else y


def sequences(call: Call, x: Any, mask: Value | None) -> tuple[Value, list[Value]]:
    """Return the hidden states of all steps, in the order of x, and the final states."""
    w = call.writer
    x, *start = x if isinstance(x, (list, tuple)) else [x]
    x, start = w.floating(x), [w.floating(state) for state in start]
    return _by_operator(call, x, start) if mask is None else _by_loop(call, x, start, mask)


def _by_operator(call: Call, x: Value, start: list[Value]) -> tuple[Value, list[Value]]:
    """Write ONNX's operator, which wants (steps, batch, features) and its blocks in its order."""
    w, layer, units = call.writer, call.layer, call.layer.units
    blocks = BLOCKS[type(layer)]

    def ordered(name: str) -> Value:
        parts = np.split(np.asarray(call.variables[name]), len(blocks), axis=1)
        return call.stored(name, np.concatenate([parts[i] for i in blocks], axis=1).T[None])

    read: list[Value | None] = [w.transpose(x, (1, 0, 2)), ordered("kernel")]
    read += [ordered("recurrent_kernel"), _bias(call, blocks) if layer.use_bias else None, None]
    read += [w.unsqueeze(state, 0) for state in start]
    chosen = [layer._op_name("activation")]
    if type(layer) is layers.LSTM:
        chosen = [layer._op_name("recurrent_activation"), *chosen * 2]
    elif type(layer) is layers.GRU:
        chosen = [layer._op_name("recurrent_activation"), *chosen]
    settings: dict[str, Any] = {"activations": tuple(NAMES[name][0] for name in chosen)}
    numbers = [NAMES[name][1:] for name in chosen if len(NAMES[name]) > 1]
    if numbers:
        settings["activation_alpha"], settings["activation_beta"] = map(
            tuple, zip(*numbers, strict=True)
        )
    if type(layer) is layers.GRU:
        settings["linear_before_reset"] = int(layer.reset_after)
    batch, steps = x.shape[:2]
    finals = [((1, batch, units), x.dtype)] * len(layer.states)
    y, *ends = w.add_several(
        OPERATORS[type(layer)],
        read,
        [((steps, 1, batch, units), x.dtype), *finals],
        hidden_size=units,
        direction="reverse" if layer.go_backwards else "forward",
        **settings,
    )
    return w.transpose(w.squeeze(y, 1), (1, 0, 2)), [w.squeeze(end, 0) for end in ends]


def _bias(call: Call, blocks: tuple[int, ...]) -> Value:
    """Return the biases of input and past side by side; there may be one of the input alone."""
    bias = np.asarray(call.variables["bias"])
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    parts = np.split(both, len(blocks), axis=1)
    return call.stored("bias", np.concatenate([parts[i] for i in blocks], axis=1).reshape(1, -1))


def _by_loop(call: Call, x: Value, start: list[Value], mask: Value) -> tuple[Value, list[Value]]:
    """Write a loop over the steps, in which a masked step leaves the states as they are."""
    w, layer, units = call.writer, call.layer, call.layer.units
    p = w.matmul(x, call.stored("kernel"))
    if layer.use_bias:
        bias = np.asarray(call.variables["bias"])
        p = w.binary("Add", p, call.stored("input_bias", bias[0] if bias.ndim == 2 else bias))
    batch = x.shape[0]
    if not start:
        sizes = w.vector([x.size(0), units])
        zeros = w.add("ConstantOfShape", [sizes], (batch, units), np.float32)
        start = [zeros] * len(layer.states)
    with w.body() as nodes:
        old = [w.inside(name, (batch, units), x.dtype) for name in layer.states]
        p_t = w.inside("p_t", (batch, p.shape[-1]), x.dtype)
        counts = w.inside("counts", (batch,), bool)
        made = STEPS[type(layer)](call, p_t, *old)
        each = w.unsqueeze(counts, -1)
        new = [w.where(each, a, b) for a, b in zip(made, old, strict=True)]
        out = w.add("Identity", [new[0]], new[0].shape, x.dtype)
    body = Body((*old, p_t, counts), (*new, out), nodes)
    way = int(layer.go_backwards)
    *finals, h = w.add_several(
        "Scan",
        [*start, p, mask],
        [*[((batch, units), x.dtype)] * len(old), ((batch, x.shape[1], units), x.dtype)],
        body=body,
        num_scan_inputs=2,
        scan_input_axes=(1, 1),
        scan_input_directions=(way, way),
        scan_output_axes=(1,),
        scan_output_directions=(way,),
    )
    return h, finals


def _rnn_step(call: Call, p: Value, h: Value) -> list[Value]:
    """h_t = f(p_t + h_(t-1) U)."""
    w = call.writer
    return [activate(call, w.binary("Add", p, w.matmul(h, call.stored("recurrent_kernel"))))]


def _lstm_step(call: Call, p: Value, h: Value, c: Value) -> list[Value]:
    """c_t = f c_(t-1) + i g; h_t = o act(c_t)."""
    w = call.writer
    a = w.binary("Add", p, w.matmul(h, call.stored("recurrent_kernel")))
    i, f, g, o = w.split(a, -1, 4)
    i, f, o = (activate(call, part, "recurrent_activation") for part in (i, f, o))
    c = w.binary("Add", w.binary("Mul", f, c), w.binary("Mul", i, activate(call, g)))
    return [w.binary("Mul", o, activate(call, c)), c]


def _gru_step(call: Call, p: Value, h: Value) -> list[Value]:
    """h_t = z h_(t-1) + (1 - z) g."""
    w, layer = call.writer, call.layer
    p_z, p_r, p_g = w.split(p, -1, 3)
    if layer.reset_after:
        q = w.matmul(h, call.stored("recurrent_kernel"))
        if layer.use_bias:
            past = np.asarray(call.variables["bias"])[1]
            q = w.binary("Add", q, call.stored("recurrent_bias", past))
        q_z, q_r, q_g = w.split(q, -1, 3)
    else:
        u_z, u_r, u_g = np.split(np.asarray(call.variables["recurrent_kernel"]), 3, axis=1)
        q_z = w.matmul(h, call.stored("recurrent_kernel_z", u_z))
        q_r = w.matmul(h, call.stored("recurrent_kernel_r", u_r))
    z = activate(call, w.binary("Add", p_z, q_z), "recurrent_activation")
    r = activate(call, w.binary("Add", p_r, q_r), "recurrent_activation")
    if layer.reset_after:
        n = w.binary("Mul", r, q_g)
    else:
        n = w.matmul(w.binary("Mul", r, h), call.stored("recurrent_kernel_h", u_g))
    g = activate(call, w.binary("Add", p_g, n))
    kept = w.binary("Mul", z, h)
    return [w.binary("Add", kept, w.binary("Mul", w.binary("Sub", 1.0, z), g))]


STEPS: dict[Any, Callable[..., list[Value]]] = {
    layers.SimpleRNN: _rnn_step,
    layers.LSTM: _lstm_step,
    layers.GRU: _gru_step,
}
