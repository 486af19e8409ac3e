"""Read lists of integers from the pickle of a NumPy object array, without running the pickle.

A pickle is a program for a small stack machine, and two of its instructions (GLOBAL and REDUCE)
import any function and call it: to load a pickle is to run its author's code. This reader is
another machine. It knows the instructions that an array of lists of integers needs, and in place of
the functions it knows four names:

====================================  =====================================
``numpy.core.multiarray._reconstruct``  an empty array, to be filled by BUILD
``numpy.ndarray``                       the class that it is asked to be
``numpy.dtype``                         the type of its entries, always object
``_codecs.encode``                      text as bytes (protocol 2)
====================================  =====================================

They are compared as text and never imported. Every other instruction or name is an error.
"""

import enum
from collections.abc import Callable

from pellucid.errors import DatasetError

_MOST = 50_000_000  # integers in one array, four times those of the largest set


class _Name(enum.Enum):
    """What a GLOBAL instruction may name."""

    RECONSTRUCT = enum.auto()
    NDARRAY = enum.auto()
    DTYPE = enum.auto()
    ENCODE = enum.auto()


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Name.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _Name.RECONSTRUCT,  # NumPy 2
    ("numpy", "ndarray"): _Name.NDARRAY,
    ("numpy", "dtype"): _Name.DTYPE,
    ("_codecs", "encode"): _Name.ENCODE,
}


class _ObjectType:
    """Stands for ``numpy.dtype("O")``."""


class _Array:
    """Stands for the object array; BUILD gives it its entries."""

    shape: object = None
    entries: object = None


def read_lists(data: bytes, count: int) -> list[list[int]]:
    """Return the lists of integers that a pickled one-dimensional object array holds.

    Args:
        data: the pickle, protocol 2 to 5.
        count: the number of lists that it must hold.

    Raises:
        DatasetError: if the pickle is cut short, or holds or asks for anything else. The message
            completes the sentence "its array NAME ...".
    """
    try:
        array = _Machine(data).run()
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise DatasetError("is cut short or damaged inside its pickle") from error
    if not isinstance(array, _Array) or not isinstance(array.entries, list):
        raise DatasetError("is no pickled array of lists of integers")
    lists = array.entries
    if array.shape != (count,) or len(lists) != count:
        raise DatasetError(f"should hold {count:,} lists and holds {len(lists):,}")
    if not all(type(entry) is list for entry in lists):
        raise DatasetError("holds something else than lists of integers")
    if sum(map(len, lists)) > _MOST:
        raise DatasetError(f"holds more than {_MOST:,} integers")
    if not all(set(map(type, entry)) <= {int} for entry in lists):
        raise DatasetError("holds lists of something else than integers")
    return lists


