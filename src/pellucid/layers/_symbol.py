"""Symbols: the inputs and outputs of layers while a network is being described.

``Input((784,))`` is a symbol; ``Dense(10)(symbol)`` is another, which remembers how it is made.
A model is the set of layers between its input symbols and its output symbols.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._checks import check_positive_int
from pellucid.errors import DTypeError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context

SymbolicShape = tuple[int | None, ...]

# Sizes that stand in for an unknown one while shapes are traced: an output size that differs
# between the two traces depends on the unknown size, and is unknown itself.
# They are large enough for any window, and have many divisors for any reshaping.
STAND_INS = (5040, 10080)
BATCH_STAND_IN = 2


@dataclass(frozen=True, eq=False)
class Symbol:
    """The place of an array in a network: its shape and type, and the node that makes it.

    Attributes:
        shape: batch axis first; None where the size is not known yet (the batch always).
        dtype: the type of the array.
        node: the call that makes it; None for an input.
        index: which of the node's outputs it is.
        name: the name of an input.
    """

    shape: SymbolicShape
    dtype: Any
    node: "Node | None" = None
    index: int = 0
    name: str | None = None

    def spec(self, stand_in: int = STAND_INS[0]) -> Spec:
        """Return shape and type with ``stand_in`` for every unknown size."""
        inner = (stand_in if n is None else n for n in self.shape[1:])
        return jax.ShapeDtypeStruct((BATCH_STAND_IN, *inner), self.dtype)

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape} dtype={jnp.dtype(self.dtype).name}>"


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer.

    Attributes:
        layer: the layer that is called.
        inputs: the symbol, or list of symbols, that it is called with.
        outputs: shape and type of each output, with a stand-in for every unknown size.
        source: the model whose weights the layer starts with, where it is a model's graph.
    """

    layer: Layer
    inputs: Any
    outputs: tuple[Spec, ...]
    source: Any = None

    def input_symbols(self) -> list[Symbol]:
        """Return the inputs as a flat list."""
        return list(self.inputs) if isinstance(self.inputs, list) else [self.inputs]


def Input(  # noqa: N802  (Keras's name)
    shape: Sequence[int | None] | int | None = None,
    dtype: Any = "float32",
    name: str | None = None,
    batch_size: None = None,
) -> Symbol:
    """Return the symbol of a network's input.

    Args:
        shape: shape of one sample, without the batch axis; None for a size that varies (time).
        dtype: type of the array, ``"float32"`` by default; ``"int32"`` for word or class numbers.
        name: a name for the input, needed to feed a model with a dictionary.
        batch_size: accepted for Keras's sake and must be None: networks take any batch size.

    Raises:
        ShapeError: if ``shape`` is missing or holds something other than sizes.
    """
    if batch_size is not None:
        raise ShapeError("Input takes no batch_size: a network takes any; leave it out.")
    if shape is None:
        raise ShapeError("Input expected the shape of one sample; type Input((784,)), for example.")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        if n is not None:
            check_positive_int("Input", "every size in shape", n)
    return Symbol((None, *sizes), jnp.dtype(dtype), name=name)


def is_symbols(inputs: Any) -> bool:
    """Return True for a symbol and for a list or tuple of symbols."""
    if isinstance(inputs, (list, tuple)):
        return bool(inputs) and all(isinstance(item, Symbol) for item in inputs)
    return isinstance(inputs, Symbol)


def connect(layer: Layer, inputs: Any, source: Any = None) -> Any:
    """Return the symbol (or tuple of symbols) that ``layer`` makes of ``inputs``."""
    if not is_symbols(inputs):
        raise DTypeError(
            f"{type(layer).__name__} was called with {type(inputs).__name__}: a layer holds no "
            "weights of its own and is called with symbols, as in x = Input((784,)); "
            "layer(x). For numbers, put it in a Model, or use layer.init and layer.apply."
        )
    given = list(inputs) if isinstance(inputs, tuple) else inputs
    variables, output = _trace(layer, given, STAND_INS[0])
    several = isinstance(output, (list, tuple))
    outputs = tuple(output) if several else (output,)
    others = outputs
    symbols = given if isinstance(given, list) else [given]
    if any(None in symbol.shape[1:] for symbol in symbols):
        other_variables, other = _trace(layer, given, STAND_INS[1])
        others = tuple(other) if several else (other,)
        if _shapes(variables) != _shapes(other_variables):
            shapes = ", ".join(str(symbol.shape) for symbol in symbols)
            raise ShapeError(
                f"In layer {layer.name or type(layer).__name__!r} (made at {layer.made_at}): the "
                f"weights depend on a size that is not known, input {shapes}; give that size in "
                "Input(shape)."
            )
    node = Node(layer, given, outputs, source)

    def symbol(index: int, a: Spec, b: Spec) -> Symbol:
        known = (n if n == m else None for n, m in zip(a.shape[1:], b.shape[1:], strict=True))
        return Symbol((None, *known), a.dtype, node, index)

    made = [symbol(i, a, b) for i, (a, b) in enumerate(zip(outputs, others, strict=True))]
    return tuple(made) if several else made[0]


def _trace(layer: Layer, inputs: Any, stand_in: int) -> tuple[Variables, Any]:
    """Return the shapes of the variables and outputs, by tracing init and apply."""

    def call(key: Any, x: Any) -> tuple[Variables, Any]:
        specs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x)
        variables = layer.make_variables(key, specs)
        name = layer.name or type(layer).__name__
        return variables, layer.run_checked(variables, x, Context(path=(name,)))

    key = jax.eval_shape(lambda: jax.random.key(0))
    specs = jax.tree.map(lambda symbol: symbol.spec(stand_in), inputs)
    return jax.eval_shape(call, key, specs)


def _shapes(variables: Variables) -> Any:
    return jax.tree.map(lambda spec: spec.shape, variables)
