"""The registry of differentiable operations, and the one place that joins them to JAX.

An operation is two plain functions that stand side by side in one file::

    def dense_forward(x, w, b):          # the mathematics
        return y, DenseSaved(x, w, b)    # and what the backward pass will read

    def dense_backward(saved, dy):       # its derivative, written by hand
        return dx, dw, db

    dense = register("dense", dense_forward, dense_backward, formula=..., gradient=...)

``dense(x, w, b)`` then computes y, and ``jax.grad`` through it runs ``dense_backward``: the
gradient that is shown is the gradient that trains. Conventions:

- arrays come first, one that is left out is ``None``; settings are keyword-only, hashable and given
  to both functions;
- ``dx`` is the gradient of the loss with respect to x and has the shape of x; integer arguments
  (labels, indices) and absent ones (``None``) get the gradient ``None``;
- backward functions are made of differentiable operations, so that a gradient of a gradient works;
- where everything that the backward pass reads is an argument or the output, ``save`` says which.
  The forward body is then never differentiated, not even for a gradient of a gradient, and may be
  one that JAX cannot differentiate (a native kernel);
- an operation with a hand-written backward pass has no forward-mode derivative in JAX (``jax.jvp``
  and ``jax.jacfwd`` refuse it); use ``jax.vjp``, ``jax.grad`` and ``jax.jacrev``.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

Array = jax.Array
Forward = Callable[..., tuple[Any, Any]]
Backward = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class Op:
    """A differentiable operation: a forward function and its hand-written backward function.

    Attributes:
        name: the name in the registry, such as ``"dense"``.
        forward: ``(*arrays, **settings) -> (output, saved)``.
        backward: ``(saved, output gradient, **settings) -> gradients``, one for each array.
        formula: the forward formula in one line of plain text.
        gradient: the backward formulas, one line of plain text each, separated by ``;``.
        symbols: the meaning of each symbol in the two.
        reference: the paper or book, with the equation where there is one.
        flops: ``(*shapes, **settings) -> int``, multiplications and additions of one forward pass;
            ``shapes`` are those of the arrays (``None`` for an absent one).
        save: ``(output, *arrays, **settings) -> saved``, or None if only ``forward`` can tell.
        absent: True if ``backward`` takes None for the gradient of an output that nothing reads,
            where else it is given zeros.
    """

    name: str
    forward: Forward
    backward: Backward
    formula: str
    gradient: str
    reference: str
    flops: Callable[..., int]
    symbols: Mapping[str, str] = field(default_factory=dict)
    save: Callable[..., Any] | None = None
    absent: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.forward.__doc__)
        object.__setattr__(self, "__name__", self.name)

    def __call__(self, *arrays: Any, **settings: Any) -> Any:
        """Return the output of the operation, differentiable by its own backward function."""
        bound = inspect.signature(self.forward).bind(*arrays, **settings)
        bound.apply_defaults()  # an array that was left out is None
        given = {name: value for name, value in settings.items() if name in bound.kwargs}
        return _joined(self, tuple(sorted(given.items())))(*bound.args)

    def __repr__(self) -> str:
        return f"<op {self.name}: {self.formula}>"


REGISTRY: dict[str, Op] = {}
"""Every operation by name; the gradient tests walk this table."""


def register(
    name: str,
    forward: Forward,
    backward: Backward,
    *,
    formula: str,
    gradient: str,
    reference: str,
    flops: Callable[..., int],
    symbols: Mapping[str, str] | None = None,
    save: Callable[..., Any] | None = None,
    absent: bool = False,
) -> Op:
    """Make an operation of two functions, enter it in the registry and return it."""
    if name in REGISTRY:
        raise ValueError(f"The operation {name!r} is registered twice.")
    op = Op(
        *(name, forward, backward, formula, gradient, reference, flops),
        dict(symbols or {}),
        save,
        absent,
    )
    REGISTRY[name] = op
    return op


@cache
def _joined(op: Op, settings: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    """Join forward and backward to JAX for one choice of settings."""
    keywords = dict(settings)
    named = jax.named_scope(f"op:{op.name}")  # whoever reads a traced program finds the operation

    @named
    def value(*arrays: Any) -> Any:
        return op.forward(*arrays, **keywords)[0]

    @named
    def forward(*primals: Any) -> tuple[Any, Any]:
        arrays = jax.tree.map(lambda p: p.value, primals, is_leaf=lambda p: hasattr(p, "perturbed"))
        if op.save is None:
            return op.forward(*arrays, **keywords)
        y = joined(*arrays)  # a second differentiation meets this operation again, not its body
        return y, op.save(y, *arrays, **keywords)

    @named
    def backward(saved: Any, dy: Any) -> tuple[Any, ...]:
        def filled(d: Any) -> Any:
            if not isinstance(d, SymbolicZero):
                return d
            return None if op.absent else jnp.zeros(d.shape, d.dtype)

        dy = jax.tree.map(filled, dy, is_leaf=lambda d: isinstance(d, SymbolicZero))
        return tuple(op.backward(saved, dy, **keywords))

    value.__name__ = op.name
    joined = jax.custom_vjp(value)
    joined.defvjp(forward, backward, symbolic_zeros=True)
    return joined


def differentiated_as(plain: Callable[..., Any], kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``kernel``, differentiated as ``plain``, the same in JAX's own operations.

    For the part of a backward function that a compiled kernel does, so that a gradient of a
    gradient works.
    """
    joined = jax.custom_vjp(kernel)

    def forward(*arrays: Any) -> tuple[Any, Any]:
        return kernel(*arrays), arrays

    def backward(arrays: Any, dy: Any) -> Any:
        return jax.vjp(plain, *arrays)[1](dy)

    joined.defvjp(forward, backward)
    return joined


def unbroadcast(dy: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient back to the shape that an operand had before it was broadcast.

    If y = a + b and b was stretched along an axis, every copy of b_i received its own gradient,
    and db_i is their sum.
    """
    extra = dy.ndim - len(shape)
    stretched = [axis + extra for axis, n in enumerate(shape) if n == 1]
    return jnp.sum(dy, axis=(*range(extra), *stretched)).reshape(shape)


def elementwise_flops(per_element: int) -> Callable[..., int]:
    """Return a FLOP count of ``per_element`` operations for each entry of the first array."""

    def flops(shape: tuple[int, ...], /, *_: Any, **__: Any) -> int:
        size = 1
        for n in shape:
            size *= n
        return per_element * size

    flops.__doc__ = f"Return {per_element} for each entry."
    return flops
