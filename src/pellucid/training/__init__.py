"""The compiled training loop over pure steps and trees; it never sees a model.

``train(step, state, data)`` runs any step: ``(state, batch) -> (state, measures)``.
"""

from pellucid.training._backup import BackupAndRestore, checkpoints
from pellucid.training._callbacks import (
    Callback,
    LambdaCallback,
    LearningRateScheduler,
    TerminateOnNaN,
)
from pellucid.training._checkpoint import load_state, save_state
from pellucid.training._csv_logger import CSVLogger
from pellucid.training._finite import not_finite
from pellucid.training._fit import fit
from pellucid.training._history import History
from pellucid.training._loop import CompiledSteps, mean_of, read_sums
from pellucid.training._mixing import MIXINGS, CutMix, MixUp, augmented
from pellucid.training._plateau import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from pellucid.training._point import differences
from pellucid.training._population_loop import PopulationSteps
from pellucid.training._progress import ProgressBar
from pellucid.training._record import FitRecord
from pellucid.training._recorder import Recorder
from pellucid.training._recording import is_recording, read_recording
from pellucid.training._replay import Replay
from pellucid.training._source import ArraySource, Source, StreamSource
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import make_train_step, start_state
from pellucid.training._tensorboard import TensorBoard
from pellucid.training._train import train
from pellucid.training._train_population import train_population

__all__ = [
    "ArraySource",
    "BackupAndRestore",
    "Batch",
    "CSVLogger",
    "Callback",
    "CompiledSteps",
    "CutMix",
    "EarlyStopping",
    "FitRecord",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "MIXINGS",
    "MixUp",
    "ModelCheckpoint",
    "PopulationSteps",
    "ProgressBar",
    "Recorder",
    "ReduceLROnPlateau",
    "Replay",
    "Source",
    "StreamSource",
    "TensorBoard",
    "TerminateOnNaN",
    "TrainingState",
    "augmented",
    "checkpoints",
    "differences",
    "fit",
    "is_recording",
    "load_state",
    "make_train_step",
    "mean_of",
    "not_finite",
    "read_recording",
    "read_sums",
    "save_state",
    "start_state",
    "train",
    "train_population",
]
