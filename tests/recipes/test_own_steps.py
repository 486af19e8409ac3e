"""Recipes whose learning has a step of its own, or whose answer is a picture, on made data."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from made_digits import made_digits
from pellucid import recipes
from pellucid.cli import app
from pellucid.errors import ArgumentError, DataError
from pellucid.recipes import cartpole_dqn, mnist_gan
from pellucid.recipes._recipe import PictureAnswer
from pellucid.zoo import gan


@pytest.fixture
def little_mnist(monkeypatch):
    """Made images of 28 x 28: the made digits, enlarged and framed."""
    from pellucid.datasets import mnist

    def part(count, seed):
        x, y = made_digits(count, seed)
        big = np.pad(np.kron(x * 15, np.ones((1, 3, 3))), ((0, 0), (2, 2), (2, 2)))
        return big.astype(np.uint8), y

    split = part(80, 1), part(30, 2)
    monkeypatch.setattr(mnist, "load_data", lambda: split)


def trained(name, tmp_path, **settings):
    settings = {"epochs": 1, "batch_size": 16, **settings}
    return recipes.train(recipes.make(name, **settings), tmp_path, verbose=0)


def predicted(run, *arguments):
    """Return what ``pellucid predict`` prints of a run."""
    done = CliRunner().invoke(app, ["predict", str(run.folder), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def answers(run):
    """Return what a run that is opened again says of three test samples."""
    again = recipes.open_run(run.folder)
    data = again.recipe.data()
    return again.predict([again.recipe.sample(data, number) for number in (1, 2, 3)])


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(cartpole_dqn, "STEPS", 20)
    monkeypatch.setattr(cartpole_dqn, "VALIDATION", 2)


def test_cart_pole(tmp_path, few_steps):
    run = trained("cartpole_dqn", tmp_path, epochs=2)
    assert set(run.metrics["test"]) == {"return", "length"}
    assert {"loss", "return", "val_return", "learning_rate", "seconds"} <= set(run.log[0])
    again = trained("cartpole_dqn", tmp_path, epochs=2)
    for a, b in zip(run.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for answer in answers(run):
        assert set(answer.probabilities) == {"left", "right"}
        assert answer.is_right is None
    (found,) = json.loads(predicted(run, "0.1,0,0.05,0", "--json"))["predictions"]
    assert found["label"] in ("left", "right")
    assert found["source"] == "state 0.1,0,0.05,0"


@pytest.mark.parametrize("source", ["", "1,2,3", "1,2,3,x", "1,2,3,nan", "photo.png"])
def test_states_that_are_none(source):
    with pytest.raises(DataError, match='four numbers with commas between them, such as "0.1,0,0'):
        recipes.make("cartpole_dqn").example(source)


def test_an_interrupted_training_keeps_its_last_epoch(tmp_path, few_steps, monkeypatch):
    from pellucid.zoo.dqn import DQN

    looks = []

    def evaluate(self, episodes, seed, state):
        looks.append(state)
        if len(looks) == 2:
            raise KeyboardInterrupt
        return {"return": 1.0}

    monkeypatch.setattr(DQN, "evaluate", evaluate)
    with pytest.raises(KeyboardInterrupt, match="as it was after epoch 1 and the log are saved in"):
        trained("cartpole_dqn", tmp_path, epochs=3)
    (kept,) = (path for path in tmp_path.iterdir() if not path.is_symlink())
    weights = recipes.open_run(kept).model.variables.parameters
    np.testing.assert_array_equal(
        weights["dense"]["kernel"], looks[0].parameters["dense"]["kernel"]
    )


def test_the_map_of_digits(tmp_path, monkeypatch):
    from pellucid.datasets import digits

    split = made_digits(80, seed=1), made_digits(30, seed=2)
    monkeypatch.setattr(digits, "load_data", lambda: split)
    run = trained("digits_som", tmp_path, epochs=8, side=5)
    assert run.metrics["test"]["accuracy"] > 0.9, "made digits are easy"
    assert "learning_rate" not in run.log[0]
    assert (run.folder / "map.png").exists()
    assert json.loads((run.folder / "environment.json").read_text())["data"].keys() == {
        "train",
        "test",
    }
    for answer in answers(run):
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        assert answer.is_right is not None


@pytest.mark.parametrize(
    ("name", "settings", "figures"),
    [
        ("mnist_vae", {"units": 8}, {"reconstructions", "latent_map", "plane"}),
        ("mnist_vae", {"units": 8, "latent": 3}, {"reconstructions"}),
        ("mnist_autoencoder", {"form": "denoising"}, {"reconstructions", "denoised"}),
        ("mnist_autoencoder", {"form": "convolutional"}, {"reconstructions"}),
    ],
    ids=["plane", "space", "denoising", "convolutional"],
)
def test_digits_drawn_again(name, settings, figures, tmp_path, little_mnist):
    run = trained(name, tmp_path, **settings)
    drawn = {path.stem for path in run.folder.glob("*.png")}
    assert drawn == figures | {"learning_curve"}
    assert run.metrics["test"]["nats"] == pytest.approx(784 * run.metrics["test"]["loss"])
    found = answers(run)
    for answer in found:
        assert answer.picture.shape == (28, 28)
        assert 0 <= answer.picture.min() <= answer.picture.max() <= 1
        assert answer.example.truth in "0123456789"
    (written,) = json.loads(predicted(run, "--sample", "1", "--json"))["predictions"]
    np.testing.assert_allclose(written["picture"], found[0].picture, atol=1e-3)
    assert written["code"] == found[0].numbers["code"]


def test_drawing_digits(tmp_path, little_mnist, monkeypatch):
    monkeypatch.setattr(mnist_gan, "TEST", 20)
    small = SimpleNamespace(
        generator=lambda latent, classes, seed: gan.generator(latent, 2, classes, seed),
        discriminator=lambda classes, seed: gan.discriminator(2, classes, seed),
    )
    monkeypatch.setattr(mnist_gan, "gan", small)
    run = trained("mnist_gan", tmp_path, images=32)
    assert set(run.metrics["test"]) == {"read_as_asked", "confidence", "classes"}
    assert sum(run.metrics["read_as"].values()) == 20
    assert {"generator_loss", "discriminator_loss"} <= set(run.log[0])
    for answer in answers(run):
        assert answer.picture.shape == (28, 28)
    recipe = run.recipe
    drawn = run.predict([recipe.example(source) for source in ("3", "3:1", "3:2", "4")])
    np.testing.assert_array_equal(drawn[0].picture, drawn[1].picture)
    assert not np.array_equal(drawn[0].picture, drawn[2].picture)
    assert not np.array_equal(drawn[0].picture, drawn[3].picture)
    assert "digit 7" in predicted(run, "7")


@pytest.mark.parametrize("source", ["", "10", "x", "3:", "3:x", "-1"])
def test_digits_that_are_none(source):
    with pytest.raises(DataError, match='Expected a digit from 0 to 9 to draw, such as "3", or'):
        recipes.make("mnist_gan").example(source)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mnist_gan", {"form": "dcgan"}, "form to be one of 'gan', 'wgan', got 'dcgan'"),
        ("mnist_gan", {"images": 60_000}, r"images to be a number in \[10, 50000\]"),
        ("mnist_vae", {"latent": 0}, "latent to be an integer of 1 or more, got 0"),
        ("mnist_vae", {"beta": -1.0}, "beta to be a number in"),
        ("mnist_autoencoder", {"form": "deep"}, "form to be one of 'plain', 'sparse'"),
        ("digits_som", {"side": 0}, "side to be an integer of 1 or more"),
        ("digits_som", {"first_rate": 2.0}, "first_rate to be a number in"),
        ("cartpole_dqn", {"discount": 2.0}, "discount to be a number in"),
    ],
)
def test_settings_out_of_range(name, settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make(name, **settings)


def test_a_picture_as_json():
    example = recipes.Example("photo.png", np.zeros(4), truth="3")
    answer = PictureAnswer(example, np.array([[0.12345, 1.0]]), {"nats": 7.5})
    assert answer.to_json() == {
        "source": "photo.png",
        "truth": "3",
        "nats": 7.5,
        "picture": [[0.123, 1.0]],
    }
