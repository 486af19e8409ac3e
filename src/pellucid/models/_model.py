"""The model: a network with compile, fit, evaluate, predict and save."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from pellucid import optimizers, training
from pellucid._checks import check_positive_int, check_range
from pellucid._named import to_config
from pellucid._tree import tree_copy
from pellucid.data import ArrayDataset, Dataset, Pipeline, Preprocessing, RawData
from pellucid.errors import (
    ArgumentError,
    DataError,
    NotReadyError,
)
from pellucid.layers import Variables
from pellucid.models._compiled import Compiled
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.models._graph import Graph
from pellucid.models._network import Network
from pellucid.models._objective import Objective, bind
from pellucid.training import Callback, History, TrainingState

Array = jax.Array
Tree = Any


class Model(Network):
    """A network: a graph of layers from inputs to outputs, and one tree of numbers.

    The functional form, with several inputs and outputs and shared layers as one likes::

        x = Input((784,))
        h = Dense(128, activation="relu")(x)
        model = Model(x, Dense(10)(h))
        model.compile("adam", SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
        history = model.fit(images, labels, epochs=10, validation_data=(images2, labels2))

    All arrays are immutable and replaced as a whole. Equal seeds give equal bits.

    Args:
        inputs: a symbol made by ``Input``, or a list or dictionary of them.
        outputs: a symbol, or a list or dictionary of symbols.
        name: a name for the model.
        seed: makes the initial weights.
    """

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, seed: int = 0
    ) -> None:
        super().__init__(name, seed)
        self.preprocessing: Preprocessing | None = None
        """What turns raw data into this model's inputs, if it knows; saved with the model."""
        self._compiled: Compiled | None = None
        self._announce = False
        self._objective: Objective | None = None
        self._steps: training.CompiledSteps | None = None
        self._trained: TrainingState | None = None
        if inputs is not None or outputs is not None:
            self._set_graph(Graph(inputs, outputs))

    def _set_graph(self, graph: Graph) -> None:
        super()._set_graph(graph)
        self._trained = None
        self._bind()

    # Compile

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        verbose: int = 1,
        augmentation: Any = None,
    ) -> None:
        """Choose optimizer, loss and metrics; prints what each name was resolved to.

        A model that does not know its input shape yet resolves "accuracy" when it is built.

        Args:
            optimizer: a name, one of ``pellucid.optimizers``, or any Optax transformation.
            loss: a name, one of ``pellucid.losses``, or a function of (y_true, y_pred); for several
                outputs a list or a dictionary by output name.
            metrics: names, objects or functions, as a list; for several outputs a list of lists or
                a dictionary. They count every row once.
            loss_weights: how much each output's loss counts.
            weighted_metrics: metrics that use the sample weights.
            verbose: 0 prints nothing.
            augmentation: mixes the examples of a batch with their labels while training, such as
                ``pellucid.training.MixUp()``; a function of a random key and a batch.

        Raises:
            UnknownNameError: for an unknown name; the nearest is suggested.
            MismatchError: if a loss and its output's activation contradict each other.
        """
        chosen = optimizers.as_optimizer(optimizer)
        if isinstance(augmentation, str):
            augmentation = training.MIXINGS.get(augmentation)
        compiled = Compiled(chosen, loss, loss_weights, metrics, weighted_metrics, augmentation)
        compiled.check_names()
        self._compiled = compiled
        self._objective = None
        self._trained = None
        self._announce = bool(verbose)
        if self._graph is None and verbose:
            print(compiled.in_words(None))
        self._bind()

    def _bind(self) -> None:
        """Bind the compiled choices to the graph, when both are there."""
        if self._graph is None or self._compiled is None:
            return
        chosen = self._compiled
        self._objective = objective = bind(
            self._graph, chosen.loss, chosen.loss_weights, chosen.metrics, chosen.weighted_metrics
        )
        step = training.make_train_step(
            objective, chosen.optimizer, self._graph.is_trainable, self._graph.constrain
        )
        if chosen.augmentation is not None:
            step = training.augmented(step, chosen.augmentation)
        self._steps = training.CompiledSteps(step, objective.measure)
        self._results = jax.jit(objective.results)
        if self._announce:
            self._announce = False
            print(chosen.in_words(objective))

    def _ready(self) -> tuple[Objective, training.CompiledSteps]:
        if self._compiled is None:
            raise NotReadyError(
                f"The model {self.name!r} is not compiled; type model.compile(optimizer='adam', "
                "loss=...) first."
            )
        if self._objective is None or self._steps is None:
            raise NotReadyError(f"The model {self.name!r} is not built; call build(input_shape).")
        return self._objective, self._steps

    def _sibling(self) -> Self:
        """Return another model of the same layers, compiled alike, that shares all programs.

        It has its own numbers, drawn from the seed when first asked for.
        """
        if self._forward is None:
            self._forward = self._compiled_forward()
        twin = copy.copy(self)
        vars(twin).update({n: list(v) for n, v in vars(self).items() if isinstance(v, list)})
        twin._variables = twin._trained = twin._record = None
        return twin

    def _read(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the measures of some sums as plain numbers, in the order of their names."""
        values = jax.device_get(self._results(sums))
        names = self._ready()[0].names()
        return {
            name: float(values[name]) if np.ndim(values[name]) == 0 else values[name].tolist()
            for name in names
        }

    # Fit

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        seed: int | None = None,
    ) -> History:
        """Train the model; returns the history of its measures.

        The steps of an epoch run in one compiled program; the host looks in a few times a second.
        A short last batch is padded with rows of weight 0, so nothing is compiled twice.

        Args:
            x: inputs (samples, ...): an array; a list or dictionary for several inputs; a
                ``pellucid.data.Dataset``, also one larger than memory; or something that gives
                batches ``(x, y)`` again and again (a function that returns an iterator, a list of
                batches).
            y: targets, in the form the loss expects; None if ``x`` gives them.
            batch_size: rows a step; by default 32, or all rows if there are fewer.
            epochs: the epoch to stop after.
            verbose: 0 silent, 1 or ``"auto"`` a progress bar, 2 a line for each epoch.
            callbacks: see ``pellucid.callbacks``.
            validation_split: share of the rows, the last ones before shuffling, to validate on.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` or a data set.
            shuffle: draw a new order of rows every epoch; a pipeline says so itself.
            class_weight: weight in the loss for each class number.
            sample_weight: weight in the loss for each row.
            initial_epoch: number of the first epoch.
            steps_per_epoch: steps that make an epoch of an endless stream.
            validation_steps: batches of a validation stream to use.
            validation_batch_size: rows a validation batch, ``batch_size`` by default.
            validation_freq: epochs between validations.
            seed: makes the order of rows, dropout and noise; the model's seed by default.

        Raises:
            DataError, ShapeError, DTypeError: if the data cannot be learned from.
            NotReadyError: before ``compile``.
        """
        if self._compiled is None:
            self._ready()
        size = 32 if batch_size is None else batch_size
        check_positive_int("fit", "batch_size", size)
        check_positive_int("fit", "epochs", epochs)
        check_range("fit", "validation_split", validation_split, 0.0, 1.0, open_high=True)
        dataset = as_dataset(x, y, sample_weight, steps_per_epoch)
        self._build_for(dataset)
        objective, steps = self._ready()
        held_out = None
        if validation_data is not None:
            held_out = _as_validation(validation_data, validation_steps)
        elif validation_split:
            if not isinstance(dataset, ArrayDataset):
                raise ArgumentError(
                    "validation_split needs arrays; pass validation_data with a stream."
                )
            dataset, held_out = dataset.split(validation_split)
        if batch_size is not None and isinstance(dataset, ArrayDataset) and size > len(dataset):
            raise ArgumentError(
                f"fit expected batch_size of at most the {len(dataset)} rows of the data, "
                f"got {size}; type batch_size={len(dataset)}, or leave it out."
            )
        own_size = dataset.batch_size if isinstance(dataset, Pipeline) else None
        if batch_size is not None and own_size not in (None, size):
            raise ArgumentError(
                f"fit expected the batch_size of the pipeline, {own_size}, got {size}; leave "
                "batch_size out, or batch(...) out of the pipeline."
            )
        data = FitData(self.graph, objective, class_weight)
        source = data.source(dataset, size)
        validate = None
        if held_out is not None:
            check = FitData(self.graph, objective, None)
            validation = check.source(held_out, validation_batch_size or size)

            def validate(record: training.FitRecord) -> dict[str, float]:
                live = record.live
                return self._evaluate(validation, live.parameters, live.layer_state)

        seed = self.seed if seed is None else seed
        record = training.FitRecord(
            self._start(seed), self._ready_optimizer(), epochs, source.steps
        )
        record.history.params = {"epochs": epochs, "steps": source.steps, "batch_size": size}
        shown = list(callbacks or ())
        if verbose:
            shown.append(training.ProgressBar(bar=verbose != 2))
        self._record = record
        try:
            training.fit(
                steps,
                record,
                source,
                results=self._read,
                validate=validate,
                validation_freq=validation_freq,
                callbacks=shown,
                model=self,
                seed=seed,
                shuffle=shuffle or isinstance(dataset, Pipeline),
                initial_epoch=initial_epoch,
            )
        finally:
            # An interrupted fit leaves the model as it is at the last look.
            self._record = None
            self._keep(record.live)
        return record.history

    def _start(self, seed: int) -> TrainingState:
        """Return the state to go on from: the last one's optimizer and step, this seed's key."""
        variables = self.variables
        if self._trained is None:
            return training.start_state(
                tree_copy(variables.parameters),
                tree_copy(variables.state),
                self._ready_optimizer(),
                seed,
                self.graph.is_trainable,
            )
        # The loop uses its arguments up, so it is given copies.
        copied = tree_copy(self._trained)
        return TrainingState(
            tree_copy(variables.parameters),
            tree_copy(variables.state),
            copied.optimizer_state,
            jax.random.key(seed),
            copied.step,
        )

    def _ready_optimizer(self) -> Any:
        self._ready()
        return self._compiled.optimizer if self._compiled else None

    def _keep(self, state: TrainingState) -> None:
        self._variables = Variables(state.parameters, state.layer_state)
        self._trained = state

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch; returns its loss and metrics, measured before the update.

        Args:
            x: inputs of the batch.
            y: targets of the batch.
            sample_weight: weight in the loss for each row.
            class_weight: weight in the loss for each class number.
            return_dict: True returns a dictionary by name.
        """
        dataset = as_dataset(x, y, sample_weight)
        self._build_for(dataset)
        objective, steps = self._ready()
        source = FitData(self.graph, objective, class_weight).source(dataset, len(dataset))
        chunk = next(source.epoch(None))
        state, totals = steps.train(
            self._start(self.seed),
            None,
            chunk.data,
            chunk.order,
            range(1),
            source.batch_size,
            chunk.padded,
        )
        self._keep(state)
        return _answer(self._read(training.read_sums(totals)), return_dict)

    @property
    def stop_training(self) -> bool:
        """True if the fit that is running has been asked to stop; assign True to ask (Keras)."""
        return self._record is not None and self._record.stopped is not None

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        if stop and self._record is not None:
            self._record.stop("A callback set stop_training.")

    # Evaluate and predict

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics over a data set: a list as in Keras, or a dictionary.

        Args:
            x: inputs, in the forms that ``fit`` takes.
            y: targets.
            batch_size: rows a batch, 32 by default; the result does not depend on it.
            verbose: 0 prints nothing, else one line.
            sample_weight: weight in the loss for each row.
            steps: batches of a stream to use.
            return_dict: True returns a dictionary by name; else a list in the order of the names
                (a single number if there is only the loss).
        """
        dataset = as_dataset(x, y, sample_weight, steps)
        self._build_for(dataset)
        objective, _ = self._ready()
        source = FitData(self.graph, objective, None).source(dataset, batch_size or 32)
        variables = self.variables
        values = self._evaluate(source, variables.parameters, variables.state)
        if verbose:
            print("  ".join(f"{name} {value:.4f}" for name, value in _scalars(values)))
        return _answer(values, return_dict)

    def _evaluate(
        self, source: training.Source, parameters: Tree, layer_state: Tree
    ) -> dict[str, float]:
        _, steps = self._ready()
        sums: Any = None
        for chunk in source.epoch(None):
            totals = steps.evaluate(
                parameters,
                layer_state,
                chunk.data,
                chunk.order,
                chunk.steps,
                source.batch_size,
                chunk.padded,
            )
            new = training.read_sums(totals)
            sums = new if sums is None else jax.tree.map(np.add, sums, new)
        return self._read(sums)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
    ) -> Any:
        """Return the outputs for all rows as NumPy arrays, in the form of the model's outputs.

        Args:
            x: inputs, in the forms that ``fit`` takes.
            batch_size: rows that run at once, 256 by default; the result does not depend on it.
            verbose: accepted for Keras's sake; nothing is printed.
            steps: batches of a stream to use.
        """
        size = 256 if batch_size is None else batch_size
        check_positive_int("predict", "batch_size", size)
        dataset = as_dataset(x, None, None, steps)
        self._build_for(dataset)
        if isinstance(dataset, ArrayDataset):
            batches = dataset.batches(size)
        else:
            batches = dataset.batches()
        made = []
        for batch in batches:
            inputs = self.graph.arrange_inputs(batch.x)
            rows = len(inputs[0])
            # One of a few sizes, so that a short last batch compiles at most once more.
            padded = min(size, 1 << (rows - 1).bit_length()) if rows < size else rows
            filled = [_fill(array, padded) for array in inputs]
            given = filled[0] if len(filled) == 1 else filled
            made.append((self(given), rows))
        parts = [jax.tree.map(lambda a, n=n: np.asarray(a)[:n], y) for y, n in made]
        return jax.tree.map(lambda *rows: np.concatenate(rows), *parts)

    def predict_raw(self, raw: Any, batch_size: int | None = None) -> list[Any]:
        """Return what the model says about raw data: texts, rows of a table, paths of images.

        The data goes through ``model.preprocessing`` first, and the answers come back as names of
        classes where it knows them, else as numbers.

        Args:
            raw: raw inputs, in the form that the preprocessing was fitted to.
            batch_size: rows that run at once, 256 by default.

        Raises:
            NotReadyError: if the model has no preprocessing.
            DataError: if the raw data does not fit it.
        """
        if self.preprocessing is None:
            raise NotReadyError(
                f"The model {self.name!r} does not know what its raw data went through; assign "
                "model.preprocessing = RawData(inputs=..., labels=...), or use predict with arrays."
            )
        chosen = self.preprocessing
        known = chosen if isinstance(chosen, RawData) else RawData(inputs=chosen)
        outputs = self.predict(known.transform(raw), batch_size=batch_size)
        sigmoid = self.graph.nodes[-1].layer.output_activation() == "sigmoid"
        return known.answers(outputs, threshold=0.5 if sigmoid else 0.0)

    # Show, save

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers with shapes, parameters, FLOPs and memory, and what was compiled."""
        from pellucid.models._summary import summary_text

        print_fn(summary_text(self))

    def save(
        self,
        filepath: str | Path,
        overwrite: bool = True,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        """Save the model to a folder: ``model.json``, ``weights.safetensors``, and the state of
        training in ``training.safetensors``.

        Args:
            filepath: the folder to make.
            overwrite: False raises ModelFileError if there is something already.
            preprocessing: what turns raw data into the model's inputs, kept as
                ``model.preprocessing``; None saves what is there already, if anything.
        """
        from pellucid.models._saving import save_model

        if preprocessing is not None:
            self.preprocessing = preprocessing
        save_model(self, Path(filepath), overwrite)

    def save_weights(self, filepath: str | Path, names: str = "pellucid") -> None:
        """Save the numbers alone to one safetensors file.

        Args:
            filepath: the file to make.
            names: ``"pellucid"``, or ``"pytorch"`` for a state dict of the PyTorch network whose
                modules have the names of this model's layers.
        """
        from pellucid.models._saving import save_weights

        save_weights(self, Path(filepath), names)

    def load_weights(self, filepath: str | Path) -> None:
        """Load the numbers from a safetensors file.

        Args:
            filepath: a file made by ``save_weights``, or a PyTorch state dict, which is told by its
                names; layouts are converted. The networks of ``pellucid.zoo`` that torchvision has
                as well take its weights.

        Raises:
            ModelFileError: if the file belongs to another network; all differences are listed.
        """
        from pellucid.models._saving import load_weights

        load_weights(self, Path(filepath))

    def get_config(self) -> dict[str, Any]:
        """Return graph, optimizer, losses and metrics as plain JSON, as ``save`` writes them."""
        from pellucid.models._saving import describe

        return describe(self)

    def compile_config(self) -> dict[str, Any] | None:
        """Return optimizer, losses and metrics as plain JSON, None before compile and build."""
        if self._compiled is None or self._objective is None:
            return None
        bound = self._objective
        mixing = self._compiled.augmentation

        def configs(parts: Sequence[Any]) -> list[Any]:
            return [None if part is None else to_config(part) for part in parts]

        return {
            "optimizer": to_config(self._compiled.optimizer),
            "loss": configs(bound.losses),
            "loss_weights": list(bound.loss_weights),
            "metrics": [configs(part) for part in bound.metrics],
            "weighted_metrics": [configs(part) for part in bound.weighted_metrics],
            **({} if mixing is None else {"augmentation": to_config(mixing)}),
        }


def _as_validation(given: Any, steps: int | None) -> Dataset:
    if isinstance(given, (tuple, list)) and len(given) in (2, 3):
        x, y, sample_weight = (*given, None)[:3]
        return as_dataset(x, y, sample_weight, steps)
    if isinstance(given, (tuple, list)):
        raise DataError(
            f"validation_data expected (x, y) or (x, y, sample_weight), got {len(given)} parts."
        )
    return as_dataset(given, None, None, steps)


def _answer(values: dict[str, float], return_dict: bool) -> Any:
    if return_dict:
        return values
    listed = list(values.values())
    return listed[0] if len(listed) == 1 else listed


def _scalars(values: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in values.items() if isinstance(value, float)]


def _fill(array: np.ndarray, rows: int) -> np.ndarray:
    """Return the array with zero rows at its end."""
    if len(array) == rows:
        return array
    filled = np.zeros((rows, *array.shape[1:]), array.dtype)
    filled[: len(array)] = array
    return filled
