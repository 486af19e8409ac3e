"""The recurrent layers in NumPy."""

from typing import Any

from pellucid import layers
from pellucid.errors import ExportError
from pellucid.export._numpy_call import NumpyCall, handles

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


@handles(*RECURRENT)
def recurrent(call: NumpyCall) -> Any:
    """Return the hidden states, the last one or all, and the final states if asked for."""
    layer, mask = call.layer, call.first_mask
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
    layer, mask = call.layer, call.first_mask
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
