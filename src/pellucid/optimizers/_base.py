"""What every optimizer has in common: the state tree, clipping, weight decay, the learning rate.

An optimizer adds two methods in the paper's symbols, for one array at a time::

    slots(w) -> {"m": zeros like w, ...}                what it remembers about w
    rule(g, w, slots, lr, t) -> (delta, new slots)      one step of the formula

Everything else (trees, types, clipping, decay, schedules) is here and the same for all.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import jax
import jax.numpy as jnp

from pellucid._checks import check_range, check_same_shape
from pellucid._named import Registry, Symbols
from pellucid._tree import Tree, global_norm, tree_map
from pellucid.errors import ArgumentError, DTypeError
from pellucid.optimizers.schedules import get as get_schedule

Array = jax.Array
Rate = float | Callable[[Any], Array]
Slots = dict[str, Array]
State = dict[str, Any]
"""``{"step": int32, "learning_rate": floating scalar, "slots": {slot name: tree like params}}``."""


def is_optimizer(obj: Any) -> bool:
    """Tell whether ``obj`` has the two functions of an optimizer, as Optax's have."""
    return callable(getattr(obj, "init", None)) and callable(getattr(obj, "update", None))


def is_zero(setting: Any) -> bool:
    """Tell whether a setting is None or 0; one that is traced, as in a population, is neither."""
    return setting is None or (isinstance(setting, (int, float)) and setting == 0)


REGISTRY: Registry["Optimizer"] = Registry("optimizer", is_optimizer)
"""Every optimizer by name; the tests walk this table."""


@dataclass(frozen=True)
class Optimizer:
    """How gradients become steps: ``init`` makes the state, ``update`` the next step.

    One update, in this order, for each array w of the parameters with gradient g:

        g     <- g, clipped
        delta  = rule(g, w, slots, lr, t)
        delta <- delta - lr * weight_decay * w
        w     <- w + delta                        (done by the caller)

    An optimizer of one's own is a frozen dataclass with the methods ``slots`` and ``rule``.

    Args:
        learning_rate: lr, a number above 0 or a schedule ``step -> lr``. It lives in the state, so
            that it can be changed during training without compiling again; a schedule writes the
            rate of each step there.
        weight_decay: decoupled decay, 0 or more: each step also subtracts lr * weight_decay * w.
        clipnorm: scale the gradient of each array down to at most this Euclidean norm.
        clipvalue: cut each entry of the gradient to [-clipvalue, clipvalue].
        global_clipnorm: scale all gradients together down to at most this Euclidean norm. At most
            one of the three kinds of clipping can be set.

    Arithmetic and slots are in float32, or in the parameters' own type where that is wider; the
    updates have the parameters' types.
    """

    learning_rate: Rate = 0.001
    weight_decay: float | None = field(default=None, kw_only=True)
    clipnorm: float | None = field(default=None, kw_only=True)
    clipvalue: float | None = field(default=None, kw_only=True)
    global_clipnorm: float | None = field(default=None, kw_only=True)

    formula: ClassVar[str]
    shapes: ClassVar[str] = (
        "a gradient and its array, of any one shape, to a step of that shape; so are the slots"
    )
    """What goes in and what comes out, by shape."""
    symbols: ClassVar[Symbols] = {
        "g": "gradient, after clipping",
        "w": "the array that is trained",
        "lr": "learning_rate at this step",
        "t": "number of the step, from 1",
        "delta": "the step, added to w",
    }
    """The meaning of the symbols of the formulas; settings are explained with them."""
    reference: ClassVar[str]

    def __post_init__(self) -> None:
        if isinstance(self.learning_rate, (str, Mapping)):
            object.__setattr__(self, "learning_rate", get_schedule(self.learning_rate))
        if not callable(self.learning_rate):
            self.check_positive("learning_rate")
        if self.weight_decay is not None:
            self.check_not_negative("weight_decay")
        clips = ("clipnorm", "clipvalue", "global_clipnorm")
        wanted = [name for name in clips if getattr(self, name) is not None]
        self.check_positive(*wanted)
        if len(wanted) > 1:
            raise ArgumentError(
                f"{type(self).__name__} expected at most one kind of clipping, "
                f"got {' and '.join(wanted)}; keep one of them."
            )

    def slots(self, w: Array) -> Slots:
        """Return what is remembered about one array, before the first step.

        Args:
            w: the array, in the type that the arithmetic is done in.

        Returns:
            Named arrays of the shape and type of w; the names are the same for every w.
        """
        raise NotImplementedError(f"{type(self).__name__} must define slots(self, w).")

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return the step for one array, and its new slots.

        Args:
            g: the gradient, like w.
            w: the array.
            slots: what ``slots`` or the last call returned.
            lr: the learning rate, a scalar.
            t: the number of this step, counted from 1, a scalar of the type of w.

        Returns:
            delta, what is added to w; and the new slots.
        """
        raise NotImplementedError(f"{type(self).__name__} must define rule(self, g, w, ...).")

    def steps(self) -> tuple[str, ...]:
        """Return the rule as assignments in one line of plain text each, for these settings.

        They are worked through in order, from g, w, lr, t, the slots and the settings, and end with
        ``delta``; a worksheet puts the numbers in. By default the parts of ``formula``.
        """
        return tuple(part.strip() for part in self.formula.split(";") if ":" not in part)

    @final
    def init(self, params: Tree) -> State:
        """Return the state before the first step.

        Args:
            params: any tree of floating-point arrays.

        Returns:
            ``{"step": 0, "learning_rate": lr, "slots": {slot name: tree like params}}``. The step
            is int32; the learning rate is float32, or float64 when a parameter is.
        """
        leaves, structure = jax.tree.flatten(params)
        wide = [_widen(w) for w in leaves]
        each = [self.slots(w) for w in wide]
        names = list(self.slots(jnp.zeros(())))
        lr = self.learning_rate(0) if callable(self.learning_rate) else self.learning_rate
        dtype = jnp.result_type(jnp.float32, *(w.dtype for w in wide))
        return {
            "step": jnp.zeros((), jnp.int32),
            "learning_rate": jnp.asarray(lr).astype(dtype),
            "slots": _by_name(names, structure, each),
        }

    @final
    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        """Return the updates, to be added to the parameters, and the next state.

        Args:
            grads: gradients of the loss, a tree like ``params``.
            state: what ``init`` or the last ``update`` returned.
            params: the parameters.

        Returns:
            ``(updates, state)``: a tree like ``params``, with its types; and a state of the same
            structure, shapes and types as the one passed in.

        Raises:
            ArgumentError: gradients and parameters are not trees of one structure.
            ShapeError: a gradient has another shape than its parameter.
        """
        return self._step(self._delta, grads, state, params)

    @final
    def apply(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        """Return the parameters after one step, and the next state: ``update`` and the addition.

        The same numbers to rounding; here an optimizer may do both in one pass over memory.

        Args and errors are those of ``update``.
        """
        return self._step(self.move, grads, state, params)

    def move(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return one array after the step, w + delta with its decay, and its new slots.

        The arguments are those of ``rule``. An optimizer with a compiled kernel calls it here.
        """
        delta, slots = self._delta(g, w, slots, lr, t)
        return w + delta, slots

    def _delta(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return what the rule adds to one array, weight decay included, and its new slots."""
        delta, slots = self.rule(g, w, slots, lr, t)
        if self.weight_decay is not None and not is_zero(self.weight_decay):
            delta = delta - lr * self.weight_decay * w
        return delta, slots

    def _step(
        self, each: Callable[..., Any], grads: Tree, state: State, params: Tree
    ) -> tuple[Tree, State]:
        """Return what ``each`` makes of every array after clipping, and the next state."""
        leaves, structure = jax.tree.flatten(params)
        self._check_like(grads, params)
        ws = [_widen(w) for w in leaves]
        gs = jax.tree.leaves(grads)
        gs = self._clip([jnp.asarray(g, w.dtype) for g, w in zip(gs, ws, strict=True)])
        names = list(state["slots"])
        columns = [jax.tree.leaves(state["slots"][name]) for name in names]

        step = state["step"] + 1
        lr = state["learning_rate"]
        if callable(self.learning_rate):
            lr = jnp.asarray(self.learning_rate(state["step"])).astype(lr.dtype)

        made, new_slots = [], []
        for i, (g, w) in enumerate(zip(gs, ws, strict=True)):
            slots = {name: column[i] for name, column in zip(names, columns, strict=True)}
            value, slots = each(g, w, slots, lr.astype(w.dtype), step.astype(w.dtype))
            made.append(value.astype(leaves[i].dtype))
            new_slots.append(slots)

        trees = _by_name(names, structure, new_slots)
        state = {"step": step, "learning_rate": lr, "slots": trees}
        return jax.tree.unflatten(structure, made), state

    def _clip(self, gs: list[Array]) -> list[Array]:
        """Clip the gradients in the one way that was asked for.

        A norm above the bound c scales by c / norm, one below it by c / c = 1 exactly.
        """
        if self.clipvalue is not None:
            return [jnp.clip(g, -self.clipvalue, self.clipvalue) for g in gs]
        if self.clipnorm is not None:
            c = self.clipnorm
            return [g * (c / jnp.maximum(c, global_norm(g))) for g in gs]
        if self.global_clipnorm is not None:
            c = self.global_clipnorm
            scale = c / jnp.maximum(c, global_norm(gs))
            return [g * scale.astype(g.dtype) for g in gs]
        return gs

    def _check_like(self, grads: Tree, params: Tree) -> None:
        who = type(self).__name__
        got: Any = jax.tree.structure(grads)
        expected: Any = jax.tree.structure(params)
        if got != expected:
            raise ArgumentError(
                f"{who} expected gradients and parameters in trees of one structure, "
                f"got {got} and {expected}; "
                "call update(grads, state, params)."
            )
        named = jax.tree.leaves_with_path(params)
        for (path, w), g in zip(named, jax.tree.leaves(grads), strict=True):
            name = jax.tree_util.keystr(path)
            check_same_shape(who, f"gradient{name}", jnp.shape(g), f"parameter{name}", jnp.shape(w))

    def check_positive(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number above 0."""
        for name in names:
            value = getattr(self, name)
            check_range(
                type(self).__name__, name, value, 0, math.inf, open_low=True, open_high=True
            )

    def check_not_negative(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is a finite number of 0 or more."""
        for name in names:
            check_range(type(self).__name__, name, getattr(self, name), 0, math.inf, open_high=True)

    def check_fraction(self, *names: str) -> None:
        """Raise ArgumentError unless each named argument is in [0, 1)."""
        for name in names:
            check_range(type(self).__name__, name, getattr(self, name), 0, 1, open_high=True)


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """Return ``params + updates``, each parameter in its own type."""
    return tree_map(lambda w, delta: (w + delta).astype(w.dtype), params, updates)


def _by_name(names: list[str], structure: Any, each: list[Slots]) -> dict[str, Tree]:
    """Turn one dictionary for each array into one tree for each slot name."""
    return {name: jax.tree.unflatten(structure, [s[name] for s in each]) for name in names}


def _widen(w: Array) -> Array:
    """Return a parameter in the type of the arithmetic: float32 at least."""
    w = jnp.asarray(w)
    if not jnp.issubdtype(w.dtype, jnp.floating):
        raise DTypeError(
            f"An optimizer expected floating-point parameters, got one of type {w.dtype} "
            f"and shape {w.shape}; keep integers out of the parameters."
        )
    return w.astype(jnp.promote_types(w.dtype, jnp.float32))
