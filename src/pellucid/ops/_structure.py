"""Operations that move, join and repeat numbers: their gradients move, cut and add them back.

Where a backward pass needs a shape alone, the array is saved: a compiled program keeps no array of
which only the shape is read.
"""

from math import prod
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from pellucid._checks import check_one_of, check_positive_int, check_rank
from pellucid.errors import ArgumentError, ShapeError
from pellucid.ops._registry import elementwise_flops, register, unbroadcast
from pellucid.ops._windows import check_pairs

Shape = tuple[int, ...]

_SYMBOLS = {
    "x, a, b": "inputs",
    "y": "output",
    "dy": "gradient of the loss with respect to y",
}
_TEXTBOOK = "Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6"


def _check_stretch(who: str, a: Shape, b: Shape) -> None:
    """Raise ShapeError unless two shapes are equal but for axes of size 1."""
    if len(a) != len(b) or any(n != m and 1 not in (n, m) for n, m in zip(a, b, strict=True)):
        raise ShapeError(
            f"{who} expected two inputs of equal shape (axes of size 1 are stretched), got {a} "
            f"and {b}."
        )


def add_forward(a: Array, b: Array) -> tuple[Array, tuple[Array, Array]]:
    """Sum of two arrays, y = a + b; the junction of a skip connection.

    Each summand passes the gradient on unchanged; a stretched axis sums it up::

        da = dy        db = dy

    Args:
        a: first summand.
        b: second summand, of the same shape; an axis of size 1 in either is stretched.

    Returns:
        y, and the two summands.

    Raises:
        ShapeError: if the shapes do not fit.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6.
    """
    _check_stretch("add", a.shape, b.shape)
    return a + b, (a, b)


