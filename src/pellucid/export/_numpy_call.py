"""A network as lines of NumPy, while they are being written: one handler for each layer.

Names that come from a model (of layers, of the model) are written as string literals or stripped
to letters, digits and underscores, so that no file of a model can bring code into the script.
"""

import builtins
import inspect
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid import activations
from pellucid.errors import ExportError
from pellucid.export import _numpy_functions
from pellucid.export._layer_call import Handlers, LayerCall
from pellucid.layers import Layer
from pellucid.ops._windows import lay_windows

FUNCTIONS = dict(inspect.getmembers(_numpy_functions, inspect.isfunction))
"""What a script may call."""

RESERVED = {
    *keyword.kwlist,
    *dir(builtins),
    *FUNCTIONS,
    *("W", "np", "math", "rng", "file", "predict", "Path"),
}
"""Names that no variable of a script may have."""

HANDLERS = Handlers()
"""How each class of layer is written in NumPy: a handler takes the call."""

handles = HANDLERS.enter

ACTIVATIONS: dict[Callable[..., Any], str | None] = {
    activations.linear: None,
    activations.tanh: "np.tanh",
    activations.exponential: "np.exp",
    **{
        getattr(activations, name): name
        for name in (
            *("sigmoid", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"),
            *("softsign", "hard_sigmoid", "mish", "softmax", "log_softmax"),
        )
    },
}
"""The function that stands for each activation; linear has none."""


@dataclass
class Script:
    """What has been written so far.

    Attributes:
        lines: of the function ``predict``.
        arrays: the numbers of the network by path.
        functions: those of ``_numpy_functions`` that it calls.
    """

    lines: list[str] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    _taken: set[str] = field(default_factory=lambda: set(RESERVED))

    def variable(self, label: str) -> str:
        """Return a name for a variable that is not taken, and take it."""
        base = re.sub(r"[^0-9A-Za-z]+", "_", label)
        base = base if base[:1].isalpha() else f"x_{base}"
        name, number = base, 0
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def call(self, function: str, *arguments: str) -> str:
        """Return the call of a function of the script."""
        self.functions |= FUNCTIONS.keys() & {function}
        return f"{function}({', '.join(arguments)})"

    def source(self) -> str:
        """Return the source of all functions that are called, also by each other."""
        wanted: set[str] = set()
        todo = set(self.functions)
        while todo:
            name = todo.pop()
            wanted.add(name)
            code = inspect.getsource(FUNCTIONS[name])
            todo |= {other for other in FUNCTIONS if re.search(rf"\b{other}\b", code)} - wanted
        chosen = [FUNCTIONS[name] for name in wanted]
        chosen.sort(key=lambda function: function.__code__.co_firstlineno)
        return "\n\n\n".join(
            (inspect.getcomments(function) or "") + inspect.getsource(function).rstrip()
            for function in chosen
        )


@dataclass(eq=False)
class NumpyCall(LayerCall):
    """One call of a layer that is being written in NumPy.

    Attributes:
        script: where it is written.
        x: the variable that holds its input, or a list of them.
        shape: shape of the input, or a list of shapes; None where a size is open.
    """

    script: Script
    x: Any
    shape: Any

    def put(self, expression: str, label: str = "") -> str:
        """Write a line that keeps the value of an expression, and return its variable."""
        name = self.script.variable("_".join(("y", *self.path)) + (f"_{label}" if label else ""))
        self.script.lines.append(f"{name} = {expression}")
        return name

    def weight(self, name: str) -> str:
        """Return the expression of a variable of the layer, and keep its numbers."""
        return self.number(name, np.asarray(self.variables[name]))

    def number(self, name: str, array: np.ndarray) -> str:
        """Return the expression of an array that is kept under the layer's path."""
        label = self.label(name)
        self.script.arrays[label] = array
        return f"W[{label!r}]"

    def weights(self, *names: str) -> list[str]:
        """Return the expressions of those variables that the layer has."""
        return [self.weight(name) for name in names if self.variables.get(name) is not None]

    def activation(self, setting: str = "activation") -> str | None:
        """Return the function that a setting names, None for linear.

        Raises:
            ExportError: if it is a function of the user's own.
        """
        name = self.activation_in(ACTIVATIONS, setting)
        self.script.functions |= FUNCTIONS.keys() & {name}
        return name

    def activated(self, z: str) -> str:
        """Return f(z), f the layer's activation."""
        f = self.activation()
        return z if f is None else self.script.call(f, z)

    def windows(self, size: Any, strides: Any, padding: Any, dilation: Any = 1) -> Any:
        """Return the windows that slide over the input, one for each axis.

        Raises:
            ExportError: if they depend on a size that is open.
        """
        spatial = self.shape[1:-1]
        if padding == "same" and None in spatial:
            raise ExportError(
                f"{self.who} pads by the size of its input, which the model leaves open; make the "
                "model with that size in Input(shape)."
            )
        known = [10_000 if n is None else n for n in spatial]
        return lay_windows("to_numpy", "window", known, size, strides, padding, dilation)

    def part(self, name: str, layer: Layer, x: Any, shape: Any, mask: Any = None) -> "NumpyCall":
        """Return the call of a part of the layer."""
        own, path = self.variables.child(name), (*self.path, name)
        return NumpyCall(layer, own, path, self.script, x, shape, mask=mask)

    def write(self) -> Any:
        """Write the layer and return the variable of its output, or a tuple of them.

        Raises:
            ExportError: if there is no handler for it.
        """
        handler = HANDLERS.get(type(self.layer))
        if handler is None:
            raise ExportError(
                f"{self.who} is not among the layers that to_numpy writes: it is for small "
                "networks of the common ones; use to_onnx for this model."
            )
        lines = self.script.lines
        start = len(lines)
        y = handler(self)
        if self.layer.formula and self.path and len(lines) > start:
            title = f"{'/'.join(self.path)}, {type(self.layer).__name__}: {self.layer.formula}"
            lines.insert(start, f"# {ascii(title)[1:-1]}")
        self.keep_mask()
        return y
