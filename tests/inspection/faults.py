"""Injected faults: small networks on real data, each made ill in one known way.

A ground is a data set with a network that learns it. A fault is a change of the ground's data or of
its network, compilation or fit. ``run`` trains the result, and one network is compiled once for all
seeds.
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from pellucid import datasets, losses, optimizers
from pellucid.callbacks import LambdaCallback
from pellucid.initializers import Constant, Orthogonal, RandomNormal, RandomUniform
from pellucid.inspection.diagnosis import Diagnosis, diagnose
from pellucid.layers import (
    LSTM,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Input,
    Layer,
    MaxPooling2D,
    RandomErasing,
    RandomTranslation,
    SimpleRNN,
)
from pellucid.models import Sequential
from pellucid.optimizers import SGD, Adam
from pellucid.optimizers.schedules import ExponentialDecay
from pellucid.regularizers import L2
from pellucid.utils import to_categorical


@dataclass(frozen=True)
class Parts:
    """Inputs and targets of the three parts of a data set."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    def each(self, change: Callable[[Any, Any], tuple[Any, Any]]) -> "Parts":
        return Parts(*(change(*part) for part in (self.train, self.validation, self.test)))


def split(x, y, sizes, seed) -> Parts:
    order = np.random.default_rng(seed).permutation(len(x))
    bounds = np.cumsum(sizes)
    chosen = np.split(order[: bounds[-1]], bounds[:-1])
    return Parts(*((x[rows], y[rows]) for rows in chosen))


@functools.cache
def _digits():
    (x, y), (x2, y2) = datasets.digits.load_data()
    x, y = np.concatenate([x, x2]), np.concatenate([y, y2])
    return (x.reshape(len(x), -1) / 16).astype("float32"), y.astype("int32")


@functools.cache
def _table(name):
    (x, y), (x2, y2) = getattr(datasets, name).load_data()
    x, y = np.concatenate([x, x2]).astype("float32"), np.concatenate([y, y2])
    x = (x - x.mean(0)) / x.std(0)
    if name == "diabetes":
        y = ((y - y.mean()) / y.std()).astype("float32").reshape(-1, 1)
    return x, y if name == "diabetes" else y.astype("int32")


@functools.cache
def _pictures(name):
    (x, y), _ = getattr(datasets, name).load_data()
    x = x[:6000].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) / 255
    return x.astype("float32"), y[:6000].astype("int32")


@dataclass(frozen=True)
class Ground:
    """A data set and how its network is made and fitted when all is well."""

    load: Callable[[int], Parts]
    outputs: int
    kind: str
    rate: float
    batch_size: int
    epochs: int
    activation: str = "relu"


def _load_digits(seed):
    return split(*_digits(), [900, 250, 250], seed)


def _load_iris(seed):
    return split(*_table("iris"), [90, 30, 30], seed)


def _load_diabetes(seed):
    return split(*_table("diabetes"), [280, 80, 80], seed)


def _load_fashion(seed):
    x, y = _pictures("fashion_mnist")
    return split(x[..., None], y, [1200, 300, 300], seed)


def _load_mnist(seed):
    return split(*_pictures("mnist"), [1200, 300, 300], seed)


GROUNDS = {
    "digits-mlp": Ground(_load_digits, 10, "mlp", 3e-3, 32, 15),
    "iris-mlp": Ground(_load_iris, 3, "mlp", 1e-2, 16, 30, "tanh"),
    "diabetes-mlp": Ground(_load_diabetes, 1, "mlp", 2e-3, 32, 15),
    "fashion-conv": Ground(_load_fashion, 10, "conv", 3e-3, 32, 10),
    "mnist-lstm": Ground(_load_mnist, 10, "lstm", 5e-3, 32, 15),
}
ALL = tuple(GROUNDS)
CLASSES = ("digits-mlp", "iris-mlp", "fashion-conv", "mnist-lstm")
LARGE = ("digits-mlp", "fashion-conv", "mnist-lstm")


# Layers of one's own, in which a fault can hide


class Unnamed(Layer):
    """Applies a function whose name compile cannot read."""

    function: Any = None

    def apply(self, variables, x, context):
        return self.function(x)


class AlwaysDropout(Layer):
    """Forgets to ask whether the network is learning."""

    def apply(self, variables, x, context):
        keep = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape)
        return x * keep * 2


