"""The layer in the middle of a variational auto-encoder."""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_range, check_same_shape
from pellucid._named import Symbols
from pellucid.errors import ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_list
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class GaussianSampling(Layer):
    """Draws a code from the normal distribution that an encoder describes, z = m + exp(v / 2) e.

    With m the mean, v the log variance and fresh noise e ~ N(0, 1); in evaluation z = m. It adds
    to the loss how far the distribution of each code is from N(0, 1)::

        beta (1 / rows) sum_n 1/2 sum_i (m_ni^2 + exp(v_ni) - 1 - v_ni)

    Args:
        beta: weight of that penalty, 0 or more; 1 makes the loss of a Bernoulli or Gaussian
            decoder, summed over the pixels, the negative evidence lower bound.

    Input: the list [m, v], each (batch, n); output (batch, n).

    Raises:
        ShapeError: if the input is no list of two arrays of one shape.

    Example:
        >>> from pellucid.layers import Dense, GaussianSampling, Input
        >>> h = Input((16,))
        >>> GaussianSampling()([Dense(2)(h), Dense(2)(h)]).shape
        (None, 2)

    References:
        Kingma, Welling, Auto-encoding variational Bayes (2014), section 2.4 and equation 10;
        Higgins and others, beta-VAE (2017), for beta.
    """

    beta: float = 1.0

    formula: ClassVar[str] = "z = m + exp(v / 2) e, e ~ N(0, 1)"
    symbols: ClassVar[Symbols] = {
        "m": "mean, (batch, n)",
        "v": "logarithm of the variance, (batch, n)",
        "e": "noise, drawn for every entry",
        "z": "the draw, (batch, n)",
        "N": "normal distribution: mean, variance",
    }
    operations: ClassVar[tuple[str, ...]] = ("gaussian_sample", "gaussian_kl")
    by_position: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("GaussianSampling", "beta", self.beta, 0)

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return a draw in training and the mean in evaluation."""
        check_list("GaussianSampling", x)
        if len(x) != 2:
            raise ShapeError(
                f"GaussianSampling expected a list of two inputs, mean and log variance, got "
                f"{len(x)}; write GaussianSampling()([mean, log_variance])."
            )
        m, v = map(as_floating, x)
        check_same_shape("GaussianSampling", "mean", m.shape, "log variance", v.shape)
        divergence = ops.gaussian_kl(m, v)
        if context.row_weights is None:
            context.add_penalty(self.beta * jnp.mean(divergence))
        else:
            real = context.row_weights
            context.add_penalty(self.beta * jnp.sum(divergence * real) / jnp.sum(real))
        if not context.training:
            return m
        e = jax.random.normal(context.make_key(), m.shape, m.dtype)
        return ops.gaussian_sample(m, v, e)

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return those of the draw."""
        return ops.gaussian_sample.flops(output_spec.shape)
