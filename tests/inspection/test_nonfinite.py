"""A NaN planted in many places is named exactly: step, part of the step, layer, operation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pellucid
from inspection.recorded_runs import often
from pellucid import Sequential, kernels, losses, ops, optimizers
from pellucid.callbacks import LambdaCallback, TerminateOnNaN
from pellucid.errors import DataError
from pellucid.inspection import Recording, find_nonfinite
from pellucid.layers import BatchNormalization, Dense, Layer
from pellucid.training import Batch, train

ROW, STEP, SIZE = 13, 3, 4
"""The planted row, the step whose batch it is in, and the rows of a batch."""


def numbers():
    x = np.random.default_rng(0).uniform(0.5, 1.5, (24, 3)).astype(np.float32)
    return x, x.sum(axis=1, keepdims=True)


class Grow(Layer):
    def apply(self, variables, x, context):
        return jnp.exp(x)


class Standardize(Layer):
    def apply(self, variables, x, context):
        centered = x - jnp.mean(x, axis=1, keepdims=True)
        deviation = jnp.sqrt(jnp.mean(centered**2, axis=1, keepdims=True))
        return centered / jax.lax.stop_gradient(deviation)


class Length(Layer):
    def apply(self, variables, x, context):
        return jnp.sqrt(jnp.sum(x**2, axis=1, keepdims=True))


class Inverse(Layer):
    def apply(self, variables, x, context):
        return jnp.where(x != 0, 1 / x, 0.0)


class Shares(Layer):
    """Softmax over the positive entries; a row without any has nothing to share."""

    def apply(self, variables, x, context):
        return ops.softmax(jnp.where(x > 0, x, -jnp.inf))


def log_loss(y_true, y_pred):
    return -jnp.mean(y_true * jnp.log(y_pred), axis=-1)


def compiled(*parts, optimizer=None, loss="mse"):
    model = Sequential([*parts], seed=1)
    model.build((None, 3))
    model.compile(optimizer or optimizers.SGD(1e-3), loss, verbose=0)
    return model


def plain(**settings):
    return compiled(Dense(2, name="hidden"), Dense(1, name="out"), **settings)


def planted_row(value):
    x, y = numbers()
    x[ROW] = value
    return x, y


def fitted(folder, model, data, *callbacks, epochs=1):
    """Return the reopened recording of a fit."""
    settings = {"batch_size": SIZE, "shuffle": False, "verbose": 0, "epochs": epochs}
    model.fit(*data, callbacks=[*callbacks, TerminateOnNaN(), often(folder)], **settings)
    return pellucid.open(folder, model=model, data=data)


def stepped(folder, model, batch):
    """Return the reopened recording of a training with the model's step, on unchecked data."""
    steps, start = model._steps, model._start(0)
    settings = {"batch_size": SIZE, "shuffle": False}
    train(steps, start, batch, callbacks=[TerminateOnNaN(), often(folder)], **settings)
    return pellucid.open(folder, step=steps, state=start, data=batch)


def spoiled(part, value):
    """Return a batch of all rows with a bad number in one of them."""
    x, y = numbers()
    arrays = {"x": x, "y": y, "sample_weight": np.ones(24, np.float32)}
    arrays[part][ROW] = value
    return Batch(**arrays)


def nan_kernel_in_a_callback(folder):
    def spoil(epoch, logs):
        if epoch == 1:
            parameters = callback.record.parameters
            parameters["out"]["kernel"] = parameters["out"]["kernel"].at[1, 0].set(jnp.nan)
            callback.record.replace(parameters)

    callback = LambdaCallback(on_epoch_begin=spoil)
    return fitted(folder, plain(), numbers(), callback, epochs=3)


def nan_bias_at_the_start(folder):
    model = plain()
    kernel, bias, *others = model.get_weights()
    model.set_weights([kernel, np.full_like(bias, np.nan), *others])
    return fitted(folder, model, numbers())


def overflow_in_the_square(folder, optimizer, units=1):
    x, y = numbers()
    x[ROW], y[ROW] = 1e10, -1e15
    model = compiled(Dense(units, name="out"), optimizer=optimizer)
    return fitted(folder, model, (x, np.repeat(y, units, axis=1)))


