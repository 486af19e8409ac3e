"""What ``describe`` finds, by hand, and the pictures that are drawn of it."""

import json

import numpy as np
import pytest
from PIL import Image

from data.test_reading_files import write_wav
from pellucid.data import Dataset, describe, draw_data, open_data
from pellucid.errors import DatasetError, UnknownNameError

TABLE = "age,city,still,pet\n" + "".join(
    f"{row},{'ab'[row % 2]},7,{'cat' if row % 5 else 'dog'}\n" for row in range(60)
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(TABLE + "oops,a,7,cat\n")
    return path


@pytest.mark.filterwarnings("ignore:1 bad row:UserWarning")
def test_a_table(table):
    facts = describe(open_data(str(table), target="pet"))
    assert (facts.rows, facts.looked_at, facts.bad_rows) == (60, 60, 1)
    assert facts.classes == {"cat": 48, "dog": 12}
    found = {column.name: column for column in facts.columns}
    assert list(found) == ["age", "city", "still", "y"]
    age = found["age"]
    assert (age.kind, age.least, age.most) == ("numbers", 0, 59)
    assert age.mean == pytest.approx(29.5)
    assert age.deviation == pytest.approx(np.arange(60).std())
    assert found["city"].common == {"a": 30, "b": 30}
    notes = " ".join(facts.notes)
    assert "1 bad row was left out; on_error=" in notes
    assert "Class cat has 48 rows and dog 12; balanced() or class_weight=" in notes
    assert "The same number in every row: still" in notes
    assert "Inputs reach 59" in notes
    assert json.loads(json.dumps(facts.to_json()))["classes"] == {"cat": 48, "dog": 12}


def test_statistics_of_many_blocks_are_those_of_the_whole(tmp_path):
    x = np.random.default_rng(0).normal(50, 3, (5000, 2)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    first, second = describe(open_data(str(tmp_path / "x.npy"))).columns
    for column, values in ((first, x[:, 0]), (second, x[:, 1])):
        assert column.mean == pytest.approx(values.astype(float).mean(), rel=1e-9)
        assert column.deviation == pytest.approx(values.astype(float).std(), rel=1e-7)
    some = describe(open_data(str(tmp_path / "x.npy")), rows=700)
    assert (some.rows, some.looked_at) == (5000, 700)


def test_a_folder_of_images_and_its_picture(tmp_path):
    for name, count in (("cat", 3), ("dog", 2)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(count):
            Image.effect_noise((20, 20), 60).save(tmp_path / "set" / name / f"{number}.png")
    facts = describe(open_data(str(tmp_path / "set")))
    assert (facts.rows, facts.classes) == (5, {"cat": 3, "dog": 2})
    assert facts.columns[0].shape == (64, 64, 3)
    figure = draw_data(facts)
    figure.savefig(tmp_path / "picture.png")
    pixels = np.asarray(Image.open(tmp_path / "picture.png").convert("L"))
    assert pixels.std() > 5
    shown = [axes for part in figure.subfigs for axes in part.axes if axes.images]
    assert len(shown) == 5


def test_sounds_and_texts(tmp_path):
    for name, length in (("no", 40), ("yes", 80)):
        write_wav(tmp_path / "sounds" / name / "1.wav", [0.5] * length)
        (tmp_path / "texts" / name).mkdir(parents=True)
        (tmp_path / "texts" / name / "1.txt").write_text("x" * length)
    for kind, found in (("sounds", "sequences"), ("texts", "strings")):
        facts = describe(open_data(str(tmp_path / kind)))
        column = facts.columns[0]
        assert (column.kind, column.least, column.most) == (found, 40, 80)
        assert facts.classes == {"no": 1, "yes": 1}
        draw_data(facts).savefig(tmp_path / f"{kind}.png")


def test_a_set_by_name_and_arrays():
    facts = describe(open_data("digits"))
    assert (facts.source, facts.rows, len(facts.classes)) == ("digits", 1438, 10)
    again = describe(Dataset.from_arrays(np.zeros((4, 2)), np.arange(4) / 3))
    assert again.classes == {}


def test_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="no data set, file or folder named 'digit'; did"):
        open_data("digit")
    (tmp_path / "a.doc").write_text("?")
    with pytest.raises(DatasetError, match=r"a\.doc' is no file that can be shown; it takes .csv"):
        open_data(str(tmp_path / "a.doc"))
