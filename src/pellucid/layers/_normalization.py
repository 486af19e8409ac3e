"""The normalization layer: columns brought to mean 0 and variance 1, measured before training."""

from dataclasses import replace
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_last_axis, check_min_rank
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, DataError, NotReadyError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array

SMALLEST = 1e-7
"""The least deviation that is divided by: a column that never changes becomes 0."""


@REGISTRY.register()
class Normalization(Layer):
    """Brings each channel to mean 0 and variance 1, with numbers measured before training.

    With mean m and variance v of each channel, over training data::

        y = (x - m) / max(sqrt(v), 1e-7)

    ``Normalization().adapt(data)`` returns a layer that knows them; Keras's ``adapt`` changes the
    layer itself, here layers are frozen. Inside the network, it can be neither forgotten nor done
    with other numbers when the trained network is used.

    Args:
        mean: the mean of each channel (last axis), or one number for all; ``adapt`` measures it.
        variance: the variance of each channel, or one number for all.

    Input shape (batch, ..., channels); output shape the same. Whole numbers become float32.

    Raises:
        NotReadyError: if it is used before ``adapt``, without mean and variance.

    Example:
        >>> from pellucid.layers import Normalization
        >>> layer = Normalization().adapt([[1.0, 10.0], [3.0, 30.0]])
        >>> layer.mean, layer.variance
        ((2.0, 20.0), (1.0, 100.0))

    References:
        LeCun, Bottou, Orr, Mueller, Efficient BackProp (1998), section 4.3.
    """

    mean: float | tuple[float, ...] | None = None
    variance: float | tuple[float, ...] | None = None

    formula: ClassVar[str] = "y = (x - m) / max(sqrt(v), 1e-7)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, ..., channels)",
        "y": "output",
        "m": "mean of each channel",
        "v": "variance of each channel",
    }
    operations: ClassVar[tuple[str, ...]] = ("subtract", "multiply")
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.mean is None) != (self.variance is None):
            raise ArgumentError(
                "Normalization expected mean and variance together, got one of them; leave both "
                "out and call adapt(data)."
            )
        m, v = np.asarray(self.mean or 0.0), np.asarray(self.variance or 0.0)
        if m.shape != v.shape:
            raise ArgumentError(
                "Normalization expected as many numbers in mean as in variance, got "
                f"{m.size} and {v.size}."
            )
        if not (np.isfinite(m).all() and np.isfinite(v).all() and (v >= 0).all()):
            raise ArgumentError(
                "Normalization expected finite means and variances of 0 or more, got "
                f"mean={self.mean!r} and variance={self.variance!r}."
            )

    def adapt(self, data: Any) -> Self:
        """Return this layer with mean and variance of each channel of ``data``.

        Args:
            data: an array of shape (samples, ..., channels), or a ``pellucid.data.Dataset``, which
                is read once, in pieces.

        Raises:
            DataError: if there is no number in it, or one that is not finite.
        """
        n, mean, m2 = 0, np.zeros(1), np.zeros(1)
        for part in _pieces(data):
            x = np.asarray(part)
            if x.ndim < 2 or x.dtype.kind not in "biuf":
                raise ShapeError(
                    "Normalization expected numbers of shape (samples, ..., channels) to adapt "
                    f"to, got {x.dtype} of shape {x.shape}."
                )
            x = x.reshape(-1, x.shape[-1]).astype(np.float64)
            if not len(x):
                continue
            # Chan, Golub, LeVeque (1983): means and squared distances of two parts together.
            apart, all_rows = x.mean(axis=0) - mean, n + len(x)
            m2 = m2 + x.var(axis=0) * len(x) + apart**2 * (n * len(x) / all_rows)
            mean = mean + apart * (len(x) / all_rows)
            n = all_rows
        if not n or not np.isfinite(m2).all():
            raise DataError(
                f"Normalization expected finite numbers to adapt to, got "
                f"{'some that are not' if n else 'none'}."
            )
        variance = np.atleast_1d(m2 / n)
        return replace(self, mean=tuple(map(float, mean)), variance=tuple(map(float, variance)))

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return (x - m) / deviation."""
        if self.mean is None or self.variance is None:
            raise NotReadyError(
                "Normalization has not seen data yet; type layer = Normalization().adapt(data) "
                "and use that layer."
            )
        check_min_rank("Normalization", x.shape, 2, "(batch, ..., channels)")
        x = as_floating(x)
        m, v = np.asarray(self.mean, np.float64), np.asarray(self.variance, np.float64)
        if m.ndim:
            check_last_axis("Normalization", x.shape, len(m), "as it was adapted to")
        shape = (1,) * (x.ndim - 1) + (m.size,)
        factor = 1 / np.maximum(np.sqrt(v), SMALLEST)
        centered = ops.subtract(x, jnp.asarray(m.reshape(shape), x.dtype))
        return ops.multiply(centered, jnp.asarray(factor.reshape(shape), x.dtype))

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return one subtraction and one multiplication for every number."""
        return 2 * int(np.prod(output_spec.shape))


def _pieces(data: Any) -> Any:
    if hasattr(data, "batches"):
        rows = data.batches(1024) if hasattr(data, "x") else data.batches()
        return (batch.x for batch in rows)
    return [data]
