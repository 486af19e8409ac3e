"""How layers make a network: ``Sequential``, the functional ``Model``, saving and loading."""

from pellucid.models._graph import Graph
from pellucid.models._model import Model
from pellucid.models._saving import load_model
from pellucid.models._sequential import Sequential
from pellucid.models._stepwise import Kept, StepByStep

__all__ = ["Graph", "Kept", "Model", "Sequential", "StepByStep", "load_model"]
