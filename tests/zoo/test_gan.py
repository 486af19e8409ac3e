"""Generative adversarial networks: losses by hand, turns, classes, and learning on made images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import callbacks, models
from pellucid.errors import ArgumentError, MismatchError
from pellucid.layers import Concatenate, Dense, Flatten, Input, Reshape
from pellucid.optimizers import SGD, Adam
from pellucid.training import train
from pellucid.zoo.gan import GAN, WGAN, discriminator, generator


def test_shapes():
    shapes = {
        name: layer_shapes(model) for name, model in (("g", generator()), ("d", discriminator()))
    }
    assert shapes["g"]["planes"] == (7, 7, 64)
    assert shapes["g"]["conv_1"] == (14, 14, 32)
    assert shapes["g"]["image"] == (28, 28, 1)
    assert shapes["d"]["conv_1"] == (14, 14, 32)
    assert shapes["d"]["conv_2"] == (7, 7, 64)
    assert shapes["d"]["score"] == (1,)


def layer_shapes(model):
    return {name: node.outputs[0].shape[1:] for name, _, node in model.graph.calls()}


def players(classes=None):
    """Two players of a few numbers, for images (4, 4, 1)."""
    z = Input((3,))
    label = None if classes is None else Input((classes,))

    def told(x):
        return x if label is None else Concatenate()([x, label])

    def both(x):
        return x if label is None else [x, label]

    drawn = Reshape((4, 4, 1))(Dense(16, activation="tanh")(told(z)))
    x = Input((4, 4, 1))
    score = Dense(1)(Dense(8, activation="tanh")(told(Flatten()(x))))
    return models.Model(both(z), drawn), models.Model(both(x), score, seed=1)


def test_losses_by_hand():
    real, drawn = np.array([[2.0], [0.0]]), np.array([[-1.0], [1.0]])
    half = jnp.full(2, 0.5)
    by_hand = np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(drawn)))
    gan, wgan = (kind(*players()) for kind in (GAN, WGAN))
    loss = gan.discriminator_loss(jnp.asarray(real), jnp.asarray(drawn), half)
    np.testing.assert_allclose(loss, by_hand, rtol=1e-6)
    np.testing.assert_allclose(
        gan.generator_loss(jnp.asarray(drawn)), np.mean(np.log1p(np.exp(-drawn))), rtol=1e-6
    )
    assert wgan.discriminator_loss(jnp.asarray(real), jnp.asarray(drawn), half) == -1
    assert wgan.generator_loss(jnp.asarray(drawn)) == 0


def test_the_penalty_is_that_of_the_slope():
    """D(x) = w . x has the slope w everywhere: c (|w| - 1)^2, and this 2 c (|w| - 1) w / |w|."""
    wgan = WGAN(*players(), penalty_weight=3.0)
    images = jnp.asarray(np.random.default_rng(0).standard_normal((2, 5, 4, 4, 1)), jnp.float32)
    weights = jnp.full(5, 0.2)

    def penalty(w):
        def judge(x):
            return x.reshape(5, 16) @ w[:, None]

        return wgan.penalty(judge, *images, weights, jax.random.key(0))

    w = jnp.linspace(-1.0, 2.0, 16)
    length = np.linalg.norm(w)
    value, slope = jax.value_and_grad(penalty)(w)
    np.testing.assert_allclose(value, 3 * (length - 1) ** 2, rtol=1e-5)
    np.testing.assert_allclose(slope, 6 * (length - 1) * w / length, rtol=1e-4)


@pytest.mark.parametrize("kind", [GAN, WGAN])
def test_the_gradient_of_the_discriminator_agrees_with_differences(kind):
    """Through the penalty too, in float64: a gradient of a gradient."""
    with jax.enable_x64(True):
        gan = kind(*players())
        rng = np.random.default_rng(0)
        x, drawn = rng.standard_normal((2, 6, 4, 4, 1))
        d = jax.tree.map(lambda a: np.asarray(a, float), gan.discriminator.variables.parameters)
        weights = jnp.full(6, 1 / 6)

        @jax.jit
        @jax.value_and_grad
        def loss(d):
            def judge(image):
                return gan.judge(d, image, None)

            value = gan.discriminator_loss(judge(x), judge(drawn), weights)
            return value + gan.penalty(judge, x, drawn, weights, jax.random.key(1))

        # The network's own input type is float32, so the step must not be small.
        direction = jax.tree.map(lambda a: rng.standard_normal(a.shape), d)
        ahead, behind = (
            loss(jax.tree.map(lambda a, b, h=h: a + h * b, d, direction))[0] for h in (1e-4, -1e-4)
        )
        slope = sum(map(np.vdot, jax.tree.leaves(loss(d)[1]), jax.tree.leaves(direction)))
        np.testing.assert_allclose(slope, (ahead - behind) / 2e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [GAN, WGAN])
def test_training_is_bit_equal_and_its_measures_are_logged(kind):
    x = np.random.default_rng(0).uniform(-1, 1, (20, 4, 4, 1)).astype(np.float32)
    gan = kind(*players(), turns=2)
    every = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    runs = [
        train(gan.step, gan.start(seed=2), x, batch_size=8, callbacks=used)
        for used in ([], [every])
    ]
    for a, b in zip(*(jax.tree.leaves(state.parameters) for state, _ in runs), strict=True):
        np.testing.assert_array_equal(a, b)
    assert set(runs[0][1].history) == {"discriminator_loss", "generator_loss"}
    gan.keep(runs[0][0])
    kept = gan.discriminator.variables.parameters
    for a, b in zip(
        jax.tree.leaves(kept), jax.tree.leaves(runs[0][0].parameters["discriminator"]), strict=True
    ):
        np.testing.assert_array_equal(a, b)


STILL, QUICK = SGD(1e-12), Adam(1e-2)


def test_either_player_wins_against_one_that_stands_still():
    x = np.random.default_rng(0).normal(0.5, 0.1, (64, 4, 4, 1)).astype(np.float32)
    ends = {}
    for optimizers in ((STILL, QUICK), (QUICK, STILL)):
        gan = GAN(*players(), *optimizers)
        _, history = train(gan.step, gan.start(), x, batch_size=16, epochs=20)
        ends[optimizers] = {name: values[-1] for name, values in history.history.items()}
    first = np.log(4)  # of a discriminator that says 0, one half, to everything
    assert ends[STILL, QUICK]["discriminator_loss"] < 0.1 * first
    assert ends[QUICK, STILL]["generator_loss"] < 0.5 * ends[STILL, QUICK]["generator_loss"]


def test_it_learns_to_draw_what_it_is_told():
    """Class 0 is bright on the right, class 1 on the left, with noise."""
    rng = np.random.default_rng(0)
    label = np.eye(2, dtype=np.float32)[np.arange(256) % 2]
    sides = np.where(np.arange(4) < 2, -1.0, 1.0)[None, None, :, None]
    x = 0.5 * np.where(label[:, 0, None, None, None] == 1, sides, -sides) * np.ones((1, 4, 1, 1))
    x = np.clip(x + 0.2 * rng.standard_normal(x.shape), -1, 1).astype(np.float32)
    gan = WGAN(
        *players(classes=2),
        generator_optimizer=Adam(2e-3, beta_1=0.5),
        discriminator_optimizer=Adam(4e-3, beta_1=0.5),
        turns=2,
    )
    state, _ = train(gan.step, gan.start(seed=0), (x, label), batch_size=32, epochs=100)
    gan.keep(state)
    z = rng.standard_normal((256, 3)).astype(np.float32)
    drawn = gan.generator.predict([z, label])
    assert (np.sign(drawn) == np.sign(x)).mean() > 0.9


def test_players_that_do_not_fit():
    small, judge = players()
    with pytest.raises(MismatchError, match=r"GAN .* draws, images \(4, 4, 1\) .* images \(28, 28"):
        GAN(small, discriminator())
    with pytest.raises(MismatchError, match=r"and classes \[\(2,\)\], got one of .*classes \[\]"):
        WGAN(players(classes=2)[0], judge)
    with pytest.raises(ArgumentError, match=r"penalty_weight to be a number in \[0, inf\), got -1"):
        WGAN(small, judge, penalty_weight=-1)
    gan = GAN(small, judge, turns=3)
    with pytest.raises(MismatchError, match="a batch_size that is a multiple of turns=3, got 8"):
        train(gan.step, gan.start(), np.zeros((8, 4, 4, 1), np.float32), batch_size=8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [GAN, WGAN])
def test_a_step_of_the_whole_networks(kind, tmp_path):
    gan = kind(generator(classes=10), discriminator(classes=10))
    x = np.random.default_rng(0).uniform(-1, 1, (10, 28, 28, 1)).astype(np.float32)
    state, history = train(gan.step, gan.start(), (x, np.eye(10, dtype=np.float32)), batch_size=8)
    assert np.isfinite(list(history.history.values())).all()
    gan.keep(state)
    gan.generator.save(tmp_path / "model")
    given = [np.ones((2, 64), np.float32), np.eye(10, dtype=np.float32)[:2]]
    drawn = models.load_model(tmp_path / "model").predict(given)
    np.testing.assert_array_equal(drawn, gan.generator.predict(given))
    assert np.abs(drawn).max() < 1
