"""The strict reader of .npz files: what it reads, what it refuses, and that it runs nothing."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from pellucid.data._npz import integers, read_npz
from pellucid.data._pickled import read_lists
from pellucid.errors import DatasetError

from .files import object_npy, ragged

LISTS = [[1, 2, 300], [], [70_000, -1, 2**31 - 1, 2**40, -(2**63)], [7] * 1000]


class Shell:
    """Pickles as a call of os.system."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("lists", [LISTS, [[5]], [[1, 2], [3, 4]]], ids=["mixed", "one", "equal"])
def test_lists_of_every_protocol(protocol, lists):
    data = pickle.dumps(ragged(lists), protocol=protocol)
    assert read_lists(data, len(lists)) == lists


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_both_names_of_numpy(module):
    data = pickle.dumps(ragged(LISTS), protocol=3)
    head, tail = data.split(b"\n", 1)
    assert head.startswith(b"\x80\x03cnumpy.")
    assert read_lists(b"\x80\x03c" + module + b"\n" + tail, len(LISTS)) == LISTS


def test_text_of_python_2():
    data = pickle.dumps(ragged([[1], [2]]), protocol=3)
    assert b"C\x01b" in data
    assert b"X\x02\x00\x00\x00O8" in data
    old = data.replace(b"C\x01b", b"U\x01b").replace(b"X\x02\x00\x00\x00O8", b"U\x02O8")
    assert read_lists(old, 2) == [[1], [2]]


def test_what_numpy_saves(tmp_path):
    path = tmp_path / "some.npz"
    numbers = np.arange(12, dtype=np.int64)
    arrays = {
        "lists": ragged(LISTS),
        "numbers": numbers,
        "big_endian": numbers.astype(">i4").reshape(3, 4),
        "columns": np.asfortranarray(numbers.reshape(3, 4)),
        "one": np.float32(2.5),
    }
    np.savez_compressed(path, **arrays)
    content = read_npz(path, tuple(arrays))
    assert content.pop("lists") == LISTS
    for name, array in content.items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype.isnative
        assert array.flags.writeable
        assert array.flags.c_contiguous
    assert integers(path, content, "big_endian").dtype == np.int32


def test_hostile_pickle_is_not_run(tmp_path):
    trace = tmp_path / "trace"
    shell = Shell(f"touch {trace}")
    for pickled in (pickle.dumps(shell, 2), pickle.dumps(shell, 4), pickle.dumps([[1], shell], 3)):
        path = write_zip(tmp_path / "hostile.npz", {"x.npy": object_npy(pickled)})
        with pytest.raises(DatasetError, match=r"asks for \w+\.system, .* which is not run"):
            read_npz(path, ("x",))
    assert not trace.exists()


def test_hostile_entry_inside_a_right_array(tmp_path):
    trace = tmp_path / "trace"
    data = pickle.dumps(ragged([[1], [Shell(f"touch {trace}")]]), protocol=3)
    with pytest.raises(DatasetError, match=r"asks for \w+\.system"):
        read_lists(data, 2)
    assert not trace.exists()


OTHER = "no pickled array of lists of integers"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (ragged([[1.5], [2]]), r"pickle instruction b'G'"),
        (ragged([["word"], [2]]), "lists of something else than integers"),
        (ragged([[True], [2]]), "lists of something else than integers"),
        (ragged([[[1]], [2]]), "lists of something else than integers"),
        (ragged([(1, 2), [2]]), "something else than lists of integers"),
        (ragged([1, 2]), "something else than lists of integers"),
        (ragged([None, [2]]), "something else than lists of integers"),
        (ragged([{1: 2}, [2]]), r"pickle instruction b'}'"),
        (ragged([[2**80], [2]]), "an integer of 11 bytes"),
        (ragged([[1]]), "should hold 2 lists and holds 1"),
        (ragged([np.arange(3), [2]]), OTHER),
        ([[1], [2]], OTHER),
        (7, OTHER),
        (np.int64(7), r"asks for numpy\.\w+\.multiarray\.scalar"),
    ],
)
def test_other_content_is_refused(value, message):
    with pytest.raises(DatasetError, match=message):
        read_lists(pickle.dumps(value, protocol=3), 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps(ragged(LISTS), 0), r"pickle instruction b'p'"),
        (b"\x80\x07.", "has pickle protocol 7"),
        (b".", "something left over"),
        (b"K\x01K\x02.", "something left over"),
        (pickle.dumps(ragged([[1], [2]]), 3) + b"x", "something left over"),
        (b"", "cut short or damaged"),
        (b"a.", "cut short or damaged"),
        (b"](K\x01a.", "something left over"),
        (b"(e.", "cut short or damaged"),
        (b"h\x05.", "cut short or damaged"),
        (b"X\xff\xff\xff\x7fab.", "cut short or damaged"),
        (b"X\x01\x00\x00\x00\xff.", "cut short or damaged"),
        (b"cnumpy", "cut short or damaged"),
        (b"K\x01K\x02R.", OTHER),
        (b"K\x01K\x02b.", OTHER),
        (b"K\x01K\x02\x93.", r"asks for 1\.2"),
        (b"]q\x00h\x00a.", OTHER),  # a list that holds itself
        (b"cnumpy\nndarray\n.", OTHER),
    ],
)
def test_programs_that_no_array_needs(data, message):
    with pytest.raises(DatasetError, match=message):
        read_lists(data, 2)


