"""A checkpoint whose description is damaged is refused with a sentence, wherever the damage is."""

import json

import numpy as np
import pytest

from pellucid import callbacks, losses, models
from pellucid.errors import ModelFileError, RunError
from pellucid.layers import Dense
from pellucid.training import checkpoints
from pellucid.training._point import read_point, read_rest

X = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)
Y = np.arange(12) % 2


def fit(folder, epochs=1):
    model = models.Sequential([Dense(2, input_shape=(3,))])
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), verbose=0)
    kept = [callbacks.EarlyStopping("loss"), callbacks.BackupAndRestore(folder, 2)]
    kept[1].delete_checkpoint = False
    model.fit(X, Y, batch_size=4, epochs=epochs, callbacks=kept, verbose=0)
    return model


@pytest.fixture
def written(tmp_path):
    model = fit(tmp_path / "backup")
    return checkpoints(tmp_path / "backup")[-1], model._trained


def change(path, edit):
    """Change what a checkpoint says beside its arrays."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    head = json.loads(header["__metadata__"]["pellucid"])
    edit(head["rest"])
    header["__metadata__"]["pellucid"] = json.dumps(head)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])


@pytest.mark.parametrize(
    "edit",
    [
        lambda rest: rest.pop("epoch"),
        lambda rest: rest.update(epoch=-1),
        lambda rest: rest.update(batch=True),
        lambda rest: rest.update(begun=1),
        lambda rest: rest.update(steps="3"),
        lambda rest: rest.update(stopped=[]),
        lambda rest: rest.update(order_seed=[1, 2, 3]),
        lambda rest: rest.update(order_seed=[1, -2]),
        lambda rest: rest.update(totals=[1, 2]),
        lambda rest: rest.update(totals=[{"loss": "a"}, {}]),
        lambda rest: rest.update(history=None),
        lambda rest: rest["history"].update(history={"loss": 3}),
        lambda rest: rest.update(callbacks=[]),
        lambda rest: rest["callbacks"].update(more={"$number": "abc"}),
        lambda rest: rest["callbacks"].update(more={"$array": "nowhere"}),
        lambda rest: rest["callbacks"].update(more={"$array": []}),
    ],
)
def test_a_damaged_description_is_refused(written, edit):
    path, like = written
    read_point(path, like)
    change(path, edit)
    with pytest.raises(ModelFileError, match="is damaged"):
        read_point(path, like)


def test_what_is_no_place_of_a_fit_says_nothing(written):
    path, _ = written
    assert read_rest(path)["epoch"] == 1
    change(path, lambda rest: rest.pop("signature"))
    assert read_rest(path) is None


def test_what_a_callback_cannot_go_on_from(tmp_path):
    fit(tmp_path / "backup")
    path = checkpoints(tmp_path / "backup")[-1]

    def lose(rest):
        (name,) = (name for name in rest["callbacks"] if "EarlyStopping" in name)
        rest["callbacks"][name] = {}

    change(path, lose)
    with pytest.raises(RunError, match="EarlyStopping.* cannot go on from what it kept"):
        fit(tmp_path / "backup", epochs=2)
