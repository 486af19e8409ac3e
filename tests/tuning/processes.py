"""Processes that take part in a search."""

import subprocess
import sys
from contextlib import contextmanager

TAKE = """
import sys, time
from pathlib import Path
from pellucid.tuning._study import Study

Study.open(Path(sys.argv[1]), *sys.argv[2:]).take(3)
print("here", flush=True)
time.sleep(600)
"""


@contextmanager
def one_that_is_killed(*place):
    """Let a process take a trial of the search at a place, and kill it at the end."""
    command = [sys.executable, "-c", TAKE, *map(str, place)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "here\n"
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
