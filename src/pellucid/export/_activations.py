"""Activations in ONNX's operators, as functions and as layers."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from pellucid import activations, layers
from pellucid.export._call import Call, handles
from pellucid.export._writer import Value, Writer
from pellucid.ops._rectifiers import SELU_ALPHA, SELU_SCALE


def _gelu(w: Writer, x: Value) -> Value:
    """y = x (1 + erf(x / sqrt 2)) / 2."""
    phi = w.binary("Add", w.unary("Erf", w.binary("Mul", x, 1 / sqrt(2))), 1.0)
    return w.binary("Mul", w.binary("Mul", x, phi), 0.5)


def _clipped(w: Writer, x: Value, low: float, high: float) -> Value:
    """y = min(max(x, low), high)."""
    return w.binary("Min", w.binary("Max", x, low), high)


FUNCTIONS: dict[Callable[..., Any], Callable[[Writer, Value], Value]] = {
    activations.linear: lambda w, x: x,
    activations.sigmoid: lambda w, x: w.unary("Sigmoid", x),
    activations.tanh: lambda w, x: w.unary("Tanh", x),
    activations.relu: lambda w, x: w.unary("Relu", x),
    activations.relu6: lambda w, x: _clipped(w, x, 0.0, 6.0),
    activations.leaky_relu: lambda w, x: w.unary("LeakyRelu", x, alpha=0.2),
    activations.elu: lambda w, x: w.unary("Elu", x, alpha=1.0),
    activations.selu: lambda w, x: w.unary(
        "Selu", x, alpha=float(SELU_ALPHA), gamma=float(SELU_SCALE)
    ),
    activations.gelu: _gelu,
    activations.silu: lambda w, x: w.binary("Mul", x, w.unary("Sigmoid", x)),
    activations.softplus: lambda w, x: w.unary("Softplus", x),
    activations.softsign: lambda w, x: w.unary("Softsign", x),
    activations.hard_sigmoid: lambda w, x: w.unary("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    activations.mish: lambda w, x: w.binary("Mul", x, w.unary("Tanh", w.unary("Softplus", x))),
    activations.exponential: lambda w, x: w.unary("Exp", x),
    activations.softmax: lambda w, x: w.along("Softmax", x, -1),
    activations.log_softmax: lambda w, x: w.along("LogSoftmax", x, -1),
}
"""How each activation is written; the tests compare with the table of activations."""


def activate(call: Call, x: Value, setting: str = "activation") -> Value:
    """Return f(x), f the activation that a setting of the layer names.

    Raises:
        ExportError: if it is a function of the user's own.
    """
    return call.activation_in(FUNCTIONS, setting)(call.writer, x)


@handles(layers.Activation)
def activation(call: Call, x: Value) -> Value:
    """y = f(x)."""
    return activate(call, call.writer.floating(x))


@handles(layers.ReLU)
def relu(call: Call, x: Value) -> Value:
    """y = min(max(x, 0), max_value) + negative_slope min(x, 0)."""
    w, x = call.writer, call.writer.floating(x)
    slope, ceiling = call.layer.negative_slope, call.layer.max_value
    if ceiling is None:
        return w.unary("LeakyRelu", x, alpha=float(slope)) if slope else w.unary("Relu", x)
    y = _clipped(w, x, 0.0, ceiling)
    if slope:
        y = w.binary("Add", y, w.binary("Mul", w.binary("Min", x, 0.0), slope))
    return y


@handles(layers.LeakyReLU)
def leaky_relu(call: Call, x: Value) -> Value:
    """y = x where x > 0, else negative_slope x."""
    slope = float(call.layer.negative_slope)
    return call.writer.unary("LeakyRelu", call.writer.floating(x), alpha=slope)


@handles(layers.PReLU)
def prelu(call: Call, x: Value) -> Value:
    """y = max(x, 0) + alpha min(x, 0)."""
    w, x = call.writer, call.writer.floating(x)
    alpha = call.stored("alpha", np.asarray(call.variables["alpha"])[None])
    return w.binary("PRelu", x, alpha)


@handles(layers.ELU)
def elu(call: Call, x: Value) -> Value:
    """y = x where x > 0, else alpha (e^x - 1)."""
    return call.writer.unary("Elu", call.writer.floating(x), alpha=float(call.layer.alpha))


@handles(layers.Softmax)
def softmax(call: Call, x: Value) -> Value:
    """y_i = e^(x_i) / sum_j e^(x_j)."""
    return call.writer.along("Softmax", call.writer.floating(x), call.layer.axis)
