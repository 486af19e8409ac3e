"""Saved models: equal bits after loading, readable files, and an answer to damaged ones."""

import json
import os
import shutil

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import pellucid
from pellucid import Input, Model, Sequential, losses, models, optimizers
from pellucid.errors import ModelFileError
from pellucid.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    MaxPooling2D,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((20, 8, 8, 1)).astype(np.float32)
LABELS = RNG.integers(0, 3, 20)


def convolutional():
    model = Sequential(
        [
            Input((8, 8, 1)),
            Conv2D(4, 3, activation="relu", padding="same", kernel_regularizer="l2"),
            BatchNormalization(),
            MaxPooling2D(),
            Flatten(),
            Dropout(0.2),
            Dense(3, kernel_initializer=pellucid.initializers.RandomNormal(stddev=0.1)),
        ],
        name="small",
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(optimizers.Adam(rate), loss, ["accuracy"], verbose=0)
    return model


def functional():
    x = Input((8, 8, 1), name="image")
    h = Flatten()(x)
    shared = Dense(6, activation="tanh", name="shared")
    a = shared(h)
    b = Dense(6, activation="gelu")(a)
    total = Add()([a, b])
    model = Model({"image": x}, {"class": Dense(3)(total), "size": Dense(1)(total)})
    model.compile(
        "rmsprop",
        {"class": losses.SparseCategoricalCrossentropy(from_logits=True), "size": "mse"},
        {"class": ["accuracy"]},
        verbose=0,
    )
    return model


@pytest.fixture
def fitted():
    model = convolutional()
    model.fit(IMAGES, LABELS, epochs=2, verbose=0)
    return model


def test_a_loaded_model_predicts_the_same_bits(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    assert isinstance(loaded, Sequential)
    assert loaded.name == "small"
    np.testing.assert_array_equal(loaded.predict(IMAGES), fitted.predict(IMAGES))
    assert loaded.evaluate(IMAGES, LABELS, verbose=0) == fitted.evaluate(IMAGES, LABELS, verbose=0)


def test_training_goes_on_with_the_same_bits(fitted, tmp_path):
    """Optimizer moments, step number and schedule are saved: dropout and order go on as well."""
    fitted.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    for model in (fitted, loaded):
        model.fit(IMAGES, LABELS, epochs=2, verbose=0)
    for a, b in zip(fitted.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_functional_model_with_names(tmp_path):
    model = functional()
    y = {"class": LABELS, "size": RNG.standard_normal((20, 1))}
    model.fit({"image": IMAGES}, y, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    ours, theirs = (m.predict({"image": IMAGES}) for m in (model, loaded))
    assert set(theirs) == {"class", "size"}
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    values = loaded.evaluate({"image": IMAGES}, y, verbose=0, return_dict=True)
    assert values == model.evaluate({"image": IMAGES}, y, verbose=0, return_dict=True)


def test_a_model_inside_a_model(tmp_path):
    x = Input((8, 8, 1))
    trunk = Model(x, Dense(5, name="code")(Flatten()(x)), name="trunk")
    outer = Sequential([trunk, Dense(2)])
    outer.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(IMAGES), outer.predict(IMAGES))


def test_word_models_keep_their_embedding(tmp_path):
    words = RNG.integers(0, 50, (6, 9))
    model = Sequential([Embedding(50, 4), GlobalAveragePooling1D(), Dense(1, "sigmoid")])
    expected = model.predict(words)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(models.load_model(tmp_path / "model").predict(words), expected)


def test_weights_alone(fitted, tmp_path):
    fitted.save_weights(tmp_path / "w.safetensors")
    other = convolutional()
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other.predict(IMAGES), fitted.predict(IMAGES))


def test_the_description_is_readable(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    files = sorted(p.name for p in (tmp_path / "model").iterdir())
    assert files == ["model.json", "training.safetensors", "weights.safetensors"]
    described = json.loads((tmp_path / "model" / "model.json").read_text())
    assert described["format_version"] == 1
    assert described["graph"]["layers"]["conv2d"]["config"]["filters"] == 4
    assert described["compile"]["optimizer"]["name"] == "Adam"
    assert not list(tmp_path.glob(".*"))


def test_saving_replaces_a_model_and_nothing_else(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    fitted.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match="exists already; pass overwrite=True"):
        fitted.save(tmp_path / "model", overwrite=False)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("do not lose me")
    with pytest.raises(ModelFileError, match="is no saved model, so it is not replaced"):
        fitted.save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "do not lose me"


def test_a_save_that_was_cut_off_leaves_the_old_model(fitted, tmp_path, monkeypatch):
    path = tmp_path / "model"
    fitted.save(path)
    expected = fitted.predict(IMAGES)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pellucid.models._saving.write_arrays", full_disk)
        with pytest.raises(OSError, match="No space left"):
            fitted.save(path)
    np.testing.assert_array_equal(models.load_model(path).predict(IMAGES), expected)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    # Killed between the two renames: the old one still stands beside its place.
    os.rename(path, tmp_path / ".model.old")
    np.testing.assert_array_equal(models.load_model(path).predict(IMAGES), expected)


class Twice(pellucid.layers.Layer):
    factor: float = 2.0

    def apply(self, variables, x, context):
        return x * self.factor


def test_a_users_own_layer_needs_custom_objects(tmp_path):
    model = Sequential([Input((3,)), Twice(3.0), Dense(1)])
    x = RNG.standard_normal((4, 3)).astype(np.float32)
    model.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model", custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    with pytest.raises(ModelFileError, match="There is no layer named 'Twice'"):
        models.load_model(tmp_path / "model")


def test_what_cannot_be_described_is_left_out(tmp_path):
    model = Sequential([Input((3,)), Dense(1)])
    model.compile(optax.sgd(0.1), lambda y, p: jnp.sum((y - p) ** 2, -1), verbose=0)
    model.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    with pytest.raises(pellucid.errors.NotReadyError, match="is not compiled"):
        loaded.evaluate(np.zeros((2, 3)), np.zeros((2, 1)))


def damage(path, what):
    described = json.loads((path / "model.json").read_text())
    layers = described["graph"]["layers"]
    if what == "no json":
        (path / "model.json").write_text("{")
    elif what == "other json":
        (path / "model.json").write_text("[1, 2]")
    elif what == "no weights":
        (path / "weights.safetensors").unlink()
    elif what == "short weights":
        data = (path / "weights.safetensors").read_bytes()
        (path / "weights.safetensors").write_bytes(data[: len(data) // 2])
    elif what == "empty weights":
        (path / "weights.safetensors").write_bytes(b"")
    else:
        if what == "future":
            described["format_version"] = 99
        elif what == "importable":
            layers["dense"] = {"name": "os.system", "config": {"command": "true"}}
        elif what == "unknown setting":
            layers["dense"]["config"]["unit"] = 3
        elif what == "wrong type":
            layers["dense"]["config"]["units"] = "many"
        elif what == "other width":
            layers["dense"]["config"]["units"] = 7
        elif what == "huge":
            layers["dense"]["config"]["units"] = 10**15
        elif what == "no calls":
            del described["graph"]["calls"]
        elif what == "wrong call":
            described["graph"]["calls"][0]["inputs"] = {"single": {"call": 5, "output": 0}}
        elif what == "negative call":
            described["graph"]["outputs"] = {"single": {"call": -1, "output": 0}}
        elif what == "optimizer":
            described["compile"]["optimizer"]["name"] = "Evil"
        (path / "model.json").write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no json", "model.json cannot be read"),
        ("other json", "does not describe a Pellucid model"),
        ("no weights", "There is no file"),
        ("short weights", "weights.safetensors is damaged"),
        ("empty weights", "weights.safetensors is damaged"),
        ("future", "has format version 99 .* which reads version 1"),
        ("importable", "There is no layer named 'os.system'"),
        ("unknown setting", "no argument of Dense named 'unit'; did you mean 'units'"),
        ("wrong type", "Dense expected units of type int, got 'many'"),
        ("other width", r"dense/kernel has shape \(64, 3\) of float32, expected \(64, 7\)"),
        ("huge", "model.json is damaged|does not fit the model"),
        ("no calls", "model.json is damaged"),
        ("wrong call", "model.json is damaged"),
        ("negative call", "number of a call or input, got -1"),
        ("optimizer", "There is no optimizer named 'Evil'.*compile=False"),
    ],
)
def test_damaged_and_hostile_folders_get_an_answer(fitted, tmp_path, what, message):
    path = tmp_path / "model"
    fitted.save(path)
    damage(path, what)
    with pytest.raises(ModelFileError, match=message):
        models.load_model(path)


def test_folders_that_are_no_model(tmp_path):
    with pytest.raises(ModelFileError, match="There is no folder .*nowhere; save a model there"):
        models.load_model(tmp_path / "nowhere")
    with pytest.raises(ModelFileError, match="is no saved model: .*folder with model.json"):
        models.load_model(tmp_path)


def test_all_differences_are_listed_at_once(fitted, tmp_path):
    fitted.save_weights(tmp_path / "w.safetensors")
    other = Sequential([Input((8, 8, 1)), Conv2D(4, 5), Flatten(), Dense(3, name="last")])
    with pytest.raises(ModelFileError) as caught:
        other.load_weights(tmp_path / "w.safetensors")
    for part in ("last/kernel is missing", "batch_normalization/gamma is not in", "conv2d/kernel"):
        assert part in str(caught.value)


def test_a_copy_of_the_folder_is_the_model(fitted, tmp_path):
    fitted.save(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "c")
    loaded = models.load_model(tmp_path / "b" / "c")
    np.testing.assert_array_equal(loaded.predict(IMAGES), fitted.predict(IMAGES))
