"""Pipelines from files: what is read, and how bad files are named, counted and left out."""

import struct
import wave

import numpy as np
import pytest
from PIL import Image

from pellucid.data import Dataset
from pellucid.errors import (
    ArgumentError,
    DataError,
    DatasetError,
    DTypeError,
    ShapeError,
    UnknownNameError,
)


def everything(pipeline):
    """Return x and y of a whole pass."""
    blocks = list(pipeline.rows())
    y = None if blocks[0].y is None else np.concatenate([block.y for block in blocks])
    return np.concatenate([block.x for block in blocks]), y


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


# .npy


def test_npy_files(tmp_path):
    x, y = np.arange(30).reshape(10, 3), np.arange(10, dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    pipeline = Dataset.from_npy(tmp_path / "x.npy", tmp_path / "y.npy")
    (batch,) = pipeline.batches()
    np.testing.assert_array_equal(batch.x, x)
    assert batch.x.dtype == np.int32
    assert batch.y.dtype == np.uint8
    shuffled = np.concatenate([b.x for b in pipeline.shuffle(seed=1).batch(4).batches()])
    assert not np.array_equal(shuffled, x)
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), x)
    named = Dataset.from_npy({"a": tmp_path / "x.npy", "b": str(tmp_path / "y.npy")})
    assert next(named.batches()).x["b"].tolist() == y.tolist()
    two = Dataset.from_npy([tmp_path / "x.npy", tmp_path / "y.npy"])
    assert next(two.batches()).x[1].tolist() == y.tolist()


def test_npy_files_refused(tmp_path):
    paths = {}
    for name, array in {
        "ten": np.zeros(10),
        "nine": np.zeros(9),
        "none": np.zeros((0, 2)),
        "words": np.array(["a", "b"]),
        "single": np.array(3.0),
    }.items():
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], array)
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{}, []], object), allow_pickle=True)
    whole = paths["ten"].read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-8])
    with pytest.raises(DatasetError, match="There is no file .*absent.npy"):
        Dataset.from_npy(tmp_path / "absent.npy")
    with pytest.raises(ShapeError, match="x and y with as many rows each, got 10 and 9"):
        Dataset.from_npy(paths["ten"], paths["nine"])
    with pytest.raises(DataError, match="at least one row, got none in x"):
        Dataset.from_npy(paths["none"])
    with pytest.raises(DTypeError, match="words.npy' expected to hold numbers"):
        Dataset.from_npy(paths["words"])
    with pytest.raises(DatasetError, match="one array with rows, got a single number"):
        Dataset.from_npy(paths["single"])
    with pytest.raises(DatasetError, match="got an archive of several"):
        Dataset.from_npy(tmp_path / "several.npz")
    for bad in (objects, tmp_path / "cut.npy"):
        with pytest.raises(DatasetError, match="cannot be read as a .npy file of numbers"):
            Dataset.from_npy(bad)


# Images


@pytest.fixture
def photos(tmp_path):
    """Twelve grey cats and six lighter dogs, some in a folder below, beside a file of notes."""
    folder = tmp_path / "photos"
    for name, count, shade in (("cat", 12, 10), ("dog", 6, 100)):
        for number in range(count):
            place = folder / name / ("more" if number == 1 else "")
            place.mkdir(parents=True, exist_ok=True)
            size = (8 + number, 10)
            Image.new("RGB", size, (shade + number,) * 3).save(place / f"{number:02}.png")
    write(folder / "cat" / "notes.txt", "not an image")
    (folder / ".hidden").mkdir()
    return folder


def test_images_by_class(photos):
    pipeline = Dataset.from_folder(photos, image_size=(4, 6))
    assert pipeline.class_names == ("cat", "dog")
    assert pipeline.length() == 18
    x, y = everything(pipeline)
    assert (x.shape, x.dtype, y.dtype) == ((18, 4, 6, 3), np.uint8, np.int32)
    assert y.tolist() == [0] * 12 + [1] * 6
    assert sorted(x[:12, 0, 0, 0]) == list(range(10, 22))
    grey, _ = everything(Dataset.from_folder(photos, 4, color="grey"))
    assert grey.shape == (18, 4, 4, 1)
    alone, labels = everything(Dataset.from_folder(photos, 4, labels=False))
    assert (len(alone), labels) == (18, None)


def test_images_are_shuffled_balanced_and_split_before_they_are_read(photos):
    train, test = Dataset.from_folder(photos, 4).split(1 / 3, seed=1)
    assert (train.length(), test.length()) == (12, 6)
    assert everything(test)[1].tolist() == [0] * 4 + [1] * 2
    _, y = everything(train.balanced(seed=1))
    assert np.bincount(y).tolist() == [6, 6]


