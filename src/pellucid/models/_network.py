"""A network: a graph of layers and its numbers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._tree import flatten_paths, unflatten_paths
from pellucid.errors import NotReadyError, ShapeError, UnknownNameError
from pellucid.layers import Context, Layer, Variables
from pellucid.layers._symbol import connect, is_symbols
from pellucid.models._graph import Graph
from pellucid.models._objective import renewed_state
from pellucid.training import FitRecord

Array = jax.Array
Tree = Any


class Applied(NamedTuple):
    """What ``Network.apply`` gives.

    Attributes:
        outputs: in the form of the network's outputs.
        state: the layers' state after the call (moving averages).
        penalty: the sum of all regularization terms.
    """

    outputs: Any
    state: Tree
    penalty: Array


class Network:
    """The part of a model that knows its graph and holds its numbers.

    All arrays are immutable and replaced as a whole.

    Args:
        name: a name for the model.
        seed: makes the initial weights.
    """

    def __init__(self, name: str | None, seed: int) -> None:
        self.name = name or type(self).__name__.lower()
        self.seed = seed
        self._graph: Graph | None = None
        self._variables: Variables | None = None
        self._paths: list[str] | None = None
        self._shapes: Variables | None = None
        self._forward: Callable[..., Any] | None = None
        self._record: FitRecord | None = None

    @property
    def built(self) -> bool:
        """True once the shapes of all weights are known."""
        return self._graph is not None

    @property
    def graph(self) -> Graph:
        """The graph of layers; raises NotReadyError before the input shape is known."""
        if self._graph is None:
            raise NotReadyError(
                f"The model {self.name!r} does not know its input shape yet; start it with "
                "Input(shape), call build(input_shape), or fit it."
            )
        return self._graph

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order in which they run."""
        return list(self.graph.layers().values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name in the model or by its index.

        Raises:
            UnknownNameError: if there is none of that name; the nearest is suggested.
        """
        if index is not None:
            return self.layers[index]
        layers = self.graph.layers()
        if name not in layers:
            raise UnknownNameError("layer in this model", name, layers)
        return layers[name]

    @property
    def variables(self) -> Variables:
        """All numbers: ``parameters`` and ``state``, nested dictionaries by layer name.

        They are drawn from the model's seed when first asked for. During a fit they are those of
        this moment; assigning replaces them.
        """
        if self._record is not None:
            return Variables(self._record.parameters, self._record.layer_state)
        if self._variables is None:
            self._variables = self._initial_variables()
        return self._variables

    @variables.setter
    def variables(self, new: Variables) -> None:
        expected = jax.tree.map(lambda a: (a.shape, a.dtype), self.shapes)
        if jax.tree.map(lambda a: (a.shape, jnp.asarray(a).dtype), new) != expected:
            raise ShapeError(
                "The new variables differ from the model's in names, shapes or types; "
                "compare with model.shapes."
            )
        if self._record is not None:
            self._record.replace(new.parameters, new.state)
        else:
            self._variables = jax.tree.map(jnp.asarray, new)

    @property
    def shapes(self) -> Variables:
        """Shapes and types of all numbers, without the numbers."""
        if self._shapes is None:
            key = jax.eval_shape(lambda: jax.random.key(0))
            self._shapes = jax.eval_shape(self.graph.init, key)
        return jax.tree.map(lambda spec: spec, self._shapes)  # dictionaries of its own

    def get_weights(self) -> list[np.ndarray]:
        """Return all numbers as a list of arrays, in the order of the layers."""
        return [np.asarray(array) for _, array in self._ordered(self.variables)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all numbers by a list in the order of ``get_weights``.

        Raises:
            ShapeError: if the number of arrays or a shape differs.
        """
        places = list(self._ordered(self.shapes))
        if len(weights) != len(places):
            raise ShapeError(f"The model has {len(places)} arrays of numbers, got {len(weights)}.")
        for (path, spec), array in zip(places, weights, strict=True):
            if np.shape(array) != spec.shape:
                raise ShapeError(
                    f"The model's {path} has shape {spec.shape}, got {np.shape(array)}."
                )
        pairs = {
            path: jnp.asarray(array, spec.dtype)
            for (path, spec), array in zip(places, weights, strict=True)
        }
        self._set_paths(pairs)

    def count_params(self) -> int:
        """Return the number of scalars in all weights, moving averages included."""
        return sum(int(np.prod(spec.shape)) for _, spec in self._ordered(self.shapes))

    def _ordered(self, variables: Variables) -> list[tuple[str, Any]]:
        """Return (path, array) pairs, layer by layer, in the order in which ``init`` gives them."""
        if self._paths is None:
            self._paths = _paths_in_order(self.graph)
        pairs = dict(flatten_paths(variables.parameters)) | dict(flatten_paths(variables.state))
        return [(path, pairs[path]) for path in self._paths]

    def _set_paths(self, pairs: Mapping[str, Any]) -> None:
        shapes = self.shapes
        parts = [dict(flatten_paths(tree)) for tree in (shapes.parameters, shapes.state)]
        made = [unflatten_paths({path: pairs[path] for path in part}) for part in parts]
        self.variables = Variables(*made)

    def _initial_variables(self) -> Variables:
        made = jax.jit(self.graph.init)(jax.random.key(self.seed))
        layers = {id(node.layer): node.source for node in self.graph.nodes}
        for place, source in layers.items():
            if source is not None:
                name = self.graph.names[place]
                for tree, own in (
                    (made.parameters, source.variables.parameters),
                    (made.state, source.variables.state),
                ):
                    if name in tree:
                        tree[name] = own
        return made

    def _set_graph(self, graph: Graph) -> None:
        self._graph = graph
        self._variables = None
        self._paths = None
        self._shapes = None
        self._forward = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Do nothing: a functional model knows its input shape."""

    def __call__(self, inputs: Any, training: bool = False, key: Array | None = None) -> Any:
        """Run the network on arrays, or connect it to symbols as a layer of another model.

        Args:
            inputs: arrays with the batch axis first; or symbols.
            training: True turns dropout on and takes batch statistics (needs ``key``).
            key: random key for layers that need random numbers.
        """
        if is_symbols(inputs):
            return connect(self.graph, inputs, source=self)
        self._build_for(inputs)
        if self._forward is None:
            self._forward = self._compiled_forward()
        self.graph.arrange_inputs(inputs)
        variables = self.variables
        return self._forward(variables.parameters, variables.state, inputs, key, training=training)

    def apply(
        self,
        variables: Variables,
        x: Any,
        *,
        training: bool = False,
        key: Array | None = None,
        row_weights: Array | None = None,
    ) -> "Applied":
        """Run the network as a pure function of its numbers, inside a step of one's own.

        Args:
            variables: the numbers to run it with, such as ``model.variables``.
            x: arrays with the batch axis first.
            training: True turns dropout on and takes batch statistics.
            key: random key for layers that need random numbers.
            row_weights: 1 for real rows and 0 for padding, shape (batch,); None if all are real.
        """
        context = Context(training, key, row_weights)
        y = self.graph.run_checked(variables, x, context)
        penalty = jnp.float32(self.graph.penalty(variables.parameters))
        for part in context.collected.penalties:
            penalty = penalty + part
        return Applied(y, renewed_state(variables.state, context.collected), penalty)

    def _compiled_forward(self) -> Callable[..., Any]:
        return jax.jit(self._run, static_argnames="training")

    def _run(self, parameters: Tree, state: Tree, x: Any, key: Array | None, training: bool) -> Any:
        return self.graph.run_checked(Variables(parameters, state), x, Context(training, key))

    def _build_for(self, x: Any) -> None:
        """Build an unbuilt model for these inputs (a ``Sequential`` overrides it)."""


def _paths_in_order(graph: Graph) -> list[str]:
    """Return the paths of all numbers, layer by layer, parameters before state.

    JAX sorts dictionaries by name, so the order is noted while ``init`` is traced.
    """
    noted: list[str] = []

    def init(key: Array) -> Variables:
        made = graph.init(key)
        for name in graph.layers():
            for tree in (made.parameters, made.state):
                noted.extend(path for path, _ in flatten_paths({name: tree.get(name, {})}))
        return made

    jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)))
    return noted
