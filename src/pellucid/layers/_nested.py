"""What layers made of layers share: their parts by name, each with its own variables and path."""

from collections.abc import Mapping
from typing import Any

import jax

from pellucid.layers._base import Layer, Variables, fold_name
from pellucid.layers._context import Context

Array = jax.Array


class Nested(Layer):
    """A layer made of layers.

    A subclass names its parts in ``parts``, makes their variables with ``init_part`` and runs them
    with ``run_part``. The variables of a part lie under its name, as those of a layer lie under its
    name in a model, and a trace shows the part under ``layer/part``.
    """

    def parts(self, input_spec: Any = None) -> dict[str, Layer]:
        """Return the parts by name.

        Without ``input_spec`` the sizes that depend on the input are anything; regularizers and
        constraints are read from these.
        """
        raise NotImplementedError(f"{type(self).__name__} lacks the method parts.")

    def init_part(self, made: Variables, name: str, part: Layer, key: Array, spec: Any) -> None:
        """Put the variables of a part at the start into ``made``."""
        object.__setattr__(part, "made_at", self.made_at)  # errors name the line of the user
        variables = part.make_variables(fold_name(key, name), spec)
        if variables.parameters:
            made.parameters[name] = variables.parameters
        if variables.state:
            made.state[name] = variables.state

    def run_part(
        self,
        name: str,
        part: Layer,
        variables: Variables,
        x: Any,
        context: Context,
        mask: Any = None,
        row_weights: Array | None = None,
    ) -> Any:
        """Return the output of a part; ``variables`` and ``context`` are those of the whole.

        ``row_weights`` are given where the part sees other rows than the whole does.
        """
        object.__setattr__(part, "made_at", self.made_at)
        inside = context.enter(name)
        inside.mask = mask
        if row_weights is not None:
            inside.row_weights = row_weights
        return part.run_checked(variables.child(name), x, inside)

    def penalty(self, parameters: Mapping[str, Any]) -> Array | float:
        """Return the sum of the regularization terms of the parts."""
        total: Array | float = 0.0
        for name, part in self.parts().items():
            total = total + part.penalty(parameters.get(name, {}))
        return total

    def constrain(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters after the constraints of the parts."""
        parts = self.parts()
        return {name: parts[name].constrain(values) for name, values in parameters.items()}
