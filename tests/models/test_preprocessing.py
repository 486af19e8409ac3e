"""Preprocessing that a saved model carries: raw data in, names out, in another process."""

import json
import subprocess
import sys

import numpy as np
import pytest

from pellucid.data import LabelNames, RawData, StandardScaler, TableColumns, TextVectorization
from pellucid.errors import ModelFileError, NotReadyError
from pellucid.layers import Dense, Embedding, GlobalAveragePooling1D, Input
from pellucid.models import Sequential, load_model
from pellucid.optimizers import Adam

TEXTS = ["good film", "bad film", "so good", "so bad", "very good indeed", "very bad indeed"] * 4
LABELS = ["yes", "no"] * 12


def text_model():
    raw = RawData(
        inputs=TextVectorization(output_sequence_length=3).fit(TEXTS),
        labels=LabelNames().fit(LABELS),
    )
    words = len(raw.inputs.vocabulary)
    model = Sequential(
        [
            Input((3,), dtype="int32"),
            Embedding(words, 4),
            GlobalAveragePooling1D(),
            Dense(2, "softmax"),
        ]
    )
    model.compile(Adam(0.1), "sparse_categorical_crossentropy", verbose=0)
    x, y = raw.transform(TEXTS), raw.transform_labels(LABELS)
    model.fit(x, y, epochs=20, verbose=0)
    return model, raw


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "reviews"
    model, raw = text_model()
    model.save(folder, preprocessing=raw)
    return folder, model, raw


def test_a_loaded_model_takes_texts_and_answers_in_names(saved):
    folder, model, raw = saved
    loaded = load_model(folder)
    assert loaded.preprocessing == raw
    assert loaded.predict_raw(["good", "bad", "so good indeed"]) == ["yes", "no", "yes"]
    assert model.predict_raw(TEXTS[:2]) == LABELS[:2]


def test_it_stays_when_the_model_is_saved_again(saved, tmp_path):
    folder, _, raw = saved
    loaded = load_model(folder)
    loaded.save(tmp_path / "again")
    assert load_model(tmp_path / "again").preprocessing == raw


def test_another_process_needs_nothing_but_the_folder(saved):
    code = (
        "import sys, pellucid\n"
        "print(pellucid.models.load_model(sys.argv[1]).predict_raw(['bad', 'good']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved[0])], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['no', 'yes']"


def test_tables_and_one_output():
    table = {"age": np.linspace(0, 1, 40), "pet": ["cat", "dog"] * 20}
    raw = RawData(inputs=TableColumns().fit(table), labels=LabelNames(("no", "yes")))
    x = raw.transform(table)
    y = (np.array(table["pet"]) == "dog").astype("float32")[:, None]
    for activation, loss in [("sigmoid", "binary_crossentropy"), (None, "mse")]:
        model = Sequential([Input((3,)), Dense(1, activation)])
        model.compile(Adam(0.1), loss, verbose=0)
        model.fit(x, y if activation else 2 * y - 1, epochs=40, verbose=0)
        model.preprocessing = raw
        assert model.predict_raw({"age": [0.5, 0.5], "pet": ["cat", "dog"]}) == ["no", "yes"]


def test_numbers_without_names():
    scaler = StandardScaler().fit([[0.0], [4.0]])
    model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones")])
    model.preprocessing = scaler
    assert model.predict_raw([[6.0], [2.0]]) == [2.0, 0.0]


def test_a_model_without_is_as_it_was(tmp_path):
    model = Sequential([Input((2,)), Dense(1)])
    model.save(tmp_path / "plain")
    assert "preprocessing" not in json.loads((tmp_path / "plain" / "model.json").read_text())
    assert load_model(tmp_path / "plain").preprocessing is None
    with pytest.raises(NotReadyError, match="does not know what its raw data went through; assign"):
        model.predict_raw([[1.0, 2.0]])


@pytest.mark.parametrize(
    "config",
    [
        {"name": "os.system", "config": {}},
        {"name": "LabelNames", "config": {"names": "ab"}},
        {"name": "Dense", "config": {"units": 3}},
        ["LabelNames"],
        None,
        {"name": "ImageFiles", "config": {"height": -1, "width": 2}},
    ],
)
def test_a_hostile_description_is_refused(saved, tmp_path, config):
    description = json.loads((saved[0] / "model.json").read_text())
    folder = tmp_path / "hostile"
    saved[1].save(folder)
    description["preprocessing"] = config
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelFileError, match="model.json is damaged"):
        load_model(folder)
