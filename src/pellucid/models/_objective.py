"""What a compiled model minimizes and measures: losses and metrics bound to a graph's outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import losses, metrics
from pellucid.errors import ArgumentError, DataError, MismatchError
from pellucid.layers import Context, Variables
from pellucid.layers._context import Collected
from pellucid.losses import Loss
from pellucid.metrics import Metric
from pellucid.models._graph import Graph
from pellucid.training import Batch

Array = jax.Array
Tree = Any
Sums = dict[str, dict[str, Array]]


@dataclass(frozen=True, eq=False)
class Objective:
    """A graph with one loss for each output, and the metrics that are reported.

    The loss of a batch is, over the outputs o, the rows n and the regularized parameters::

        J = sum_o c_o sum_n w_n L_o(y_n, f(x_n)) / sum_n 1  +  R(parameters) + R(activities)

    with loss weights c_o and sample weights w_n; padding rows are in neither sum.

    Args:
        graph: the network.
        losses: for each output a loss, or None for an output that is not trained.
        loss_weights: for each output c_o.
        metrics: for each output the metrics that count every row once.
        weighted_metrics: for each output those that use the sample weights.
    """

    graph: Graph
    losses: tuple[Loss | None, ...]
    loss_weights: tuple[float, ...]
    metrics: tuple[tuple[Metric, ...], ...]
    weighted_metrics: tuple[tuple[Metric, ...], ...]

    def run(
        self,
        parameters: Tree,
        layer_state: Tree,
        x: Any,
        *,
        training: bool,
        key: Array | None = None,
        row_weights: Array | None = None,
        collected: Collected | None = None,
    ) -> tuple[list[Array], Context]:
        """Run the graph; returns its outputs in order, and the context that came back."""
        context = Context(training, key, row_weights, collected)
        y = self.graph.run_checked(Variables(parameters, layer_state), x, context)
        return in_order(self.graph, y), context

    def __call__(
        self, parameters: Tree, layer_state: Tree, batch: Batch, key: Array
    ) -> tuple[Array, tuple[Tree, Sums]]:
        """Return (loss, (new layer state, sums)) of a training batch."""
        outputs, context = self.run(
            parameters,
            layer_state,
            batch.x,
            training=True,
            key=key,
            row_weights=batch.row_weights,
        )
        loss, sums = self.measure_outputs(outputs, context, parameters, batch)
        return loss, (renewed_state(layer_state, context.collected), sums)

    def measure(self, parameters: Tree, layer_state: Tree, batch: Batch) -> Sums:
        """Return the sums of an evaluation batch: no dropout, moving averages as they are."""
        outputs, context = self.run(
            parameters, layer_state, batch.x, training=False, row_weights=batch.row_weights
        )
        return self.measure_outputs(outputs, context, parameters, batch)[1]

    def measure_outputs(
        self, outputs: Sequence[Array], context: Context, parameters: Tree, batch: Batch
    ) -> tuple[Array, Sums]:
        """Return the loss of a batch and the sums of all that is reported."""
        rows = jnp.float32(outputs[0].shape[0])
        if batch.row_weights is not None:
            rows = jnp.sum(batch.row_weights)
        targets = self._per_output(batch.y)
        weights = self._per_output(batch.sample_weight)
        masks = [context.output_mask] if len(outputs) == 1 else [None] * len(outputs)
        loss: Array = jnp.zeros((), outputs[0].dtype)
        sums: Sums = {}
        many = len([part for part in self.losses if part is not None]) > 1
        for number, name in enumerate(self.graph.output_names):
            target, output, mask = targets[number], outputs[number], masks[number]
            if target is None:
                continue
            real = _real(batch.row_weights, mask)
            part = self.losses[number]
            if part is not None:
                with jax.named_scope("loss"):
                    value = part.reduce(part.values(target, output), weights[number], real)
                loss = loss + self.loss_weights[number] * value
                if many:
                    sums[f"{name}_loss"] = {"total": value * rows, "count": rows}
            prefix = f"{name}_" if len(outputs) > 1 else ""
            for metric in self.metrics[number]:
                sums[prefix + metric.name] = metric.batch_sums(target, output, real)
            for metric in self.weighted_metrics[number]:
                both = _product(real, weights[number])
                sums[prefix + metric.name] = metric.batch_sums(target, output, both)
        loss = loss + self.graph.penalty(parameters)
        for penalty in context.collected.penalties:
            loss = loss + penalty
        return loss, {"loss": {"total": loss * rows, "count": rows}, **sums}

    def results(self, sums: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the value of every measure from its sums."""
        by_name: dict[str, Metric] = {}
        for number, name in enumerate(self.graph.output_names):
            prefix = f"{name}_" if len(self.graph.output_names) > 1 else ""
            for metric in (*self.metrics[number], *self.weighted_metrics[number]):
                by_name[prefix + metric.name] = metric
        return {
            name: by_name[name].result(parts)
            if name in by_name
            else parts["total"] / parts["count"]
            for name, parts in sums.items()
        }

    def names(self) -> list[str]:
        """Return the names of all measures, in the order in which they are reported."""
        several = len(self.graph.output_names) > 1
        names = ["loss"]
        if len([part for part in self.losses if part is not None]) > 1:
            pairs = zip(self.graph.output_names, self.losses, strict=True)
            names += [f"{name}_loss" for name, part in pairs if part is not None]
        for number, name in enumerate(self.graph.output_names):
            prefix = f"{name}_" if several else ""
            both = (*self.metrics[number], *self.weighted_metrics[number])
            names += [prefix + metric.name for metric in both]
        return names

    def arrange_targets(self, y: Any) -> Any:
        """Return the targets checked against the losses and in the form that steps take.

        Labels of shape (n,) for an output of shape (n, 1) are given their second axis here, where
        nothing else can be meant; the losses themselves broadcast nothing.
        """
        targets = self._per_output(y)
        arranged: list[Any] = []
        for number, name in enumerate(self.graph.output_names):
            target, part = targets[number], self.losses[number]
            shape = self.graph.output_symbols[number].shape
            if target is None:
                if part is not None:
                    raise DataError(
                        f"The model was compiled with a loss for output {name!r}, but there are no "
                        "targets for it; pass y."
                    )
                arranged.append(None)
                continue
            target = np.asarray(target)
            takes_pairs = part is not None and not isinstance(
                part, losses.SparseCategoricalCrossentropy
            )
            if takes_pairs and target.ndim == 1 and tuple(shape[1:]) == (1,):
                target = target[:, None]
            if part is not None:
                part.check(target, shape)
            for metric in (*self.metrics[number], *self.weighted_metrics[number]):
                metric.check(target, shape)
            arranged.append(target)
        return arranged[0] if len(arranged) == 1 else arranged

    def _per_output(self, value: Any) -> list[Any]:
        """Return one entry for each output, from an array, a list or a dictionary by name."""
        names = self.graph.output_names
        if value is None:
            return [None] * len(names)
        return per_output(names, value, "targets")