@pytest.mark.parametrize("length", [1, 10, 60, 150, -40, -1])
def test_a_truncated_pickle(length):
    data = pickle.dumps(ragged(LISTS), protocol=3)[:length]
    with pytest.raises(DatasetError, match="cut short or damaged"):
        read_lists(data, len(LISTS))


def test_a_list_that_is_repeated_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr("pellucid.data._pickled._MOST", 5_000)
    shared = [1] * 1_000
    data = pickle.dumps(ragged([shared] * 6), protocol=3)
    assert len(data) < 5_000
    with pytest.raises(DatasetError, match="holds more than 5,000 integers"):
        read_lists(data, 6)


def test_an_array_that_is_too_large_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(100_000, np.uint8))
    monkeypatch.setattr("pellucid.data._npz._LARGEST", 10_000)
    with pytest.raises(DatasetError, match=r"x would have 100,128 bytes, and no more than 10,000"):
        read_npz(path, ("x",))


def test_a_false_size_in_the_directory(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(100_000, np.uint8))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    assert struct.unpack_from("<I", content, entry + 24)[0] == 100_128
    struct.pack_into("<I", content, entry + 24, 200)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged"):
        read_npz(path, ("x",))


def npy(header, body=b""):
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def described(descr="<i8", shape="(2,)"):
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"not npy", "its array x is no .npy file"),
        (npy("__import__('os').system('true')"), "a header that NumPy would not write"),
        (npy(described(shape="(2, -1)"), b"\0" * 16), "a header that NumPy would not write"),
        (npy(described(shape="(" + "1" * 90 + ",)")), "a header that NumPy would not write"),
        (npy(described("<U5"), b"\0" * 40), "a header that NumPy would not write"),
        (npy(described("<i3"), b"\0" * 6), "the unknown type '<i3'"),
        (npy(described(), b"\0" * 15), "should have 16 bytes and has 15"),
        (npy(described(shape="(999999999999,)"), b"\0" * 16), "should have 7,999,999,999,992 by"),
        (npy(described("|O", "(2, 1)"), b"."), r"one list a record and has the shape \(2, 1\)"),
        (b"\x93NUMPY\x09\x00v\x00" + b" " * 118, "a header that NumPy would not write"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 118, "a header that NumPy would not write"),
    ],
)
def test_odd_members(tmp_path, member, message):
    path = write_zip(tmp_path / "odd.npz", {"x.npy": member})
    with pytest.raises(DatasetError, match=message):
        read_npz(path, ("x",))


def test_an_array_that_is_not_there(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x=np.arange(3))
    with pytest.raises(DatasetError, match=r"some\.npz is damaged: it lacks the array y"):
        read_npz(path, ("x", "y"))


def test_a_compression_that_numpy_does_not_use(tmp_path):
    path = write_zip(tmp_path / "odd.npz", {"x.npy": npy(described())}, zipfile.ZIP_LZMA)
    with pytest.raises(DatasetError, match="compressed as NumPy would not do it"):
        read_npz(path, ("x",))


@pytest.mark.parametrize("cut", [0, 10, 200, -1, -30])
def test_a_truncated_zip(tmp_path, cut):
    path = tmp_path / "some.npz"
    np.savez_compressed(path, x=np.arange(1000))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match=r"some\.npz is damaged: it cannot be unpacked"):
        read_npz(path, ("x",))


def test_integers_wanted(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, lists=ragged(LISTS), floats=np.ones(3))
    content = read_npz(path, ("lists", "floats"))
    with pytest.raises(DatasetError, match="array lists should hold integers and holds lists"):
        integers(path, content, "lists")
    with pytest.raises(DatasetError, match="array floats should hold integers and holds float64"):
        integers(path, content, "floats")


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_give_an_array_or_a_named_error(tmp_path, seed):
    random = np.random.default_rng(seed)
    buffer = io.BytesIO()
    np.savez(buffer, x=ragged([[1, 2], [300, 70_000, 5]]), y=np.arange(4))
    whole, path, refused = buffer.getvalue(), tmp_path / "mutated.npz", 0
    for _ in range(250):
        content = bytearray(whole)
        for place in random.integers(0, len(content), random.integers(1, 4)):
            content[place] = random.integers(0, 256)
        path.write_bytes(content)
        try:
            read_npz(path, ("x", "y"))
        except DatasetError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("seed", range(4))
def test_mutated_pickles_give_lists_or_a_named_error(seed):
    random = np.random.default_rng(seed)
    whole, refused = pickle.dumps(ragged([[1, 2], [300, 70_000, 5]]), protocol=2 + seed), 0
    for _ in range(1000):
        content = bytearray(whole)
        for place in random.integers(0, len(content), random.integers(1, 4)):
            content[place] = random.integers(0, 256)
        try:
            lists = read_lists(bytes(content), 2)
        except DatasetError:
            refused += 1
        else:
            assert all(type(number) is int for entry in lists for number in entry)
    assert refused > 500
