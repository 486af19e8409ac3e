"""The perceptron, the self-organizing map and the auto-encoders, on data made for the test."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import callbacks, inspection, losses, models
from pellucid.errors import ArgumentError, DataError, MismatchError, UnknownNameError
from pellucid.optimizers import Adam
from pellucid.training import train
from pellucid.zoo import autoencoder, perceptron, som, vae
from pellucid.zoo._parts import part
from pellucid.zoo.perceptron import Lines, Perceptron, as_sides
from pellucid.zoo.som import SelfOrganizingMap

# The perceptron


def separable(rows=60, gap=0.1, seed=0):
    """Points of a square, at least ``gap`` from the line x + y = 0.3."""
    x = np.random.default_rng(seed).uniform(-1, 1, (4 * rows, 2)).astype(np.float32)
    distance = (x.sum(1) - 0.3) / np.sqrt(2)
    x, distance = x[np.abs(distance) > gap][:rows], distance[np.abs(distance) > gap][:rows]
    return x, np.sign(distance).astype(np.float32)


def learn(x, t, epochs, batch_size=7, used=(), rate=1.0):
    unit = Perceptron(perceptron.network(x.shape[1]), rate)
    state, history = train(
        unit.step,
        unit.start(),
        (x, t),
        batch_size=batch_size,
        epochs=epochs,
        callbacks=used,
        shuffle=False,
    )
    unit.keep(state)
    return unit, history.history


def test_corrections_by_hand():
    """By hand: (1, 0) with 1 lies on the line: w = (1, 0), b = 1; (0, 1) with -1: w = (1, -1)."""
    x = np.array([[1, 0], [0, 1], [2, 0]], np.float32)
    unit, history = learn(x, np.array([1, -1, 1], np.float32), epochs=1, batch_size=3)
    numbers = unit.network.variables.parameters["unit"]
    assert numbers["kernel"].ravel().tolist() == [1, -1]
    assert numbers["bias"].tolist() == [0]
    assert history == {"corrections": [2.0], "error_rate": [pytest.approx(2 / 3)]}


def test_it_comes_to_rest_on_separable_data_within_novikoff_s_bound():
    x, t = separable()
    unit, history = learn(x, t, epochs=40)
    assert history["error_rate"][-1] == 0
    assert (np.sign(unit.network.predict(x)[:, 0]) == t).all()
    total = np.mean(history["corrections"]) * 40 * -(-len(x) // 7)
    w = np.array([1, 1, -0.3]) / np.linalg.norm([1, 1, -0.3])
    rows = np.c_[x, np.ones(len(x))]
    bound = (np.linalg.norm(rows, axis=1).max() / np.min(t * (rows @ w))) ** 2
    assert 0 < total <= bound


def test_the_batch_size_changes_nothing_and_the_rate_no_answer():
    x, t = separable(20)
    one, by_rows = learn(x, t, epochs=3, batch_size=1)
    all_, _ = learn(x, t, epochs=3, batch_size=20)
    for a, b in zip(one.network.get_weights(), all_.network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    half, by_half = learn(x, t, epochs=3, batch_size=1, rate=0.5)
    np.testing.assert_allclose(half.network.get_weights()[0] * 2, one.network.get_weights()[0])
    assert by_rows == by_half


def test_it_never_rests_on_exclusive_or():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    _, history = learn(x, np.array([-1, 1, 1, -1], np.float32), epochs=30, batch_size=4)
    assert min(history["error_rate"]) > 0


def test_the_lines_and_their_picture():
    x, t = separable(12)
    lines = Lines()
    unit, _ = learn(x, t, epochs=2, batch_size=4, used=[lines])
    assert len(lines.lines) == 6
    np.testing.assert_array_equal(lines.lines[-1][0], unit.network.get_weights()[0][:, 0])
    axes = inspection.plot_lines(x, t, lines.lines).axes[0]
    w, b = lines.lines[-1]
    ends = axes.lines[-1].get_xydata()
    np.testing.assert_allclose(ends @ w + b, 0, atol=1e-5)
    assert len(axes.collections) == 2


def test_sides():
    assert as_sides(np.array([3, 7, 3])).tolist() == [-1, 1, -1]
    with pytest.raises(DataError, match="tells two classes apart, got 3; keep two of them"):
        as_sides(np.arange(3))
    with pytest.raises(MismatchError, match=r"one Dense\(1\), got \[.*use network\(features\)"):
        Perceptron(autoencoder.plain())
    with pytest.raises(ArgumentError, match=r"Perceptron expected rate .* in \(0, inf\), got 0"):
        Perceptron(perceptron.network(2), rate=0)


# The self-organizing map


def test_one_input_by_hand():
    """Units at 0, 1, 3 in a row; the input 1.2 is won by the middle one: h = (e, 1, e)."""
    learner = SelfOrganizingMap(
        som.network(1, (1, 3)), (1, 3), inputs=10, rates=(0.5, 0.5), widths=(1.0, 1.0)
    )
    start = learner.start()
    centers = jnp.array([[0.0], [1.0], [3.0]])
    state = start.replace(parameters={"units": {"centers": centers}})
    state, history = train(learner.step, state, np.array([[1.2]], np.float32))
    e = np.exp(-0.5)
    expected = [0 + 0.5 * e * 1.2, 1 + 0.5 * 0.2, 3 + 0.5 * e * (1.2 - 3)]
    np.testing.assert_allclose(state.parameters["units"]["centers"][:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(history.history["quantization_error"], [0.2], rtol=1e-5)
    assert int(state.layer_state["t"]) == 1


def test_a_map_of_a_square_unfolds():
    x = np.random.default_rng(0).uniform(0, 1, (800, 2)).astype(np.float32)
    grid = (6, 6)
    learner = SelfOrganizingMap(som.network(2, grid), grid, inputs=5 * len(x))
    state, history = train(learner.step, learner.start(), x, batch_size=50, epochs=5)
    learner.keep(state)
    assert history.history["quantization_error"][-1] < 0.1
    assert som.topographic_error(learner.network, grid, x) < 0.1
    assert len(np.unique(som.winners(learner.network, x))) == 36


def test_the_batch_size_does_not_change_the_map():
    x = np.random.default_rng(0).uniform(0, 1, (50, 2)).astype(np.float32)
    learner = SelfOrganizingMap(som.network(2, (3, 2)), (3, 2), inputs=100)
    maps = [
        train(learner.step, learner.start(), x, batch_size=n, epochs=2, shuffle=False)[0]
        for n in (50, 8)
    ]
    one, other = (state.parameters["units"]["centers"] for state in maps)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    assert int(maps[1].layer_state["t"]) == 100


def test_grids_that_do_not_fit():
    with pytest.raises(MismatchError, match=r"each of the 3 x 3 places, got 4 units; use network"):
        SelfOrganizingMap(som.network(2, (2, 2)), (3, 3), inputs=10)
    with pytest.raises(ArgumentError, match="every rate to be a number in"):
        SelfOrganizingMap(som.network(2, (2, 2)), (2, 2), inputs=10, rates=(0.0, 1.0))


# Auto-encoders


@pytest.fixture(scope="module")
def images():
    """Bars at two places, 28 x 28."""
    rng = np.random.default_rng(0)
    x = np.zeros((24, 28, 28), np.float32)
    for image in x:
        row, column = rng.integers(0, 24, 2)
        image[row : row + 4, :] = 1
        image[:, column : column + 4] = 1
    return x


FORMS = [
    pytest.param(lambda: autoencoder.plain(code=3, units=8), id="plain"),
    pytest.param(lambda: autoencoder.sparse(code=9, units=8, sparsity=1e-2), id="sparse"),
    pytest.param(lambda: autoencoder.denoising(code=3, units=8), id="denoising"),
    pytest.param(lambda: autoencoder.convolutional(code=3, filters=2), id="convolutional"),
    pytest.param(lambda: vae.vae(latent=2, units=8), id="vae"),
]


@pytest.mark.parametrize("make", FORMS)
def test_it_learns_is_saved_and_taken_apart(make, images, tmp_path):
    model = make()
    x = images.reshape(-1, *model.graph.input_symbols[0].shape[1:])
    model.compile("adam", losses.BinaryCrossentropy(from_logits=True), verbose=0)
    history = model.fit(x, x, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    room = vae if "vae" in model.name else autoencoder
    code = room.encoder(again).predict(x)
    assert code.shape == (24, 9 if "sparse" in model.name else 2 if "vae" in model.name else 3)
    np.testing.assert_allclose(room.decoder(again).predict(code), model.predict(x), atol=1e-5)


def test_a_sparse_code_has_more_zeros(images):
    shares = []
    for sparsity in (0.0, 1e-2):
        model = autoencoder.sparse(code=32, units=16, sparsity=sparsity)
        model.compile("adam", losses.BinaryCrossentropy(from_logits=True), verbose=0)
        model.fit(images, images, epochs=12, verbose=0)
        shares.append(np.mean(autoencoder.encoder(model).predict(images) == 0))
    assert shares[1] > shares[0]


def test_noise_is_added_in_training_alone(images):
    model = autoencoder.denoising(code=3, units=8)
    np.testing.assert_array_equal(model.predict(images), model.predict(images))
    noisy = model(images, training=True, key=jax.random.key(0))
    assert not np.allclose(noisy, model.predict(images))


def test_the_loss_of_a_vae_is_the_bound(images):
    """784 loss = sum of the pixels' cross-entropies + KL, by NumPy, in evaluation (z = m)."""
    model = vae.vae(latent=2, units=8, beta=0.5)
    model.compile("adam", losses.BinaryCrossentropy(from_logits=True), verbose=0)
    loss = model.evaluate(images, images, verbose=0)
    logits = model.predict(images).astype(float)
    pixels = np.logaddexp(0, logits) - images * logits
    m, v = (part(model, ["image"], name, name).predict(images) for name in ("mean", "log_variance"))
    kl = 0.5 * (m**2 + np.exp(v) - 1 - v).sum(1)
    np.testing.assert_allclose(784 * loss, (pixels.sum((1, 2)) + 0.5 * kl).mean(), rtol=1e-5)


