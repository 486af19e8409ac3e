"""The compiled training loop over pure steps and trees; it never sees a model."""

from pellucid.training._callbacks import (
    Callback,
    LambdaCallback,
    LearningRateScheduler,
    TerminateOnNaN,
)
from pellucid.training._csv_logger import CSVLogger
from pellucid.training._fit import fit
from pellucid.training._history import History
from pellucid.training._loop import CompiledSteps, read_sums
from pellucid.training._plateau import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from pellucid.training._progress import ProgressBar
from pellucid.training._record import FitRecord
from pellucid.training._source import ArraySource, Source, StreamSource
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import make_train_step, start_state

__all__ = [
    "ArraySource",
    "Batch",
    "CSVLogger",
    "Callback",
    "CompiledSteps",
    "EarlyStopping",
    "FitRecord",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "Source",
    "StreamSource",
    "TerminateOnNaN",
    "TrainingState",
    "fit",
    "make_train_step",
    "read_sums",
    "start_state",
]