class _Machine:
    """The stack machine: ``data`` is the program, ``at`` the next byte."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[object] = []
        self.marks: list[int] = []  # heights of the stack that MARK remembered
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        """Work through the instructions up to STOP and return what is left on the stack."""
        data = self.data
        while True:
            code = data[self.at]
            if code in b"KMJ":
                self._integers()
                continue
            self.at += 1
            if code == ord("."):
                break
            if code not in _INSTRUCTIONS:
                raise DatasetError(
                    f"uses the pickle instruction {bytes([code])!r}, which no list of integers "
                    "needs and which is not run"
                )
            _INSTRUCTIONS[code](self)
        if self.at != len(data) or len(self.stack) != 1 or self.marks:
            raise DatasetError("has something left over in its pickle")
        return self.stack[0]

    def _integers(self) -> None:
        """Push a run of integers, the bulk of the file, in one tight loop."""
        data, at, push = self.data, self.at, self.stack.append
        while True:
            code = data[at]
            if code == 0x4B:  # BININT1: one byte
                push(data[at + 1])
                at += 2
            elif code == 0x4D:  # BININT2: two bytes
                push(data[at + 1] | data[at + 2] << 8)
                at += 3
            elif code == 0x4A:  # BININT: four bytes with a sign
                push(int.from_bytes(data[at + 1 : at + 5], "little", signed=True))
                at += 5
            else:
                break
        self.at = at

    def _bytes(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise IndexError("the data ends here")
        self.at += count
        return self.data[self.at - count : self.at]

    def _number(self, width: int) -> int:
        return int.from_bytes(self._bytes(width), "little")

    def _line(self) -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise IndexError("the data ends here")
        line = self.data[self.at : end].decode()
        self.at = end + 1
        return line

    def _pop_to_mark(self) -> list[object]:
        height = self.marks.pop()
        values = self.stack[height:]
        if height > len(self.stack):
            raise IndexError("the stack is lower than its mark")
        del self.stack[height:]
        return values

    def _pop(self, count: int) -> list[object]:
        """Take values from the top, none below the last mark."""
        height = len(self.stack) - count
        if height < (self.marks[-1] if self.marks else 0):
            raise IndexError("the stack is empty")
        values = self.stack[height:]
        del self.stack[height:]
        return values

    def _top(self, kind: type) -> object:
        if not isinstance(self.stack[-1], kind):
            raise DatasetError("is no pickled array of lists of integers")
        return self.stack[-1]

    def mark(self) -> None:
        """MARK: remember the height of the stack."""
        self.marks.append(len(self.stack))

    def protocol(self) -> None:
        """PROTO: the version of the pickle format."""
        version = self._number(1)
        if not 2 <= version <= 5:
            raise DatasetError(f"has pickle protocol {version}, and 2 to 5 are read")

    def frame(self) -> None:
        """FRAME: how many bytes to read ahead, of no use here."""
        self._number(8)

    def long(self) -> None:
        """LONG1: an integer of as many bytes as the first byte says."""
        width = self._number(1)
        if width > 8:
            raise DatasetError(f"holds an integer of {width} bytes")
        self.stack.append(int.from_bytes(self._bytes(width), "little", signed=True))

    def append(self) -> None:
        """APPEND: one value to the list below it."""
        values = self._pop(1)
        target = self._top(list)
        target.extend(values)  # type: ignore[attr-defined]

    def appends(self) -> None:
        """APPENDS: all values down to the mark to the list below it."""
        values = self._pop_to_mark()
        target = self._top(list)
        target.extend(values)  # type: ignore[attr-defined]

    def name(self) -> None:
        """GLOBAL: a name, given as two lines."""
        self._push_name(self._line(), self._line())

    def stack_name(self) -> None:
        """STACK_GLOBAL: a name, given by two texts on the stack."""
        module, attribute = self._pop(2)
        self._push_name(module, attribute)

    def _push_name(self, module: object, attribute: object) -> None:
        known = isinstance(module, str) and isinstance(attribute, str)
        if not known or (module, attribute) not in _NAMES:
            raise DatasetError(
                f"asks for {module}.{attribute}, which no list of integers needs and which is "
                "not run"
            )
        self.stack.append(_NAMES[module, attribute])  # type: ignore[index]

    def reduce(self) -> None:
        """REDUCE: a call; only the three that make an array, and none of them is made."""
        name, given = self._pop(2)
        arguments = given if isinstance(given, tuple) else ()
        if name is _Name.RECONSTRUCT and arguments in (
            (_Name.NDARRAY, (0,), b"b"),
            (_Name.NDARRAY, (0,), "b"),  # written by Python 2
        ):
            self.stack.append(_Array())
        elif name is _Name.DTYPE and arguments[:1] in (("O8",), ("O4",), ("O",)):
            self.stack.append(_ObjectType())
        elif name is _Name.ENCODE and arguments == ("b", "latin1"):
            self.stack.append(b"b")
        else:
            raise DatasetError("is no pickled array of lists of integers")

    def build(self) -> None:
        """BUILD: fill the array (version, shape, type, order, entries); the type has no state."""
        (state,) = self._pop(1)
        target = self.stack[-1]
        if isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5:
            _, target.shape, kind, _, target.entries = state
            if isinstance(kind, _ObjectType):
                return
        elif isinstance(target, _ObjectType):
            return
        raise DatasetError("is no pickled array of lists of integers")

    def pack(self, count: int | None) -> None:
        """TUPLE, TUPLE1, TUPLE2, TUPLE3: the last values as a tuple."""
        values = self._pop_to_mark() if count is None else self._pop(count)
        self.stack.append((*values,))

    def text(self, width: int) -> None:
        """BINUNICODE and its relatives: a length of ``width`` bytes and text."""
        self.stack.append(self._bytes(self._number(width)).decode())

    def raw(self, width: int) -> None:
        """BINBYTES and its relatives: a length of ``width`` bytes and bytes."""
        self.stack.append(self._bytes(self._number(width)))

    def put(self, width: int) -> None:
        """BINPUT, LONG_BINPUT: remember the top of the stack under a number."""
        self.memo[self._number(width)] = self.stack[-1]

    def memoize(self) -> None:
        """MEMOIZE: remember the top of the stack under the next number."""
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, width: int) -> None:
        """BINGET, LONG_BINGET: push what was remembered."""
        self.stack.append(self.memo[self._number(width)])


_INSTRUCTIONS: dict[int, Callable[[_Machine], None]] = {
    0x80: _Machine.protocol,
    0x95: _Machine.frame,
    ord("("): _Machine.mark,
    ord("]"): lambda machine: machine.stack.append([]),
    ord(")"): lambda machine: machine.stack.append(()),
    ord("N"): lambda machine: machine.stack.append(None),
    0x88: lambda machine: machine.stack.append(True),
    0x89: lambda machine: machine.stack.append(False),
    0x8A: _Machine.long,
    ord("a"): _Machine.append,
    ord("e"): _Machine.appends,
    ord("t"): lambda machine: machine.pack(None),
    0x85: lambda machine: machine.pack(1),
    0x86: lambda machine: machine.pack(2),
    0x87: lambda machine: machine.pack(3),
    ord("X"): lambda machine: machine.text(4),
    0x8C: lambda machine: machine.text(1),
    ord("U"): lambda machine: machine.text(1),  # text of Python 2
    ord("B"): lambda machine: machine.raw(4),
    ord("C"): lambda machine: machine.raw(1),
    ord("c"): _Machine.name,
    0x93: _Machine.stack_name,
    ord("q"): lambda machine: machine.put(1),
    ord("r"): lambda machine: machine.put(4),
    0x94: _Machine.memoize,
    ord("h"): lambda machine: machine.get(1),
    ord("j"): lambda machine: machine.get(4),
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
}
