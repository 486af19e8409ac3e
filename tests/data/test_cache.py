"""Where files are looked for, and what is said when they are nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.data import cache_folder, data_folder
from pellucid.data._cache import RemoteFile, announce, find, named_file, obtain
from pellucid.errors import DatasetError

FILE = RemoteFile("a.bin", ("http://127.0.0.1:9/a.bin",), 10, sha256="0" * 64)


def test_own_folder_comes_before_the_cache(data, tmp_path):
    cached = tmp_path / "cache" / "data" / "some-set" / "a.bin"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cached")
    assert obtain("some-set", FILE) == cached
    own = data / "some-set" / "a.bin"
    own.parent.mkdir()
    own.write_bytes(b"own")
    assert obtain("some-set", FILE) == own


def test_other_names_count_too(data):
    other = data / "some-set" / "part.bin"
    other.parent.mkdir()
    other.write_bytes(b"part")
    assert find("some-set", "a.bin") is None
    assert obtain("some-set", FILE, "part.bin") == other


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PELLUCID_CACHE": "/own", "XDG_CACHE_HOME": "/common"}, "/own/data"),
        ({"XDG_CACHE_HOME": "/common"}, "/common/pellucid/data"),
        ({"HOME": "/home/ada"}, "/home/ada/.cache/pellucid/data"),
    ],
)
def test_cache_folder(monkeypatch, variables, expected):
    monkeypatch.delenv("PELLUCID_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_no_data_folder_named(monkeypatch):
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    assert data_folder() is None


def test_data_folder_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError, match=r"PELLUCID_DATA expected a folder .*nowhere"):
        data_folder()


def test_named_file(data, tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(b"")
    assert named_file("some-set", str(path)) == path
    assert named_file("some-set", "mine.npz") is None
    with pytest.raises(DatasetError, match=r"some-set: there is no file '.*other\.npz'"):
        named_file("some-set", str(tmp_path / "other.npz"))


def test_a_part_is_announced_as_a_part(capsys):
    announce("letters", "images", (50, 10), (50, 10), Path("folder"))
    announce("letters", "images", (1_050, 10), (5_000, 10), Path("folder"))
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        "letters: 50 training and 10 test images in folder",
        "letters: a part of the set: 1,050 of 5,000 training and 10 of 10 test images in folder",
    ]


def test_the_room_needs_neither_jax_nor_scikit_learn_nor_the_network_to_be_imported():
    names = ("jax", "sklearn", "urllib.request")
    package = Path(__file__).parents[2] / "src" / "pellucid"
    code = (
        "import sys, types\n"
        "package = types.ModuleType('pellucid')\n"  # the room alone, without the package's own
        f"package.__path__ = [{str(package)!r}]\n"
        "sys.modules['pellucid'] = package\n"
        "import pellucid.data, pellucid.datasets, pellucid.preprocessing, pellucid.utils\n"
        f"print([name for name in {names!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
