"""How gradients flow and how far a step moves each layer: numbers of a trace, and their figures."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from pellucid._tree import flatten_paths
from pellucid.errors import DataError
from pellucid.inspection._plots import GREY, GRID, INK, TRAINING, VALIDATION, _figure, _plain_axes
from pellucid.inspection._trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEALTHY = 1e-3
"""About the share of its weights by which a step moves a layer that learns well."""


@dataclass(frozen=True)
class LayerFlow:
    """The sizes of one layer's numbers in one training step.

    Attributes:
        path: the layer.
        output: root mean square of its output.
        delta: root mean square of dJ/dz, or of dJ/d(output).
        weights: Euclidean norm of all its parameters; None if it has none.
        gradient: norm of dJ/dW over all of them.
        update: norm of what the optimizer adds.
        ratio: update / weights.
    """

    path: str
    output: float
    delta: float | None
    weights: float | None = None
    gradient: float | None = None
    update: float | None = None
    ratio: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)


def layer_flow(trace: Trace) -> list[LayerFlow]:
    """Return the sizes of every layer's numbers in a traced step, in the order of the layers.

    A layer that is called again shares its parameters; they are counted at its first call.
    """
    found = []
    for path, layer in trace.layers.items():
        first = "#" not in path
        trained = _norm(layer.gradients) if first else None
        weights = _norm(layer.parameters) if first else None
        update = _norm(layer.updates) if first else None
        ratio = update / weights if weights and update is not None else None
        found.append(
            LayerFlow(
                path,
                _rms(layer.output) or 0.0,
                _rms(layer.delta),
                weights,
                trained,
                update,
                ratio,
            )
        )
    return found


def plot_gradient_flow(trace: Trace, nested: bool = True) -> "Figure":
    """Draw how large the deltas of the layers are, from the first layer down to the last.

    Deltas that shrink by the same factor from layer to layer towards the input (upwards) vanish;
    deltas that grow explode. The scale is logarithmic.

    Args:
        trace: a training step, as ``trace(model, x, y)`` gives it.
        nested: False leaves the parts of layers and models inside the model out.
    """
    flows = _shown_flows(trace, nested)
    rows = [(row.path, row.delta) for row in flows if row.delta]
    return _bars(rows, "delta, root mean square", TRAINING)


def plot_update_ratios(trace: Trace, nested: bool = True) -> "Figure":
    """Draw by what share of its weights the step moves each layer, on a logarithmic scale.

    The line at one thousandth is what layers that learn well are often near to; a layer far below
    the others hardly learns, one near 1 is thrown about.

    Args:
        trace: a training step, as ``trace(model, x, y)`` gives it.
        nested: False leaves the parts of layers and models inside the model out.

    References:
        Karpathy, Neural networks part 3, CS231n course notes (2015), for the rule of thumb.
    """
    flows = _shown_flows(trace, nested)
    rows = [(row.path, row.ratio) for row in flows if row.ratio]
    return _bars(rows, "update / weights", VALIDATION, HEALTHY)


def _shown_flows(trace: Trace, nested: bool) -> list[LayerFlow]:
    return [row for row in layer_flow(trace) if nested or "/" not in row.path]


def _bars(
    rows: list[tuple[str, float]], title: str, color: str, mark: float | None = None
) -> "Figure":
    if not rows:
        raise DataError(
            "There is nothing to draw: no layer of this step has such a number that is not 0; "
            "trace a model that is trained, at a learning rate above 0."
        )
    names, values = [name for name, _ in rows], np.array([value for _, value in rows], float)
    figure = _figure(6.4, 0.24 * len(rows) + 0.9)
    axes = figure.subplots()
    places = np.arange(len(rows))
    low = 10.0 ** np.floor(np.log10(values.min()) - 0.3)
    high = max(values.max(), mark or 0.0) * 2
    axes.hlines(places, low, values, color=color, alpha=0.35, linewidth=2)
    axes.plot(values, places, "o", color=color, markersize=5)
    if mark is not None:
        axes.axvline(mark, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(places, names)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    _plain_axes(axes)
    axes.minorticks_off()
    return figure


def _norm(tree: Any) -> float | None:
    """Return the Euclidean norm of all numbers of a tree; None if it holds none."""
    arrays = [np.asarray(array, np.float64) for _, array in flatten_paths(tree)] if tree else []
    return float(np.sqrt(sum(float(np.sum(a * a)) for a in arrays))) if arrays else None


def _rms(value: Any) -> float | None:
    arrays = [np.asarray(array) for array in jax.tree.leaves(value)]
    numbers = [a for a in arrays if np.issubdtype(a.dtype, np.floating)]
    if not numbers:
        return None
    squares = np.concatenate([np.square(a.astype(np.float64)).reshape(-1) for a in numbers])
    return float(np.sqrt(squares.mean()))