def exploding_rate(folder):
    x, y = numbers()
    return fitted(folder, compiled(dense_one(), optimizer=optimizers.SGD(1e12)), (x, -y))


def bad_moving_variance(folder, value):
    norm = BatchNormalization(trainable=False, name="norm")
    model = compiled(norm, Dense(1, name="out"))
    variables = model.variables
    variables.state["norm"]["moving_variance"] = jnp.full(3, value)
    model.variables = variables
    return fitted(folder, model, numbers())


def dense_one(**settings):
    return Dense(1, name="out", kernel_initializer="ones", use_bias=False, **settings)


PLACES = {
    "NaN in an input row": (
        lambda f: stepped(f, plain(), spoiled("x", np.nan)),
        (STEP, "given", None, "batch/x", ROW),
    ),
    "infinity in an input row": (
        lambda f: stepped(f, plain(), spoiled("x", np.inf)),
        (STEP, "given", None, "batch/x", ROW),
    ),
    "NaN in a label": (
        lambda f: stepped(f, plain(), spoiled("y", np.nan)),
        (STEP, "given", None, "batch/y", ROW),
    ),
    "NaN in a sample weight": (
        lambda f: stepped(f, plain(), spoiled("sample_weight", np.nan)),
        (STEP, "given", None, "batch/sample_weight", ROW),
    ),
    "logarithm of 0 in a loss of one's own": (
        lambda f: fitted(
            f, compiled(dense_one(activation="relu"), loss=log_loss), planted_row(-1.0)
        ),
        (STEP, "loss", None, "log", ROW),
    ),
    "overflow of exp in a layer of one's own": (
        lambda f: fitted(f, compiled(Grow(name="grow"), Dense(1)), planted_row(200.0)),
        (STEP, "forward", "grow", "exp", ROW),
    ),
    "division by a variance of 0": (
        lambda f: fitted(f, compiled(Standardize(name="same"), Dense(1)), planted_row(0.5)),
        (STEP, "forward", "same", "div", ROW),
    ),
    "NaN in a kernel, by a callback": (
        nan_kernel_in_a_callback,
        (6, "given", "out", "parameters/out/kernel", None),
    ),
    "NaN in a bias from the start": (
        nan_bias_at_the_start,
        (0, "given", "hidden", "parameters/hidden/bias", None),
    ),
    "exploding rate": (
        exploding_rate,
        (2, "loss", None, "mean_squared_error", 8),
    ),
    "slope of a root at 0": (
        lambda f: fitted(f, compiled(dense_one(), Length(name="length")), planted_row(0.0)),
        (STEP, "backward", "length", "sqrt", None),
    ),
    "0 times infinity behind a where": (
        lambda f: fitted(f, compiled(dense_one(), Inverse(name="inverse")), planted_row(0.0)),
        (STEP, "backward", "inverse", "div", None),
    ),
    "overflow in an optimizer's square": (
        lambda f: overflow_in_the_square(f, optimizers.RMSprop(1e-3)),
        (STEP, "update", "out", "integer_pow", None),
    ),
    "negative moving variance": (
        lambda f: bad_moving_variance(f, -1.0),
        (0, "forward", "norm", "batch_norm_inference", None),
    ),
    "NaN in a moving variance": (
        lambda f: bad_moving_variance(f, np.nan),
        (0, "given", "norm", "layer_state/norm/moving_variance", None),
    ),
    "a row that is masked as a whole": (
        lambda f: fitted(f, compiled(Shares(name="shares"), Dense(1)), planted_row(-1.0)),
        (STEP, "forward", "shares", "softmax", ROW),
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what was found for a planted place, and its recording; made once each."""
    made = {}

    def find(place):
        if place not in made:
            run = PLACES[place][0](tmp_path_factory.mktemp("planted"))
            made[place] = run, run.explain_nonfinite()
        return made[place]

    return find


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_place_is_named_exactly(place, found):
    run, report = found(place)
    expected = PLACES[place][1]
    assert isinstance(run, Recording)
    assert (report.step, report.part, report.layer, report.operation, report.row) == expected
    assert run.find("first nan") == [report.step]
    assert run.steps.stop >= report.step + 1
    assert report.advice
    assert (report.code is None) == (report.part == "given")


def test_the_step_before_is_finite_and_this_one_is_not(found):
    run, report = found("overflow of exp in a layer of one's own")
    assert run.at(report.step - 1).explain_nonfinite() is None
    assert not np.isfinite(run.at(report.step).measures["loss"])
    np.testing.assert_array_equal(run.at(report.step).x[ROW - STEP * SIZE], np.full(3, 200.0))


def test_the_report_says_what_was_read(found):
    _, report = found("overflow of exp in a layer of one's own")
    assert report.inputs[0].name == "batch/x"
    assert report.inputs[0].numbers.high == 200
    assert report.output.infinities == 3
    assert "jnp.exp(x)" in report.code
    assert report.reached == ("loss", "parameters/dense/bias", "parameters/dense/kernel")
    assert "exp(x) is infinite above 88.7" in report.advice[0]
    text = str(report)
    assert "exp of layer 'grow' in the forward pass" in text
    assert "row        13 of the data" in text
    assert report.sentence.startswith("In step 3, exp of layer 'grow' in the forward pass, made")


def test_the_origin_of_an_explosion_is_a_weight(found):
    _, report = found("exploding rate")
    assert report.origin.name == "parameters/out/kernel"
    assert report.origin.numbers.size > 1e20
    assert "lower the learning rate" in report.advice[0]


def test_a_root_in_a_layer_points_at_its_line(found):
    _, report = found("slope of a root at 0")
    assert "jnp.sqrt(jnp.sum(x**2" in report.code
    assert "The slope of a root at 0 is infinite" in report.advice[0]
    assert report.inputs[-1].numbers.zeros == 1


def test_the_report_as_json(found):
    _, report = found("exploding rate")
    told = report.to_json()
    assert told["step"] == 2
    assert told["origin"]["name"] == "parameters/out/kernel"
    assert told["inputs"][0]["shape"] == list(report.inputs[0].numbers.shape)


@pytest.mark.skipif(not kernels.status().ready, reason="the compiled kernels are not there")
def test_a_compiled_kernel_is_named(tmp_path):
    run = overflow_in_the_square(tmp_path, optimizers.Adam(1e-3), units=1500)
    report = run.explain_nonfinite()
    assert (report.step, report.part, report.layer) == (STEP, "update", "out")
    assert report.operation == "pellucid_adam"
    assert report.reached == ("optimizer_state/slots/v/out/kernel",)


def test_a_healthy_run_has_none(tmp_path):
    run = fitted(tmp_path, plain(), numbers())
    assert run.explain_nonfinite() is None
    assert run.find("first nan") == []


# One step, without a recording


def test_a_batch_with_a_nan_in_it():
    x, y = numbers()
    x[5, 1] = np.nan
    report = find_nonfinite(plain(), x, y)
    assert (report.part, report.operation, report.row) == ("given", "batch/x", 5)
    assert report.output.first == (5, 1)


def test_weights_and_a_loss_of_one_step():
    x, y = numbers()
    weights = np.ones(24, np.float32)
    weights[2] = np.inf
    assert find_nonfinite(plain(), x, y, weights).operation == "batch/sample_weight"
    assert find_nonfinite(plain(), x, y) is None
    loss = losses.BinaryCrossentropy(from_logits=True)
    assert find_nonfinite(plain(loss=loss), x, (y > 3).astype(np.float32)) is None


def test_a_recurrence_is_worked_through_step_by_step():
    class Running(Layer):
        def apply(self, variables, x, context):
            def body(total, x):
                total = total * 1e3 + x
                return total, jnp.exp(total)

            _, y = jax.lax.scan(body, jnp.zeros(x.shape[0]), x.T)
            return y.T

    x, y = numbers()
    report = find_nonfinite(compiled(Running(name="running"), Dense(1)), x, y)
    assert (report.part, report.layer, report.operation) == ("forward", "running", "exp")
    assert "jnp.exp(total)" in report.code


def test_bad_shapes_are_told_as_in_fit():
    with pytest.raises(DataError, match="fit, evaluate and predict need data"):
        find_nonfinite(plain(), None, None)