class Blind(Layer):
    """Takes the last feature out."""

    def apply(self, variables, x, context):
        return x.at[..., -1].set(0.0)


class MixedRows(Layer):
    """Gives every row the picture of its neighbor in the batch, while learning."""

    def apply(self, variables, x, context):
        return jax.numpy.roll(x, 1, axis=0) if context.training else x


# Networks


@dataclass(frozen=True)
class Plan:
    """What a fault may change about network, compilation and fit."""

    activation: str | None = None
    init: Any = None
    bias: Any = "zeros"
    penalty: Any = None
    frozen: bool = False
    width: int = 32
    depth: int = 2
    kind: str | None = None
    recurrent: Any = None
    first: Callable[[], list[Layer]] = list
    between: Callable[[], list[Layer]] = list
    last: Callable[[], list[Layer]] = list
    output: str | None = None
    optimizer: Callable[[float], Any] = Adam
    rate: float = 1.0
    loss: Any = None
    metrics: tuple[Any, ...] = ("accuracy",)
    batch_size: int | None = None
    epochs: float = 1.0
    shuffle: bool = True
    callbacks: Callable[[], list[Any]] = list


def network(ground: Ground, shape, plan: Plan) -> Sequential:
    act = plan.activation or ground.activation
    kind = plan.kind or ground.kind
    hidden = {
        "kernel_regularizer": plan.penalty,
        "bias_initializer": plan.bias,
        "trainable": not plan.frozen,
    }
    init = plan.init or ("he_normal" if act == "relu" else "glorot_uniform")
    stack: list[Layer] = [Input(shape), *plan.first()]
    dense = plan.depth
    if kind == "conv":
        filters = max(1, plan.width // 4)
        for _ in range(2):
            stack += [
                Conv2D(filters, 3, activation=act, kernel_initializer=init, **hidden),
                *plan.between(),
                MaxPooling2D(2),
            ]
        stack += [Flatten()]
        dense -= 1
    if kind == "lstm":
        more = {} if plan.init is None else {"kernel_initializer": plan.init}
        if plan.recurrent is not None:
            more["recurrent_initializer"] = plan.recurrent
        bias = {} if plan.bias == "zeros" else {"unit_forget_bias": False}
        stack += [LSTM(plan.width, **more, **bias, **hidden), *plan.between()]
        dense -= 1
    if kind == "rnn":
        cell = SimpleRNN(plan.width, activation=act, recurrent_initializer=plan.recurrent, **hidden)
        stack += [cell]
        dense -= 1
    for _ in range(dense):
        stack += [Dense(plan.width, act, kernel_initializer=init, **hidden), *plan.between()]
    out = {} if plan.init is None else {"kernel_initializer": plan.init}
    stack.append(Dense(ground.outputs, plan.output, kernel_regularizer=plan.penalty, **out))
    return Sequential([*stack, *plan.last()], name=kind)


def compiled(ground: Ground, shape, plan: Plan) -> Sequential:
    model = network(ground, shape, plan)
    loss = plan.loss
    if loss is None:
        loss = (
            "mse" if ground.outputs == 1 else losses.SparseCategoricalCrossentropy(from_logits=True)
        )
    metrics = plan.metrics if ground.outputs > 1 or plan.metrics != ("accuracy",) else ("mae",)
    model.compile(plan.optimizer(ground.rate * plan.rate), loss, list(metrics), verbose=0)
    return model


# Faults


def same(parts: Parts, rng: np.random.Generator) -> Parts:
    return parts


@dataclass(frozen=True)
class Fault:
    """One way to make a ground ill.

    Attributes:
        name: the verdict that is due; "" for a healthy run.
        grounds: where it is injected.
        plan: the changes of network, compilation and fit; by ground where they differ.
        data: the change of the data.
        also: verdicts that are just as true of the run.
        before: called with the trained model, to damage it.
    """

    name: str
    grounds: tuple[str, ...]
    plan: dict[str, Any] = field(default_factory=dict)
    by_ground: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: Callable[[Parts, np.random.Generator], Parts] = same
    also: tuple[str, ...] = ()
    damage: Callable[[Any], None] | None = None
    label: str = ""

    def plan_for(self, ground: str) -> Plan:
        return Plan(**{**self.plan, **self.by_ground.get(ground, {})})

    @property
    def title(self) -> str:
        return f"{self.name or 'healthy'}{' ' if self.label else ''}{self.label}"


_KEPT: dict[Any, Sequential] = {}


def run(fault: Fault, ground_name: str, seed: int) -> tuple[Diagnosis, Parts]:
    """Train the network of a ground with a fault in it, and diagnose it."""
    ground = GROUNDS[ground_name]
    plan = fault.plan_for(ground_name)
    parts = fault.data(ground.load(seed), np.random.default_rng(100 + seed))
    shape = parts.train[0].shape[1:]
    mark = (ground_name, shape, plan)
    if mark not in _KEPT:
        if len(_KEPT) > 8:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[mark] = compiled(ground, shape, plan)
    model = _KEPT[mark]
    model.seed, model._variables, model._trained = seed, None, None
    epochs = max(1, round(ground.epochs * plan.epochs))
    size = min(plan.batch_size or ground.batch_size, len(parts.train[0]))
    history = model.fit(
        *parts.train,
        batch_size=size,
        epochs=epochs,
        validation_data=parts.validation,
        shuffle=plan.shuffle,
        callbacks=plan.callbacks(),
        verbose=0,
    )
    if fault.damage is not None:
        fault.damage(model)
    found = diagnose(
        model,
        parts.train,
        validation_data=parts.validation,
        test_data=parts.test,
        history=history,
        seed=seed,
    )
    return found, parts


# Changes of data


def scaled(factor, offset=0.0):
    return lambda parts, rng: parts.each(lambda x, y: (x * factor + offset, y))


def constant_feature(parts, rng):
    def add(x, y):
        return np.concatenate([x, np.full((*x.shape[:-1], 1), 0.7, x.dtype)], axis=-1), y

    return parts.each(add)


def noise_feature(parts, rng):
    def add(x, y):
        extra = rng.standard_normal((*x.shape[:-1], 1)).astype(x.dtype)
        return np.concatenate([x, extra], axis=-1), y

    return parts.each(add)


def imbalanced(parts, rng):
    def thin(x, y):
        rare = y >= (y.max() + 1) / 2 if y.max() > 2 else y == 2
        keep = ~rare | (rng.random(len(y)) < 0.06)
        keep[np.flatnonzero(rare)[:2]] = True
        return x[keep], y[keep]

    train = thin(*parts.train)
    # The same number of rows for every seed, so that nothing is compiled again.
    count = {90: 56, 900: 440, 1200: 590}[len(parts.train[0])]
    rows = np.resize(np.arange(len(train[0])), count) if len(train[0]) < count else slice(count)
    if not isinstance(rows, slice):
        return dataclasses.replace(parts, train=train)
    return dataclasses.replace(parts, train=(train[0][rows], train[1][rows]))


def majority(parts, rng):
    """Keep nine rows of class 0 for each other one, whose labels are noise."""

    def thin(x, y):
        y = (rng.random(len(y)) < 0.08).astype("int32")
        return x, y

    return parts.each(thin)


def permuted(parts, rng):
    return parts.each(lambda x, y: (x, y[rng.permutation(len(y))]))


def flipped(share):
    def flip(parts, rng):
        x, y = parts.train
        classes = int(y.max()) + 1
        rows = rng.permutation(len(y))[: round(share * len(y))]
        y = y.copy()
        y[rows] = (y[rows] + rng.integers(1, classes, len(rows))) % classes
        return dataclasses.replace(parts, train=(x, y))

    return flip


def copied(noise):
    def copy(parts, rng):
        x, y = parts.train
        n = len(x) // 8
        x, y = x.copy(), y.copy()
        x[-n:] = x[:n] + noise * x.std() * rng.standard_normal((n, *x.shape[1:]))
        y[-n:] = y[:n]
        return dataclasses.replace(parts, train=(x, y))

    return copy


def leaked(noise):
    def leak(parts, rng):
        (x, y), (x2, y2) = parts.train, parts.test
        n = len(x2) // 6
        x2, y2 = x2.copy(), y2.copy()
        x2[:n] = x[:n] + noise * x.std() * rng.standard_normal((n, *x.shape[1:]))
        y2[:n] = y[:n]
        return dataclasses.replace(parts, test=(x2, y2))

    return leak


def fewer(rows, noise=0.0):
    """Keep a few rows for training, and make all inputs hard to read."""

    def blur(x, y, rng):
        return (x + noise * rng.standard_normal(x.shape)).astype("float32"), y

    def take(parts, rng):
        if noise:
            parts = parts.each(lambda x, y: blur(x, y, rng))
        x, y = parts.train
        return dataclasses.replace(parts, train=(x[:rows], y[:rows]))

    return take


def in_order(parts, rng):
    x, y = parts.train
    order = np.argsort(y, kind="stable")
    return dataclasses.replace(parts, train=(x[order], y[order]))


def one_hot(parts, rng):
    classes = int(parts.train[1].max()) + 1
    return parts.each(lambda x, y: (x, to_categorical(y, classes)))


def raw_targets(parts, rng):
    return parts.each(lambda x, y: (x, y * 77 + 152))


# Changes of training


def one_bad_epoch():
    """Raise the rate a hundredfold for one epoch."""
    kept: dict[str, Any] = {}

    def begin(epoch, logs):
        record = kept["callback"].record
        if epoch == 7:
            kept["rate"] = record.learning_rate
            record.learning_rate = record.learning_rate * 100
        if epoch == 8:
            record.learning_rate = kept["rate"]

    kept["callback"] = LambdaCallback(on_epoch_begin=begin)
    return [kept["callback"]]


def break_one_weight(model):
    weights = model.get_weights()
    weights[0] = weights[0].copy()
    weights[0].flat[3] = np.nan
    model.set_weights(weights)


def decayed(rate):
    return optimizers.AdamW(rate, weight_decay=1e3 * 0.001 / rate * 1.0)


def dying(rate):
    return Adam(ExponentialDecay(rate, decay_steps=30, decay_rate=0.3))


def noisy_sgd(rate):
    return SGD(rate, momentum=0.9)


_SPARSE = losses.SparseCategoricalCrossentropy
_CUT = {"output": "relu"}
_TWICE = {"last": lambda: [Unnamed(function=jax.nn.softmax)]}
_OPEN = {"last": lambda: [Unnamed(function=lambda x: 3 * x)], "loss": _SPARSE()}
_DROP = {"between": lambda: [Dropout(0.95)]}
_NORM = {"between": lambda: [BatchNormalization()], "batch_size": 2, "epochs": 0.3}

HEALTHY = (
    Fault("", ALL),
    Fault("", ALL, {"between": lambda: [Dropout(0.2)]}, label="dropout"),
    Fault("", CLASSES, {"between": lambda: [BatchNormalization()]}, label="batch norm"),
    Fault("", LARGE, {"optimizer": noisy_sgd, "rate": 10.0}, label="sgd"),
    Fault("", LARGE, {"penalty": L2(1e-4), "activation": "tanh"}, label="l2 tanh"),
    Fault(
        "",
        LARGE,
        {"first": lambda: [GaussianNoise(0.05)]},
        {"fashion-conv": {"first": lambda: [RandomTranslation(0.08, 0.08)], "epochs": 1.5}},
        label="augmented",
    ),
)

FAULTS = (
    Fault("rate_too_high", (*LARGE, "iris-mlp"), {"rate": 300.0}),
    Fault("rate_too_low", (*LARGE, "iris-mlp"), {"rate": 0.002}, {"iris-mlp": {"rate": 0.01}}),
    Fault(
        "dead_units",
        CLASSES,
        {"bias": Constant(-4.0), "activation": "relu"},
        {"mnist-lstm": {"kind": "rnn", "recurrent": "orthogonal"}},
    ),
    Fault(
        "saturated_units",
        CLASSES,
        {"bias": RandomUniform(-12, 12), "activation": "tanh"},
    ),
    Fault(
        "vanishing_gradients",
        CLASSES,
        {"activation": "sigmoid", "depth": 9, "optimizer": SGD, "rate": 10.0},
    ),
    Fault(
        "vanishing_gradients",
        ("mnist-lstm",),
        {"kind": "rnn", "activation": "tanh", "recurrent": Orthogonal(gain=0.1), "optimizer": SGD},
        label="over time",
    ),
    Fault(
        "exploding_gradients",
        CLASSES,
        {"activation": "relu", "depth": 11, "init": "he_normal"},
        {
            **{
                name: {"init": RandomNormal(stddev=3.5 / 32**0.5)}
                for name in ("digits-mlp", "iris-mlp", "fashion-conv")
            },
            "mnist-lstm": {"kind": "rnn", "depth": 2, "recurrent": Orthogonal(gain=3.0)},
        },
        also=("rate_too_high",),
    ),
    Fault(
        "symmetric_initialization",
        CLASSES,
        {"init": "zeros"},
        {
            "iris-mlp": {"init": Constant(0.1)},
            "mnist-lstm": {"init": Constant(0.1), "recurrent": Constant(0.1)},
        },
    ),
    Fault("initialization_too_large", CLASSES, {"init": RandomNormal(stddev=5.0)}),
    Fault("missing_normalization", CLASSES, {}, data=scaled(255.0)),
    Fault(
        "missing_normalization",
        ("iris-mlp", "diabetes-mlp"),
        {},
        data=scaled(1.0, 500.0),
        label="offset",
    ),
    Fault(
        "activation_does_not_fit_loss",
        (*CLASSES, "diabetes-mlp"),
        by_ground={
            "digits-mlp": _TWICE,
            "iris-mlp": _OPEN,
            "fashion-conv": _CUT,
            "mnist-lstm": _OPEN,
            "diabetes-mlp": {"output": "tanh"},
        },
    ),
    Fault(
        "misleading_metric",
        CLASSES,
        {"loss": losses.BinaryCrossentropy(), "output": "sigmoid"},
        data=one_hot,
        label="one-hot",
    ),
    Fault("constant_inputs", ALL, {}, data=constant_feature),
    Fault("ignored_inputs", ALL, {"first": lambda: [Blind()]}, data=noise_feature),
    Fault("class_imbalance", CLASSES, {}, data=imbalanced),
    Fault(
        "misleading_metric",
        LARGE,
        {},
        data=majority,
        also=("class_imbalance", "shuffled_labels"),
        label="majority",
    ),
    Fault("shuffled_labels", ALL, {}, data=permuted),
    Fault("mislabelled_examples", CLASSES, {}, data=flipped(0.1)),
    Fault("duplicated_rows", ALL, {}, data=copied(0.0), label="exact"),
    Fault("duplicated_rows", ALL, {}, data=copied(0.003), label="near"),
    Fault("leaking_test_data", ALL, {}, data=leaked(0.0), label="exact"),
    Fault("leaking_test_data", ALL, {}, data=leaked(0.003), label="near"),
    Fault("overfitting", LARGE, {"epochs": 30.0, "width": 128}, data=fewer(60, noise=0.4)),
    Fault(
        "overfitting",
        ("diabetes-mlp",),
        {"epochs": 60.0, "width": 128},
        data=fewer(40),
        label="table",
    ),
    Fault("underfitting", LARGE, {"width": 1, "activation": "tanh", "epochs": 1.5}),
    Fault("tiny_batch_normalization", CLASSES, _NORM),
    Fault("dropout_too_strong", LARGE, _DROP),
    Fault("random_predictions", ALL, {"between": lambda: [AlwaysDropout()]}),
    Fault("frozen_layers", ALL, {"frozen": True}),
    Fault("plateau", LARGE, {"optimizer": dying}),
    Fault(
        "noisy_gradients",
        LARGE,
        {"optimizer": noisy_sgd, "batch_size": 1, "epochs": 0.2, "rate": 10.0},
    ),
    Fault("loss_spikes", CLASSES, {"callbacks": one_bad_epoch, "epochs": 1.3}),
    Fault(
        "broken_augmentation",
        CLASSES,
        {"first": lambda: [GaussianNoise(5.0)]},
        {
            "fashion-conv": {"first": lambda: [RandomErasing(1.0, scale=(0.9, 1.0))]},
            "mnist-lstm": {"first": lambda: [MixedRows()]},
        },
    ),
    Fault("weight_decay_too_strong", CLASSES, {"optimizer": decayed}, label="decay"),
    Fault("weight_decay_too_strong", CLASSES, {"penalty": L2(0.3)}, label="L2"),
    Fault("data_not_shuffled", CLASSES, {"shuffle": False}, data=in_order),
    Fault("not_finite", ALL, {}, damage=break_one_weight),
)
