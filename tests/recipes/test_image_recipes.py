"""The recipes for MNIST, Fashion-MNIST and CIFAR-10, on made images."""

import numpy as np
import pytest
from PIL import Image

from pellucid import recipes
from pellucid.datasets import cifar10, fashion_mnist, mnist
from pellucid.errors import ArgumentError, DataError
from pellucid.recipes.mnist import in_the_middle

SETS = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}


@pytest.fixture(autouse=True)
def made_images(monkeypatch):
    """Let every loader give 40 and 20 images of ten classes, one bright column for each class."""

    def images(count, shape):
        y = (np.arange(count) % 10).astype(np.uint8)
        x = np.random.default_rng(count).integers(0, 60, (count, *shape)).astype(np.uint8)
        for image, label in zip(x, y, strict=True):
            image[:, 2 + 2 * label] = 255
        return x, y

    for name, module in SETS.items():
        shape = (32, 32, 3) if name == "cifar10" else (28, 28)
        split = images(40, shape), images(20, shape)
        monkeypatch.setattr(module, "load_data", lambda split=split: split)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mnist", {"network": "mlp", "augment": "elastic"}),
        pytest.param("mnist", {"network": "lenet5_1998"}, marks=pytest.mark.slow),
        pytest.param("fashion_mnist", {}, marks=pytest.mark.slow),
        pytest.param("cifar10", {"network": "lenet5", "decay": "steps"}, marks=pytest.mark.slow),
    ],
    ids=["mlp", "lenet5_1998", "residual", "lenet5"],
)
def test_an_epoch_and_a_prediction(name, settings, tmp_path):
    recipe = recipes.make(name, epochs=1, batch_size=10, **settings)
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert np.isfinite(run.metrics["test"]["loss"])
    assert np.shape(run.metrics["confusion_matrix"]) == (10, 10)
    data = recipe.data()
    sample = recipe.sample(data, 4)
    (answer,) = run.predict([sample])
    assert sample.truth == data.labels[3]
    assert answer.label in data.labels
    assert sum(answer.probabilities.values()) == pytest.approx(1, rel=1e-4)
    assert sample.picture.shape == sample.x.shape[:2]


@pytest.mark.parametrize(
    ("name", "network", "count"),
    [
        ("mnist", "lenet5", 61_706),
        ("mnist", "lenet5_1998", 60_840),
        ("mnist", "lenet5_dense", 139_414),
        ("mnist", "mlp", 784 * 800 + 800 + 800 * 10 + 10),
        ("cifar10", "resnet20", 269_722 + 1_376),
        ("cifar10", "alexnet_small", 777_738),
    ],
)
def test_parameter_count(name, network, count):
    recipe = recipes.make(name, network=network)
    assert recipe.model(recipe.data()).count_params() == count


def test_parameter_count_of_clothing():
    recipe = recipes.make("fashion_mnist")
    model = recipe.model(recipe.data())
    assert model.count_params() == 75_482
    wide = recipes.make("fashion_mnist", width=32)
    assert wide.model(recipe.data()).count_params() == 298_410


@pytest.mark.parametrize(
    ("name", "settings", "augment"),
    [
        ("mnist", {"network": "mlp"}, "affine"),
        pytest.param("mnist", {"network": "lenet5_1998"}, "elastic", marks=pytest.mark.slow),
        pytest.param("fashion_mnist", {"width": 4}, "erase", marks=pytest.mark.slow),
        pytest.param("cifar10", {"network": "lenet5"}, "shift", marks=pytest.mark.slow),
    ],
)
def test_changes_are_made_in_training_only(name, settings, augment):
    plain, changed = (recipes.make(name, augment=a, **settings) for a in ("none", augment))
    x = plain.data().test.x[:2]
    before, after = (recipe.model(recipe.data()).predict(x) for recipe in (plain, changed))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", SETS)
def test_unknown_change_is_refused(name):
    with pytest.raises(ArgumentError, match="augment to be one of 'none', .*got 'blur'"):
        recipes.make(name, augment="blur")


@pytest.mark.parametrize("name", SETS)
def test_parts_do_not_overlap_and_keep_bytes(name):
    data = recipes.make(name).data()
    parts = [{image.tobytes() for image in part.x} for part in data.parts().values()]
    assert sum(map(len, parts)) == 60
    assert len(set.union(*parts)) == 60
    assert data.train.x.dtype == np.uint8
    assert data.train.x.ndim == 4


@pytest.mark.parametrize("name", SETS)
def test_own_image(name, tmp_path):
    ink = np.full((90, 60, 3), 250, np.uint8)
    ink[20:70, 25:32] = 10
    Image.fromarray(ink).save(tmp_path / "a.png")
    recipe = recipes.make(name)
    example = recipe.example(str(tmp_path / "a.png"))
    assert example.x.shape == recipe.data().test.x.shape[1:]
    assert example.x.dtype == np.uint8
    assert example.picture.max() <= 1
    with pytest.raises(DataError, match="There is no image file .*b.png"):
        recipe.example(str(tmp_path / "b.png"))


def test_a_digit_lies_with_its_center_of_mass_in_the_middle():
    ink = np.zeros((20, 8))
    ink[:, :3] = 1.0
    picture = in_the_middle(ink)
    assert picture.shape == (28, 28)
    assert picture.sum() == ink.sum()
    rows, columns = np.mgrid[:28, :28] + 0.5
    assert (rows * picture).sum() / picture.sum() == pytest.approx(14)
    assert (columns * picture).sum() / picture.sum() == pytest.approx(14, abs=0.5)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mnist", {"network": "lenet"}, "network to be one of 'lenet5', 'lenet5_1998'.*'lenet'"),
        ("mnist", {"validation": 0}, "validation to be a number in .1, inf"),
        ("fashion_mnist", {"label_smoothing": 2}, "label_smoothing to be a number in .0, 1"),
        ("fashion_mnist", {"width": 0}, "width to be an integer of 1 or more, got 0"),
        ("cifar10", {"decay": "linear"}, "decay to be one of 'cosine', 'steps', got 'linear'"),
    ],
    ids=["network", "validation", "smoothing", "width", "decay"],
)
def test_settings_outside_their_domain_are_refused(name, settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make(name, **settings)
