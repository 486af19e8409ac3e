"""Callbacks, under Keras's name: ``pellucid.callbacks.EarlyStopping``.

``Diagnosis`` lies in the room of inspection, above this one, and is imported when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from pellucid.training import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgressBar,
    Recorder,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
)

if TYPE_CHECKING:
    from pellucid.inspection import DiagnosisCallback as Diagnosis

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "Diagnosis",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "Recorder",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> Any:
    """Import the callback of the inspection room when it is first asked for."""
    if name != "Diagnosis":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pellucid.inspection import DiagnosisCallback

    return DiagnosisCallback
