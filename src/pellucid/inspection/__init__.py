"""Looking inside: every number of a training step, layer by layer."""

from pellucid.inspection._trace import LayerTrace, Trace, trace

__all__ = ["LayerTrace", "Trace", "trace"]
