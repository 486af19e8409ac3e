"""The closed table of layers, by class and by Keras name."""

from pellucid._named import Registry
from pellucid.layers._base import Layer

REGISTRY: Registry[Layer] = Registry(
    "layer", accepts=lambda value: isinstance(value, Layer), base=Layer
)
"""Every layer of Pellucid; a configuration can only name what is in it."""