def test_a_conditional_vae_draws_the_class_that_is_asked_for():
    """Class 0 is dark, class 1 is bright; the code need not say which."""
    label = np.eye(2, dtype=np.float32)[np.arange(32) % 2]
    x = np.broadcast_to(label[:, 1, None, None], (32, 28, 28)).astype(np.float32)
    model = vae.conditional_vae(latent=2, units=16, beta=100.0, classes=2)
    model.compile(Adam(0.02), losses.BinaryCrossentropy(from_logits=True), verbose=0)
    model.fit([x, label], x, epochs=20, batch_size=8, verbose=0)
    z = np.random.default_rng(0).standard_normal((32, 2)).astype(np.float32)
    drawn = vae.decoder(model).predict([z, label])
    assert ((drawn > 0) == (x > 0.5)).mean() > 0.99


def test_a_short_last_batch_weighs_the_rows_that_are_there(images):
    """Seven rows as one batch, and as a batch of eight of which one is padding: equal losses."""
    model = vae.vae(latent=2, units=8)
    model.compile("sgd", losses.BinaryCrossentropy(from_logits=True), verbose=0)
    whole = model.evaluate(images[:7], images[:7], batch_size=7, verbose=0)
    np.testing.assert_allclose(
        model.evaluate(images[:7], images[:7], batch_size=4, verbose=0), whole, rtol=1e-5
    )


