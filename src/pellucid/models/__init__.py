"""How layers make a network: ``Sequential``, the functional ``Model``, saving and loading."""

from pellucid.models._cross_validation import CrossValidation, cross_validate
from pellucid.models._graph import Graph
from pellucid.models._model import Model
from pellucid.models._population import fit_population
from pellucid.models._saving import load_model
from pellucid.models._sequential import Sequential
from pellucid.models._stepwise import Kept, StepByStep

__all__ = [
    "CrossValidation",
    "Graph",
    "Kept",
    "Model",
    "Sequential",
    "StepByStep",
    "cross_validate",
    "fit_population",
    "load_model",
]
