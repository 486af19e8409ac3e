"""Prepare data for a network, under the names that Keras uses."""

from pellucid.preprocessing import sequence

__all__ = ["sequence"]
