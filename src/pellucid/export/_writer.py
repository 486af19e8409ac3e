"""A graph while it is being written: values, the nodes that make them, constants, names.

What is here knows the operators of ONNX by name but nothing of its files, and needs no package:
``_onnx_file`` turns the finished graph into one.

Pellucid's images have the channels last, ONNX's convolutions want them second. So a convolution is
written between two transpositions. They cost nothing where they meet: a value remembers that it is
the transpose of another, a transpose of a transpose is one or none, and what acts on every entry
by itself is written before a transposition in place of after it. What nobody reads is left out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np

Sizes = tuple[int | None, ...]

SMALL = 64
"""Constants of so many entries or fewer are looked up, so that equal ones are written once."""


@dataclass(frozen=True, eq=False)
class Value:
    """An array of the graph.

    Attributes:
        name: its name in the file.
        shape: None where the size is known only when the graph runs; the batch always is.
        dtype: the type of its entries.
        source: the value that it is the transpose of, if it is one.
        order: axis ``order[i]`` of the source is axis i.
        array: its numbers, if it is a constant.
    """

    name: str
    shape: Sizes
    dtype: Any
    source: "Value | None" = None
    order: tuple[int, ...] = ()
    array: Any = None

    @property
    def rank(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    def size(self, axis: int) -> "int | Size":
        """Return the size of an axis: a number, or where to read it when the graph runs."""
        axis %= self.rank
        known = self.shape[axis]
        return Size(self, axis) if known is None else known


class Size(NamedTuple):
    """A size that is known only when the graph runs: that of an axis of a value."""

    value: Value
    axis: int


@dataclass(frozen=True)
class Body:
    """The graph that a loop runs in every step."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: "list[Node]"


