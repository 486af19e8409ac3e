"""Radial basis units: each answers to the inputs around a center of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_min_rank, check_positive_int
from pellucid._named import Symbols
from pellucid.errors import DataError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array

NEAREST = 2
"""How many other centers tell how wide a unit is (Moody and Darken's P)."""


@REGISTRY.register()
class RadialBasis(Layer):
    """Gaussian units: unit j answers 1 at its center c_j, and less the further away.

    ::

        d_j = sum_i (x_i - c_ji)^2
        y_j = exp(-d_j / (2 w_j^2))

    Centers and widths are parameters and learn with the rest; ``trainable=False`` keeps them. They
    start at random, or where ``place`` puts them: at the means of clusters of the data.

    Args:
        units: number of units, 1 or more.
        centers_initializer: how c (units, in_features) starts.
        widths_initializer: how w (units,) starts.
        centers_regularizer: penalty on c, added to the loss.
        widths_regularizer: penalty on w.
        centers_constraint: applied to c after each update.
        widths_constraint: applied to w after each update.

    Input shape (batch, ..., in_features); output shape (batch, ..., units).

    Raises:
        ShapeError: if the last axis of the input changes after the layer was built.

    Example:
        >>> from pellucid.layers import Input, RadialBasis
        >>> RadialBasis(20)(Input((2,))).shape
        (None, 20)

    References:
        Broomhead, Lowe, Multivariable functional interpolation and adaptive networks (1988); Moody,
        Darken, Fast learning in networks of locally-tuned processing units (1989).
    """

    units: int
    centers_initializer: Any = "random_normal"
    widths_initializer: Any = "ones"
    centers_regularizer: Any = None
    widths_regularizer: Any = None
    centers_constraint: Any = None
    widths_constraint: Any = None

    formula: ClassVar[str] = "y_j = exp(-|x - c_j|^2 / (2 w_j^2))"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, ..., features)",
        "y": "output, (batch, ..., units)",
        "c": "centers, (units, features)",
        "w": "widths, (units,)",
        "features": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("squared_distance", "gaussian")
    parameter_count: ClassVar[str] = "units features + units"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("RadialBasis", "units", self.units)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``centers`` (units, in_features) and ``widths`` (units,)."""
        hint = "add Flatten() before it, or a feature axis with x[:, None]"
        check_min_rank("RadialBasis", input_spec.shape, 2, "(batch, ..., in_features)", hint)
        shape = (self.units, input_spec.shape[-1])
        return {
            "centers": self.make_variable(key, "centers", shape, input_spec),
            "widths": self.make_variable(key, "widths", (self.units,), input_spec),
        }

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return exp(-d / (2 w^2))."""
        d = ops.squared_distance(as_floating(x), variables["centers"])
        d = context.record("pre_activation", d)
        return ops.gaussian(d, variables["widths"])

    def unit_steps(
        self, seen: Mapping[str, Array], index: tuple[int, ...]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return y_j = exp(-d_j / (2 w_j^2)) of one unit."""
        numbers = {"d": seen["pre_activation"][index], "w": seen["widths"][index[-1]]}
        return [("y = exp(-d / (2 w^2))", numbers)]

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the distances and of the bells."""
        c = (self.units, input_spec.shape[-1])
        distances = ops.squared_distance.flops(input_spec.shape, c)
        return distances + ops.gaussian.flops(output_spec.shape, (self.units,))

    def place(self, x: Any, seed: int = 0) -> dict[str, Array]:
        """Return centers at the means of clusters of x (k-means), and the widths that go with them.

        w_j is the root of the mean squared distance from c_j to its two nearest other centers, so
        that neighboring bells overlap; a single unit is as wide as the data.

        Args:
            x: data that the layer will meet, shape (samples, in_features).
            seed: makes the start of the clusters.

        Returns:
            ``{"centers": (units, in_features), "widths": (units,)}``, to be put into the model's
            variables under the layer's name.

        Raises:
            DataError: if there are fewer different samples than units.

        Example:
            >>> import numpy as np
            >>> from pellucid.layers import RadialBasis
            >>> x = np.array([[0.0], [0.2], [5.0], [5.2]])
            >>> centers = RadialBasis(2).place(x)["centers"]
            >>> sorted(round(float(c), 3) for c in centers[:, 0])
            [0.1, 5.1]
        """
        from sklearn.cluster import KMeans

        points = np.asarray(x, np.float64).reshape(len(x), -1)
        if len(np.unique(points, axis=0)) < self.units:
            raise DataError(
                f"RadialBasis.place expected at least {self.units} different samples, one for each "
                f"unit, got {len(np.unique(points, axis=0))}; give more data or fewer units."
            )
        centers = KMeans(self.units, n_init=1, random_state=seed).fit(points).cluster_centers_
        others = centers if self.units > 1 else points
        d = np.sort(np.square(centers[:, None] - others).sum(-1), axis=1)
        nearest = d[:, 1 : NEAREST + 1] if self.units > 1 else d
        widths = np.sqrt(nearest.mean(1))
        return {
            "centers": jnp.asarray(centers, jnp.float32),
            "widths": jnp.asarray(widths, jnp.float32),
        }


@REGISTRY.register()
class SquaredDistance(Layer):
    """Units that measure how far the input lies from their centers: y_j = |x - c_j|^2.

    The output units of the LeNet-5 of 1998: the center is the code of a class, and the class whose
    code is nearest is the answer.

    Args:
        units: number of units, 1 or more.
        centers_initializer: how c (units, in_features) starts.
        centers_regularizer: penalty on c, added to the loss.
        centers_constraint: applied to c after each update.

    Input shape (batch, ..., in_features); output shape (batch, ..., units).

    Raises:
        ShapeError: if the last axis of the input changes after the layer was built.

    Example:
        >>> from pellucid.layers import Input, SquaredDistance
        >>> SquaredDistance(10)(Input((84,))).shape
        (None, 10)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), equation 7.
    """

    units: int
    centers_initializer: Any = "random_normal"
    centers_regularizer: Any = None
    centers_constraint: Any = None

    formula: ClassVar[str] = "y_j = |x - c_j|^2"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, ..., features)",
        "y": "output, (batch, ..., units)",
        "c": "centers, (units, features)",
        "features": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("squared_distance",)
    parameter_count: ClassVar[str] = "units features"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("SquaredDistance", "units", self.units)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``centers`` (units, in_features)."""
        hint = "add Flatten() before it, or a feature axis with x[:, None]"
        check_min_rank("SquaredDistance", input_spec.shape, 2, "(batch, ..., in_features)", hint)
        shape = (self.units, input_spec.shape[-1])
        return {"centers": self.make_variable(key, "centers", shape, input_spec)}

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the squared distances."""
        return ops.squared_distance(as_floating(x), variables["centers"])

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        c = (self.units, input_spec.shape[-1])
        return ops.squared_distance.flops(input_spec.shape, c)
