"""Global pooling layers: one number for each channel of a whole sequence or image."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_channels_last, check_positions, check_steps
from pellucid.layers._registry import REGISTRY

Array = jax.Array


class _GlobalPooling(Layer):
    """What the global pooling layers share; ``axes`` is the number of axes that are pooled."""

    data_format: str | None = None
    keepdims: bool = False

    op: ClassVar[ops.Op]
    axes: ClassVar[int]
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, positions..., channels)",
        "y": "output, (batch, channels)",
        "m": "mask of the steps, 1 where there is none",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last(type(self).__name__, self.data_format)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return one number for each sample and channel."""
        check_positions(type(self).__name__, x.shape, self.axes)
        if self.axes == 1:
            check_steps(type(self).__name__, x.shape)
        y = self._pool(as_floating(x), context.mask if self.axes == 1 else None)
        if self.keepdims:
            y = ops.reshape(y, shape=(x.shape[0], *(1,) * self.axes, x.shape[-1]))
        return y

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return self.op.flops(input_spec.shape)

    def _pool(self, x: Array, mask: Array | None) -> Array:
        """Return the pooled x of shape (batch, channels); ``mask`` is (batch, steps)."""
        return self.op(x)


@REGISTRY.register(aliases=["GlobalMaxPool1D"])
class GlobalMaxPooling1D(_GlobalPooling):
    """Keeps the largest value of each channel over all steps of a sequence.

    y[n, c] = max_t x[n, t, c], with a mask over the steps that count alone (Keras takes all); a
    sequence of which no step counts gives 0.

    Args:
        data_format: must be None or ``"channels_last"``.
        keepdims: True keeps the time axis, with size 1.

    Input shape (batch, steps, channels); output shape (batch, channels).

    Example:
        >>> from pellucid.layers import GlobalMaxPooling1D, Input
        >>> GlobalMaxPooling1D()(Input((256, 16))).shape
        (None, 16)

    References:
        Kim, Convolutional neural networks for sentence classification (2014), section 2.
    """

    op: ClassVar[ops.Op] = ops.global_max_pool
    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y[n, c] = max_t x[n, t, c]"

    def _pool(self, x: Array, mask: Array | None) -> Array:
        if mask is None:
            return ops.global_max_pool(x)
        # What does not count is moved far below everything else, and 0 if nothing counts.
        far = jnp.where(mask, 0, jnp.finfo(x.dtype).min / 2).astype(x.dtype)[..., None]
        counts = jnp.any(mask, axis=1, keepdims=True).astype(x.dtype)
        return ops.multiply(ops.global_max_pool(ops.add(x, far)), counts)


@REGISTRY.register(aliases=["GlobalMaxPool2D"])
class GlobalMaxPooling2D(_GlobalPooling):
    """Keeps the largest value of each channel over a whole image.

    y[n, o] = max_(r, c) x[n, r, c, o].

    Args:
        data_format: must be None or ``"channels_last"``.
        keepdims: True keeps the axes of height and width, with size 1.

    Input shape (batch, height, width, channels); output shape (batch, channels).

    Example:
        >>> from pellucid.layers import GlobalMaxPooling2D, Input
        >>> GlobalMaxPooling2D(keepdims=True)(Input((7, 7, 32))).shape
        (None, 1, 1, 32)

    References:
        Oquab, Bottou, Laptev, Sivic, Is object localization for free? Weakly-supervised learning
        with convolutional neural networks (2015).
    """

    op: ClassVar[ops.Op] = ops.global_max_pool
    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y[n, o] = max_(r, c) x[n, r, c, o]"


@REGISTRY.register(aliases=["GlobalAvgPool1D"])
class GlobalAveragePooling1D(_GlobalPooling):
    """Takes the mean of each channel over the steps of a sequence.

    With a mask m (1 where a step counts, 0 where it is padding)::

        y[n, c] = sum_t m[n, t] x[n, t, c] / sum_t m[n, t]

    and without one m = 1; a sequence of which no step counts gives 0. ``Embedding(...,
    mask_zero=True)`` makes such a mask.

    Args:
        data_format: must be None or ``"channels_last"``.
        keepdims: True keeps the time axis, with size 1.

    Input shape (batch, steps, channels); output shape (batch, channels).

    Example:
        >>> from pellucid.layers import GlobalAveragePooling1D, Input
        >>> GlobalAveragePooling1D()(Input((256, 16))).shape
        (None, 16)

    References:
        Lin, Chen, Yan, Network in network (2014), section 3.2.
    """

    op: ClassVar[ops.Op] = ops.global_average_pool
    axes: ClassVar[int] = 1
    formula: ClassVar[str] = "y[n, c] = sum_t m[n, t] x[n, t, c] / sum_t m[n, t]"

    def _pool(self, x: Array, mask: Array | None) -> Array:
        return ops.global_average_pool(x, mask)


@REGISTRY.register(aliases=["GlobalAvgPool2D"])
class GlobalAveragePooling2D(_GlobalPooling):
    """Takes the mean of each channel over a whole image.

    y[n, o] = mean_(r, c) x[n, r, c, o].

    Args:
        data_format: must be None or ``"channels_last"``.
        keepdims: True keeps the axes of height and width, with size 1.

    Input shape (batch, height, width, channels); output shape (batch, channels).

    Example:
        >>> from pellucid.layers import GlobalAveragePooling2D, Input
        >>> GlobalAveragePooling2D()(Input((7, 7, 512))).shape
        (None, 512)

    References:
        Lin, Chen, Yan, Network in network (2014), section 3.2.
    """

    op: ClassVar[ops.Op] = ops.global_average_pool
    axes: ClassVar[int] = 2
    formula: ClassVar[str] = "y[n, o] = mean_(r, c) x[n, r, c, o]"
