"""A few kills of a training in processes of its own; ``kill_and_resume.py`` does it by hundreds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kill_and_resume.py")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_trainings_end_as_if_they_had_not_been(kills):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--kills", str(kills), "--seed", "5"],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    counted = json.loads(done.stdout)
    assert counted["kills"] == kills
    assert counted["trainings"] >= 1
    assert counted["damaged"] == counted["different"] == []
