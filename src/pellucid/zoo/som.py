"""The self-organizing map: units on a grid, neighbours of which answer to similar inputs.

Each unit j has a place r_j on a grid of rows and columns, and a prototype w_j in the space of the
inputs. For every input x, one after another, the nearest prototype wins, and it and its neighbours
on the grid move towards x, those further away less::

    b       = argmin_j |x - w_j|^2
    h_j     = exp(-|r_j - r_b|^2 / (2 s(t)^2))
    w_j    <- w_j + a(t) h_j (x - w_j)

The rate a and the width s of the neighbourhood fall with every input, from their first to their
last value, by the same factor each time; with T the number of inputs in the whole training::

    a(t) = a_0 (a_1 / a_0)^(t / T)        s(t) = s_0 (s_1 / s_0)^(t / T)

No answers are needed. At the end the inputs of each unit are alike, and so are units side by side.

Paper: T. Kohonen, The self-organizing map, Proceedings of the IEEE 78 (1990), equations 3, 6 and 8.

``network(64, (10, 10))`` has 100 x 64 = 6,400 parameters, the prototypes::

    x                  (64,)
    SquaredDistance    (100,)     the unit of the least distance wins

    som = SelfOrganizingMap(network(64, (10, 10)), (10, 10), inputs=20 * len(x))
    state, history = train(som.step, som.start(seed=0), x, batch_size=64, epochs=20)
    som.keep(state)
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_positive_int, check_range
from pellucid.errors import MismatchError
from pellucid.initializers import RandomUniform
from pellucid.layers import Input, SquaredDistance, Variables
from pellucid.models import Model
from pellucid.training import Batch, TrainingState, mean_of

Array = jax.Array


def network(features: int, grid: tuple[int, int], seed: int = 0) -> Model:
    """Return the units: from an input to its squared distance from each prototype.

    Args:
        features: numbers in an input.
        grid: rows and columns of units.
        seed: makes the prototypes at the start, in [0, 1].
    """
    x = Input((features,))
    start = RandomUniform(0.0, 1.0)
    d = SquaredDistance(grid[0] * grid[1], centers_initializer=start, name="units")(x)
    return Model(x, d, name="som", seed=seed)


@dataclass(frozen=True)
class SelfOrganizingMap:
    """Kohonen's learning of the prototypes.

    The inputs of a batch are taken one after another, so that the batch size changes nothing.

    Args:
        network: the units, as ``network(features, grid)`` gives them.
        grid: rows and columns of units.
        inputs: T, how many inputs the whole training takes.
        rates: a_0 and a_1.
        widths: s_0 and s_1, in units of the grid; by default half its longer side, and 0.5.

    Raises:
        MismatchError: if there are more or fewer units than places on the grid.
    """

    network: Any
    grid: tuple[int, int]
    inputs: int
    rates: tuple[float, float] = (0.5, 0.02)
    widths: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for size in self.grid:
            check_positive_int("SelfOrganizingMap", "every size of grid", size)
        check_positive_int("SelfOrganizingMap", "inputs", self.inputs)
        for rate in self.rates:
            check_range("SelfOrganizingMap", "every rate", rate, 0, 1, open_low=True)
        for width in self.widths or ():
            check_range("SelfOrganizingMap", "every width", width, 0, open_low=True)
        units = self.network.graph.output_symbols[0].shape[-1]
        if units != self.grid[0] * self.grid[1]:
            raise MismatchError(
                f"SelfOrganizingMap expected a unit for each of the {self.grid[0]} x "
                f"{self.grid[1]} places, got {units} units; use network(features, {self.grid})."
            )

    def start(self, seed: int = 0) -> TrainingState:
        """Return the state before the first input."""
        kept = {"t": jnp.zeros((), jnp.int32)}
        return TrainingState.start(self.network.variables.parameters, kept, seed=seed)

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        """Take the inputs of a batch one after another."""
        places = jnp.asarray(np.indices(self.grid).reshape(2, -1).T, jnp.float32)
        apart = ops.squared_distance(places, places)
        a_0, a_1 = self.rates
        s_0, s_1 = self.widths or (max(self.grid) / 2, 0.5)
        real = jnp.ones(len(batch.x)) if batch.row_weights is None else batch.row_weights

        def take(carry: tuple[Array, Array], row: tuple[Array, Array]) -> tuple[Any, Array]:
            w, t = carry
            x, is_real = row
            past = jnp.minimum(t / self.inputs, 1)
            a = a_0 * (a_1 / a_0) ** past
            s = s_0 * (s_1 / s_0) ** past
            d = ops.squared_distance(x, w)
            b = jnp.argmin(d)
            h = jnp.exp(-apart[b] / (2 * s**2))
            w = w + is_real * a * h[:, None] * (x - w)
            return (w, t + is_real.astype(jnp.int32)), jnp.sqrt(d[b]) * is_real

        centers = state.parameters["units"]["centers"]
        rows = batch.x.reshape(len(batch.x), -1).astype(centers.dtype)
        (w, t), errors = jax.lax.scan(take, (centers, state.layer_state["t"]), (rows, real))
        count = jnp.sum(real)
        return state.replace(parameters={"units": {"centers": w}}, layer_state={"t": t}), {
            "quantization_error": mean_of(jnp.sum(errors) / count, count)
        }

    def keep(self, state: TrainingState) -> None:
        """Put the prototypes into the network."""
        self.network.variables = Variables(state.parameters, {})


def winners(model: Model, x: Any) -> np.ndarray:
    """Return the number of the winning unit for each input, shape (rows,)."""
    return np.asarray(model.predict(x)).argmin(axis=-1)


def topographic_error(model: Model, grid: tuple[int, int], x: Any) -> float:
    """Return the share of inputs whose two nearest units are not neighbours on the grid.

    Args:
        model: the units.
        grid: rows and columns of units.
        x: inputs, shape (rows, features).

    References:
        Kiviluoto, Topology preservation in self-organizing maps (1996).
    """
    nearest = np.argsort(model.predict(x), axis=-1)[:, :2]
    rows, columns = np.divmod(nearest, grid[1])
    apart = np.maximum(np.abs(np.diff(rows)), np.abs(np.diff(columns)))
    return float(np.mean(apart > 1))
