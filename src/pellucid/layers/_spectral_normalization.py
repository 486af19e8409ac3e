"""Spectral normalization: a layer whose kernel cannot stretch its input."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import initializers, ops
from pellucid._checks import check_positive_int
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array

KERNELS = ("kernel", "embeddings")
EPSILON = 1e-12
"""The smallest length that is divided by."""


@REGISTRY.register()
class SpectralNormalization(Layer):
    """Runs a layer with its kernel divided by the kernel's largest singular value.

    With W the kernel as a matrix (all axes but the last, last axis), and u kept from call to call,
    every call takes ``power_iterations`` steps towards the singular vectors and divides::

        v <- W u / |W u|        u <- W^T v / |W^T v|
        sigma = v^T W u         the layer runs with W / sigma

    so that no input is stretched by more than 1 (for a convolution: no patch). u and v count as
    numbers in the gradient, W does not. In evaluation the same steps are taken and u stays as it
    is. (Keras overwrites the kernel with W / sigma at every step of the training and divides
    nothing in evaluation; here the kernel stays a free parameter, as in the paper.)

    Args:
        layer: the layer, which has a variable ``kernel`` (or ``embeddings``).
        power_iterations: steps of the power iteration in each call.

    Input shape: that of the layer; output shape: that of the layer.

    Raises:
        ArgumentError: if the layer has neither ``kernel`` nor ``embeddings``.

    Example:
        >>> from pellucid.layers import Dense, Input, SpectralNormalization
        >>> SpectralNormalization(Dense(64))(Input((128,))).shape
        (None, 64)

    References:
        Miyato, Kataoka, Koyama, Yoshida, Spectral normalization for generative adversarial networks
        (2018), algorithm 1.
    """

    layer: Any
    power_iterations: int = 1

    formula: ClassVar[str] = "y = layer(x; W / sigma), sigma = v^T W u"
    symbols: ClassVar[Symbols] = {
        "x": "input",
        "y": "output",
        "W": "kernel of the layer, as a matrix",
        "sigma": "estimate of the largest singular value of W",
        "u": "right singular vector, by power iteration",
        "v": "left singular vector, by power iteration",
        "inner": "parameters of the layer",
    }
    operations: ClassVar[tuple[str, ...]] = ("spectral_normalize",)
    parameter_count: ClassVar[str] = "inner"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("SpectralNormalization", "power_iterations", self.power_iterations)
        object.__setattr__(self, "layer", REGISTRY.get(self.layer))

    def init(self, key: Array, input_spec: Spec) -> Variables:
        """Return the layer's variables, and as state ``vector_u`` (1, outputs)."""
        made = self.layer.make_variables(key, input_spec)
        w = made.parameters[self._kernel_name(made.parameters)]
        u = self.make_variable(
            key, "vector_u", (1, w.shape[-1]), w, initializers.TruncatedNormal(stddev=0.02)
        )
        return Variables(made.parameters, {**made.state, "vector_u": u})

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the layer's output with its kernel divided by sigma."""
        name = self._kernel_name(variables.parameters)
        w = variables[name]
        matrix = jax.lax.stop_gradient(w).reshape(-1, w.shape[-1])
        u = variables["vector_u"][0]
        for _ in range(self.power_iterations):
            v = _unit(matrix @ u)
            u = _unit(v @ matrix)
        if context.training and self.trainable:
            context.update_state(vector_u=u[None])
        normalized = {**variables.parameters, name: ops.spectral_normalize(w, u, v)}
        return self.layer.apply(Variables(normalized, variables.state), x, context)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the layer; the kernel's do not grow with the batch and are left out."""
        return self.layer.flops(input_spec, output_spec)

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return those of the layer."""
        return self.layer.windows(input_spec, output_spec)

    def parts(self) -> dict[str, Layer]:
        """Return the wrapped layer."""
        return {"layer": self.layer}

    def penalty(self, parameters: Mapping[str, Any]) -> Array | float:
        """Return the layer's penalty."""
        return self.layer.penalty(parameters)

    def constrain(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters after the layer's constraints."""
        return self.layer.constrain(parameters)

    def output_activation(self) -> str | None:
        """Return the name of the layer's activation."""
        return self.layer.output_activation()

    def _kernel_name(self, parameters: Mapping[str, Any]) -> str:
        for name in KERNELS:
            if name in parameters:
                return name
        raise ArgumentError(
            "SpectralNormalization expected a layer with a variable named kernel or embeddings, "
            f"got {type(self.layer).__name__}; wrap Dense, a convolution or Embedding."
        )


def _unit(a: Array) -> Array:
    """Return a vector divided by its length."""
    return a / jnp.maximum(jnp.linalg.norm(a), EPSILON).astype(a.dtype)
