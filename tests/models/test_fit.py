"""Fitting: determinism, one compilation, short batches, weights, streams, callbacks' effects."""

import signal

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import pellucid
from compilations import compilations
from pellucid import Input, Model, Sequential, callbacks, losses, optimizers
from pellucid.layers import BatchNormalization, Dense, Dropout, Flatten


@pytest.fixture
def blobs():
    """Three overlapping clouds of points: (x, labels), 203 rows, so that no batch size fits."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 203)
    x = rng.standard_normal((203, 6)) + np.eye(3, 6)[y] * 3
    return x.astype(np.float32), y


def network(seed=0, dropout=0.25):
    return Sequential(
        [Dense(16, activation="relu"), Dropout(dropout), BatchNormalization(), Dense(3)], seed=seed
    )


def compiled(optimizer="adam", metrics=("accuracy",), **settings):
    model = network(**settings)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, list(metrics), verbose=0)
    return model


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def test_it_learns(blobs):
    model = compiled(optimizers.Adam(0.01))
    history = model.fit(*blobs, epochs=20, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9
    assert len(history["loss"]) == 20


def test_one_seed_gives_equal_bits_and_another_does_not(blobs):
    models = [compiled() for _ in range(3)]
    for model, seed in zip(models, (7, 7, 8), strict=True):
        model.fit(*blobs, epochs=3, seed=seed, verbose=0)
    assert equal(models[0], models[1])
    assert not equal(models[0], models[2])


def test_the_number_of_looks_changes_no_bit(blobs):
    a, b = compiled(), compiled()
    seen = []
    a.fit(*blobs, epochs=3, verbose=0)
    every = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    history = b.fit(*blobs, epochs=3, verbose=0, callbacks=[every])
    assert seen == list(range(7)) * 3
    assert equal(a, b)
    assert history.history["loss"] == pytest.approx(history.history["loss"])


def test_progress_output_changes_no_bit(blobs, capsys):
    a, b = compiled(), compiled()
    a.fit(*blobs, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""
    b.fit(*blobs, epochs=2, verbose=1)
    assert "Epoch 2/2" in capsys.readouterr().out
    assert equal(a, b)


def test_nothing_is_compiled_after_the_first_epoch(blobs):
    """Not for the short last batch, nor for validation, callbacks, another fit or evaluation."""
    x, y = blobs
    model = compiled()
    counts = []
    with compilations() as names:
        watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: counts.append(len(names)))
        rate = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
        model.fit(x, y, epochs=4, validation_split=0.3, callbacks=[watch, rate], verbose=0)
        assert counts[0] > 0
        assert counts[1:] == counts[:1] * 3
        model.fit(x, y, epochs=2, validation_split=0.3, callbacks=[watch, rate], verbose=0, seed=5)
        model.evaluate(x[:142], y[:142], verbose=0)
        assert counts[4:] == counts[4:5] * 2


def test_one_fit_compiles_its_step_once(blobs):
    model = compiled()
    model.fit(*blobs, epochs=3, verbose=0)
    assert model._steps._train._cache_size() == 1


def test_padding_of_the_last_batch_counts_for_nothing(blobs):
    """One step on 5 rows in a batch of 8 equals one step on exactly these 5 rows."""
    x, y = blobs[0][:13], blobs[1][:13]
    padded, exact = (
        compiled(optimizers.SGD(0.1), dropout=0.0),
        compiled(optimizers.SGD(0.1), dropout=0.0),
    )
    padded.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    exact.train_on_batch(x[:8], y[:8])
    exact.train_on_batch(x[8:], y[8:])
    for a, b in zip(padded.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_the_default_batch_of_little_data_is_the_data(blobs):
    x, y = blobs[0][:10], blobs[1][:10]
    default, exact = compiled(), compiled()
    default.fit(x, y, epochs=2, verbose=0)
    exact.fit(x, y, batch_size=10, epochs=2, verbose=0)
    assert equal(default, exact)


def test_epoch_measures_are_those_of_all_rows(blobs):
    """With a rate of next to nothing, the history equals an evaluation, short batch or not."""
    x, y = blobs
    model = Sequential([Dense(3)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.SGD(1e-30), loss, ["accuracy"], verbose=0)
    history = model.fit(x, y, epochs=1, verbose=0).history
    values = model.evaluate(x, y, batch_size=50, verbose=0, return_dict=True)
    assert history["loss"][0] == pytest.approx(values["loss"], rel=1e-6)
    assert history["accuracy"][0] == pytest.approx(values["accuracy"], rel=1e-9)


def test_evaluate_does_not_depend_on_the_batch_size(blobs):
    model = compiled()
    model.fit(*blobs, epochs=1, verbose=0)
    a, b = (model.evaluate(*blobs, batch_size=n, verbose=0) for n in (7, 203))
    assert a == pytest.approx(b, rel=1e-6)
    logits = model.predict(blobs[0], batch_size=11)
    assert a[1] == pytest.approx(np.mean(logits.argmax(-1) == blobs[1]))


def test_sample_weights_of_zero_leave_rows_out(blobs):
    x, y = blobs[0][:32], blobs[1][:32]
    weight = np.repeat([1.0, 0.0], 16)
    whole, half = (compiled(optimizers.SGD(0.1), dropout=0.0) for _ in range(2))
    whole, half = (Sequential([Dense(3)]) for _ in range(2))
    for model in (whole, half):
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizers.SGD(0.1), loss, verbose=0)
    whole.fit(x, y, sample_weight=weight, batch_size=32, verbose=0, shuffle=False)
    half.fit(x[:16], y[:16], sample_weight=np.full(16, 0.5), batch_size=16, verbose=0)
    for a, b in zip(whole.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_class_weight_equals_sample_weight(blobs):
    x, y = blobs
    by_class, by_row = compiled(), compiled()
    weights = {0: 2.0, 1: 0.5, 2: 1.0}
    by_class.fit(x, y, class_weight=weights, verbose=0)
    by_row.fit(x, y, sample_weight=np.array([weights[c] for c in y]), verbose=0)
    assert equal(by_class, by_row)


def test_validation_split_takes_the_last_rows(blobs):
    x, y = blobs
    model = compiled()
    split = model.fit(x, y, validation_split=0.25, epochs=2, verbose=0).history
    again = compiled()
    at = int(203 * 0.75)
    given = again.fit(x[:at], y[:at], validation_data=(x[at:], y[at:]), epochs=2, verbose=0).history
    assert split == given
    assert set(split) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_a_stream_of_batches_trains_like_the_arrays(blobs):
    x, y = blobs
    arrays, stream = compiled(dropout=0.0), compiled(dropout=0.0)
    arrays.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)

    def batches():
        for start in range(0, 203, 32):
            yield x[start : start + 32], y[start : start + 32]

    stream.fit(batches, epochs=2, verbose=0)
    for a, b in zip(arrays.get_weights(), stream.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_an_endless_stream_needs_steps_per_epoch(blobs):
    x, y = blobs
    seen = []

    def batches():
        while True:
            seen.append(1)
            yield x[:16], y[:16]

    model = compiled()
    history = model.fit(batches, steps_per_epoch=5, epochs=3, verbose=0)
    assert len(history.history["loss"]) == 3
    assert int(model._trained.step) == 15


def test_several_inputs_and_outputs_and_a_shared_layer():
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((2, 64, 4)).astype(np.float32)
    a, b = Input((4,), name="left"), Input((4,), name="right")
    shared = Dense(8, activation="tanh", name="shared")
    joined = pellucid.layers.Concatenate()([shared(a), shared(b)])
    total = Dense(1, name="total")(joined)
    sign = Dense(1, activation="sigmoid", name="sign")(joined)
    model = Model([a, b], {"total": total, "sign": sign})
    assert model.count_params() == (4 * 8 + 8) + (16 + 1) * 2
    model.compile(
        optimizers.Adam(0.01),
        {"total": "mse", "sign": "binary_crossentropy"},
        {"sign": ["accuracy"]},
        loss_weights={"total": 0.5},
        verbose=0,
    )
    y = {
        "total": (left + right).sum(1, keepdims=True),
        "sign": (left[:, :1] > 0).astype(np.float32),
    }
    history = model.fit({"left": left, "right": right}, y, epochs=30, verbose=0).history
    assert set(history) == {"loss", "total_loss", "sign_loss", "sign_accuracy"}
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    expected = 0.5 * history["total_loss"][-1] + history["sign_loss"][-1]
    assert history["loss"][-1] == pytest.approx(expected, rel=1e-5)
    predicted = model.predict([left, right])
    assert {name: value.shape for name, value in predicted.items()} == {
        "total": (64, 1),
        "sign": (64, 1),
    }


def test_labels_of_one_axis_fit_one_output_unit():
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    y = (x[:, 0] > 0).astype(int)
    model = Sequential([Dense(1, activation="sigmoid")])
    model.compile(optimizers.Adam(0.1), "binary_crossentropy", ["accuracy"], verbose=0)
    history = model.fit(x, y, epochs=40, verbose=0).history
    assert history["accuracy"][-1] > 0.95


def test_an_optax_optimizer_fits(blobs):
    ours, theirs = compiled(optimizers.Adam(0.01, epsilon=1e-8)), compiled(optax.adam(0.01))
    ours.fit(*blobs, epochs=2, verbose=0)
    theirs.fit(*blobs, epochs=2, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_layers_that_are_not_trainable_stay(blobs):
    model = Sequential([Dense(8, trainable=False), Dense(3)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, verbose=0)
    model.build((None, 6))
    before = model.get_weights()
    model.fit(*blobs, epochs=1, verbose=0)
    after = model.get_weights()
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False, False, True, True]


def test_regularization_is_in_the_loss_and_constraints_hold(blobs):
    x, y = blobs
    model = Sequential(
        [
            Dense(8, kernel_regularizer="l2", kernel_constraint=pellucid.constraints.MaxNorm(0.5)),
            Dense(3),
        ]
    )
    plain = Sequential([Dense(8), Dense(3)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    for one in (model, plain):
        one.compile(optimizers.SGD(0.5), loss, verbose=0)
        one.build((None, 6))
    plain.set_weights(model.get_weights())
    kernel = model.get_weights()[0]
    penalty = 0.01 * float(np.sum(kernel.astype(np.float64) ** 2))
    difference = model.evaluate(x, y, verbose=0) - plain.evaluate(x, y, verbose=0)
    assert difference == pytest.approx(penalty, rel=1e-4)
    model.fit(x, y, epochs=3, verbose=0)
    assert np.linalg.norm(model.get_weights()[0], axis=0).max() <= 0.5 + 1e-6


def test_an_interrupted_fit_keeps_what_it_learned(blobs):
    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    model = compiled()
    reference = compiled()
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *blobs,
            epochs=9,
            verbose=0,
            callbacks=[callbacks.LambdaCallback(on_epoch_end=interrupt)],
        )
    reference.fit(*blobs, epochs=3, verbose=0)
    assert equal(model, reference)


def test_ctrl_c_is_obeyed_at_a_look_and_loses_no_step(blobs):
    """The signal comes while a compiled chunk runs; the state after it is kept whole."""

    def press(batch, logs):
        if batch == 2:
            signal.raise_signal(signal.SIGINT)

    model, reference = compiled(), compiled()
    watch = callbacks.LambdaCallback(on_train_batch_begin=press)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*blobs, epochs=9, verbose=0, callbacks=[watch])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert int(model._trained.step) == 3
    order = np.random.default_rng((0, 0)).permutation(len(blobs[0]))[: 3 * 32]
    reference.fit(blobs[0][order], blobs[1][order], epochs=1, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_second_fit_goes_on(blobs):
    at_once, in_two = compiled(), compiled()
    at_once.fit(*blobs, epochs=4, verbose=0)
    in_two.fit(*blobs, epochs=2, verbose=0)
    in_two.fit(*blobs, epochs=2, verbose=0)
    assert equal(at_once, in_two)


def test_train_on_batch_returns_loss_and_metrics(blobs):
    x, y = blobs
    model = compiled()
    answer = model.train_on_batch(x[:32], y[:32], return_dict=True)
    assert set(answer) == {"loss", "accuracy"}
    losses_seen = [model.train_on_batch(x[:32], y[:32])[0] for _ in range(30)]
    assert losses_seen[-1] < losses_seen[0]


def test_a_users_own_layer_in_a_few_lines(blobs):
    class Scale(pellucid.layers.Layer):
        start: float = 1.0

        def init(self, key, input_spec):
            return {"scale": jnp.full(input_spec.shape[-1], self.start)}

        def apply(self, variables, x, context):
            return x * variables["scale"]

    model = Sequential([Scale(2.0), Flatten(), Dense(3)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, verbose=0)
    model.fit(*blobs, epochs=1, verbose=0)
    assert list(model.graph.layers()) == ["scale", "flatten", "dense"]
    assert not np.array_equal(model.get_weights()[0], np.full(6, 2.0))


def test_calling_a_model_equals_predict(blobs):
    model = compiled()
    model.fit(*blobs, epochs=1, verbose=0)
    np.testing.assert_allclose(model(blobs[0]), model.predict(blobs[0]), rtol=1e-5, atol=1e-6)
    assert model.predict(blobs[0][:1]).shape == (1, 3)


def test_a_model_is_a_layer_of_another(blobs):
    x = Input((6,))
    encoder = Model(x, Dense(4, activation="tanh")(x), name="encoder")
    model = Sequential([encoder, Dense(3)])
    assert np.array_equal(model.get_weights()[0], encoder.get_weights()[0])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, verbose=0)
    history = model.fit(*blobs, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
