"""Sequences of different length: ``pad_sequences``."""

from pellucid.data import pad_sequences

__all__ = ["pad_sequences"]