def test_parts_that_are_none():
    model = vae.conditional_vae(latent=2, units=8)
    with pytest.raises(UnknownNameError, match="no input or layer in this model named 'cod'; did"):
        part(model, ["cod"], "reconstruction", "decoder")
    with pytest.raises(UnknownNameError, match="no layer in this model named 'pixel'; did you"):
        part(model, ["code"], "pixel", "decoder")
    with pytest.raises(UnknownNameError, match="no input among the starts named 'label'"):
        part(model, ["code"], "reconstruction", "decoder")


def test_pictures():
    figure = inspection.plot_pictures(np.zeros((5, 4, 4)), columns=3, titles=list("abcde"))
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert figure.axes[4].get_title() == "e"
    figure = inspection.plot_map(np.zeros((4, 2)), [0, 1, 1, 1], ["zero", "one"])
    assert [len(dots.get_offsets()) for dots in figure.axes[0].collections] == [1, 3]
    with pytest.raises(ValueError, match=r"shape \(count, height, width\), got \(2, 4, 4, 1\)"):
        inspection.plot_pictures(np.zeros((2, 4, 4, 1)), columns=2)
    with pytest.raises(ValueError, match=r"of the plane, shape \(rows, 2\), got \(3, 3\); choose"):
        inspection.plot_lines(np.zeros((3, 3)), np.ones(3), [])


def test_callbacks_follow_a_map():
    """Early stopping and the best prototypes, as in a fit."""
    x = np.random.default_rng(0).uniform(0, 1, (50, 2)).astype(np.float32)
    learner = SelfOrganizingMap(som.network(2, (2, 2)), (2, 2), inputs=10_000)
    stop = callbacks.EarlyStopping("quantization_error", patience=2, min_delta=1.0)
    _, history = train(learner.step, learner.start(), x, epochs=9, callbacks=[stop])
    assert history.epoch == [0, 1, 2]
