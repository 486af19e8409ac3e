"""Looking inside: every number of a training step, layer by layer."""

from pellucid.inspection._attribution import Attribution
from pellucid.inspection._example import worked_example
from pellucid.inspection._explain import Explanation, explain
from pellucid.inspection._gradient_attributions import (
    grad_cam,
    gradient,
    input_x_gradient,
    integrated_gradients,
    smooth_grad,
)
from pellucid.inspection._measured_field import (
    MeasuredField,
    measure_reached,
    measure_receptive_field,
)
from pellucid.inspection._overlays import plot_attribution, plot_receptive_field
from pellucid.inspection._pictures import plot_lines, plot_map, plot_pictures
from pellucid.inspection._receptive_field import (
    ReceptiveField,
    ReceptiveFields,
    reached_from,
    receptive_field,
    receptive_fields,
    seen_by,
)
from pellucid.inspection._removal_attributions import occlusion, shapley_values
from pellucid.inspection._sanity import randomization_check
from pellucid.inspection._sheet import Line, Section, Worksheet
from pellucid.inspection._trace import LayerTrace, Trace, trace
from pellucid.inspection._worksheet import worksheet

__all__ = [
    "Attribution",
    "Explanation",
    "LayerTrace",
    "Line",
    "MeasuredField",
    "ReceptiveField",
    "ReceptiveFields",
    "Section",
    "Trace",
    "Worksheet",
    "explain",
    "grad_cam",
    "gradient",
    "input_x_gradient",
    "integrated_gradients",
    "measure_reached",
    "measure_receptive_field",
    "occlusion",
    "plot_attribution",
    "plot_lines",
    "plot_map",
    "plot_pictures",
    "plot_receptive_field",
    "randomization_check",
    "reached_from",
    "receptive_field",
    "receptive_fields",
    "seen_by",
    "shapley_values",
    "smooth_grad",
    "trace",
    "worked_example",
    "worksheet",
]
