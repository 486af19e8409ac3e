"""The recipe that finds blood cells: on made images, and on the real ones where they are."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pellucid import recipes
from pellucid.cli import app
from pellucid.data.bccd import BoxedImages
from pellucid.datasets import bccd
from pellucid.errors import ArgumentError, DataError
from pellucid.recipes import blood_cells


def made_cells(count, seed, size):
    """Return images with one large blue cell and one small red one."""
    rng = np.random.default_rng(seed)
    images = np.full((count, *size, 3), 220, np.uint8)
    boxes = np.zeros((count, 3, 4), np.float32)
    for row in range(count):
        left, top = rng.integers(0, 4, 2)
        boxes[row, 0] = left, top, left + 24, top + 24
        boxes[row, 1] = 36, top, 48, top + 12
        images[row, top : top + 24, left : left + 24] = 40, 40, 200
        images[row, top : top + 12, 36:48] = 200, 40, 40
    return BoxedImages(images, boxes, np.tile(np.array([1, 0, -1], np.int32), (count, 1)))


@pytest.fixture(autouse=True)
def small_set(monkeypatch):
    monkeypatch.setattr(blood_cells, "HEIGHT", 32)
    monkeypatch.setattr(blood_cells, "WIDTH", 48)
    counts = (9, 3, 4)

    def load_data(size):
        return tuple(made_cells(count, seed, size) for seed, count in enumerate(counts))

    monkeypatch.setattr(bccd, "load_data", load_data)
    make = blood_cells.ssd.ssd
    monkeypatch.setattr(blood_cells.ssd, "ssd", lambda *a, **k: make(*a, width=4, **k))
    other = blood_cells.faster_rcnn.faster_rcnn
    monkeypatch.setattr(
        blood_cells.faster_rcnn, "faster_rcnn", lambda *a, **k: other(*a, width=4, **k)
    )


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        ("ssd", {"classes", "boxes"}),
        pytest.param(
            "faster_rcnn",
            {"objects", "anchor_boxes", "classes", "boxes"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_few_steps_and_a_prediction(network, parts, tmp_path):
    settings = {"network": network, "epochs": 2, "batch_size": 4, "least_score": 0.0}
    run = recipes.train(recipes.make("blood_cells", **settings), tmp_path, verbose=0)
    assert {"loss", "val_mean_average_precision", *parts} <= set(run.log[0])
    for name in ("test", "validation"):
        measures = run.metrics[name]
        assert set(measures) == {"mean_average_precision", "RBC", "WBC", "Platelets"}
        assert measures["Platelets"] is None, "there are none"
        assert 0 <= measures["mean_average_precision"] <= 1
    assert {path.stem for path in run.folder.glob("*.png")} == {"detections", "learning_curve"}

    again = recipes.open_run(run.folder)
    sample = again.recipe.sample(again.recipe.data(), 2)
    assert sample.truth == "1 RBC, 1 WBC, 0 Platelets"
    big = Image.fromarray(sample.x).resize((480, 640))
    big.save(tmp_path / "a.png")
    (answer,) = again.predict([sample])
    (enlarged,) = again.predict([again.recipe.example(str(tmp_path / "a.png"))])
    assert enlarged.example.size == (640, 480)
    assert answer.boxes
    assert sum(answer.counts().values()) == len(answer.boxes)
    for boxes, (height, width) in ((answer.boxes, (32, 48)), (enlarged.boxes, (640, 480))):
        sides = np.array([box[2:] for box in boxes])
        assert (sides >= 0).all()
        assert (sides <= [width, height, width, height]).all()
        scores = [box.score for box in boxes]
        assert scores == sorted(scores, reverse=True)
    assert max(box.bottom for box in enlarged.boxes) > 32

    done = CliRunner().invoke(app, ["predict", str(run.folder), "--sample", "2"])
    assert done.exit_code == 0, done.output
    assert "test sample 2: " in done.stdout
    assert "there are 1 RBC, 1 WBC" in done.stdout
    assert "score" in done.stdout
    done = CliRunner().invoke(app, ["predict", str(run.folder), str(tmp_path / "a.png"), "--json"])
    (found,) = json.loads(done.stdout)["predictions"]
    assert found["truth"] is None
    assert len(found["boxes"]) == len(enlarged.boxes)
    assert set(found["boxes"][0]) == {"label", "score", "box"}


def test_nothing_found_is_said(tmp_path):
    recipe = recipes.make("blood_cells", least_score=1.0)
    data = recipe.data()
    (answer,) = recipe.predict(recipe.model(data), [recipe.sample(data, 1)])
    assert answer.boxes == ()
    assert answer.to_json()["boxes"] == []
    assert answer.counts() == {}
    assert answer.is_right is None


def test_files_that_are_no_images(tmp_path):
    recipe = recipes.make("blood_cells")
    with pytest.raises(DataError, match="There is no image file .*b.png"):
        recipe.example(str(tmp_path / "b.png"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "yolo"}, "network to be one of 'ssd', 'faster_rcnn', got 'yolo'"),
        ({"learning_rate": 0.0}, "learning_rate to be a number in"),
        ({"weight_decay": -1.0}, "weight_decay to be a number in"),
        ({"least_score": 2.0}, r"least_score to be a number in \[0, 1\], got 2.0"),
    ],
)
def test_settings_outside_their_domain(settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make("blood_cells", **settings)


@pytest.mark.slow
@pytest.mark.parametrize("network", blood_cells.NETWORKS)
def test_expected_precision(network, tmp_path, monkeypatch):
    monkeypatch.undo()  # the whole networks, on the real images
    run = recipes.train(recipes.make("blood_cells", network=network), tmp_path, verbose=0)
    assert run.metrics["test"]["mean_average_precision"] >= 0.8
