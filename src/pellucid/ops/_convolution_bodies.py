"""The choice between the bodies that compute a convolution.

A body is three functions, the convolution and its two gradients, that give the same numbers as
every other body in another way:

- "xla": XLA's own convolution, right for GPUs and TPUs; on the CPU it is slow, and inside a loop
  (a whole training run in one program) slower still by orders of magnitude;
- "patches": a matrix product over the patches of the input, the default on the CPU.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import jax
from jax import Array

from pellucid._checks import check_one_of
from pellucid.ops import _convolution_patches as patches
from pellucid.ops import _convolution_xla as xla


class Body(NamedTuple):
    """Three functions of (array, array, windows, groups)."""

    forward: Callable[..., Array]
    input_gradient: Callable[..., Array]
    weight_gradient: Callable[..., Array]


BODIES = {
    "xla": Body(xla.forward, xla.input_gradient, xla.weight_gradient),
    "patches": Body(patches.forward, patches.input_gradient, patches.weight_gradient),
}

_preferred: ContextVar[str | None] = ContextVar("convolution_body", default=None)


@contextmanager
def convolution_body(name: str) -> Iterator[None]:
    """Compute every convolution traced inside the ``with`` block by the body of this name.

    A function that ``jax.jit`` has compiled before keeps the body that it was traced with.

    Args:
        name: "xla" or "patches".

    Raises:
        ArgumentError: if there is no such body.

    Example:
        >>> with convolution_body("xla"):
        ...     y = conv(x, w)
    """
    check_one_of("convolution_body", "name", name, list(BODIES))
    token = _preferred.set(name)
    try:
        yield
    finally:
        _preferred.reset(token)


def choose_body(name: str | None) -> Body:
    """Return the body called ``name``, or else the preferred one, or else the backend's."""
    name = name or _preferred.get() or ("patches" if jax.default_backend() == "cpu" else "xla")
    check_one_of("conv", "body", name, list(BODIES))
    return BODIES[name]