def per_output(names: Sequence[str], value: Any, what: str) -> list[Any]:
    """Return one entry for each output, from one value, a list in order, or a dictionary by name.

    Raises:
        ArgumentError: if the number or the names do not fit the outputs.
    """
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        if unknown:
            raise ArgumentError(
                f"There is no output named {unknown[0]!r} for {what}; the outputs are "
                f"{', '.join(names)}."
            )
        return [value.get(name) for name in names]
    if len(names) == 1:
        if isinstance(value, (list, tuple)) and len(value) == 1:
            return [value[0]]
        return [value]
    if not isinstance(value, (list, tuple)) or len(value) != len(names):
        count = len(value) if isinstance(value, (list, tuple)) else 1
        raise ArgumentError(
            f"The model has {len(names)} outputs ({', '.join(names)}) and needs as many {what}, "
            f"got {count}; give a list in that order or a dictionary by name."
        )
    return list(value)


def in_order(graph: Graph, y: Any) -> list[Array]:
    """Return the outputs of a graph as a list."""
    if isinstance(graph.outputs, Mapping):
        return [y[name] for name in graph.outputs]
    return list(y) if isinstance(y, (list, tuple)) else [y]


def renewed_state(layer_state: Tree, collected: Collected) -> Tree:
    """Return the layer state with what the layers handed back, of the same form and types."""

    def renew(tree: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        new = collected.state.get(path, {})
        return {
            name: renew(value, (*path, name))
            if isinstance(value, Mapping)
            else jax.lax.stop_gradient(new[name]).astype(value.dtype)
            if name in new
            else value
            for name, value in tree.items()
        }

    return renew(layer_state, ())


def bind(
    graph: Graph,
    loss: Any,
    loss_weights: Any,
    metric_names: Any,
    weighted_metric_names: Any,
) -> Objective:
    """Resolve names of losses and metrics for a graph's outputs and check that they fit.

    Raises:
        UnknownNameError: for an unknown name.
        MismatchError: if a loss and the activation of its output contradict each other.
        ArgumentError: if there are more or fewer than outputs.
    """
    names = graph.output_names
    if isinstance(loss, (str, Loss)) or callable(loss):
        loss = [loss] * len(names)
    chosen = tuple(
        None if part is None else losses.get(part) for part in per_output(names, loss, "losses")
    )
    if all(part is None for part in chosen):
        raise ArgumentError("compile expected a loss, got None; type loss='mse', for example.")
    for number, part in enumerate(chosen):
        if part is not None:
            if part.reduction == "none":
                raise MismatchError(
                    f"compile expected a loss that gives one number for a batch, got {part!r}; "
                    "leave reduction='none' out."
                )
            part.check_activation(
                output_activation(graph, number), graph.output_symbols[number].shape
            )
    weights = [1.0] * len(names)
    if loss_weights is not None:
        weights = [
            1.0 if c is None else float(c) for c in per_output(names, loss_weights, "loss weights")
        ]
    bound = [
        tuple(_metrics_of(graph, number, chosen[number], entry))
        for given in (metric_names, weighted_metric_names)
        for number, entry in enumerate(_metrics_per_output(names, given))
    ]
    count = len(names)
    return Objective(graph, chosen, tuple(weights), tuple(bound[:count]), tuple(bound[count:]))


def output_activation(graph: Graph, number: int) -> str | None:
    """Return the name of the activation that an output ends in, None if that is not known."""
    node = graph.output_symbols[number].node
    if node is None:
        return None
    if isinstance(node.layer, Graph):
        return output_activation(node.layer, graph.output_symbols[number].index)
    return node.layer.output_activation()


def _metrics_per_output(names: Sequence[str], given: Any) -> list[list[Any]]:
    """Return a list of metrics for each output."""
    if given is None:
        return [[] for _ in names]
    if isinstance(given, (str, Metric)) or callable(given):
        given = [given]
    if isinstance(given, Mapping):
        parts = per_output(names, given, "metrics")
    elif (
        len(names) > 1
        and len(given) == len(names)
        and any(isinstance(part, (list, tuple)) for part in given)
    ):
        parts = list(given)
    else:
        if len(given) == 1 and isinstance(given[0], (list, tuple)):
            given = given[0]
        parts = [list(given) for _ in names]
    return [
        [] if part is None else list(part) if isinstance(part, (list, tuple)) else [part]
        for part in parts
    ]


def _metrics_of(graph: Graph, number: int, loss: Loss | None, given: list[Any]) -> list[Metric]:
    shape = graph.output_symbols[number].shape
    bound = [metrics.resolve(entry, loss, shape) for entry in given]
    names = [metric.name for metric in bound]
    for name in names:
        if names.count(name) > 1:
            raise MismatchError(
                f"Two metrics of one output are called {name!r}; give one of them a name=."
            )
    return bound


def _real(row_weights: Array | None, mask: Array | None) -> Array | None:
    """Return 1 for what counts and 0 for padding rows and masked steps; None if all counts."""
    if mask is None:
        return row_weights
    real = mask.astype(jnp.float32)
    return real if row_weights is None else real * row_weights[:, None]


def _product(a: Array | None, b: Array | None) -> Array | None:
    """Return the product of weights for rows with weights for rows or for steps."""
    if a is None or b is None:
        return b if a is None else a
    few, many = (a, b) if a.ndim <= b.ndim else (b, a)
    return few.reshape(*few.shape, *(1,) * (many.ndim - few.ndim)) * many
