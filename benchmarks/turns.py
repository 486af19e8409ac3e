"""Systems in processes of their own that take turns, round after round."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from environment import HERE, OWN, peers_python, python_of

SECONDS_TO_START = 900.0
SECONDS_A_ROUND = 300.0
TOO_SLOW = 60.0
"""Seconds of a first round after which a system is not asked for more."""


class SystemFailedError(Exception):
    """A system ended, or took too long, before it answered."""


class Worker:
    """A system that trains for a round, or times its predictions, when it is told to.

    Raises:
        SystemFailedError: if it does not become ready.
    """

    def __init__(self, task: str, system: str, workload: str, tiny: bool) -> None:
        self.system = system
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        self.process = start(task, system, workload, tiny, self.errors, subprocess.PIPE)
        self.rounds: list[dict[str, float]] = []
        self.seconds = 0.0
        try:
            self.ready = self._answer(SECONDS_TO_START)
        except SystemFailedError:
            self.close()
            raise

    def round(self) -> None:
        """Let it run one round."""
        began = time.perf_counter()
        try:
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise SystemFailedError(self._last_words()) from error
        self.rounds.append(self._answer(SECONDS_A_ROUND))
        self.seconds = time.perf_counter() - began

    def check_pace(self, number: int, rounds: int) -> None:
        """Raise SystemFailedError if more rounds like the first would take too long."""
        if number == 0 and rounds > 1 and self.seconds > TOO_SLOW and self.system not in OWN:
            figure = f" at {self.rounds[0]['ms']:.0f} ms a step" if "ms" in self.rounds[0] else ""
            raise SystemFailedError(
                f"too slow for all rounds; the first took {self.seconds:.0f} s{figure}"
            )

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def _answer(self, seconds: float) -> dict[str, Any]:
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not readable:
            self.process.kill()
            raise SystemFailedError(f"gave no answer within {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise SystemFailedError(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        """Return the last line of its messages, and show all of them."""
        code = self.process.wait()
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace")
        print(text[-4000:], file=sys.stderr)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return f"ended with status {code}: {lines[-1][:200] if lines else 'no message'}"


def start(
    task: str, system: str, workload: str, tiny: bool, errors: Any, stdin: Any
) -> subprocess.Popen:
    """Start ``worker.py``."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [python_of(system), HERE / "worker.py", task, system, workload, *["tiny"] * tiny],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)),
    )


def take_turns(
    task: str, systems: Iterable[str], workload: str, rounds: int, tiny: bool
) -> tuple[list[Worker], dict[str, str]]:
    """Run the systems in turn for some rounds.

    Returns:
        The workers that ran all rounds, and why each other one did not.
    """
    workers: list[Worker] = []
    failed: dict[str, str] = {}
    try:
        for system in systems:
            say(f"  {system} ...")
            try:
                workers.append(Worker(task, system, workload, tiny))
            except SystemFailedError as error:
                failed[system] = str(error)
                say(f"  {system} {error}")
        for number in range(rounds):
            for worker in list(workers):
                try:
                    worker.round()
                    worker.check_pace(number, rounds)
                except SystemFailedError as error:
                    failed[worker.system] = str(error)
                    say(f"  {worker.system} {error}")
                    workers.remove(worker)
                    worker.close()
            say(f"  round {number + 1}/{rounds}")
    finally:
        for worker in workers:
            worker.close()
    return workers, failed


def launch_seconds(system: str, workload: str, tiny: bool) -> float:
    """Return the time of a whole program, from its start to its end, with ten epochs of training.

    Raises:
        SystemFailedError: if it fails.
    """
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = start("launch", system, workload, tiny, errors, subprocess.DEVNULL)
        answer, _ = process.communicate()
        seconds = time.perf_counter() - began
        if process.returncode or not answer:
            errors.seek(0)
            print(errors.read().decode(errors="replace")[-4000:], file=sys.stderr)
            raise SystemFailedError(f"ended with status {process.returncode}")
    return seconds


def gemm_peaks(with_peers: bool) -> dict[str, float]:
    """Return GFLOP/s of a large float32 product, by NumPy and, with the peers, by PyTorch."""
    pythons = [Path(sys.executable), *([peers_python()] if with_peers else [])]
    peaks: dict[str, float] = {}
    for python in pythons:
        answer = subprocess.run([python, HERE / "peak.py"], capture_output=True, text=True)
        for name, value in json.loads(answer.stdout).items():
            peaks[name] = max(value, peaks.get(name, 0.0))
    return peaks


def needs_peers(systems: Iterable[str]) -> bool:
    """Tell whether one of the systems runs in the peers' environment."""
    return any(system not in OWN for system in systems)


def say(text: str) -> None:
    """Print to standard error, at once."""
    print(text, file=sys.stderr, flush=True)
