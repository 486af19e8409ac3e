"""The recipes for photographs of pets and for pairs of faces, on made pictures."""

import math

import jax
import numpy as np
import pytest
from PIL import Image

from pellucid import recipes
from pellucid.datasets import orl_faces, oxford_iiit_pet
from pellucid.errors import ArgumentError, DataError
from pellucid.recipes.faces_siamese import all_pairs, halved
from pellucid.recipes.pets_unet import overlaps, painted, with_mirrored


def made_pets(count, size):
    """Return photographs of three breeds, each with a bright square in a color of its own."""
    y = np.array([0, 1, 5])[np.arange(count) % 3].astype(np.uint8)
    x = np.random.default_rng(count).integers(0, 60, (count, size, size, 3)).astype(np.uint8)
    outlines = np.ones((count, size, size), np.uint8)
    quarter = size // 4
    inside = slice(quarter, 3 * quarter)
    for photo, outline, breed in zip(x, outlines, y, strict=True):
        photo[inside, inside, breed % 3] = 255
        outline[inside, inside] = 2
        outline[quarter + 2 : 3 * quarter - 2, quarter + 2 : 3 * quarter - 2] = 0
    return x, y, outlines


def made_faces(people, pictures=3):
    """Return pictures of people, each of stripes of another width, moved a little."""
    x = np.zeros((people * pictures, 112, 92), np.uint8)
    rng = np.random.default_rng(people)
    for row, picture in enumerate(x):
        person = row // pictures
        at = (np.arange(112) + rng.integers(0, 3)) % (8 + 4 * (person % 5))
        picture[at < 4] = 200
        picture += rng.integers(0, 20, picture.shape).astype(np.uint8)
    return x, np.repeat(np.arange(people, dtype=np.uint8), pictures)


@pytest.fixture(autouse=True)
def made_pictures(monkeypatch):
    def photographs(size=256):
        return tuple(made_pets(count, size)[:2] for count in (12, 6))

    def outlines(size=128):
        return tuple(made_pets(count, size)[::2] for count in (12, 6))

    monkeypatch.setattr(oxford_iiit_pet, "load_data", photographs)
    monkeypatch.setattr(oxford_iiit_pet, "load_outlines", outlines)
    monkeypatch.setattr(orl_faces, "load_data", lambda: (made_faces(8), made_faces(3)))


# Pets by AlexNet


def test_photographs_are_drawn_by_the_seed():
    drawn = [recipes.make("pets", photographs=4, seed=seed).data().train for seed in (0, 0, 1)]
    assert drawn[0].x.shape == (4, 256, 256, 3)
    np.testing.assert_array_equal(drawn[0].y, drawn[1].y)
    assert not np.array_equal(drawn[0].x, drawn[2].x)
    assert recipes.make("pets", photographs=0).data().train.rows == 12


@pytest.mark.parametrize(
    ("network", "count"),
    [
        # The golden counts for 1000 outputs, less 963 x 4097.
        ("batch_normalized", 62_379_560 + 1_216 - 963 * 4097),
        ("one_column", 61_100_840 - 963 * 4097),
        ("2012", 60_965_224 - 963 * 4097),
    ],
)
@pytest.mark.parametrize("augment", ["none", "shift"])
def test_alexnet_reads_227(network, count, augment):
    recipe = recipes.make("pets", network=network, augment=augment)
    model = recipe.model(None)
    shapes = [node.outputs[0].shape[1:] for _, _, node in model.graph.calls()]
    assert (227, 227, 3) in shapes
    assert shapes[-1] == (37,)
    sizes = jax.tree.leaves((model.shapes.parameters, model.shapes.state))
    assert sum(math.prod(spec.shape) for spec in sizes) == count


def test_as_many_outputs_as_the_paper():
    recipe = recipes.make("pets", outputs=1000, hidden=4)
    assert recipe.model(None).graph.output_symbols[0].shape == (None, 1000)
    labels = recipe.data().labels
    assert (len(labels), labels[0], labels[36]) == (1000, "Abyssinian", "Yorkshire terrier")
    assert labels[-1] == "output 1000"


@pytest.mark.slow
def test_alexnet_for_an_epoch(tmp_path):
    recipe = recipes.make("pets", epochs=1, batch_size=4, hidden=8)
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert set(run.metrics["train"]) == set(run.metrics["test"]) == {"loss", "accuracy", "top_5"}
    assert (run.folder / "photographs.png").exists()
    sample = recipe.sample(recipe.data(), 2)
    (answer,) = run.predict([sample])
    assert sample.truth == "American bulldog"
    assert len(answer.probabilities) == 37


def test_own_photographs(tmp_path):
    Image.new("RGB", (300, 100), "red").save(tmp_path / "pet.png")
    for name, side in (("pets", 256), ("pets_unet", 128)):
        example = recipes.make(name).example(str(tmp_path / "pet.png"))
        assert example.x.shape == (side, side, 3)
        assert example.picture.shape == (side, side)
        np.testing.assert_array_equal(example.x[0, 0], [255, 0, 0])
        with pytest.raises(DataError, match="There is no image file 'no.png'; correct the path"):
            recipes.make(name).example("no.png")
        (tmp_path / "text.png").write_text("no picture")
        with pytest.raises(DataError, match="cannot be read as an image"):
            recipes.make(name).example(str(tmp_path / "text.png"))


