"""A traced program worked through equation by equation, with a summary of every number it makes.

JAX's traced form of a training step is a list of equations, one primitive operation each, forward
and backward pass and update alike. Working through it in order shows where a number leaves what can
be computed with. Arrays are let go after their last use; their summaries are kept.
"""

import linecache
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr",
         "checkpoint": "jaxpr", "remat2": "jaxpr", "custom_jvp_call": "call_jaxpr",
         "custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr",
         "custom_vmap_call": "call"}  # fmt: skip
"""Primitives that only call another program, and the parameter that holds it."""

_JAX = (str(Path(jax.__file__).parent), str(Path(np.__file__).parent), "<")


@dataclass(frozen=True)
class Numbers:
    """What there is to say about the numbers of an array.

    Attributes:
        shape: its shape.
        dtype: its type.
        low: the smallest finite number, None if there is none.
        high: the largest finite number.
        zeros: how many are exactly 0.
        nans: how many are NaN.
        infinities: how many are infinite.
        first: the index of the first that is not finite.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float | None = None
    high: float | None = None
    zeros: int = 0
    nans: int = 0
    infinities: int = 0
    first: tuple[int, ...] | None = None

    @property
    def finite(self) -> bool:
        """True if all numbers are finite."""
        return not self.nans and not self.infinities

    @property
    def size(self) -> float:
        """The largest magnitude of a finite number, 0 if there is none."""
        return 0.0 if self.low is None or self.high is None else max(-self.low, self.high)

    def __str__(self) -> str:
        many = " x ".join(map(str, self.shape)) or "one number"
        parts = [f"{many}, {self.dtype}"]
        if self.low is not None:
            same = self.low == self.high
            parts.append(f"{self.low:.4g}" if same else f"from {self.low:.4g} to {self.high:.4g}")
        if self.zeros:
            parts.append(f"{self.zeros:,} zero")
        if self.nans:
            parts.append(f"{self.nans:,} NaN")
        if self.infinities:
            parts.append(f"{self.infinities:,} infinite")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain JSON."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**found, "shape": list(self.shape), "first": self.first and list(self.first)}


def numbers_of(array: Any) -> Numbers:
    """Return the summary of an array; of integers and keys, shape and type alone."""
    shape, dtype = tuple(jnp.shape(array)), jnp.result_type(array)
    if not jnp.issubdtype(dtype, jnp.floating) or 0 in shape:
        return Numbers(shape, str(dtype))
    values = np.asarray(array)
    if values.dtype.itemsize < 4:
        values = values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        low, high = values.min(), values.max()
    zeros = values.size - int(np.count_nonzero(values))
    if np.isfinite(low) and np.isfinite(high):
        return Numbers(shape, str(dtype), float(low), float(high), zeros)
    bad = ~np.isfinite(values)
    fine = values[~bad]
    return Numbers(
        *(shape, str(dtype)),
        low=float(fine.min()) if fine.size else None,
        high=float(fine.max()) if fine.size else None,
        zeros=zeros,
        nans=int(np.isnan(values).sum()),
        infinities=int(np.isinf(values).sum()),
        first=tuple(int(i) for i in np.argwhere(bad)[0]),
    )


@dataclass
class Value:
    """A value of the program.

    Attributes:
        numbers: what there is to say about it.
        maker: the number of the equation that made it, None for what was given.
        name: the name of what was given; empty for a constant.
    """

    numbers: Numbers
    maker: int | None = None
    name: str = ""


@dataclass
class Equation:
    """One operation of the program.

    Attributes:
        primitive: JAX's name of the operation.
        scopes: the names that it stands under, outermost first: ``layer:...``, ``op:...``,
            ``loss``, ``optimizer``.
        transforms: what it was made by: ``jvp``, ``transpose``.
        place: file, line and column of the code that asked for it, None if that is unknown.
        inputs: the values that it read.
        outputs: the values that it made.
    """

    primitive: str
    scopes: tuple[str, ...]
    transforms: tuple[str, ...]
    place: tuple[str, int, int] | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def layer(self) -> str | None:
        """The path of the innermost layer, None outside of layers."""
        found = [s.removeprefix("layer:") for s in self.scopes if s.startswith("layer:")]
        return found[-1] if found else None

    @property
    def op(self) -> str | None:
        """The operation of ``pellucid.ops`` that it is a part of, None outside of them."""
        last = max((n for n, s in enumerate(self.scopes) if s.startswith("layer:")), default=-1)
        found = [s.removeprefix("op:") for s in self.scopes[last + 1 :] if s.startswith("op:")]
        return found[0] if found else None

    @property
    def code(self) -> str | None:
        """The line of code that asked for it, as ``file.py:12: y = jnp.log(x)``."""
        if self.place is None:
            return None
        file, line, _ = self.place
        return f"{file}:{line}: {linecache.getline(file, line).strip()}"


class Evaluation:
    """A program worked through.

    Args:
        program: a closed jaxpr.
        given: the arrays that it reads.
        names: a name for each of them.
    """

    def __init__(self, program: Any, given: Sequence[Any], names: Sequence[str]) -> None:
        self.values: list[Value] = []
        self.equations: list[Equation] = []
        places = [self._value(array, None, name) for array, name in zip(given, names, strict=True)]
        arrays = list(given)
        self.results, self.outputs = self._run(program, arrays, places, (), (), None)

    def _value(self, array: Any, maker: int | None, name: str = "") -> int:
        self.values.append(Value(numbers_of(array), maker, name))
        return len(self.values) - 1

    def _run(
        self,
        program: Any,
        arrays: list[Any],
        places: list[int],
        scopes: tuple[str, ...],
        transforms: tuple[str, ...],
        called_at: tuple[str, int, int] | None,
    ) -> tuple[list[Any], list[int]]:
        """Work through a program; returns its outputs and the numbers of their values."""
        jaxpr = getattr(program, "jaxpr", program)
        known: dict[Any, tuple[Any, int]] = {}
        for variable, constant in zip(jaxpr.constvars, getattr(program, "consts", ()), strict=True):
            known[variable] = (constant, self._value(constant, None))
        known |= dict(zip(jaxpr.invars, zip(arrays, places, strict=True), strict=True))
        del arrays, places
        last_use = {
            variable: number
            for number, equation in enumerate(jaxpr.eqns)
            for variable in equation.invars
            if not hasattr(variable, "val")
        }
        wanted = {variable for variable in jaxpr.outvars if not hasattr(variable, "val")}

        def read(variable: Any) -> tuple[Any, int]:
            if hasattr(variable, "val"):  # a literal
                return variable.val, self._value(variable.val, None)
            return known[variable]

        for number, equation in enumerate(jaxpr.eqns):
            pairs = [read(variable) for variable in equation.invars]
            own = equation.source_info.name_stack.stack
            made, at = self._step(
                equation,
                [array for array, _ in pairs],
                [place for _, place in pairs],
                (*scopes, *(s.name for s in own if type(s).__name__ == "Scope")),
                (*transforms, *(s.name for s in own if type(s).__name__ == "Transform")),
                called_at or _place(equation),
            )
            del pairs
            known |= dict(zip(equation.outvars, zip(made, at, strict=True), strict=True))
            for variable in equation.invars:
                done = not hasattr(variable, "val") and last_use[variable] == number
                if done and variable not in wanted:
                    known.pop(variable, None)
        outputs = [read(variable) for variable in jaxpr.outvars]
        return [array for array, _ in outputs], [place for _, place in outputs]

    def _step(
        self,
        equation: Any,
        arrays: list[Any],
        places: list[int],
        scopes: tuple[str, ...],
        transforms: tuple[str, ...],
        at: tuple[str, int, int] | None,
    ) -> tuple[list[Any], list[int]]:
        """Work through one equation, or through the program that it calls."""
        name, params = equation.primitive.name, equation.params
        inside = (scopes, transforms, at)
        if name in CALLS and CALLS[name] in params:
            return self._run(params[CALLS[name]], arrays, places, *inside)
        if name == "cond":
            branch = params["branches"][int(arrays[0])]
            return self._run(branch, arrays[1:], places[1:], scopes, transforms, None)
        settings = equation.primitive.get_bind_params(params)
        functions: Sequence[Any] = ()
        if isinstance(settings, tuple):  # before JAX 0.10
            functions, settings = settings
        made = equation.primitive.bind(*functions, *arrays, **settings)
        results = list(made) if equation.primitive.multiple_results else [made]
        name = params.get("target_name", name)  # a foreign function is known by its own name
        finite = all(self.values[place].numbers.finite for place in places)
        if name == "scan" and finite and not all(numbers_of(r).finite for r in results):
            return results, self._unrolled(params, arrays, places, inside)
        return results, self._made(name, results, places, inside)

    def _made(self, name: str, results: list[Any], places: list[int], inside: Any) -> list[int]:
        scopes, transforms, at = inside
        number = len(self.equations)
        outputs = [self._value(array, number) for array in results]
        self.equations.append(Equation(name, scopes, transforms, at, tuple(places), tuple(outputs)))
        return outputs

    def _unrolled(
        self, params: Any, arrays: list[Any], places: list[int], inside: Any
    ) -> list[int]:
        """Work through the passes of a scan one by one; returns the numbers of its outputs."""
        consts, carries = params["num_consts"], params["num_carry"]
        order = range(params["length"])
        carry, carry_at = arrays[consts : consts + carries], places[consts : consts + carries]
        xs, xs_at = arrays[consts + carries :], places[consts + carries :]
        made_at: list[list[int]] = []
        made: list[list[Any]] = []
        for number in reversed(order) if params["reverse"] else order:
            rows = [x[number] for x in xs]
            rows_at = [
                self._made("slice", [row], [at], inside)[0]
                for row, at in zip(rows, xs_at, strict=True)
            ]
            results, results_at = self._run(
                params["jaxpr"],
                [*arrays[:consts], *carry, *rows],
                [*places[:consts], *carry_at, *rows_at],
                *(inside[0], inside[1], None),
            )
            carry, carry_at = results[:carries], results_at[:carries]
            made.append(results[carries:])
            made_at.append(results_at[carries:])
        stacked = [
            self._made("stack", [jnp.stack(parts)], list(at), inside)[0]
            for parts, at in zip(zip(*made, strict=True), zip(*made_at, strict=True), strict=True)
        ]
        return [*carry_at, *stacked]

    def ancestors(self, places: Sequence[int]) -> set[int]:
        """Return the values that some values were made of, themselves included."""
        found: set[int] = set()
        stack = list(places)
        while stack:
            place = stack.pop()
            if place in found:
                continue
            found.add(place)
            maker = self.values[place].maker
            if maker is not None:
                stack.extend(self.equations[maker].inputs)
        return found


def _place(equation: Any) -> tuple[str, int, int] | None:
    """Return file, line and column of the innermost call outside of JAX."""
    told = equation.source_info.traceback
    if told is None:
        return None
    for code, instruction in zip(*told.raw_frames(), strict=True):
        if not code.co_filename.startswith(_JAX):
            line, _, column, _ = next(islice(code.co_positions(), instruction // 2, None))
            return code.co_filename, line or code.co_firstlineno, column or 0
    return None
