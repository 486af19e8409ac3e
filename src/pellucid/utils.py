"""``to_categorical``, where Keras's users look for it."""

from pellucid.data import to_categorical

__all__ = ["to_categorical"]
