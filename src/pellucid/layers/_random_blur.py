"""Random blur: each image smoothed by a Gaussian of its own width."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.layers._augmentation import RandomImageLayer, Range, as_range, draw
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class RandomGaussianBlur(RandomImageLayer):
    """Blurs each image by its own random amount while the network learns.

    A pixel becomes the mean of all pixels around it with the weights of a Gaussian G whose width is
    drawn for the image; at the border of the image the weights inside it are enlarged to a sum of
    1::

        y = G_rows x G_columns'        G_ij = exp(-(i - j)^2 / (2 s^2)) / sum over j

    When the network is evaluated y = x.

    Args:
        sigma: range of s in pixels, above 0; one number stands for (0.1, sigma).
        factor: the probability that an image is blurred, in [0, 1].

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomGaussianBlur
        >>> RandomGaussianBlur((0.1, 2.0))(Input((32, 32, 3))).shape
        (None, 32, 32, 3)

    References:
        Chen, Kornblith, Norouzi, Hinton, A simple framework for contrastive learning of visual
        representations (2020), appendix A.
    """

    sigma: Range = (0.1, 2.0)
    factor: float = 1.0

    formula: ClassVar[str] = "y = G_rows x G_columns', s drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "G": "weights of a Gaussian of deviation s, each row of sum 1",
        "s": "width, drawn evenly from the range",
    }
    operations: ClassVar[tuple[str, ...]] = ("reshape", "permute", "attention_values")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._range()
        check_range("RandomGaussianBlur", "factor", self.factor, 0, 1)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images blurred along rows and columns."""
        batch, height, width, channels = x.shape
        s, chance = draw(key, batch, self._range(), (0.0, 1.0))
        s = jnp.where(chance < self.factor, s, 0.0)
        down, right = (_gaussians(size, s).astype(x.dtype) for size in (height, width))
        y = ops.reshape(x, shape=(batch, height, width * channels))
        y = ops.reshape(ops.attention_values(down, y), shape=x.shape)
        y = ops.permute(y, axes=(0, 2, 1, 3))
        y = ops.reshape(y, shape=(batch, width, height * channels))
        y = ops.reshape(ops.attention_values(right, y), shape=(batch, width, height, channels))
        return ops.permute(y, axes=(0, 2, 1, 3))

    def _range(self) -> tuple[float, float]:
        given = self.sigma
        if not isinstance(given, (tuple, list)):
            check_range("RandomGaussianBlur", "sigma", given, 0, open_low=True)
            given = (min(0.1, given), given)
        return as_range("RandomGaussianBlur", "sigma", given, low=0)


def _gaussians(size: int, s: Array) -> Array:
    """Return G of each image, (batch, size, size); the identity where s is 0."""
    line = jnp.arange(size, dtype="float32")
    distance = (line[:, None] - line) ** 2
    s = s[:, None, None]
    weights = jnp.exp(-distance / (2 * jnp.maximum(s, 1e-3) ** 2))
    weights = jnp.where(s > 0, weights, jnp.eye(size))
    return weights / weights.sum(axis=-1, keepdims=True)
