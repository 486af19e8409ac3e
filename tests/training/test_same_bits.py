"""One seed, one end: whatever the process, the hash seed, the progress shown, or a stop between."""

import os
import subprocess
import sys
from pathlib import Path

from training.kill_and_resume import content

HERE = Path(__file__).parent
CODE = """
import sys
from pathlib import Path
from kill_and_resume import train
folder, bar, stop_at = Path(sys.argv[1]), sys.argv[2] == "bar", int(sys.argv[3])
if stop_at:
    try:
        train(folder, bar, stop_at)
    except KeyboardInterrupt:
        print("stopped")
train(folder, not bar if stop_at else bar)
"""


def run(folder, hash_seed, bar, stop_at):
    folder.mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, folder, bar, str(stop_at)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_equal_seeds_give_equal_bits_in_every_process(tmp_path):
    silent = run(tmp_path / "a", hash_seed=1, bar="silent", stop_at=0)
    shown = run(tmp_path / "b", hash_seed=4242, bar="bar", stop_at=27)
    assert silent == ""
    assert "Epoch 1/6" in shown
    assert "stopped" in shown
    first, second = content(tmp_path / "a"), content(tmp_path / "b")
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []
