"""Preprocessing: by hand, there and back, as plain JSON, and what it refuses."""

import doctest
import json

import numpy as np
import pytest
from PIL import Image

from pellucid.data import (
    PREPROCESSING,
    Dataset,
    ImageFiles,
    LabelNames,
    Preprocessing,
    RawData,
    StandardScaler,
    TableColumns,
    TextVectorization,
    _preprocessing,
    _text,
)
from pellucid.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    NotReadyError,
    PellucidError,
    ShapeError,
    UnknownNameError,
)

TEXTS = ["The cat sat.", "the dog, the Cat!", "我爱北京 dog"]
TABLE = {"age": np.array([10.0, 20, 30, 40]), "pet": ["cat", "dog", "cat", "ant"], "one": [5] * 4}

FITTED = [
    LabelNames().fit(["b", "a", "b"]),
    StandardScaler().fit([[0.0, 1], [2, 1]]),
    TableColumns(unknown="stop").fit(TABLE),
    TextVectorization(max_tokens=6, output_sequence_length=4).fit(TEXTS),
    TextVectorization(split="chinese", standardize="lower").fit(TEXTS),
    ImageFiles(3, 4, "grey"),
    RawData(
        inputs=TextVectorization(split="character").fit(TEXTS), labels=LabelNames(("no", "yes"))
    ),
]


def test_every_preprocessing_is_tested():
    assert {type(fitted) for fitted in FITTED} == set(PREPROCESSING.entries.values())


@pytest.mark.parametrize("fitted", FITTED, ids=lambda value: type(value).__name__)
def test_configuration_round_trip(fitted):
    written = json.dumps(fitted.to_config(), ensure_ascii=False)
    again = Preprocessing.from_config(json.loads(written))
    assert again == fitted
    assert hash(again) == hash(fitted)
    assert "pellucid." not in written


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"name": "os.system", "config": {}}, UnknownNameError, "no preprocessing named 'os.sys"),
        ({"name": "LabelNames", "config": {"names": 3}}, DTypeError, "names of type tuple"),
        ({"name": "LabelNames", "config": {"nam": []}}, UnknownNameError, "did you mean 'names'"),
        ({"name": "StandardScaler", "config": {"mean": [1.0]}}, ArgumentError, "as many numbers"),
        (
            {"name": "RawData", "config": {"labels": {"name": "Dense", "config": {}}}},
            UnknownNameError,
            "no preprocessing named 'Dense'",
        ),
        ({"config": {}}, ArgumentError, "Expected the configuration of preprocessing"),
    ],
)
def test_hostile_configurations_are_refused(config, error, message):
    with pytest.raises(error, match=message):
        Preprocessing.from_config(config)


@pytest.mark.parametrize("module", [_preprocessing, _text])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("fresh", "data"),
    [
        (LabelNames(), ["a"]),
        (StandardScaler(), [[1.0]]),
        (TableColumns(), TABLE),
        (TextVectorization(), TEXTS),
    ],
)
def test_transform_before_fit_is_refused(fresh, data):
    name = type(fresh).__name__
    with pytest.raises(NotReadyError, match=rf"{name} has not seen data yet; type fitted = {name}"):
        fresh.transform(data)


# Labels and columns


def test_label_names():
    names = LabelNames().fit(np.array(["dog", "cat", "dog"]))
    numbers = names.transform(["dog", "cat"])
    assert (numbers.dtype, numbers.tolist()) == (np.int32, [1, 0])
    assert names.inverse_transform(numbers) == ["dog", "cat"]
    with pytest.raises(DataError, match="expected one of cat, dog, got 'cow' in row 1; fit it"):
        names.transform(["cat", "cow"])
    with pytest.raises(DataError, match="at least 2 classes, got cat; add"):
        LabelNames().fit(["cat", "cat"])


def test_scaler_is_scikit_learn_s():
    from sklearn.preprocessing import StandardScaler as Reference

    x = np.random.default_rng(0).normal(3, 7, (40, 3))
    x[:, 1] = 4.0
    ours = StandardScaler().fit(x).transform(x)
    np.testing.assert_allclose(ours, Reference().fit_transform(x), atol=1e-6)
    assert ours.dtype == np.float32
    with pytest.raises(ShapeError, match=r"expected 3 columns .* got shape \(40, 2\)"):
        StandardScaler().fit(x).transform(x[:, :2])
    with pytest.raises(ShapeError, match=r"numbers of shape \(rows, columns\), got float64 of"):
        StandardScaler().fit(x[:, 0])


