"""MNIST and Fashion-MNIST: the idx format, parts of a set, damaged files, the real files."""

import gzip
import struct

import numpy as np
import pytest

from pellucid.data import fashion_mnist, mnist
from pellucid.errors import DatasetError

from .files import idx_bytes, write_idx_set

LOADERS = pytest.mark.parametrize(
    ("loader", "folder"), [(mnist, "mnist"), (fashion_mnist, "fashion-mnist")]
)


def assert_splits_equal(splits, expected):
    for (x, y), (x_expected, y_expected) in zip(splits, expected, strict=True):
        assert x.dtype == y.dtype == np.uint8
        np.testing.assert_array_equal(x, x_expected)
        np.testing.assert_array_equal(y, y_expected)
        assert x.flags.writeable


@LOADERS
def test_load_data(data, capsys, loader, folder):
    expected = write_idx_set(data / folder)
    assert_splits_equal(loader.load_data(), expected)
    name = folder.replace("-", "_")
    assert capsys.readouterr().err == (
        f"{name}: a part of the set: 7 of 60,000 training and 3 of 10,000 test images in "
        f"{data / folder}\n"
    )


def test_unpacked_files_are_read_too(data):
    expected = write_idx_set(data / "mnist")
    for path in sorted((data / "mnist").iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert_splits_equal(mnist.load_data(), expected)


def images(count=7):
    return idx_bytes(np.zeros((count, 28, 28), np.uint8))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(images())[:-20], r"cannot be read to its end"),
        (images(), r"cannot be read to its end \(Not a gzipped file"),
        (gzip.compress(images()[:-1]), r"promises 5,488 bytes of records and there are 5,487"),
        (gzip.compress(images() + b"x"), r"promises 5,488 bytes .* there are more than 5,488"),
        (gzip.compress(images()[:9]), r"its header should have 16 bytes and has 9"),
        (gzip.compress(b"\0\0\x08\x01" + images()[4:]), r"magic number should be 2051 and is 2049"),
        (gzip.compress(struct.pack(">4I", 0x803, 7, 28, 27)), r"\('1 to 60000', 28, 28\)"),
        (gzip.compress(struct.pack(">4I", 0x803, 2**32 - 1, 28, 28)), r"gives \(4294967295, 28"),
        (gzip.compress(images(0)), r"gives \(0, 28, 28\)"),
        (gzip.compress(images(6)), r"there are 6 records and labels of shape \(7,\)"),
        (b"", r"its header should have 16 bytes and has 0"),
    ],
)
def test_damaged_images(data, content, message):
    write_idx_set(data / "mnist")
    (data / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DatasetError, match=f"is damaged: .*{message}"):
        mnist.load_data()


def test_a_flipped_bit_is_seen(data):
    write_idx_set(data / "mnist")
    path = data / "mnist" / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"t10k-images.* is damaged"):
        mnist.load_data()


def test_labels_beyond_the_classes(data):
    write_idx_set(data / "mnist")
    labels = idx_bytes(np.array([0, 1, 10], np.uint8))
    (data / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    with pytest.raises(DatasetError, match=r"labels should be 0 to 9 and are 0 to 10"):
        mnist.load_data()


def test_keras_npz_is_used_if_it_is_there(data, tmp_path, capsys):
    random = np.random.default_rng(1)
    arrays = {
        "x_train": random.integers(0, 256, (5, 28, 28), np.uint8),
        "y_train": random.integers(0, 10, 5, np.uint8),
        "x_test": random.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": random.integers(0, 10, 2, np.uint8),
    }
    expected = [(arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])]
    elsewhere = tmp_path / "elsewhere.npz"
    np.savez(elsewhere, **arrays)
    assert_splits_equal(mnist.load_data(str(elsewhere)), expected)
    (data / "mnist").mkdir()
    np.savez_compressed(data / "mnist" / "mnist.npz", **arrays)
    assert_splits_equal(mnist.load_data(), expected)
    assert "a part of the set: 5 of 60,000" in capsys.readouterr().err


def test_keras_npz_of_another_shape(tmp_path):
    path = tmp_path / "wide.npz"
    x, y = np.zeros((2, 32, 32), np.uint8), np.zeros(2, np.uint8)
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(DatasetError, match=r"x_train should hold bytes of shape \(n, 28, 28\)"):
        mnist.load_data(str(path))


def test_a_named_file_that_is_not_there(data):
    with pytest.raises(DatasetError, match=r"mnist: there is no file 'mine\.npz'"):
        mnist.load_data("mine.npz")


@pytest.mark.parametrize(
    ("loader", "real", "first", "counts"),
    [
        (mnist, "mnist", [5, 0, 4, 1, 9], [5923, 6742, 5958, 6131, 5842]),
        (fashion_mnist, "fashion-mnist", [9, 0, 0, 3, 0], [6000] * 5),
    ],
    indirect=["real"],
)
def test_real_files(real, capsys, loader, first, counts):
    (x_train, y_train), (x_test, y_test) = loader.load_data()
    assert x_train.shape == (60_000, 28, 28)
    assert x_test.shape == (10_000, 28, 28)
    assert y_train[:5].tolist() == first
    assert np.bincount(y_train)[:5].tolist() == counts
    assert len(y_test) == 10_000
    assert x_train.max() == 255
    assert "60,000 training and 10,000 test images" in capsys.readouterr().err