def test_a_corrupt_image_stops_or_is_counted_and_left_out(photos):
    whole = (photos / "cat" / "05.png").read_bytes()
    (photos / "cat" / "05.png").write_bytes(whole[: len(whole) // 2])
    (photos / "dog" / "03.png").write_bytes(b"no image at all")
    with pytest.raises(DatasetError, match=r"cat/05\.png is damaged: it cannot be read as an im"):
        everything(Dataset.from_folder(photos, 4))
    pipeline = Dataset.from_folder(photos, 4, on_error="skip")
    with pytest.warns(UserWarning, match=r"2 bad rows were left out: .*05\.png is damaged"):
        x, y = everything(pipeline)
    assert np.bincount(y).tolist() == [11, 5]
    assert 15 not in x[:, 0, 0, 0]
    assert pipeline.skipped.count == 2
    assert "03.png" in pipeline.skipped.examples[1]


@pytest.mark.filterwarnings("ignore:.*bad row:UserWarning")
def test_going_on_is_exact_where_bad_images_are_left_out(photos):
    (photos / "cat" / "05.png").write_bytes(b"")
    pipeline = Dataset.from_folder(photos, 4, on_error="skip").shuffle(seed=1).batch(4)
    whole = list(pipeline.read((0,)))
    rest = list(pipeline.read((0,), 2))
    for a, b in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(a.x, b.x)


def test_folders_refused(tmp_path, photos):
    with pytest.raises(DatasetError, match="no folder .*absent'; from_folder reads a folder of im"):
        Dataset.from_folder(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    for labels in (True, False):
        with pytest.raises(DataError, match="expected images in the folder .*empty', got none; it"):
            Dataset.from_folder(tmp_path / "empty", labels=labels)
    flat = _flat(photos)
    with pytest.raises(DataError, match=r"folder for each class in .*, got 11 files without; put"):
        Dataset.from_folder(flat)
    (photos / "bird").mkdir()
    with pytest.raises(DataError, match="images in every class, got none in .*bird'"):
        Dataset.from_folder(photos)
    one = tmp_path / "one" / "cat"
    one.mkdir(parents=True)
    Image.new("L", (4, 4)).save(one / "1.png")
    with pytest.raises(DataError, match="at least 2 classes to tell apart, got 'cat' alone"):
        Dataset.from_folder(tmp_path / "one")
    with pytest.raises(ArgumentError, match="color to be one of 'rgb', 'grey'"):
        Dataset.from_folder(photos, color="red")
    with pytest.raises(ArgumentError, match="image_size"):
        Dataset.from_folder(photos, image_size=0)
    with pytest.raises(ArgumentError, match="on_error to be one of 'stop', 'skip'"):
        Dataset.from_folder(photos, on_error="ignore")


def _flat(photos):
    """Return the folder of cats without the folder below it."""
    more = photos / "cat" / "more"
    for file in more.iterdir():
        file.unlink()
    more.rmdir()
    return photos / "cat"


# Sounds


def write_wav(path, values, rate=8000, width=2, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.round(np.asarray(values) * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        parts = (int(v).to_bytes(4, "little", signed=True)[:width] for v in whole)
        if width == 1:
            parts = (bytes([int(v) + 128]) for v in whole)
        file.writeframes(b"".join(parts))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_files_of_every_width(tmp_path, width):
    values = np.sin(np.arange(100))
    write_wav(tmp_path / "a.wav", values, width=width)
    x, _ = everything(Dataset.from_audio(tmp_path, labels=False))
    assert (x.shape, x.dtype) == ((1, 100, 1), np.float32)
    np.testing.assert_allclose(x[0, :, 0], values, atol=2.0 ** (2 - 8 * width) + 1e-6)


def test_sounds_by_class(tmp_path):
    write_wav(tmp_path / "high" / "1.wav", [0.5] * 80)
    write_wav(tmp_path / "low" / "1.wav", [0.25, 0.75] * 30, channels=2)
    pipeline = Dataset.from_audio(tmp_path, sampling_rate=8000, seconds=0.005)
    x, y = everything(pipeline)
    assert (x.shape, y.tolist(), pipeline.class_names) == ((2, 40, 1), [0, 1], ("high", "low"))
    np.testing.assert_allclose(x[0, :, 0], 0.5, atol=1e-4)
    np.testing.assert_allclose(x[1, :30, 0], 0.5, atol=1e-4)  # the mean of both channels
    assert not x[1, 30:].any()
    own = next(Dataset.from_audio(tmp_path).rows())
    assert [len(sound) for sound in own.x] == [80, 30]
    (batch,) = Dataset.from_audio(tmp_path).pad(50).batch(2).batches()
    assert batch.x.shape == (2, 50, 1)


def test_other_formats_need_soundfile(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    values = np.linspace(-1, 1, 200, dtype=np.float32)
    soundfile.write(tmp_path / "a.flac", values, 16000)
    soundfile.write(tmp_path / "b.wav", values, 16000, subtype="FLOAT")
    x, _ = everything(Dataset.from_audio(tmp_path, 16000, labels=False))
    np.testing.assert_allclose(x[..., 0], [values, values], atol=1e-3)


def test_sounds_refused(tmp_path):
    write_wav(tmp_path / "a" / "1.wav", [0.5] * 80)
    write_wav(tmp_path / "b" / "1.wav", [])
    with pytest.raises(DataError, match=r"1\.wav' expected 16,000 samples a second, got 8,000"):
        everything(Dataset.from_audio(tmp_path, 16000))
    with pytest.raises(DataError, match="b/1.wav' expected at least one sample, got none"):
        everything(Dataset.from_audio(tmp_path))
    (tmp_path / "b" / "1.wav").write_bytes(b"RIFF" + struct.pack("<I", 4) + b"WAVE")
    with pytest.raises(DatasetError, match="cannot be read as a WAV file"):
        everything(Dataset.from_audio(tmp_path))
    with pytest.warns(UserWarning, match="1 bad row was left out"):
        x, _ = everything(Dataset.from_audio(tmp_path, on_error="skip"))
    assert len(x) == 1


# Texts


def test_texts_by_class_and_by_line(tmp_path):
    write(tmp_path / "reviews" / "bad" / "1.txt", "how dull")
    write(tmp_path / "reviews" / "good" / "1.txt", "\ufeff很好\n")
    pipeline = Dataset.from_text(tmp_path / "reviews")
    x, y = everything(pipeline)
    assert x.tolist() == ["how dull", "很好\n"]
    assert (y.tolist(), pipeline.class_names) == ([0, 1], ("bad", "good"))
    lines = Dataset.from_text(write(tmp_path / "lines.txt", "one\n\n two\nthree"))
    assert everything(lines)[0].tolist() == ["one", " two", "three"]
    assert everything(lines.skip(1))[0].tolist() == [" two", "three"]


def test_texts_refused(tmp_path):
    with pytest.raises(DataError, match="empty.txt' expected at least one line of text"):
        Dataset.from_text(write(tmp_path / "empty.txt", "\n\n"))
    with pytest.raises(DatasetError, match="There is no file"):
        Dataset.from_text(tmp_path / "absent.txt")
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"fine\n\xff\xfe\n")
    with pytest.raises(DataError, match="bad.txt', line . or later, is not UTF-8"):
        everything(Dataset.from_text(bad))
    write(tmp_path / "set" / "a" / "1.txt", "fine")
    (tmp_path / "set" / "b").mkdir()
    (tmp_path / "set" / "b" / "1.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match="b/1.txt' is not UTF-8 .* at byte 0"):
        everything(Dataset.from_text(tmp_path / "set"))


# CSV

PEOPLE = """age,city,height,pet
30,Köln,1.5,cat
40,"Paris, France",1.75,dog
50,Köln,2,cat
"""


def test_csv_of_numbers_is_a_matrix(tmp_path):
    path = write(tmp_path / "a.csv", "\ufeffa, b ,y\n1,2.5,0\n\n3,4,1\n")
    pipeline = Dataset.from_csv(path, target="y")
    x, y = everything(pipeline)
    assert (x.dtype, x.tolist()) == (np.float32, [[1, 2.5], [3, 4]])
    assert (y.dtype, y.tolist(), pipeline.class_names) == (np.int32, [0, 1], None)
    floats = Dataset.from_csv(path, target="b", columns=["y", "a"])
    x, y = everything(floats)
    assert (x.tolist(), y.dtype, y.tolist()) == ([[0, 1], [1, 3]], np.float32, [2.5, 4])
    assert everything(Dataset.from_csv(path))[1] is None


def test_csv_with_categories_is_a_table(tmp_path):
    pipeline = Dataset.from_csv(write(tmp_path / "people.csv", PEOPLE), target="pet")
    (block,) = pipeline.rows()
    assert pipeline.class_names == ("cat", "dog")
    assert block.y.tolist() == [0, 1, 0]
    assert list(block.x) == ["age", "city", "height"]
    assert block.x["city"].tolist() == ["Köln", "Paris, France", "Köln"]
    assert block.x["age"].dtype == np.float32


def test_csv_types_classes_and_delimiter(tmp_path):
    path = write(tmp_path / "a.csv", "code;y\n7;1\n8;2\n")
    pipeline = Dataset.from_csv(
        path, "y", types={"code": "category", "y": "category"}, classes=("2", "1"), delimiter=";"
    )
    (block,) = pipeline.rows()
    assert (block.x["code"].tolist(), block.y.tolist()) == (["7", "8"], [1, 0])


BAD_CSV = "a,b,y\n1,2,0\n3,oops,1\n5,6\n7,8,1\n9,,0\n1,2,zebra\n11,12,1\n"


def test_a_bad_row_is_named_with_file_line_and_column(tmp_path):
    path = write(tmp_path / "bad.csv", BAD_CSV)
    with pytest.raises(
        DataError, match=r"bad\.csv', line 3, column 'b': expected a number, got 'oops'; mend"
    ):
        everything(Dataset.from_csv(path, "y"))
    with pytest.raises(DataError, match=r"bad\.csv', line 4: expected 3 entries, got 2"):
        everything(Dataset.from_csv(write(path, BAD_CSV.replace("oops", "4")), "y"))


def test_bad_rows_are_counted_and_left_out(tmp_path):
    path = write(tmp_path / "bad.csv", BAD_CSV)
    pipeline = Dataset.from_csv(path, "y", on_error="skip")
    with pytest.warns(UserWarning, match=r"4 bad rows were left out: .*line 3.*\(and 1 more\)"):
        x, y = everything(pipeline)
    assert (x.tolist(), y.tolist()) == ([[1, 2], [7, 8], [11, 12]], [0, 1, 1])
    assert pipeline.skipped.count == 4
    with pytest.warns(UserWarning, match="3 bad rows"):
        x, _ = everything(Dataset.from_csv(path, "y", missing=-1.0, on_error="skip"))
    assert [9, -1] in x.tolist()
    with pytest.warns(UserWarning, match="4 bad"):
        assert everything(pipeline.skip(1))[1].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "arguments", "error", "message"),
    [
        ("", {}, DataError, "a first line with one name for each column, got an empty file"),
        ("a,a\n1,2\n", {}, DataError, "got 'a' twice"),
        ("a,b\n", {}, DataError, "at least one row below the line of names, got none"),
        (
            PEOPLE,
            {"target": "pets"},
            UnknownNameError,
            "no column named 'pets'; did you mean 'pet'",
        ),
        (PEOPLE, {"types": {"age": "text"}}, ArgumentError, "types to be one of 'number'"),
        (PEOPLE, {"delimiter": ";;"}, ArgumentError, "delimiter to be one character"),
        ("a,y\n1,cat\n2,cat\n", {"target": "y"}, DataError, "2 classes .*, got 'cat' alone"),
        ("y\n1\n", {"target": "y"}, DataError, "a column to learn from beside the target 'y'"),
        ("a,b\n1,inf\n", {}, DataError, "line 2, column 'b': expected a finite number, got 'inf'"),
        ("a,b\n1,\n", {}, DataError, r"expected a number \(missing=0.0 fills in what is absent"),
        (
            "a,y\n1,x\n2,z\n",
            {"target": "y", "classes": ("x", "y")},
            DataError,
            "line 3, column 'y': expected a class among 'x', 'y', got 'z'",
        ),
        (
            "a,y\n1,x\n2,\n3,z\n",
            {"target": "y"},
            DataError,
            "line 3, column 'y': expected a class among 'x', 'z', got ''",
        ),
        (
            "a,y\n1,3000000000\n2,1\n",
            {"target": "y"},
            DataError,
            "line 2, column 'y': expected a whole number that fits int32, got '3000000000'",
        ),
        (
            "a,y\n" + "1,2\n" * 1200 + "1,2.5\n",
            {"target": "y"},
            DataError,
            "line 1202, column 'y': expected a whole number that fits int32, got '2.5'",
        ),
    ],
)
def test_csv_refused(tmp_path, text, arguments, error, message):
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(error, match=message):
        everything(Dataset.from_csv(path, **arguments))


def test_csv_that_is_no_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"3,4\n" * 10_000 + b"1,\xff\n")
    with pytest.raises(DataError, match=r"or later, is not utf-8 .*; save .* or pass encoding="):
        everything(Dataset.from_csv(path))
    path.write_bytes(b"a\xff,b\n")
    with pytest.raises(DatasetError, match="cannot be read as text: 'utf-8' codec"):
        Dataset.from_csv(path)
    write(path, "城市,y\n北京,1\n上海,2\n", "gb18030")
    (block,) = Dataset.from_csv(path, "y", encoding="gb18030").rows()
    assert block.x["城市"].tolist() == ["北京", "上海"]
    with pytest.raises(ArgumentError, match="encoding to be one that Python knows, got 'utf-99'"):
        Dataset.from_csv(path, encoding="utf-99")
    with pytest.raises(DatasetError, match="There is no file"):
        Dataset.from_csv(tmp_path / "absent.csv")


# Parquet


@pytest.fixture
def parquet():
    pytest.importorskip("pyarrow")
    import pyarrow
    import pyarrow.parquet

    def write(path, columns, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
        return path

    return write


def test_parquet(tmp_path, parquet):
    columns = {"a": list(range(100)), "b": [n / 2 for n in range(100)], "y": ["n", "y"] * 50}
    parquet(tmp_path / "set" / "1.parquet", columns, row_group_size=30)
    parquet(tmp_path / "set" / "2.parquet", {**columns, "a": [7] * 100})
    pipeline = Dataset.from_parquet(tmp_path / "set", target="y")
    assert (pipeline.length(), pipeline.class_names) == (200, ("n", "y"))
    x, y = everything(pipeline)
    assert (x.dtype, x.shape, y.tolist()) == (np.float32, (200, 2), [0, 1] * 100)
    assert x[:100, 0].tolist() == columns["a"]
    for skip in (1, 30, 61, 100, 199):
        np.testing.assert_array_equal(everything(pipeline.skip(skip))[0], x[skip:])
    one = Dataset.from_parquet(tmp_path / "set" / "1.parquet", "a", columns=["b", "y"])
    (block,) = one.take(3).rows()
    assert (block.x["y"].tolist(), block.y.tolist()) == (["n", "y", "n"], [0, 1, 2])


def test_parquet_refused(tmp_path, parquet):
    path = parquet(tmp_path / "a.parquet", {"a": [1.0, None, 3.0], "y": [0, 1, 2]})
    with pytest.raises(DataError, match=r"a\.parquet', row 1 of the data set, column 'a': expec"):
        everything(Dataset.from_parquet(path, "y"))
    x, _ = everything(Dataset.from_parquet(path, "y", missing=0.5))
    assert x.ravel().tolist() == [1, 0.5, 3]
    with pytest.raises(UnknownNameError, match="no column named 'z'"):
        Dataset.from_parquet(path, "z")
    bad = write(tmp_path / "bad.parquet", "no table")
    with pytest.raises(DatasetError, match="cannot be read as a Parquet file"):
        Dataset.from_parquet(bad)
    with pytest.raises(DatasetError, match="There is no file"):
        Dataset.from_parquet(tmp_path / "absent.parquet")
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="holds no .parquet file"):
        Dataset.from_parquet(tmp_path / "none")
    lists = parquet(tmp_path / "lists.parquet", {"a": [[1], [2]]})
    with pytest.raises(DataError, match=r"numbers or strings in column 'a', got list"):
        Dataset.from_parquet(lists)


def test_parquet_entries_are_what_those_of_a_csv_file_are(tmp_path, parquet):
    path = tmp_path / "a.parquet"
    parquet(path, {"a": [1.0, float("nan")], "y": [True, False]})
    x, y = everything(Dataset.from_parquet(path, "y", types={"y": "category"}, missing=0.5))
    assert (x.ravel().tolist(), y.tolist()) == ([1, 0.5], [1, 0])


@pytest.mark.parametrize(
    ("columns", "arguments", "message"),
    [
        (
            {"a": [1, 2], "y": [1, 3_000_000_000]},
            {"target": "y"},
            "row 1 .* number that fits int32",
        ),
        (
            {"a": [1, 2, 3], "y": ["u", None, "v"]},
            {"target": "y"},
            "row 1 .* among 'u', 'v', got N",
        ),
        ({"a": ["1", "x"]}, {"types": {"a": "number"}}, "row 1 .* expected a number, got 'x'"),
    ],
)
def test_bad_parquet_entries_are_named(tmp_path, parquet, columns, arguments, message):
    path = parquet(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError, match=message):
        everything(Dataset.from_parquet(path, **arguments))