def test_table_columns_by_hand():
    columns = TableColumns().fit(TABLE)
    assert columns.columns == ["age", "one", "pet=ant", "pet=cat", "pet=dog"]
    y = columns.transform(TABLE)
    deviation = np.std([10, 20, 30, 40])
    np.testing.assert_allclose(y[:, 0], (TABLE["age"] - 25) / deviation, rtol=1e-6)
    assert not y[:, 1].any()
    assert y[:, 2:].tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    new = columns.transform({"age": [25], "one": [5], "pet": ["cow"]})
    assert new.tolist() == [[0, 0, 0, 0, 0]]
    with pytest.raises(DataError, match="category of column 'pet' .* got 'cow' in row 0"):
        TableColumns(unknown="stop").fit(TABLE).transform({"age": [25], "one": [5], "pet": ["cow"]})
    with pytest.raises(DataError, match="a column 'one' as in training, got 'age'"):
        columns.transform({"age": [25]})
    with pytest.raises(DataError, match="numbers in column 'age' as in training"):
        columns.transform({**TABLE, "age": ["x"] * 4})
    with pytest.raises(DTypeError, match="a dictionary of columns or a data frame, got list"):
        columns.transform([[1, 2]])


def test_table_columns_of_a_file_read_in_pieces(tmp_path):
    """Means and deviations from many blocks are those of the whole column."""
    values = np.random.default_rng(0).normal(1e3, 2.0, 5000)
    path = tmp_path / "a.csv"
    lines = (f"{value!r},{'ab'[row % 2]},{row % 2}" for row, value in enumerate(values.tolist()))
    path.write_text("v,c,y\n" + "\n".join(lines) + "\n")
    pipeline = Dataset.from_csv(path, "y")
    columns = TableColumns().fit(pipeline)
    exact = values.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(columns.mean, [exact.mean()], rtol=1e-12)
    np.testing.assert_allclose(columns.scale, [exact.std()], rtol=1e-9)
    assert columns.categories == (("a", "b"),)
    batch = next(pipeline.preprocess(columns).batch(4).batches())
    assert batch.x.shape == (4, 3)
    assert batch.y.tolist() == [0, 1, 0, 1]


# Texts


def test_words_by_frequency_and_alphabet():
    words = TextVectorization().fit(TEXTS)
    assert words.vocabulary == ("", "[UNK]", "the", "cat", "dog", "sat", "我爱北京")
    assert words.transform(["the cat", "mouse"]).tolist() == [[2, 3], [1, 0]]
    assert words.inverse_transform([[2, 3, 0], [1, 5, 0]]) == ["the cat", "[UNK] sat"]
    few = TextVectorization(max_tokens=4, output_sequence_length=3).fit(TEXTS)
    assert few.vocabulary == ("", "[UNK]", "the", "cat")
    assert few.transform(["the dog sat on the cat"]).tolist() == [[2, 1, 1]]


@pytest.mark.parametrize(
    ("split", "text", "expected"),
    [
        ("whitespace", "  A b,\tc ", ["a", "b", "c"]),
        ("character", "aB!", ["a", "b"]),
        ("chinese", "我爱 New York，真的！", ["我", "爱", "new", "york", "真", "的"]),
    ],
)
def test_splits(split, text, expected):
    assert TextVectorization(split=split).words(text) == expected


@pytest.mark.parametrize(
    ("standardize", "expected"),
    [("none", ["A-b!"]), ("lower", ["a-b!"]), ("lower_and_strip_punctuation", ["ab"])],
)
def test_standards(standardize, expected):
    assert TextVectorization(standardize=standardize).words("A-b!") == expected


def test_rare_words_are_left_out():
    words = TextVectorization(max_tokens=3).fit(["b b a", "c b"])
    assert words.vocabulary == ("", "[UNK]", "b")


def test_chinese_there_and_back():
    texts = ["今天天气很好", "我今天很高兴"]
    words = TextVectorization(split="chinese").fit(texts)
    assert words.inverse_transform(words.transform(texts)) == texts


