"""CIFAR-10: folders, archives, parts of the set, damaged and hostile files, the real part."""

import gzip
import tarfile

import numpy as np
import pytest

from pellucid.data import cifar10
from pellucid.errors import DatasetError

from .files import cifar_records, write_tar

FOLDER = "cifar-10-batches-bin"


@pytest.fixture
def batches():
    """Bytes, images and labels of two training batches and the test batch."""
    return {
        "data_batch_1.bin": cifar_records(4, seed=1),
        "data_batch_3.bin": cifar_records(3, seed=3),
        "test_batch.bin": cifar_records(2, seed=9),
    }


def write_folder(folder, batches):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, _, _) in batches.items():
        (folder / name).write_bytes(content)


def assert_loads(batches):
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    _, x_1, y_1 = batches["data_batch_1.bin"]
    _, x_3, y_3 = batches["data_batch_3.bin"]
    assert x_train.dtype == y_train.dtype == np.uint8
    np.testing.assert_array_equal(x_train, np.concatenate([x_1, x_3]))
    np.testing.assert_array_equal(y_train, np.concatenate([y_1, y_3]))
    np.testing.assert_array_equal(x_test, batches["test_batch.bin"][1])
    np.testing.assert_array_equal(y_test, batches["test_batch.bin"][2])


@pytest.mark.parametrize("inner", [FOLDER, "."])
def test_folder(data, capsys, batches, inner):
    write_folder(data / "cifar-10" / inner, batches)
    assert_loads(batches)
    assert capsys.readouterr().err == (
        "cifar10: a part of the set: 7 of 50,000 training and 2 of 10,000 test images in "
        f"{data / 'cifar-10' / inner}\n"
    )


@pytest.mark.parametrize("prefix", ["", "./"])
def test_archive(data, batches, prefix):
    members = {f"{prefix}{FOLDER}/{name}": content for name, (content, _, _) in batches.items()}
    members[f"{prefix}{FOLDER}/batches.meta.txt"] = b"airplane\n"
    write_tar(data / "cifar-10" / "cifar-10-binary.tar.gz", members)
    assert_loads(batches)


def test_nothing_is_unpacked_from_an_archive(data, batches, tmp_path):
    members = {f"{FOLDER}/{name}": content for name, (content, _, _) in batches.items()}
    members["../escaped.bin"] = members["/tmp/escaped.bin"] = b"x"
    link = tarfile.TarInfo(f"{FOLDER}/data_batch_2.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    write_tar(data / "cifar-10" / "cifar-10-binary.tar.gz", members, extra=link)
    before = sorted(tmp_path.rglob("*"))
    assert_loads(batches)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("absent", ["test_batch.bin", "data_batch_1.bin"])
def test_a_folder_without_training_or_test_records(data, batches, absent):
    del batches["data_batch_3.bin"]
    del batches[absent]
    write_folder(data / "cifar-10" / FOLDER, batches)
    with pytest.raises(DatasetError, match=r"cifar10: .* should hold data_batch_1\.bin .*add what"):
        cifar10.load_data()


@pytest.mark.parametrize("content", [b"", b"x" * 3072, b"\0" * (3073 * 10_001)])
def test_a_batch_of_a_wrong_size(data, batches, content):
    write_folder(data / "cifar-10" / FOLDER, batches)
    (data / "cifar-10" / FOLDER / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"data_batch_3\.bin is damaged: .* {len(content):,} b"):
        cifar10.load_data()


def test_a_class_that_does_not_exist(data, batches):
    write_folder(data / "cifar-10" / FOLDER, batches)
    (data / "cifar-10" / FOLDER / "test_batch.bin").write_bytes(b"\x0b" * 3073)
    with pytest.raises(DatasetError, match="classes should be 0 to 9 and one is 11"):
        cifar10.load_data()


def archive(data, content):
    path = data / "cifar-10" / "cifar-10-binary.tar.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_truncated_archive(data, batches):
    members = {f"{FOLDER}/{name}": content for name, (content, _, _) in batches.items()}
    path = data / "cifar-10" / "cifar-10-binary.tar.gz"
    write_tar(path, members)
    archive(data, path.read_bytes()[:-3000])
    with pytest.raises(DatasetError, match=r"tar\.gz is damaged: it cannot be unpacked"):
        cifar10.load_data()


@pytest.mark.parametrize(
    "content",
    [b"no archive at all", gzip.compress(b"no archive" * 200, mtime=0)],
    ids=["text", "gzip of text"],
)
def test_no_archive(data, content):
    archive(data, content)
    with pytest.raises(DatasetError, match=r"tar\.gz is damaged: it cannot be unpacked"):
        cifar10.load_data()


def test_an_archive_that_unpacks_without_end_is_stopped(data, monkeypatch):
    monkeypatch.setattr("pellucid.data.cifar10._BATCH", 30_730)
    members = {f"{FOLDER}/other.dat": b"\0" * 1_000_000}
    write_tar(data / "cifar-10" / "cifar-10-binary.tar.gz", members)
    with pytest.raises(DatasetError, match=r"it unpacks to more than 245,840 bytes"):
        cifar10.load_data()


@pytest.mark.parametrize("real", ["cifar-10"], indirect=True)
def test_real_files(real):
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (len(y_train), 32, 32, 3)
    assert x_test.shape == (len(y_test), 32, 32, 3)
    assert y_train.shape == (len(y_train), 1)
    assert y_train[:5, 0].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile
    assert y_test[:5, 0].tolist() == [3, 8, 8, 0, 6]
    assert x_train[0, 0, 0].tolist() == [59, 62, 63]  # red, green, blue of the first corner
