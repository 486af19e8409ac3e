"""Writing whole or not at all, whatever call of the operating system fails; locks; strict JSON."""

import os
import subprocess
import sys

import pytest

from faulty_disk import FAULTS, calls_of, failing
from pellucid._files import (
    Lines,
    Lock,
    clear_leftovers,
    is_locked,
    is_plain_file,
    owner,
    replaced_folder,
    strict_json,
    write_file,
    write_text,
)
from pellucid.errors import RunError, WriteError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_its_folders(tmp_path):
    write_file(tmp_path / "a" / "b" / "c.bin", [b"one", memoryview(b"two")])
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"onetwo"
    assert names(tmp_path / "a" / "b") == ["c.bin"]


def test_a_large_file_is_written_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("pellucid._files.LARGEST_WRITE", 7)
    write_file(tmp_path / "c.bin", [bytes(range(100))])
    assert (tmp_path / "c.bin").read_bytes() == bytes(range(100))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_is_the_old_or_the_new_one_whatever_fails(tmp_path, fault):
    path = tmp_path / "x.txt"
    write_text(path, "old")
    count = calls_of(lambda: write_text(path, "old"))
    assert count >= 5  # open, write, sync, rename, and the folder's own
    for at in range(count):
        write_text(path, "old")
        error = failing(lambda: write_text(path, "new new"), at, fault)
        assert path.read_text() in ("old", "new new")
        if error is None:
            assert path.read_text() == "new new"
        else:
            assert isinstance(error, WriteError)
            assert "could not be written" in str(error)
            assert "what was saved before is whole" in str(error)
        assert names(tmp_path) == ["x.txt"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_is_the_old_or_the_new_one_whatever_fails(tmp_path, fault):
    folder = tmp_path / "model"

    def write(text):
        with replaced_folder(folder) as new:
            write_text(new / "a.txt", text)
            write_text(new / "b.txt", text)

    write("old")
    for at in range(calls_of(lambda: write("old"))):
        write("old")
        error = failing(lambda: write("new"), at, fault)
        assert error is None or isinstance(error, WriteError)
        found = {(folder / name).read_text() for name in ("a.txt", "b.txt")}
        assert found in ({"old"}, {"new"})
        assert found == {"new"} or error is not None
        assert [name for name in names(tmp_path) if name != ".model.old"] == ["model"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_log_keeps_whole_lines_whatever_fails(tmp_path, fault):
    path = tmp_path / "log.jsonl"

    def write():
        lines = Lines(path)
        try:
            lines.write("second line\n")
        finally:
            lines.close()

    for at in range(8):
        path.write_text("first line\n")
        error = failing(write, at, fault)
        assert error is None or isinstance(error, WriteError)
        expected = "first line\n" if error else "first line\nsecond line\n"
        assert path.read_text() == expected


def test_half_a_line_is_cut_off(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"one\ntwo\nhal")
    lines = Lines(path)
    lines.write("three\n")
    assert lines.size == len(b"one\ntwo\nthree\n")
    lines.close()
    lines.close()
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    Lines(path, size=4).close()
    assert path.read_bytes() == b"one\n"
    path.write_bytes(b"x" * 200_000)
    Lines(path).close()
    assert path.read_bytes() == b""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WriteError, match="choose a place that you may write to"):
            write_text(tmp_path / "x.txt", "new")
    finally:
        tmp_path.chmod(0o700)


def test_a_place_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="could not be written: Not a directory"):
        write_text(tmp_path / "file" / "x.txt", "new")


def test_what_a_killed_process_left_is_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".a.{dead.pid}.new").write_text("half")
    (tmp_path / f".b.{dead.pid}.new").mkdir()
    (tmp_path / f".c.{os.getppid()}.new").write_text("being written")
    clear_leftovers(tmp_path)
    assert names(tmp_path) == [f".c.{os.getppid()}.new"]


# Locks


def test_a_second_one_is_kept_out(tmp_path):
    with Lock(tmp_path / "run"):
        assert is_locked(tmp_path / "run")
        said = (
            rf"process \(number {os.getpid()} on .*, since .*\) trains in .*run'; wait for its end"
        )
        with pytest.raises(RunError, match=said), Lock(tmp_path / "run"):
            pass
        assert is_locked(tmp_path / "run")
    assert not is_locked(tmp_path / "run")
    assert names(tmp_path / "run") == []


HOLD = """
import sys, time
from pathlib import Path
from pellucid._files import Lock
with Lock(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_another_process_is_kept_out_and_a_dead_one_keeps_nobody_out(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "locked\n"
        assert is_locked(tmp_path)
        assert owner(tmp_path).startswith(f"number {holder.pid} on ")
        with pytest.raises(RunError, match=f"number {holder.pid} on"), Lock(tmp_path):
            pass
        holder.kill()
    assert (tmp_path / ".lock").exists()
    assert not is_locked(tmp_path)
    with Lock(tmp_path):
        assert owner(tmp_path).startswith(f"number {os.getpid()} on ")


# Reading


def test_plain_files(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    found = {name: is_plain_file(tmp_path / name) for name in ("file", "link", "pipe", "no", ".")}
    assert found == {"file": True, "link": False, "pipe": False, "no": False, ".": False}
    assert is_plain_file(tmp_path / "link", follow=True)


def test_strict_json_reads_json():
    text = '{"a": [1, -2.5e3, true, null, "x"], "b": {"c": 18446744073709551615}}'
    assert strict_json(text) == {
        "a": [1, -2500.0, True, None, "x"],
        "b": {"c": 18446744073709551615},
    }
    nested = "[" * 99 + "]" * 99
    assert strict_json(nested)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        ('{"a": 1, "b": 2, "a": 3}', "the name 'a' is there twice"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e999]", "the number 1e999 is too large"),
        ("[18446744073709551616]", "is too large"),
        ("[" + "9" * 5000 + "]", "is too large"),
        ("[" * 101 + "]" * 101, "more than 100 levels"),
        ("[" * 100_000 + "]" * 100_000, "levels"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "levels"),
    ],
    ids=range(11),
)
def test_strict_json_refuses_what_is_no_json_or_too_much(text, message):
    with pytest.raises(ValueError, match=message):
        strict_json(text)