def test_byte_pairs_lose_nothing():
    pytest.importorskip("tokenizers")
    texts = ["low lower lowest", "new newer newest", "最新 newest"] * 5
    pairs = TextVectorization(split="byte_pair", standardize="none", max_tokens=280).fit(texts)
    assert pairs.vocabulary[:2] == ("", "[UNK]")
    assert len(pairs.vocabulary) <= 280
    never_seen = ["slowest 🐌 of 1923, ünïcode\n"]
    assert pairs.inverse_transform(pairs.transform(never_seen)) == never_seen
    assert 1 not in pairs.transform(never_seen)
    learned = len(pairs.numbers(["lowest newest"])[0])
    assert learned < len("lowest newest")
    again = Preprocessing.from_config(json.loads(json.dumps(pairs.to_config())))
    np.testing.assert_array_equal(again.transform(never_seen), pairs.transform(never_seen))
    assert pairs == TextVectorization(split="byte_pair", standardize="none", max_tokens=280).fit(
        texts
    )


def test_texts_of_a_pipeline(tmp_path):
    (tmp_path / "a.txt").write_text("one two\ntwo three\n", encoding="utf-8")
    lines = Dataset.from_text(tmp_path / "a.txt")
    words = TextVectorization(output_sequence_length=2).fit(lines)
    assert words.vocabulary == ("", "[UNK]", "two", "one", "three")
    (batch,) = lines.preprocess(words).batch(2).batches()
    assert batch.x.tolist() == [[3, 2], [2, 4]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TextVectorization(split="words"), ArgumentError, "split to be one of"),
        (lambda: TextVectorization(standardize="up"), ArgumentError, "standardize to be one of"),
        (lambda: TextVectorization(max_tokens=0), ArgumentError, "max_tokens to be an integer"),
        (
            lambda: TextVectorization(split="byte_pair", max_tokens=100),
            ArgumentError,
            "max_tokens of at least 258",
        ),
        (
            lambda: TextVectorization(vocabulary=("a", "b")),
            ArgumentError,
            "begins with '' .padding. and",
        ),
        (
            lambda: TextVectorization(vocabulary=("", "[UNK]", "a", "a")),
            ArgumentError,
            "each word once, got 'a' twice",
        ),
        (lambda: TextVectorization().fit("text"), DTypeError, r"got one string; write \[text\]"),
        (lambda: TextVectorization().fit(["a", 3]), DTypeError, "texts, got int in row 1"),
        (lambda: TextVectorization().fit(["  ", "!"]), DataError, "at least one word"),
        (
            lambda: TextVectorization().fit(["a"]).transform([]),
            DataError,
            "at least one text, got none",
        ),
        (
            lambda: RawData(labels=TableColumns()),
            DTypeError,
            "labels to be LabelNames, got TableColumns",
        ),
        (lambda: ImageFiles(0, 3), ArgumentError, "height to be an integer"),
        (lambda: ImageFiles(3, 3).transform([]), DataError, "at least one path"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert issubclass(error, PellucidError)


# Images, and all together


def test_image_files_are_read_as_from_folder(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.effect_noise((20, 30), 50).save(tmp_path / name / "1.png")
    x = np.concatenate([block.x for block in Dataset.from_folder(tmp_path, (8, 9)).rows()])
    files = [tmp_path / "a" / "1.png", str(tmp_path / "b" / "1.png")]
    np.testing.assert_array_equal(ImageFiles(8, 9).transform(files), x)
    assert ImageFiles(8, 9, "grey").transform(files[0]).shape == (1, 8, 9, 1)


def test_raw_data_answers_in_names():
    raw = RawData(labels=LabelNames(("no", "yes")))
    assert raw.answers(np.array([[0.9, 0.1], [0.2, 0.8]])) == ["no", "yes"]
    assert raw.answers(np.array([[0.4], [0.6]])) == ["no", "yes"]
    assert raw.answers(np.array([[0.4], [-0.6]]), threshold=0.0) == ["yes", "no"]
    assert RawData().answers(np.array([[1.5], [2.5]])) == [1.5, 2.5]
    assert RawData().answers(np.array([[0.0, 1, 0]])) == [1]
    assert raw.transform([1, 2]) == [1, 2]
    assert raw.transform_labels(["yes"]).tolist() == [1]
    with pytest.raises(ShapeError, match=r"shape \(rows, classes\), got \(2, 3, 4\)"):
        raw.answers(np.zeros((2, 3, 4)))
