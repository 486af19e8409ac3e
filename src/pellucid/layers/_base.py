"""The contract of a layer: a frozen description with ``init`` and ``apply``."""

import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, dataclass_transform

import jax

from pellucid import activations, constraints, initializers, regularizers
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, DTypeError, PellucidError, ShapeError
from pellucid.layers._context import Context
from pellucid.layers._window import Window

Array = jax.Array
Spec = jax.ShapeDtypeStruct
"""Shape and type of an array, batch axis included."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Variables:
    """The numbers of one layer: what is trained, and what is only kept (moving averages).

    Both are dictionaries by name; ``variables["kernel"]`` looks in both.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name] if name in self.parameters else self.state[name]

    def get(self, name: str) -> Any:
        """Return the variable called ``name``, or None if the layer has none of that name."""
        return self.parameters.get(name, self.state.get(name))

    def child(self, name: str) -> "Variables":
        """Return the variables of the part called ``name``."""
        return Variables(self.parameters.get(name, {}), self.state.get(name, {}))


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
@dataclass(frozen=True, eq=False)
class Layer:
    """A frozen description of one step of a network; the numbers live outside it.

    A subclass lists its settings as fields and writes two methods (it becomes a frozen dataclass by
    itself)::

        class Scale(pellucid.layers.Layer):
            start: float = 1.0

            def init(self, key, input_spec):
                return {"scale": jnp.full(input_spec.shape[-1], self.start)}

            def apply(self, variables, x, context):
                return x * variables["scale"]

    All arrays are batch-first. Several inputs come as a list. A layer used twice shares its
    weights. Shapes are found by tracing ``apply``, so no layer states its output shape.

    For a variable called ``kernel``, the optional fields ``kernel_initializer``,
    ``kernel_regularizer`` and ``kernel_constraint`` are read here, once for all layers.

    Args:
        name: the layer's name in its network; by default the class in snake case, numbered.
        trainable: False keeps the layer's parameters as they are during training.
        input_shape: shape of one input without the batch axis, for the first layer of a
            ``Sequential``.
    """

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)
    input_shape: tuple[int | None, ...] | None = field(default=None, kw_only=True)

    formula: ClassVar[str] = ""
    """What the layer computes, in one line of plain text."""
    symbols: ClassVar[Symbols] = {}
    """The meaning of its symbols; those that are settings are explained with them."""
    operations: ClassVar[tuple[str, ...]] = ()
    """The operations that it calls: their gradients are its own."""
    gradient: ClassVar[str] = ""
    """Its derivative, where that of the operations does not say it."""
    parameter_count: ClassVar[str] = "0"
    """How many parameters it has, as a formula in the settings and the symbols."""
    keeps_mask: ClassVar[bool] = False
    """True if a mask (batch, time) of the input holds for the output as well."""
    by_position: ClassVar[bool] = False
    """True if an output depends on the input at its own position alone (channels aside)."""

    made_at: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, eq=False, repr=False)(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> "Layer":
        layer = object.__new__(cls)
        frame = sys._getframe(1)
        object.__setattr__(layer, "made_at", f"{frame.f_code.co_filename}:{frame.f_lineno}")
        return layer

    def __post_init__(self) -> None:
        """Resolve every name in the settings, so that a misspelt one is found where it is typed.

        A subclass that checks its own settings calls this first.
        """
        rooms = {
            "activation": activations,
            "initializer": initializers,
            "regularizer": regularizers,
            "constraint": constraints,
        }
        for entry in fields(self):
            room = rooms.get(entry.name.rsplit("_", 1)[-1])
            value = getattr(self, entry.name)
            if room is not None and value is not None:
                room.get(value)

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # What a subclass writes

    def init(self, key: Array, input_spec: Any) -> Variables | Mapping[str, Array]:
        """Return the layer's variables at the start; a plain dictionary means parameters.

        Args:
            key: a random key.
            input_spec: shape and type of the input, batch axis included (its size means nothing);
                a list of them for several inputs.
        """
        return {}

    def apply(self, variables: Variables, x: Any, context: Context) -> Any:
        """Return the output for the input ``x``, an array or a list of arrays."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method apply.")

    def unit_steps(
        self, seen: Mapping[str, Array], index: tuple[int, ...]
    ) -> list[tuple[str, dict[str, Any]]] | None:
        """Return how one number of the output follows from others, in formulas to work through.

        ``explain`` asks this where the output is no sum of products. Each step is a line such as
        ``"h = o a"`` and the numbers of its symbols that no step before it gives; the last step
        gives the number asked for. None where there are no such formulas.

        Args:
            seen: what the call read, has and showed: inputs (``input``, or ``input#0`` and on),
                parameters, everything recorded, by name.
            index: which entry of the output, batch axis included.
        """
        return None

    def flops(self, input_spec: Any, output_spec: Any) -> int:
        """Return the multiplications and additions of one forward pass over these shapes."""
        return 0

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window on each spatial axis through which a unit looks at every input.

        None if a unit may read every position. Receptive fields are computed from these.
        """
        axes = max(len(output_spec.shape) - 2, 0)
        return (Window(),) * axes if self.by_position else None

    def parts(self) -> dict[str, "Layer"]:
        """Return the layers that this one is made of, by name; most are made of none."""
        return {}

    def is_trainable(self, path: str) -> bool:
        """Tell whether the parameter at ``path``, a name or ``"part/name"``, is trained."""
        part, _, rest = path.partition("/")
        inner = self.parts().get(part)
        return self.trainable and (inner is None or inner.is_trainable(rest))

    def check_data(self, x: Any) -> None:
        """Raise DataError if this layer cannot take the numbers of ``x``, data on the host.

        Called before a fit for layers that read an input of the model directly.
        """

    def output_activation(self) -> str | None:
        """Return the name of the activation the output ends in, None if that is not known.

        ``compile`` compares it with the loss: softmax does not go with a loss from logits.
        """
        if not hasattr(self, "activation"):
            return None
        chosen = activations.get(self.activation)
        return getattr(chosen, "__name__", None)

    # What every layer has

    def make_variable(
        self,
        key: Array,
        name: str,
        shape: tuple[int, ...],
        spec: Spec,
        initializer: Any = None,
    ) -> Array:
        """Return a variable at the start, drawn by the field ``<name>_initializer``.

        It has the type of the input where that is a floating one, else float32; its key depends on
        ``key`` and ``name`` alone.
        """
        chosen = initializers.get(initializer or getattr(self, f"{name}_initializer"))
        dtype = spec.dtype if jax.numpy.issubdtype(spec.dtype, jax.numpy.floating) else "float32"
        return chosen(fold_name(key, name), shape, dtype)

    def penalty(self, parameters: Mapping[str, Any]) -> Array | float:
        """Return the sum of the regularization terms of the layer's own parameters."""
        total: Array | float = 0.0
        for name, value in parameters.items():
            regularizer = regularizers.get(getattr(self, f"{name}_regularizer", None))
            if regularizer is not None:
                total = total + regularizer(value)
        return total

    def constrain(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters after the constraints of the layer, applied after each update."""
        constrained = dict(parameters)
        for name, value in parameters.items():
            constraint = constraints.get(getattr(self, f"{name}_constraint", None))
            if constraint is not None:
                constrained[name] = constraint(value)
        return constrained

    def make_variables(self, key: Array, input_spec: Any) -> Variables:
        """Call ``init`` and return its answer as ``Variables``."""
        with self._named_errors():
            made = self.init(key, input_spec)
        return made if isinstance(made, Variables) else Variables(dict(made))

    def run_checked(self, variables: Variables, x: Any, context: Context) -> Any:
        """Call ``apply`` under the layer's name; keep masks; add the activity penalty."""
        path = "/".join(context.path)
        with self._named_errors(path), jax.named_scope(f"layer:{path}"):
            given = context.record_all("input", x)
            context.record_masks()
            y = self.apply(variables, given, context)
        if context.output_mask is None and self.keeps_mask:
            context.output_mask = context.mask
        y = context.record_all("output", y)
        activity = regularizers.get(getattr(self, "activity_regularizer", None))
        if activity is not None:
            # Keras's convention: the penalty of a batch is divided by its number of rows.
            first = y[0] if isinstance(y, (list, tuple)) else y
            if context.row_weights is None:
                context.add_penalty(activity(first) / first.shape[0])
            else:
                real = context.row_weights.reshape(-1, *(1,) * (first.ndim - 1))
                context.add_penalty(activity(first * real) / jax.numpy.sum(real))
        return y

    def __call__(self, inputs: Any) -> Any:
        """Connect the layer to symbols; returns the symbol (or tuple of symbols) of its output."""
        from pellucid.layers._symbol import connect

        return connect(self, inputs)

    def _named_errors(self, path: str = "") -> "_NamedErrors":
        return _NamedErrors(self, path)


class _NamedErrors:
    """Adds the layer's name and the place where it was made to an error from inside it."""

    def __init__(self, layer: Layer, path: str) -> None:
        self.layer = layer
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, (ShapeError, ArgumentError, DTypeError)):
            if str(error).startswith("In layer "):
                return
            name = self.path or self.layer.name or type(self.layer).__name__
            raise type(error)(f"In layer {name!r} (made at {self.layer.made_at}): {error}") from (
                error.__cause__ or error
            )
        if isinstance(error, Exception) and not isinstance(error, PellucidError):
            name = self.path or self.layer.name or type(self.layer).__name__
            error.add_note(f"This happened in layer {name!r} (made at {self.layer.made_at}).")


def fold_name(key: Array, name: str) -> Array:
    """Return the random key that belongs to ``name`` under ``key``."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