# Outlines by a U-Net


def test_overlaps_by_hand():
    """Two animals of which one is found, one background taken for border: 1/2, 1/2 and 1/2."""
    y, found = np.array([[[0, 0, 1, 1, 2]]]), np.array([[[0, 1, 1, 2, 2]]])
    shares = overlaps(y, found)
    assert shares["iou_animal"] == 1 / 2
    assert shares["iou_background"] == 1 / 3
    assert shares["iou_border"] == 1 / 2
    assert shares["mean_iou"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3)
    assert overlaps(y, y)["mean_iou"] == 1


def test_mirrored_and_painted():
    x = np.arange(6, dtype=np.uint8).reshape(1, 1, 6)
    np.testing.assert_array_equal(with_mirrored(x)[1], x[0, :, ::-1])
    photo = np.zeros((1, 1, 3, 3), np.uint8)
    np.testing.assert_allclose(
        painted(photo, np.array([[[0, 1, 2]]]))[0, 0],
        [[0.5, 0.275, 0], [0, 0, 0], [0.5, 0.5, 0.5]],
    )


@pytest.mark.slow
def test_a_unet_learns_outlines(tmp_path):
    recipe = recipes.make("pets_unet", epochs=6, width=4, batch_size=5, learning_rate=5e-3)
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert run.metrics["test"]["iou_animal"] > 0.5, "made outlines are easy"
    assert set(run.metrics["validation"]) == set(run.metrics["test"])
    assert (run.folder / "outlines.png").exists()
    (answer,) = run.predict([recipe.sample(recipe.data(), 1)])
    assert answer.picture.shape == (128, 128)
    assert 0 < answer.numbers["share of the animal"] < 1


def test_parameter_count_of_the_unet():
    count = recipes.make("pets_unet").model(None).count_params()
    assert f"({count:,} parameters)" in recipes.description("pets_unet")


# Faces by a siamese network


def test_all_pairs():
    x = np.arange(4)[:, None]
    part = all_pairs(x, np.array([0, 0, 1, 1]))
    assert part.rows == 6
    pairs = list(zip(*(inputs[:, 0].tolist() for inputs in part.inputs), strict=True))
    assert [pair for pair, alike in zip(pairs, part.y[:, 0], strict=True) if alike] == [
        (0, 1),
        (2, 3),
    ]


def test_pictures_are_halved():
    picture = np.zeros((1, 112, 92), np.uint8)
    picture[0, 0, :2] = 100, 50
    small = halved(picture)
    assert small.shape == (1, 56, 46, 1)
    assert small[0, 0, 0, 0] == 38  # the mean of 100, 50, 0 and 0


def test_nobody_is_in_two_parts():
    data = recipes.make("faces_siamese", pairs=50).data()
    pictures = [{row.tobytes() for row in part.x[0]} for part in data.parts().values()]
    assert not pictures[0] & pictures[1]
    assert not pictures[0] & pictures[2]
    assert data.train.rows == 50
    assert data.train.y.mean() == 0.5


def test_pairs_of_faces(tmp_path):
    recipe = recipes.make("faces_siamese", epochs=1, pairs=32, features=4)
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert set(run.metrics["test"]) == {"loss", "balanced_accuracy", "auc"}
    assert (run.folder / "pairs.png").exists()
    sample = recipe.sample(recipe.data(), 1)
    assert (sample.truth, sample.picture.shape) == ("same person", (56, 92))
    Image.fromarray(made_faces(1)[0][0]).save(tmp_path / "a.png")
    one = recipe.example(f"{tmp_path / 'a.png'},{tmp_path / 'a.png'}")
    for answer in run.predict([sample, one]):
        assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.label == "same person", "a picture is at no distance from itself"
    with pytest.raises(DataError, match="two image files with a comma between them, such as a.png"):
        recipe.example("a.png")
    with pytest.raises(ArgumentError, match="a number from 1 to 36"):
        recipe.sample(recipe.data(), 37)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("pets", {"network": "vgg"}, "network to be one of 'batch_normalized', 'one_column', '201"),
        ("pets", {"augment": "cut"}, "augment to be one of 'none', 'shift', got 'cut'"),
        ("pets", {"outputs": 36}, r"outputs to be a number in \[37, inf\), got 36"),
        ("pets", {"photographs": -1}, r"photographs to be a number in \[0, inf\)"),
        ("pets", {"hidden": 0}, "hidden to be a number in"),
        ("pets", {"dropout": 1.0}, "dropout to be a number in"),
        ("pets", {"learning_rate": 0.0}, "learning_rate to be a number in"),
        ("pets_unet", {"width": 0}, "width to be an integer of 1 or more"),
        ("pets_unet", {"learning_rate": 0.0}, "learning_rate to be a number in"),
        ("faces_siamese", {"pairs": 0}, "pairs to be an integer of 1 or more"),
        ("faces_siamese", {"learning_rate": 0.0}, "learning_rate to be a number in"),
    ],
)
def test_settings_out_of_range(name, settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make(name, **settings)
