"""Measure Pellucid beside its peers, taking turns, and write RESULTS.md. See README.md.

The record, as ``--json`` saves it::

    machine         processor, cores, versions
    training        by workload: "tiny", "peak_gflops", "left_out", "problems" and "systems": of
                    each "rounds" (a list of "ms" a step, "loss", "peak_mib"), "parameters",
                    "forward_flops"
    predict         by workload and system a list of rounds: microseconds by way of predicting
    launch          by system a list of seconds
    import_seconds  of ``import pellucid`` beyond ``import jax``
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from environment import HERE, SYSTEMS, machine, peers_python
from report import disagreements, render
from turns import SystemFailedError, gemm_peaks, launch_seconds, needs_peers, say, take_turns
from workloads import WORKLOADS

LAUNCHED = ("pellucid_fit", "torch_eager", "torch_lean", "keras_tensorflow", "keras_jax")
PREDICTING = (
    "pellucid_fit",
    "torch_eager",
    "torch_compile",
    "keras_tensorflow",
    "keras_jax",
    "keras_torch",
)


def train(name: str, systems: Sequence[str], rounds: int, tiny: bool) -> dict[str, Any]:
    """Return the entry of a workload: all systems in turn, and whether they learn the same."""
    workload = WORKLOADS[name]
    able = [s for s in systems if workload.missing(s) is None]
    left_out = {s: why for s in systems if (why := workload.missing(s)) is not None}
    peaks = gemm_peaks(needs_peers(able))
    workers, failed = take_turns("train", able, name, rounds, tiny)
    measured = {w.system: {"rounds": w.rounds, **w.ready} for w in workers}
    return {
        "tiny": tiny,
        "peak_gflops": peaks,
        "systems": measured,
        "left_out": left_out | failed,
        "problems": disagreements(workload, measured, losses=not tiny),
    }


def predict(name: str, systems: Sequence[str], rounds: int, tiny: bool) -> dict[str, Any]:
    """Return the rounds of every system's predictions of one sample."""
    chosen = [s for s in systems if s in PREDICTING]
    workers, _ = take_turns("predict", chosen, name, rounds, tiny)
    return {w.system: w.rounds for w in workers}


def launch(systems: Sequence[str], rounds: int, tiny: bool) -> dict[str, list[float]]:
    """Return the seconds of whole programs, which take turns."""
    seconds: dict[str, list[float]] = {s: [] for s in systems if s in LAUNCHED}
    for number in range(rounds):
        for system in list(seconds):
            try:
                seconds[system].append(launch_seconds(system, "mlp-32", tiny))
            except SystemFailedError as error:
                say(f"  {system} {error}")
                del seconds[system]
        say(f"  round {number + 1}/{rounds}")
    return seconds


def import_seconds(module: str, repeats: int = 7) -> float:
    """Return the median time that ``import module`` takes in a new process."""
    code = f"import time; b = time.perf_counter(); import {module}; print(time.perf_counter() - b)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        for _ in range(repeats)
    ]
    return statistics.median(times)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", action="store_true", help="measure training steps")
    parser.add_argument("--predict", action="store_true", help="measure predictions of one sample")
    parser.add_argument("--launch", action="store_true", help="measure whole programs")
    parser.add_argument(
        "--quick", action="store_true", help="a few workloads against the fastest peers; no writing"
    )
    parser.add_argument(
        "--tiny", action="store_true", help="next to no data, to see that all runs; no writing"
    )
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=WORKLOADS)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--rounds", type=int, default=None, help="5; 3 with --quick, 1 with --tiny")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="keep the raw numbers in FILE; what it has already stays, so that parts can be added",
    )
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    arguments = parser.parse_args()
    if not (arguments.train or arguments.predict or arguments.launch):
        arguments.train = True
        arguments.predict = arguments.launch = not arguments.quick
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.tiny else 3 if arguments.quick else 5
    return arguments


def main() -> int:
    arguments = parse()
    rounds, tiny = arguments.rounds, arguments.tiny
    if arguments.quick or needs_peers(arguments.systems):
        peers_python()
    record: dict[str, Any] = {"machine": machine()}
    if arguments.json is not None and arguments.json.exists():
        kept = json.loads(arguments.json.read_text())
        if kept["machine"] != record["machine"]:
            raise SystemExit(
                f"{arguments.json} was made on another machine or with other versions; name "
                f"another file.\nThere: {kept['machine']}\nHere: {record['machine']}"
            )
        record = kept

    def keep() -> None:
        """Write what there is so far."""
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(record, indent=1))
        if not (arguments.no_write or arguments.quick or tiny):
            (HERE / "RESULTS.md").write_text(render(record))

    def systems_of(name: str) -> list[str]:
        workload = WORKLOADS[name]
        chosen = list(workload.quick) if arguments.quick else arguments.systems
        return [workload.ours, *(s for s in chosen if s != workload.ours)]

    names = [n for n in arguments.workloads if WORKLOADS[n].quick or not arguments.quick]
    failed = False
    if arguments.train:
        for name in names:
            say(f"{name}: training")
            try:
                entry = train(name, systems_of(name), rounds, tiny)
            except Exception as error:  # a workload's failure must not lose the others
                say(f"{name} failed: {type(error).__name__}: {error}")
                failed = True
                continue
            record.setdefault("training", {})[name] = entry
            keep()
    if arguments.predict:
        for name in names:
            if WORKLOADS[name].predicts:
                say(f"{name}: prediction of one sample")
                answers = predict(name, systems_of(name), rounds, tiny)
                record.setdefault("predict", {})[name] = answers
                keep()
    if arguments.launch:
        say("whole programs")
        record["launch"] = launch(systems_of("mlp-32"), rounds, tiny)
        beyond = import_seconds("jax, pellucid") - import_seconds("jax")
        record["import_seconds"] = beyond
        keep()
    print(render(record))
    problems = [p for entry in record.get("training", {}).values() for p in entry["problems"]]
    return 1 if problems or failed else 0


if __name__ == "__main__":
    sys.exit(main())
