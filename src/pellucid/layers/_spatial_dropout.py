"""Dropout of whole channels."""

from typing import ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_channels_last, check_positions
from pellucid.layers._registry import REGISTRY

Array = jax.Array


class _SpatialDropout(Layer):
    """What the three share: one draw for each sample and channel."""

    rate: float

    axes: ClassVar[int]
    formula: ClassVar[str] = "y_pc = m_c x_pc / (1 - rate)"
    symbols: ClassVar[Symbols] = {
        "x": "input",
        "y": "output",
        "m": "mask: 1 with probability 1 - rate, else 0; drawn for every channel of a sample",
    }
    operations: ClassVar[tuple[str, ...]] = ("dropout",)
    by_position: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(type(self).__name__, "rate", self.rate, 0, 1, open_high=True)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with some of its channels dropped."""
        check_positions(type(self).__name__, x.shape, self.axes)
        x = as_floating(x)
        if not context.training or self.rate == 0:
            return x
        one_each = (x.shape[0], *(1,) * self.axes, x.shape[-1])
        mask = ops.dropout_mask(context.make_key(), x.shape, rate=self.rate, noise_shape=one_each)
        return ops.dropout(x, mask, rate=self.rate)


@REGISTRY.register()
class SpatialDropout1D(_SpatialDropout):
    """Drops whole channels of a sequence while the network learns.

    Each channel of each sample is kept with probability 1 - rate, m = 1, or dropped at all steps,
    m = 0: neighbors in time are much alike, so that dropping single steps would hide little::

        y[n, t, c] = m[n, c] x[n, t, c] / (1 - rate)

    When the network is evaluated y = x.

    Args:
        rate: the fraction that is dropped, in [0, 1).

    Input shape (batch, steps, channels); output shape the same.

    Raises:
        NotReadyError: if it is applied in training without a random key.

    Example:
        >>> from pellucid.layers import Input, SpatialDropout1D
        >>> SpatialDropout1D(0.2)(Input((256, 16))).shape
        (None, 256, 16)

    References:
        Tompson, Goroshin, Jain, LeCun, Bregler, Efficient object localization using convolutional
        networks (2015), section 3.2.
    """

    axes: ClassVar[int] = 1
    keeps_mask: ClassVar[bool] = True


@REGISTRY.register()
class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of an image while the network learns.

    Each channel of each sample is kept with probability 1 - rate, m = 1, or dropped at all pixels,
    m = 0: neighboring pixels are much alike, so that dropping single ones would hide little::

        y[n, r, q, c] = m[n, c] x[n, r, q, c] / (1 - rate)

    When the network is evaluated y = x.

    Args:
        rate: the fraction that is dropped, in [0, 1).
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Raises:
        NotReadyError: if it is applied in training without a random key.

    Example:
        >>> from pellucid.layers import Input, SpatialDropout2D
        >>> SpatialDropout2D(0.2)(Input((28, 28, 16))).shape
        (None, 28, 28, 16)

    References:
        Tompson, Goroshin, Jain, LeCun, Bregler, Efficient object localization using convolutional
        networks (2015), section 3.2.
    """

    data_format: str | None = None

    axes: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("SpatialDropout2D", self.data_format)


@REGISTRY.register()
class SpatialDropout3D(_SpatialDropout):
    """Drops whole channels of a volume while the network learns.

    Each channel of each sample is kept with probability 1 - rate, m = 1, or dropped everywhere,
    m = 0::

        y[n, p, c] = m[n, c] x[n, p, c] / (1 - rate)

    When the network is evaluated y = x.

    Args:
        rate: the fraction that is dropped, in [0, 1).
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, depth, height, width, channels); output shape the same.

    Raises:
        NotReadyError: if it is applied in training without a random key.

    Example:
        >>> from pellucid.layers import Input, SpatialDropout3D
        >>> SpatialDropout3D(0.2)(Input((4, 8, 8, 16))).shape
        (None, 4, 8, 8, 16)

    References:
        Tompson, Goroshin, Jain, LeCun, Bregler, Efficient object localization using convolutional
        networks (2015), section 3.2.
    """

    data_format: str | None = None

    axes: ClassVar[int] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("SpatialDropout3D", self.data_format)
