"""Searches that a PostgreSQL server keeps; a server of the tests' own, where its programs are."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("optuna")
pytest.importorskip("psycopg")

from made_digits import quick_recipe
from pellucid import recipes, tuning
from pellucid.errors import ArgumentError, NotReadyError, RunError
from pellucid.tuning import Float, Int
from pellucid.tuning._study import Question, Study
from tuning.processes import one_that_is_killed


def question(**changes):
    return Question({"x": Float(-1.0, 1.0), "n": Int(1, 4)}, "val_loss", False, **changes)


@pytest.fixture(scope="module")
def server():
    """The address of a database that lives as long as the tests of this file."""
    import psycopg

    if not (shutil.which("initdb") and shutil.which("postgres")):
        pytest.skip("initdb and postgres are not installed")
    place = Path(tempfile.mkdtemp(prefix="pellucid-"))
    as_whom = {}
    if os.geteuid() == 0:  # the server refuses to be root's
        nobody = pwd.getpwnam("nobody")
        os.chown(place, nobody.pw_uid, nobody.pw_gid)
        as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"postgresql://pellucid@127.0.0.1:{port}/postgres"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": place}
    made = ["initdb", "-D", "data", "-A", "trust", "-U", "pellucid", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, check=True, **quiet, **as_whom)
    settings = ("-h", "127.0.0.1", "-p", str(port), "-k", str(place), "-c", "fsync=off")
    process = subprocess.Popen(["postgres", "-D", "data", *settings], **quiet, **as_whom)
    try:
        for _ in range(300):
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGINT)  # does not wait for connections
        process.wait()
        shutil.rmtree(place, ignore_errors=True)


def test_a_search_repeats_that_of_a_folder(server, tmp_path):
    with quick_recipe():
        recipe = recipes.make("digits", epochs=2, batch_size=16)
        space = {"learning_rate": Float(1e-3, 1e-1, log=True)}
        settings = {"verbose": 0, "monitor": "val_loss", "name": "repeated"}
        in_folder = tuning.tune(recipe, space, 3, runs=tmp_path / "a", **settings)
        settings["storage"] = server
        tuning.tune(recipe, space, 2, runs=tmp_path / "b", **settings)
        kept = tuning.tune(recipe, space, 3, runs=tmp_path / "c", **settings)  # another machine
    assert [trial.settings for trial in kept.trials] == [t.settings for t in in_folder.trials]
    assert [trial.curve for trial in kept.trials] == [t.curve for t in in_folder.trials]
    assert not (tmp_path / "b" / "tune-repeated" / "journal.jsonl").exists()
    assert (tmp_path / "c" / "tune-repeated" / "best.json").exists()
    assert "pellucid@" not in (tmp_path / "c" / "tune-repeated" / "search.json").read_text()


def test_another_search_of_the_same_name_is_refused(server, tmp_path):
    Study.begin(question(), tmp_path / "one" / "tune-same", server).close()
    with pytest.raises(ArgumentError, match="--name second"):
        Study.begin(question(seed=1), tmp_path / "two" / "tune-same", server)


def test_the_trial_of_a_killed_process_is_free(server, tmp_path):
    study = Study.begin(question(), tmp_path / "tune-killed", server)
    with one_that_is_killed(tmp_path / "tune-killed", server):
        assert study.fail_lost() == 0
    for _ in range(100):  # until the server has noticed
        if study.fail_lost():
            break
        time.sleep(0.1)
    trial, _ = study.take(3)
    assert trial.user_attrs["retry_of"] == 0
    study.close()


def test_processes_of_several_folders_share_the_trials(server, tmp_path):
    code = (
        "import sys; from pathlib import Path; from pellucid.tuning._study import Study\n"
        "study = Study.open(Path(sys.argv[1]), sys.argv[2])\n"
        "while (taken := study.take(20)) is not None:\n"
        "    study.study.tell(taken[0], taken[1]['x'] ** 2)\n"
    )
    folders = [tmp_path / name / "tune-shared" for name in ("one", "two", "three")]
    studies = [Study.begin(question(), folder, server) for folder in folders]
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen([*command, str(folder), server]) for folder in folders]
    assert [process.wait(300) for process in processes] == [0, 0, 0]
    assert [trial.state.name for trial in studies[0].study.trials] == ["COMPLETE"] * 20
    for study in studies:
        study.close()


def test_a_server_that_is_gone():
    with socket.socket() as silent:  # bound, and nobody listens
        silent.bind(("127.0.0.1", 0))
        away = f"postgresql://pellucid:secret@127.0.0.1:{silent.getsockname()[1]}/postgres"
        with pytest.raises(RunError, match="does not answer") as caught:
            Study(question(), storage=away)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["here", "sqlite:///search.db", ""])
def test_addresses_of_something_else(address):
    with pytest.raises(ArgumentError, match="address of a PostgreSQL database"):
        Study(question(), storage=address)


def test_a_driver_that_is_not_installed():
    with pytest.raises(NotReadyError, match=r"pellucid\[postgresql\]"):
        Study(question(), storage="postgresql+pygresql://127.0.0.1/x")
