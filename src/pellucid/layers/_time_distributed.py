"""The layer that runs another layer on every step of a sequence."""

from math import prod
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_min_rank
from pellucid._named import Symbols
from pellucid.errors import DTypeError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import check_steps
from pellucid.layers._nested import Nested
from pellucid.layers._recurrent import check_mask
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


@REGISTRY.register()
class TimeDistributed(Nested):
    """Runs a layer on every step of a sequence, with the same weights.

    y[n, t] = layer(x[n, t]): the steps are put side by side with the samples, so that the layer
    runs once over all of them. A mask holds for the output as well, and a layer that takes means
    over samples (batch normalization) leaves masked steps out.

    Args:
        layer: any layer, such as ``Conv2D(8, 3)`` for every frame of a film.

    Input shape (batch, steps, ...); output shape (batch, steps, ...), what follows the steps as
    the layer gives it.

    Raises:
        DTypeError: if ``layer`` is no layer.
        ShapeError: if the input has no steps.

    Example:
        >>> from pellucid.layers import Conv2D, Input, TimeDistributed
        >>> TimeDistributed(Conv2D(8, 3))(Input((10, 32, 32, 3))).shape
        (None, 10, 30, 30, 8)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 10.1.
    """

    layer: Layer

    formula: ClassVar[str] = "y[n, t] = layer(x[n, t])"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, ...)",
        "y": "output, (batch, steps, ...)",
        "inner": "parameters of the layer",
    }
    operations: ClassVar[tuple[str, ...]] = ("reshape",)
    parameter_count: ClassVar[str] = "inner"
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.layer, (str, dict)):
            object.__setattr__(self, "layer", REGISTRY.get(self.layer))
        if not isinstance(self.layer, Layer):
            raise DTypeError(
                "TimeDistributed expected one layer, such as Dense(10), got "
                f"{type(self.layer).__name__}; wrap the layers of a model one by one."
            )

    def parts(self, input_spec: Any = None) -> dict[str, Layer]:
        """Return the layer, under the name ``layer``."""
        return {"layer": self.layer}

    def init(self, key: Array, input_spec: Any) -> Variables:
        """Return the variables of the layer."""
        _check_steps(input_spec)
        made = Variables()
        self.init_part(made, "layer", self.layer, key, jax.tree.map(_spec_of_steps, input_spec))
        return made

    def apply(self, variables: Variables, x: Any, context: Context) -> Any:
        """Return what the layer makes of every step."""
        _check_steps(x)
        batch, steps = jax.tree.leaves(x)[0].shape[:2]
        mask, counts = context.mask, context.row_weights
        if isinstance(mask, list):
            mask = next((part for part in mask if part is not None), None)
        if counts is not None:
            counts = jnp.repeat(counts, steps)
        if mask is not None:
            check_mask("TimeDistributed", (batch, steps), mask.shape)
            each = mask.reshape(-1).astype("float32")
            counts = each if counts is None else counts * each
        context.set_mask(mask)
        rows = jax.tree.map(lambda a: ops.reshape(a, shape=_together(a.shape)), x)
        y = self.run_part("layer", self.layer, variables, rows, context, None, counts)
        return jax.tree.map(lambda a: ops.reshape(a, shape=(batch, steps, *a.shape[1:])), y)

    def flops(self, input_spec: Any, output_spec: Any) -> int:
        """Return those of the layer over all steps of all samples."""
        return self.layer.flops(
            jax.tree.map(_spec_of_steps, input_spec), jax.tree.map(_spec_of_steps, output_spec)
        )

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return one step of the time axis, and the windows of the layer on the others."""
        specs = jax.tree.map(_spec_of_steps, input_spec), jax.tree.map(_spec_of_steps, output_spec)
        inside = self.layer.windows(*specs)
        return None if inside is None else (Window(), *inside)

    def check_data(self, x: Any) -> None:
        """Let the layer look at its numbers."""
        self.layer.check_data(x)

    def output_activation(self) -> str | None:
        """Return the name of the activation that the layer ends in."""
        return self.layer.output_activation()


def _together(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape with all steps of all samples on one axis."""
    return (prod(shape[:2]), *shape[2:])


def _spec_of_steps(spec: Spec) -> Spec:
    return jax.ShapeDtypeStruct(_together(spec.shape), spec.dtype)


def _check_steps(inputs: Any) -> None:
    """Raise ShapeError unless all inputs have the same samples and steps."""
    shapes = [tuple(x.shape) for x in jax.tree.leaves(inputs)]
    for shape in shapes:
        check_min_rank("TimeDistributed", shape, 2, "(batch, steps, ...)", "add the missing axis")
    if len({shape[:2] for shape in shapes}) > 1:
        raise ShapeError(
            "TimeDistributed expected inputs of equal batch and steps, got shapes "
            f"{', '.join(map(str, shapes))}."
        )
    check_steps("TimeDistributed", shapes[0])
