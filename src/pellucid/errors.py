"""Every error that Pellucid raises on purpose.

::

    PellucidError
    ├── ShapeError         (ValueError)    an array has the wrong rank, size or shape
    ├── DTypeError         (TypeError)     an array or argument has the wrong type
    ├── ArgumentError      (ValueError)    an argument is outside its domain
    ├── UnknownNameError   (ValueError)    a name that is in no table; suggests the nearest
    ├── MismatchError      (ValueError)    two choices contradict each other (loss, activation)
    ├── DataError          (ValueError)    the data cannot be learned from (empty, NaN, labels)
    ├── NotReadyError      (RuntimeError)  a step was left out: build, compile, fit
    ├── DatasetError       (OSError)       a data set is absent, damaged or cannot be downloaded
    ├── ModelFileError     (ValueError)    a folder is no saved model, or a damaged one
    ├── RunError           (ValueError)    a folder is no run, or lacks what is asked of it
    ├── ExportError        (ValueError)    a model cannot be written in another form
    ├── WriteError         (OSError)       a file cannot be written; what was there stands
    └── NonFiniteError     (ArithmeticError)  a number of a training is NaN or infinite

A message is one sentence that says which layer or argument, what was expected, what came, and
what to type next.
"""

import difflib
from collections.abc import Iterable


class PellucidError(Exception):
    """The root of all errors raised on purpose."""


class ShapeError(PellucidError, ValueError):
    """An array has the wrong rank, size or shape."""


class DTypeError(PellucidError, TypeError):
    """An array or an argument has the wrong type."""


class ArgumentError(PellucidError, ValueError):
    """An argument is outside its domain."""


class UnknownNameError(PellucidError, ValueError):
    """A name that is in no table.

    Args:
        kind: what the name should have named, such as ``"optimizer"``.
        name: the name that was given.
        known: the names that exist.
        aliases: further names that exist; one may be suggested, but they are not listed.
    """

    def __init__(
        self, kind: str, name: object, known: Iterable[str], aliases: Iterable[str] = ()
    ) -> None:
        known = sorted(known)
        names = [*known, *sorted(aliases)]
        near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the known ones are {', '.join(known)}."
        super().__init__(f"There is no {kind} named {name!r}; {hint}")


class MismatchError(PellucidError, ValueError):
    """Two choices contradict each other, such as a loss and an output activation."""


class DataError(PellucidError, ValueError):
    """The data cannot be learned from: empty, not finite, or labels that do not fit."""


class NotReadyError(PellucidError, RuntimeError):
    """A step was left out: the model is not built, compiled or fitted yet."""


class DatasetError(PellucidError, OSError):
    """A data set is absent, damaged or cannot be downloaded."""


class ModelFileError(PellucidError, ValueError):
    """A folder is no saved model, or a damaged one."""


class RunError(PellucidError, ValueError):
    """A folder is no run, or lacks what is asked of it."""


class WriteError(PellucidError, OSError):
    """A file cannot be written: a full disk, a read-only folder; what was there before stands."""


class ExportError(PellucidError, ValueError):
    """A model cannot be written in another form, or what was written differs from it."""


class NonFiniteError(PellucidError, ArithmeticError):
    """A number of a training is NaN or infinite."""
