"""Layers: frozen descriptions of the steps of a network; the numbers live outside them."""

from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._dense import Dense
from pellucid.layers._symbol import Input, Symbol

__all__ = ["Context", "Dense", "Input", "Layer", "Spec", "Symbol", "Variables"]
