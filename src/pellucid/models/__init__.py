"""How layers make a network: ``Sequential``, the functional ``Model``, saving and loading."""

from pellucid.models._graph import Graph
from pellucid.models._model import Model
from pellucid.models._saving import load_model
from pellucid.models._sequential import Sequential

__all__ = ["Graph", "Model", "Sequential", "load_model"]
