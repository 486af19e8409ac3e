"""Diagnosis: what is wrong with a model, its data and its training, in numbers and in words."""

from pellucid.inspection.diagnosis._callback import DiagnosisCallback
from pellucid.inspection.diagnosis._diagnose import FAULT_NAMES, diagnose
from pellucid.inspection.diagnosis._measures import (
    Curvature,
    NoiseScale,
    gradient_noise_scale,
    measure_curvature,
    update_ratios,
)
from pellucid.inspection.diagnosis._verdict import Diagnosis, Evidence, Verdict

__all__ = [
    "FAULT_NAMES",
    "Curvature",
    "Diagnosis",
    "DiagnosisCallback",
    "Evidence",
    "NoiseScale",
    "Verdict",
    "diagnose",
    "gradient_noise_scale",
    "measure_curvature",
    "update_ratios",
]
