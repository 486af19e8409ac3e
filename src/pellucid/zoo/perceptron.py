"""The perceptron, with error-correction learning as Rosenblatt wrote it.

One unit weighs its inputs and says on which side of a line (in n dimensions, a hyperplane) they
lie::

    y = 1 if w . x + b > 0, else -1

and it learns from mistakes alone. The examples x with their answers t, -1 or 1, are shown one after
another; where the answer is wrong (or x lies on the line), the weights are corrected by the example
itself, and where it is right nothing changes::

    if t (w . x + b) <= 0:    w <- w + r t x,    b <- b + r t

If a line separates the two classes, with every example at least g away from it and none further
than R from the origin of (x, 1), there are at most (R / g)^2 corrections, whatever the order
(Novikoff). If none does, it never comes to rest.

Papers: F. Rosenblatt, The perceptron: a probabilistic model for information storage and
organization in the brain, Psychological Review 65 (1958); Principles of Neurodynamics (1962),
chapter 5, the error-correction procedure; A. Novikoff, On convergence proofs on perceptrons (1962).

``network(n)`` has n + 1 parameters::

    x          (n,)
    Dense 1    (1,)     n weights and 1 bias; the side is the sign

    perceptron = Perceptron(network(2))
    lines = Lines()
    state, history = train(
        perceptron.step, perceptron.start(), (x, t), batch_size=len(x), epochs=20, callbacks=[lines]
    )
    plot_lines(x, t, lines.lines).savefig("lines.png")     # pellucid.inspection
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_range
from pellucid.callbacks import Callback
from pellucid.errors import DataError, MismatchError
from pellucid.layers import Dense, Input, Variables
from pellucid.models import Model
from pellucid.training import Batch, TrainingState, mean_of


def network(features: int) -> Model:
    """Return one unit with weights of zero.

    Args:
        features: n, numbers in an example.
    """
    x = Input((features,))
    return Model(x, Dense(1, kernel_initializer="zeros", name="unit")(x), name="perceptron")


@dataclass(frozen=True)
class Perceptron:
    """Error-correction learning of one unit.

    The examples of a batch are shown one after another, so that the batch size changes nothing.

    Args:
        network: one ``Dense(1)``, as ``network(n)`` gives it.
        rate: r, above 0. It scales w and b, and changes no answer where they start at zero.

    Raises:
        MismatchError: if the network is not one unit.
    """

    network: Any
    rate: float = 1.0

    def __post_init__(self) -> None:
        check_range("Perceptron", "rate", self.rate, 0, open_low=True)
        layers = self.network.graph.layers()
        if [(type(layer), getattr(layer, "units", 0)) for layer in layers.values()] != [(Dense, 1)]:
            raise MismatchError(
                f"Perceptron expected a network of one Dense(1), got {list(layers.values())}; use "
                "network(features)."
            )

    def start(self, seed: int = 0) -> TrainingState:
        """Return the state before the first example."""
        return TrainingState.start(self.network.variables.parameters, seed=seed)

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        """Show the examples of a batch; ``batch.y`` holds -1 or 1 for each, shape (rows,)."""
        (name,) = state.parameters
        real = jnp.ones(len(batch.x)) if batch.row_weights is None else batch.row_weights

        def show(unit: tuple[Any, Any], example: Any) -> tuple[Any, Any]:
            w, b = unit
            x, t, is_real = example
            wrong = (t * (jnp.dot(w, x) + b) <= 0) * is_real
            return (w + self.rate * wrong * t * x, b + self.rate * wrong * t), wrong

        kernel, bias = state.parameters[name]["kernel"], state.parameters[name]["bias"]
        t = batch.y.reshape(-1).astype(kernel.dtype)
        (w, b), wrong = jax.lax.scan(show, (kernel[:, 0], bias[0]), (batch.x, t, real))
        parameters = {name: {"kernel": w[:, None], "bias": b[None]}}
        rows = jnp.sum(real)
        return state.replace(parameters=parameters), {
            "corrections": {"total": jnp.sum(wrong), "count": jnp.float32(1)},
            "error_rate": mean_of(jnp.sum(wrong) / rows, rows),
        }

    def keep(self, state: TrainingState) -> None:
        """Put what was learned into the network."""
        self.network.variables = Variables(state.parameters, {})


def as_sides(y: Any) -> np.ndarray:
    """Return answers as -1 and 1, from labels of two kinds: the larger one becomes 1.

    Raises:
        DataError: there are not two kinds.
    """
    labels = np.unique(y)
    if len(labels) != 2:
        raise DataError(
            f"A perceptron tells two classes apart, got {len(labels)}; keep two of them, as in "
            "x[(y == 0) | (y == 1)]."
        )
    return np.where(np.asarray(y) == labels[1], 1.0, -1.0).astype(np.float32)


class Lines(Callback):
    """Keeps the line w . x + b = 0 as it is after every step, to see how it moved.

    ``lines`` holds the weights w (n,) and the bias b after each step.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[np.ndarray, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Note the line after every step."""
        (unit,) = self.record.parameters.values()
        self.lines.append((np.asarray(unit["kernel"][:, 0]), float(unit["bias"][0])))
