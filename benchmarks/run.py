"""Measure Pellucid beside its peers, taking turns, and write RESULTS.md. See README.md."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from workloads import WORKLOADS

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers"
OWN = ("pellucid_fit", "plain_jax")
PEER_SYSTEMS = ("torch_eager", "torch_lean", "keras_tensorflow", "keras_jax")
# The losses of an epoch in the middle of training may differ by this share between systems.
SAME_LOSS = 0.1


def peers_python() -> Path:
    """Return the Python of the peers' environment, which is made when it is missing."""
    python = PEERS / "bin" / "python"
    wanted = (HERE / "requirements-peers.txt").read_text()
    stamp = PEERS / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Installing the peers into .venv-peers (several minutes) ...", file=sys.stderr)
        venv.create(PEERS, with_pip=True)
        command = [python, "-m", "pip", "install", "-q", "-r", HERE / "requirements-peers.txt"]
        subprocess.run(command, check=True)
        stamp.write_text(wanted)
    return python


class Worker:
    """A system in a process of its own that trains for a round when it is told to."""

    def __init__(self, system: str, workload: str, python: Path) -> None:
        self.system = system
        env = dict(os.environ, PYTHONPATH=str(HERE))
        self.process = subprocess.Popen(
            [python, HERE / "worker.py", system, workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        self.rounds: list[dict[str, float]] = []
        self._answer()

    def round(self) -> None:
        """Let it run one round."""
        assert self.process.stdin is not None  # noqa: S101
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.rounds.append(self._answer())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None  # noqa: S101
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None  # noqa: S101
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.system} ended before it answered; its message is above.")
        return json.loads(line)

    def median(self, key: str = "ms") -> float:
        """Return the median over the rounds."""
        return statistics.median(r[key] for r in self.rounds)


def measure(workload: str, systems: Sequence[str], rounds: int) -> list[Worker]:
    """Run all systems in turn for some rounds and check that they reach the same loss."""
    pythons = {s: Path(sys.executable) if s in OWN else peers_python() for s in systems}
    workers = [Worker(s, workload, pythons[s]) for s in systems]
    try:
        for number in range(rounds):
            for worker in workers:
                worker.round()
            print(f"  round {number + 1}/{rounds}", file=sys.stderr)
    finally:
        for worker in workers:
            worker.close()
    losses = {w.system: w.rounds[0]["loss"] for w in workers}
    if max(losses.values()) > (1 + SAME_LOSS) * min(losses.values()):
        raise SystemExit(f"The systems do not learn the same: losses {losses}.")
    return workers


def import_seconds(module: str, repeats: int = 7) -> float:
    """Return the median time that ``import module`` takes in a new process."""
    code = f"import time; b = time.perf_counter(); import {module}; print(time.perf_counter() - b)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        for _ in range(repeats)
    ]
    return statistics.median(times)


def table(results: dict[str, list[Worker]]) -> str:
    """Return the figures as a Markdown table; ratios are times of the peer over ours."""
    lines = [
        "| workload | system | ms a step | min to max | slower than Pellucid | loss | peak MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, workers in results.items():
        ours = next(w for w in workers if w.system == "pellucid_fit")
        for w in workers:
            pairs = [a["ms"] / b["ms"] for a, b in zip(w.rounds, ours.rounds, strict=True)]
            times = [r["ms"] for r in w.rounds]
            lines.append(
                f"| {name} | {w.system} | {w.median():.3f} | {min(times):.3f} to {max(times):.3f} "
                f"| {statistics.median(pairs):.2f} | {w.rounds[0]['loss']:.4f} "
                f"| {w.rounds[-1]['peak_mib']:.0f} |"
            )
    return "\n".join(lines)


def machine() -> str:
    """Return processor, cores and versions in one paragraph."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    code = (
        "import importlib.metadata as m\n"
        "for n in ('jax','torch','keras','tensorflow','numpy','pellucid'):\n"
        "    try: print(n, m.version(n), end='; ')\n"
        "    except m.PackageNotFoundError: pass"
    )
    versions = [
        subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.rstrip("; ")
        for python in (sys.executable, PEERS / "bin" / "python")
        if Path(python).exists()
    ]
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}. Ours: {versions[0]}."
        + (f" Peers: {versions[1]}." if len(versions) > 1 else "")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=WORKLOADS)
    parser.add_argument("--systems", nargs="+", default=[*OWN, *PEER_SYSTEMS])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    arguments = parser.parse_args()
    systems = ["pellucid_fit", *(s for s in arguments.systems if s != "pellucid_fit")]
    results = {}
    for name in arguments.workloads:
        print(f"{name}: {', '.join(systems)}", file=sys.stderr)
        results[name] = measure(name, systems, arguments.rounds)
    beyond = import_seconds("jax, pellucid") - import_seconds("jax")
    text = (
        "# Results\n\nWritten by `make bench`; see [README.md](README.md) for how.\n\n"
        f"{machine()}\n\n{table(results)}\n\n"
        f"`import pellucid` takes {beyond:.2f} s beyond `import jax`.\n"
    )
    print(text)
    if not arguments.no_write:
        (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
