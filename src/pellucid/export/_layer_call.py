"""One call of a layer that is being written, and the way through a network, in any language."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import jax

from pellucid import activations
from pellucid.errors import ExportError
from pellucid.layers import Layer, Variables
from pellucid.models import Graph
from pellucid.models._graph import _place

Handler = TypeVar("Handler", bound=Callable[..., Any])
Form = TypeVar("Form")


class Handlers(dict[type[Layer], Callable[..., Any]]):
    """How each class of layer is written."""

    def enter(self, *classes: type[Layer]) -> Callable[[Handler], Handler]:
        """Return a decorator that enters a handler for these classes of layers."""

        def entered(handler: Handler) -> Handler:
            self.update(dict.fromkeys(classes, handler))
            return handler

        return entered


@dataclass(eq=False)
class LayerCall:
    """One call of a layer that is being written.

    Attributes:
        layer: the layer.
        variables: its numbers, as NumPy arrays.
        path: the names that lead to it, with the number of the call where it is called again.
        mask: the mask of the input, (batch, time), or a list of masks, or None.
        output_mask: that of the output, which a handler sets.
    """

    layer: Any
    variables: Variables
    path: tuple[str, ...]
    mask: Any = field(default=None, kw_only=True)
    output_mask: Any = field(default=None, init=False)

    @property
    def who(self) -> str:
        """Return the layer in words, for messages."""
        return f"Layer {'/'.join(self.path)!r} ({type(self.layer).__name__})"

    @property
    def first_mask(self) -> Any:
        """Return the mask of the input, or of the first of several."""
        return self.mask[0] if isinstance(self.mask, list) else self.mask

    def label(self, name: str) -> str:
        """Return the path of a variable of the layer, the same in every call of it."""
        return "/".join((*(part.split("#")[0] for part in self.path), name))

    def keep_mask(self) -> None:
        """Make the mask of the input that of the output, where the layer keeps it."""
        if self.output_mask is None and self.layer.keeps_mask:
            self.output_mask = self.mask

    def activation_in(self, forms: dict[Callable[..., Any], Form], setting: str) -> Form:
        """Return the form of the activation that a setting of the layer names.

        Raises:
            ExportError: if it is a function of the user's own.
        """
        chosen = activations.get(getattr(self.layer, setting))
        if chosen not in forms:
            raise ExportError(
                f"{self.who} has an activation of your own, "
                f"{getattr(chosen, '__name__', chosen)!r}, which cannot be written; use one of "
                "pellucid.activations."
            )
        return forms[chosen]


Call = TypeVar("Call", bound=LayerCall)


def write_network(call: Call, given: list[Any], write: Callable[[Call, Any, Any], Any]) -> Any:
    """Write every layer of a network in order, as ``Graph.apply`` runs them.

    Args:
        call: that of the network; gets the masks of the outputs.
        given: the inputs.
        write: takes the call of a layer, its inputs as symbols and what was written for them, and
            returns its outputs.

    Returns:
        The output, or a tuple of them.
    """
    network: Graph = call.layer
    values: dict[tuple[int, int], Any] = {}
    masks: dict[tuple[int, int], Any] = {}
    seen = call.mask if isinstance(call.mask, list) else [call.mask] * len(given)
    for symbol, value, mask in zip(network.input_symbols, given, seen, strict=True):
        values[_place(symbol)], masks[_place(symbol)] = value, mask
    for name, number, node in network.calls():
        mask = jax.tree.map(lambda symbol: masks[_place(symbol)], node.inputs)
        if isinstance(mask, list) and all(part is None for part in mask):
            mask = None
        read = jax.tree.map(lambda symbol: values[_place(symbol)], node.inputs)
        path = (*call.path, name if number == 0 else f"{name}#{number}")
        own = call.variables.child(name)
        inside = replace(call, layer=node.layer, variables=own, path=path, mask=mask)
        y = write(inside, node.inputs, read)
        for index, value in enumerate(y if isinstance(y, (list, tuple)) else (y,)):
            values[id(node), index] = value
            made = inside.output_mask
            masks[id(node), index] = made[index] if isinstance(made, list) else made
    found = [masks[_place(symbol)] for symbol in network.output_symbols]
    call.output_mask = found[0] if len(found) == 1 else found
    outputs = tuple(values[_place(symbol)] for symbol in network.output_symbols)
    return outputs[0] if len(outputs) == 1 else outputs