class Node(NamedTuple):
    """One operator with what it reads and makes; an empty name is an input that is left out."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def reads(self) -> set[str]:
        """Return the names of what it reads, also in the bodies of loops."""
        names = set(self.inputs)
        for body in self.attributes.values():
            if isinstance(body, Body):
                names |= {value.name for value in body.outputs}
                names = names.union(*(node.reads() for node in body.nodes))
        return names


@dataclass
class Writer:
    """Collects the nodes and constants of a graph.

    Attributes:
        nodes: in the order in which they run.
        constants: arrays by name.
        path: that of the layer that is being written; names start with it.
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    path: str = ""
    _taken: set[str] = field(default_factory=set)
    _small: dict[Any, Value] = field(default_factory=dict)
    _transposed: dict[Any, Value] = field(default_factory=dict)

    # Names

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """Write the nodes of the layer at ``path``."""
        before, self.path = self.path, path
        yield
        self.path = before

    def name(self, label: str) -> str:
        """Return a name that is not taken, that of the layer and a label, and take it."""
        base = f"{self.path}/{label}" if self.path else label
        name, number = base, 0
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    # Nodes and constants

    def add(
        self, op: str, inputs: Sequence[Any], shape: Sizes, dtype: Any, **attributes: Any
    ) -> Value:
        """Write a node of one output."""
        return self.add_several(op, inputs, [(shape, dtype)], **attributes)[0]

    def add_several(
        self,
        op: str,
        inputs: Sequence[Any],
        outputs: Sequence[tuple[Sizes, Any]],
        **attributes: Any,
    ) -> list[Value]:
        """Write a node; None in ``inputs`` is an input that is left out."""
        name = self.name(op)
        labels = [name] + [self.name(f"{op}.{number}") for number in range(1, len(outputs))]
        read = tuple("" if value is None else value.name for value in inputs)
        self.nodes.append(Node(op, name, read, tuple(labels), attributes))
        return [
            Value(label, tuple(shape), np.dtype(dtype))
            for label, (shape, dtype) in zip(labels, outputs, strict=True)
        ]

    def constant(self, array: Any, dtype: Any = None, name: str | None = None) -> Value:
        """Return a constant; equal ones of one name, and equal small ones, are written once."""
        array = np.ascontiguousarray(array, dtype).reshape(np.shape(array))
        if name is None and array.size <= SMALL:
            key = (array.dtype.str, array.shape, array.tobytes())
            if key not in self._small:
                with self.at(""):
                    self._small[key] = self._store(array, self.name("constant"))
            return self._small[key]
        if name is None:
            return self._store(array, self.name("constant"))
        known = self.constants.get(name)
        if known is None:
            with self.at(""):
                return self._store(array, self.name(name))
        if known.shape == array.shape and np.array_equal(known, array):
            return Value(name, known.shape, known.dtype, array=known)
        return self._store(array, self.name(name.rpartition("/")[2]))

    def _store(self, array: np.ndarray, name: str) -> Value:
        self.constants[name] = array
        return Value(name, array.shape, array.dtype, array=array)

    def integers(self, *numbers: int) -> Value:
        """Return whole numbers as the vector that sizes and axes come in."""
        return self.constant(np.array(numbers, np.int64))

    # What acts on every entry by itself

    def unary(self, op: str, x: Value, dtype: Any = None, **attributes: Any) -> Value:
        """Return f(x), entry by entry."""
        if x.source is not None:
            return self.transpose(self.unary(op, x.source, dtype, **attributes), x.order)
        return self.add(op, [x], x.shape, x.dtype if dtype is None else dtype, **attributes)

    def cast(self, x: Value, dtype: Any) -> Value:
        """Return x in another type."""
        dtype = np.dtype(dtype)
        return x if x.dtype == dtype else self.unary("Cast", x, dtype, to=dtype)

    def floating(self, x: Value) -> Value:
        """Return whole numbers and booleans as float32."""
        return self.cast(x, np.float32)

    def binary(self, op: str, a: Any, b: Any, dtype: Any = None) -> Value:
        """Return f(a, b), entry by entry, axes of size 1 stretched; one of them may be a number."""
        a, b = self._pair(a, b)
        rank = max(a.rank, b.rank)
        for x, other in ((a, b), (b, a)):
            if x.source is None or x.rank != rank:
                continue
            moved = self._moved(other, x.order)
            if moved is not None:
                first, second = (x.source, moved) if x is a else (moved, x.source)
                return self.transpose(self.binary(op, first, second, dtype), x.order)
        shape = stretched(a.shape, b.shape)
        return self.add(op, [a, b], shape, a.dtype if dtype is None else dtype)

    def _pair(self, a: Any, b: Any) -> tuple[Value, Value]:
        if not isinstance(a, Value):
            a = self.constant(a, b.dtype)
        if not isinstance(b, Value):
            b = self.constant(b, a.dtype)
        return a, b

    def _moved(self, x: Value, order: tuple[int, ...]) -> Value | None:
        """Return what x is the transpose of in this order; None if a node would be needed."""
        if x.source is not None and x.order == order:
            return x.source
        if x.array is None:
            return None
        if x.array.size == 1:
            return self.constant(x.array.reshape(()))
        wide = x.array.reshape((1,) * (len(order) - x.rank) + x.array.shape)
        name = x.name if x.array.size > SMALL else None
        return self.constant(wide.transpose(np.argsort(order)), name=name)

    def where(self, mask: Value, a: Any, b: Any) -> Value:
        """Return a where the mask is True, else b; one of them may be a number."""
        a, b = self._pair(a, b)
        shape = stretched(mask.shape, stretched(a.shape, b.shape))
        return self.add("Where", [mask, a, b], shape, a.dtype)

    # The order of the axes

    def transpose(self, x: Value, order: Sequence[int]) -> Value:
        """Return x with axis ``order[i]`` as its axis i."""
        order = tuple(order)
        if order == tuple(range(x.rank)):
            return x
        if x.source is not None:
            return self.transpose(x.source, [x.order[i] for i in order])
        if (x.name, order) not in self._transposed:
            made = self.add("Transpose", [x], tuple(x.shape[i] for i in order), x.dtype, perm=order)
            turned = Value(made.name, made.shape, made.dtype, source=x, order=order)
            self._transposed[x.name, order] = turned
        return self._transposed[x.name, order]

    def channels_first(self, x: Value) -> Value:
        """Return (batch, positions..., channels) as (batch, channels, positions...)."""
        return self.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1)))

    def channels_last(self, x: Value) -> Value:
        """Return (batch, channels, positions...) as (batch, positions..., channels)."""
        return self.transpose(x, (0, *range(2, x.rank), 1))

    # Sizes

    def size_vector(self, size: "int | Size") -> Value:
        """Return a size as a vector of one entry."""
        if not isinstance(size, Size):
            return self.integers(size)
        return self.add("Shape", [size.value], (1,), np.int64, start=size.axis, end=size.axis + 1)

    def vector(self, sizes: "Sequence[int | Size]") -> Value:
        """Return sizes as a vector."""
        if not any(isinstance(size, Size) for size in sizes):
            return self.integers(*sizes)  # type: ignore[arg-type]
        parts = [self.size_vector(size) for size in sizes]
        return self.add("Concat", parts, (len(sizes),), np.int64, axis=0)

    def reshape(self, x: Value, sizes: "Sequence[int | Size]") -> Value:
        """Return the entries of x in another shape, last axis fastest.

        One size may be -1 and stands for what the others leave.
        """
        written: list[int | Size] = []
        for axis, size in enumerate(sizes):
            same = isinstance(size, Size) and size.value is x and size.axis == axis
            written.append(0 if same else size)  # to the operator, 0 is "as in the input"
        open_sizes = [i for i, size in enumerate(written) if isinstance(size, Size)]
        if len(open_sizes) == 1 and -1 not in written:
            written[open_sizes[0]] = -1
        known = tuple(None if isinstance(n, Size) or n == -1 else n for n in sizes)
        kept = sorted(n.axis for n in sizes if isinstance(n, Size) and n.value is x)
        if -1 in sizes and kept == [axis for axis, n in enumerate(x.shape) if n is None]:
            whole, rest = (prod(n for n in shape if n is not None) for shape in (x.shape, known))
            known = tuple(
                whole // rest if n == -1 else m for n, m in zip(sizes, known, strict=True)
            )
        if known == x.shape and sum(n is None for n in known) <= 1:
            return x
        return self.add("Reshape", [x, self.vector(written)], known, x.dtype)

    def unsqueeze(self, x: Value, axis: int) -> Value:
        """Return x with an axis of size 1 put at ``axis``."""
        axis %= x.rank + 1
        shape = (*x.shape[:axis], 1, *x.shape[axis:])
        return self.add("Unsqueeze", [x, self.integers(axis)], shape, x.dtype)

    def squeeze(self, x: Value, axis: int) -> Value:
        """Return x without an axis of size 1."""
        axis %= x.rank
        shape = (*x.shape[:axis], *x.shape[axis + 1 :])
        return self.add("Squeeze", [x, self.integers(axis)], shape, x.dtype)

    def positions(self, x: Value, axis: int) -> Value:
        """Return the numbers 0, 1, ... of the entries along an axis of x, as int64."""
        size = x.size(axis)
        if not isinstance(size, Size):
            return self.constant(np.arange(size, dtype=np.int64))
        count = self.squeeze(self.size_vector(size), 0)
        ends = (self.constant(np.int64(0)), count, self.constant(np.int64(1)))
        return self.add("Range", ends, (None,), np.int64)

    # What reads along axes

    def matmul(self, a: Value, b: Value) -> Value:
        """Return the matrix products of the last two axes."""
        before = stretched(a.shape[:-2], b.shape[:-2])
        return self.add("MatMul", [a, b], (*before, a.shape[-2], b.shape[-1]), a.dtype)

    def reduce(self, op: str, x: Value, axes: Sequence[int], keepdims: bool = False) -> Value:
        """Return ``ReduceMean``, ``ReduceSum`` or ``ReduceMax`` over axes."""
        axes = sorted(axis % x.rank for axis in axes)
        kept = [axis for axis in range(x.rank) if axis not in axes]
        if x.source is not None:
            # The axes that stay must lie in the same order in the source.
            lie = [x.order[axis] for axis in kept]
            if lie == sorted(lie) and not keepdims:
                return self.reduce(op, x.source, [x.order[axis] for axis in axes])
        shape = tuple(
            1 if axis in axes else n for axis, n in enumerate(x.shape) if keepdims or axis in kept
        )
        inputs = [x, self.integers(*axes)]
        return self.add(op, inputs, shape, x.dtype, keepdims=int(keepdims))

    def along(self, op: str, x: Value, axis: int) -> Value:
        """Return an operator of one axis that keeps the shape, such as ``Softmax``."""
        axis %= x.rank
        if x.source is not None:
            return self.transpose(self.along(op, x.source, x.order[axis]), x.order)
        return self.add(op, [x], x.shape, x.dtype, axis=axis)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Return values side by side along an axis."""
        axis %= values[0].rank
        order = values[0].order
        if all(x.source is not None and x.order == order for x in values):
            sources = [x.source for x in values if x.source is not None]
            return self.transpose(self.concat(sources, order[axis]), order)
        sizes = [x.shape[axis] for x in values]
        total = None if None in sizes else sum(n for n in sizes if n is not None)
        shape = tuple(
            total
            if i == axis
            else next((x.shape[i] for x in values if x.shape[i] is not None), None)
            for i in range(values[0].rank)
        )
        return self.add("Concat", values, shape, values[0].dtype, axis=axis)

    def slice(self, x: Value, axis: int, start: int, stop: int | None, step: int = 1) -> Value:
        """Return ``x[start:stop:step]`` along one axis, as Python writes it."""
        axis %= x.rank
        if x.source is not None:
            return self.transpose(self.slice(x.source, x.order[axis], start, stop, step), x.order)
        n = x.shape[axis]
        size = None if n is None else len(range(n)[start:stop:step])
        limit = np.iinfo(np.int64).max if step > 0 else np.iinfo(np.int64).min
        ends = (start, int(limit) if stop is None else stop, axis, step)
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        return self.add("Slice", [x, *(self.integers(end) for end in ends)], shape, x.dtype)

    def flip(self, x: Value, axis: int) -> Value:
        """Return x from its last entry to its first along an axis."""
        return self.slice(x, axis, -1, None, -1)

    def gather(self, x: Value, places: Value, axis: int) -> Value:
        """Return the entries of x at ``places`` along an axis; its place takes their axes."""
        axis %= x.rank
        shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
        return self.add("Gather", [x, places], shape, x.dtype, axis=axis)

    def split(self, x: Value, axis: int, parts: int) -> list[Value]:
        """Return x in parts of equal size along an axis."""
        axis %= x.rank
        n = x.shape[axis]
        shape = (*x.shape[:axis], None if n is None else n // parts, *x.shape[axis + 1 :])
        each = [(shape, x.dtype)] * parts
        return self.add_several("Split", [x], each, axis=axis, num_outputs=parts)

    # Loops

    @contextmanager
    def body(self) -> Iterator[list[Node]]:
        """Write the nodes of a loop's body; they may read what is made outside."""
        outside, self.nodes = self.nodes, []
        turned, self._transposed = self._transposed, {}
        yield self.nodes
        self.nodes, self._transposed = outside, turned

    def inside(self, label: str, shape: Sizes, dtype: Any) -> Value:
        """Return an input of a loop's body."""
        return Value(self.name(label), shape, np.dtype(dtype))


def stretched(a: Sizes, b: Sizes) -> Sizes:
    """Return the shape that two shapes stretch to."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)
    return tuple(m if n == 1 or n is None and m != 1 else n for n, m in zip(a, b, strict=True))


def needed(nodes: Sequence[Node], wanted: set[str]) -> list[Node]:
    """Return the nodes that the wanted values are made by, in order."""
    kept: list[Node] = []
    wanted = set(wanted)
    for node in reversed(nodes):
        if wanted.isdisjoint(node.outputs):
            continue
        attributes = dict(node.attributes)
        for label, body in node.attributes.items():
            if isinstance(body, Body):
                inner = needed(body.nodes, {value.name for value in body.outputs})
                attributes[label] = Body(body.inputs, body.outputs, inner)
        kept.append(node._replace(attributes=attributes))
        wanted |= kept[-1].reads()
    return kept[::-1]
