"""Looking inside: every number of a training step, layer by layer."""

from pellucid.inspection._attribution import Attribution
from pellucid.inspection._boxes import plot_boxes
from pellucid.inspection._calibration import CalibrationReport, Reliability, calibration_report
from pellucid.inspection._confusions import plot_confusion_examples
from pellucid.inspection._derivation import (
    Derivation,
    derivation,
    derivation_names,
    derivations,
)
from pellucid.inspection._drawing import draw
from pellucid.inspection._embedding import plot_embedding, principal_components
from pellucid.inspection._example import worked_example
from pellucid.inspection._excitation import (
    Excited,
    exciting_pictures,
    most_exciting,
    plot_exciting,
)
from pellucid.inspection._explain import Explanation, explain
from pellucid.inspection._flow import (
    LayerFlow,
    layer_flow,
    plot_gradient_flow,
    plot_update_ratios,
)
from pellucid.inspection._gradient_attributions import (
    grad_cam,
    gradient,
    input_x_gradient,
    integrated_gradients,
    smooth_grad,
)
from pellucid.inspection._influence import Influence, influence
from pellucid.inspection._layerwise_attributions import guided_backpropagation, layerwise_relevance
from pellucid.inspection._maps import (
    plot_attention_maps,
    plot_feature_maps,
    plot_weight_maps,
)
from pellucid.inspection._measured_field import (
    MeasuredField,
    measure_reached,
    measure_receptive_field,
)
from pellucid.inspection._neighbors import Neighbors, nearest_examples
from pellucid.inspection._nonfinite import NonFinite, find_nonfinite
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
from pellucid.inspection._recorded import layer_output
from pellucid.inspection._removal_attributions import occlusion, shapley_values
from pellucid.inspection._robustness import (
    RobustnessReport,
    Stress,
    fgsm,
    pgd,
    robustness_report,
)
from pellucid.inspection._rollout import AttentionRollout, attention_rollout
from pellucid.inspection._sanity import randomization_check
from pellucid.inspection._sheet import Line, Section, Worksheet
from pellucid.inspection._time_travel import Moment, Recording
from pellucid.inspection._trace import LayerTrace, Trace, trace
from pellucid.inspection._worksheet import worksheet
from pellucid.inspection.diagnosis import (
    FAULT_NAMES,
    Diagnosis,
    DiagnosisCallback,
    Verdict,
    diagnose,
    gradient_noise_scale,
    measure_curvature,
    update_ratios,
)

__all__ = [
    "AttentionRollout",
    "CalibrationReport",
    "Influence",
    "Neighbors",
    "Reliability",
    "RobustnessReport",
    "Stress",
    "attention_rollout",
    "calibration_report",
    "fgsm",
    "guided_backpropagation",
    "influence",
    "layerwise_relevance",
    "nearest_examples",
    "pgd",
    "robustness_report",
    "FAULT_NAMES",
    "Attribution",
    "Derivation",
    "Diagnosis",
    "DiagnosisCallback",
    "Excited",
    "Explanation",
    "LayerFlow",
    "LayerTrace",
    "Line",
    "MeasuredField",
    "Moment",
    "NonFinite",
    "ReceptiveField",
    "ReceptiveFields",
    "Recording",
    "Section",
    "Trace",
    "Verdict",
    "Worksheet",
    "derivation",
    "derivation_names",
    "derivations",
    "diagnose",
    "draw",
    "exciting_pictures",
    "explain",
    "find_nonfinite",
    "grad_cam",
    "gradient",
    "gradient_noise_scale",
    "input_x_gradient",
    "integrated_gradients",
    "layer_flow",
    "layer_output",
    "measure_curvature",
    "measure_reached",
    "measure_receptive_field",
    "most_exciting",
    "occlusion",
    "plot_attention_maps",
    "plot_attribution",
    "plot_boxes",
    "plot_confusion_examples",
    "plot_embedding",
    "plot_exciting",
    "plot_feature_maps",
    "plot_gradient_flow",
    "plot_lines",
    "plot_map",
    "plot_pictures",
    "plot_receptive_field",
    "plot_update_ratios",
    "plot_weight_maps",
    "principal_components",
    "randomization_check",
    "reached_from",
    "receptive_field",
    "receptive_fields",
    "seen_by",
    "shapley_values",
    "smooth_grad",
    "trace",
    "update_ratios",
    "worked_example",
    "worksheet",
]
