"""The choice between the bodies that compute a convolution.

A body is three functions, the convolution and its two gradients, that give the same numbers as
every other body in another way:

- "xla": XLA's own convolution, right for GPUs and TPUs; on the CPU it is slow, and inside a loop
  (a whole training run in one program) slower still by orders of magnitude;
- "patches": a matrix product over the patches of the input, which XLA does well on the CPU;
- "native": the compiled kernels, the default on the CPU where they are built, take the arrays
  (float32, one or two spatial axes) and are ahead; what they do not take goes to "patches".
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import jax
from jax import Array

from pellucid import kernels
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
    "native": Body(
        kernels.convolution.forward,
        kernels.convolution.input_gradient,
        kernels.convolution.weight_gradient,
    ),
}

_preferred: ContextVar[str | None] = ContextVar("convolution_body", default=None)


@contextmanager
def convolution_body(name: str) -> Iterator[None]:
    """Compute every convolution traced inside the ``with`` block by the body of this name.

    A function that ``jax.jit`` has compiled before keeps the body that it was traced with.

    Args:
        name: "xla", "patches" or "native".

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


LEAST_LANES = 8
"""Below so many results of each of several groups, vectors stay half empty: patches are ahead."""


def choose_body(name: str | None, a: Array, b: Array, lanes: int, groups: int) -> Body:
    """Return the body called ``name``, or else the preferred one, or else the backend's.

    Args:
        name: "xla", "patches", "native" or None.
        a: the first array that the body is given.
        b: the second one.
        lanes: results of one group that a kernel computes side by side.
        groups: the number of groups.
    """
    name = name or _preferred.get()
    if name is None and jax.default_backend() == "cpu":
        name = "native" if groups == 1 or lanes >= LEAST_LANES else "patches"
    name = name or "xla"
    check_one_of("conv", "body", name, list(BODIES))
    if name == "native" and not kernels.convolution.takes(a, b, axes=a.ndim - 2):
        name = "patches"
    return BODIES[name]