def add_backward(saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    """Return da = dy and db = dy, each in its own shape."""
    a, b = saved
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


add = register(
    "add",
    add_forward,
    add_backward,
    formula="y = a + b",
    gradient="da = dy; db = dy",
    symbols=_SYMBOLS,
    reference=_TEXTBOOK,
    flops=elementwise_flops(1),
)


def multiply_forward(a: Array, b: Array) -> tuple[Array, tuple[Array, Array]]:
    """Product of two arrays entry by entry, y = a b; a gate.

    The other factor is the derivative::

        da = b dy        db = a dy

    Args:
        a: first factor.
        b: second factor, of the same shape; an axis of size 1 in either is stretched.

    Returns:
        y, and the two factors.

    Raises:
        ShapeError: if the shapes do not fit.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6.
    """
    _check_stretch("multiply", a.shape, b.shape)
    return a * b, (a, b)


def multiply_backward(saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    """Return da = b dy and db = a dy, each in its own shape."""
    a, b = saved
    return unbroadcast(b * dy, a.shape), unbroadcast(a * dy, b.shape)


multiply = register(
    "multiply",
    multiply_forward,
    multiply_backward,
    formula="y = a b",
    gradient="da = b dy; db = a dy",
    symbols=_SYMBOLS,
    reference=_TEXTBOOK,
    flops=elementwise_flops(1),
)


def concatenate_forward(*arrays: Array, axis: int = -1) -> tuple[Array, tuple[Array, ...]]:
    """Arrays side by side along one axis, y = [a, b, ...].

    Every entry of y is an entry of one input, which gets its gradient::

        da, db, ... = dy cut where the inputs were joined

    Args:
        arrays: one or more arrays, equal in shape but for ``axis``.
        axis: the axis along which they are joined.

    Returns:
        y, and the arrays.

    Raises:
        ShapeError: if the shapes differ elsewhere.

    References:
        Szegedy et al., Going deeper with convolutions (2015), section 4.
    """
    first = arrays[0].shape
    check_one_of("concatenate", "axis", axis, range(-len(first), len(first)))
    place = axis % len(first)
    for array in arrays:
        same = len(array.shape) == len(first) and all(
            n == m for i, (n, m) in enumerate(zip(array.shape, first, strict=True)) if i != place
        )
        if not same:
            shapes = ", ".join(str(a.shape) for a in arrays)
            raise ShapeError(
                f"concatenate expected inputs that are equal but for axis {axis}, got {shapes}."
            )
    return jnp.concatenate(arrays, axis), arrays


def concatenate_backward(
    arrays: tuple[Array, ...], dy: Array, *, axis: int = -1
) -> tuple[Array, ...]:
    """Return dy cut into the pieces it was joined from."""
    place, start, pieces = axis % dy.ndim, 0, []
    for array in arrays:
        stop = start + array.shape[place]
        pieces.append(lax.slice_in_dim(dy, start, stop, axis=place))
        start = stop
    return tuple(pieces)


concatenate = register(
    "concatenate",
    concatenate_forward,
    concatenate_backward,
    formula="y = [a, b, ...]",
    gradient="da, db, ... = dy cut where the inputs were joined",
    symbols=_SYMBOLS,
    reference="Szegedy et al., Going deeper with convolutions, CVPR (2015), section 4",
    flops=elementwise_flops(0),
)


def zero_pad_forward(x: Array, *, padding: Any) -> tuple[Array, None]:
    """Zeros around the spatial axes, y_i = x_(i - low), 0 outside.

    The zeros are constants, the rest passes the gradient on::

        dx_i = dy_(i + low)

    Args:
        x: input, shape (batch, spatial..., channels).
        padding: a pair (low, high) of zeros for each spatial axis.

    Returns:
        y, and nothing for the backward pass.

    Raises:
        ArgumentError: if there is not one pair for each spatial axis.

    References:
        Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016), chapter 2.
    """
    pairs = check_pairs("zero_pad", padding, x.ndim - 2)
    return jnp.pad(x, ((0, 0), *pairs, (0, 0))), None


def zero_pad_backward(_: None, dy: Array, *, padding: Any) -> tuple[Array]:
    """Return dx: dy without its frame."""
    for axis, (low, high) in enumerate(padding, 1):
        dy = lax.slice_in_dim(dy, low, dy.shape[axis] - high, axis=axis)
    return (dy,)


zero_pad = register(
    "zero_pad",
    zero_pad_forward,
    zero_pad_backward,
    formula="y_i = x_(i - low), 0 outside x",
    gradient="dx_i = dy_(i + low)",
    symbols={**_SYMBOLS, "low": "zeros before the first entry"},
    reference="Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016)",
    flops=elementwise_flops(0),
)


def upsample_nearest_forward(x: Array, *, size: tuple[int, ...]) -> tuple[Array, None]:
    """Every position repeated, y_i = x_floor(i / size), on each spatial axis.

    A number acts on all of its copies::

        dx_j = sum of dy_i over the copies i of j

    Args:
        x: input, shape (batch, spatial..., channels).
        size: how often, for each spatial axis.

    Returns:
        y with the spatial axes ``size`` times as long, and nothing for the backward pass.

    Raises:
        ArgumentError: if there is not one integer of 1 or more for each spatial axis.

    References:
        Odena, Dumoulin, Olah, Deconvolution and checkerboard artifacts (2016).
    """
    if len(size) != x.ndim - 2:
        raise ArgumentError(
            f"upsample_nearest expected size to have {x.ndim - 2} entries, one for each spatial "
            f"axis of {x.shape}, got {size!r}."
        )
    for axis, times in enumerate(size, 1):
        check_positive_int("upsample_nearest", "every entry of size", times)
        x = jnp.repeat(x, times, axis=axis)
    return x, None


def upsample_nearest_backward(_: None, dy: Array, *, size: tuple[int, ...]) -> tuple[Array]:
    """Return dx: the sum of dy over the copies of each position."""
    for axis, times in enumerate(size, 1):
        shape = dy.shape
        split = (*shape[:axis], shape[axis] // times, times, *shape[axis + 1 :])
        dy = jnp.sum(dy.reshape(split), axis=axis + 1)
    return (dy,)


upsample_nearest = register(
    "upsample_nearest",
    upsample_nearest_forward,
    upsample_nearest_backward,
    formula="y_i = x_floor(i / size)",
    gradient="dx_j = sum of dy_i over the copies i of j",
    symbols={**_SYMBOLS, "size": "copies of each position"},
    reference="Odena, Dumoulin, Olah, Deconvolution and checkerboard artifacts, Distill (2016)",
    flops=elementwise_flops(0),
)


def reshape_forward(x: Array, *, shape: Shape) -> tuple[Array, Array]:
    """The same numbers in row-major order under another shape.

    The numbers do not change, and neither do their gradients::

        dx = dy in the shape of x

    Args:
        x: input, any shape.
        shape: the new shape, with as many entries.

    Returns:
        y of this shape, and x.

    Raises:
        ShapeError: if the number of entries differs.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6.
    """
    if prod(shape) != prod(x.shape):
        raise ShapeError(
            f"reshape expected a shape of {prod(x.shape)} entries, as {x.shape} has, got {shape} "
            f"of {prod(shape)}."
        )
    return x.reshape(shape), x


def reshape_backward(x: Array, dy: Array, *, shape: Shape) -> tuple[Array]:
    """Return dy in the shape of x."""
    return (dy.reshape(x.shape),)


reshape = register(
    "reshape",
    reshape_forward,
    reshape_backward,
    formula="y = x in another shape",
    gradient="dx = dy in the shape of x",
    symbols=_SYMBOLS,
    reference=_TEXTBOOK,
    flops=elementwise_flops(0),
)


def permute_forward(x: Array, *, axes: tuple[int, ...]) -> tuple[Array, None]:
    """The axes in another order; for a matrix and (1, 0) the transpose.

    The gradient goes back by the inverse order::

        dx = dy with its axes put back

    Args:
        x: input, any shape.
        axes: axis ``axes[i]`` of x becomes axis i of y.

    Returns:
        y, and nothing for the backward pass.

    Raises:
        ShapeError: if x does not have that many axes.
        ArgumentError: if ``axes`` is no order of all axes.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6.
    """
    check_rank("permute", x.shape, len(axes), f"({len(axes)} axes)")
    if sorted(axes) != list(range(x.ndim)):
        raise ArgumentError(
            f"permute expected axes to be the numbers 0 to {x.ndim - 1} in some order, got {axes}."
        )
    return jnp.transpose(x, axes), None


def permute_backward(_: None, dy: Array, *, axes: tuple[int, ...]) -> tuple[Array]:
    """Return dy with its axes put back."""
    return (jnp.transpose(dy, [axes.index(i) for i in range(len(axes))]),)


permute = register(
    "permute",
    permute_forward,
    permute_backward,
    formula="y = x with its axes in another order",
    gradient="dx = dy with its axes put back",
    symbols=_SYMBOLS,
    reference=_TEXTBOOK,
    flops=elementwise_flops(0),
)


def scale_shift_forward(x: Array, *, scale: float = 1.0, offset: float = 0.0) -> tuple[Array, None]:
    """A fixed affine map, y = scale x + offset, such as pixels from 0..255 to 0..1.

    ::

        dx = scale dy

    Args:
        x: input, any shape.
        scale: factor.
        offset: summand.

    Returns:
        y of the shape of x, and nothing for the backward pass.

    References:
        LeCun, Bottou, Orr, Muller, Efficient BackProp (1998), section 4.3.
    """
    return scale * x + offset, None


def scale_shift_backward(
    _: None, dy: Array, *, scale: float = 1.0, offset: float = 0.0
) -> tuple[Array]:
    """Return dx = scale dy."""
    return (scale * dy,)


scale_shift = register(
    "scale_shift",
    scale_shift_forward,
    scale_shift_backward,
    formula="y = scale x + offset",
    gradient="dx = scale dy",
    symbols={**_SYMBOLS, "scale, offset": "fixed numbers"},
    reference="LeCun, Bottou, Orr, Muller, Efficient BackProp (1998), section 4.3",
    flops=elementwise_flops(2),
)
