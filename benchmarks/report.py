"""The results as Markdown, from the raw numbers of a run. Nothing is measured here."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from workloads import WORKLOADS

Record = Mapping[str, Any]

PREDICTIONS = (
    "Microseconds to the answer for one sample: the median over the rounds of the median of many "
    "calls. `call` is the network called directly on a tensor of its library."
)
LAUNCHES = (
    "Seconds from the start of the process to its end: imports, 60,000 made images, 784-128-10, "
    "batch 32, ten epochs."
)
DETAILS = """\
| system | ms a step | min to max | slower than Pellucid | share of peak | loss | peak MiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def render(record: Record) -> str:
    """Return RESULTS.md for a record, which ``run.py`` describes."""
    parts = ["# Results", "Written by `make bench`; see [README.md](README.md) for how."]
    parts.append(record["machine"])
    training = record.get("training", {})
    if training:
        parts += ["## Training", summary(training), *details(training)]
    if record.get("predict"):
        parts += [
            "## One prediction",
            PREDICTIONS,
            predictions(record["predict"]),
        ]
    if record.get("launch"):
        parts += [
            "## From start to trained model",
            LAUNCHES,
            launches(record["launch"]),
        ]
    if "import_seconds" in record:
        parts.append(
            f"`import pellucid` takes {record['import_seconds']:.2f} s beyond `import jax`."
        )
    return "\n\n".join(parts) + "\n"


def summary(training: Record) -> str:
    """Return one line a workload: ours, the best peer, and how many times longer it takes."""
    lines = [
        "| workload | network | ours, ms a step | best peer | its ms | ratio | share of peak |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for name, entry in training.items():
        workload = WORKLOADS[name]
        systems = entry["systems"]
        ours = systems.get(workload.ours)
        peer = best_peer(entry, workload.ours)
        cells = [
            f"{steps_ms(ours):.3f}" if ours else "-",
            peer or "-",
            f"{steps_ms(systems[peer]):.3f}" if peer else "-",
            f"{ratio(systems[peer], ours):.2f}" if ours and peer else "-",
            share(entry, workload, ours) if ours else "-",
        ]
        lines.append(f"| {name} | {workload.what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def details(training: Record) -> list[str]:
    """Return for each workload all systems, what is left out, and what does not agree."""
    parts = []
    for name, entry in training.items():
        workload = WORKLOADS[name]
        lines = [f"### {name}", "", DETAILS]
        ours = entry["systems"].get(workload.ours)
        for system, one in entry["systems"].items():
            times = [r["ms"] for r in one["rounds"]]
            last = one["rounds"][-1]
            lines.append(
                f"| {system} | {steps_ms(one):.3f} | {min(times):.3f} to {max(times):.3f} "
                f"| {f'{ratio(one, ours):.2f}' if ours else '-'} | {share(entry, workload, one)} "
                f"| {last['loss']:.4f} | {last['peak_mib']:.0f} |"
            )
        notes = [_conditions(workload, entry)]
        accuracies = {
            system: one["rounds"][-1]["accuracy"]
            for system, one in entry["systems"].items()
            if "accuracy" in one["rounds"][-1]
        }
        if accuracies:
            listed = ", ".join(f"{system} {value:.3f}" for system, value in accuracies.items())
            notes.append(f"Accuracy on the part held out: {listed}.")
        if entry["left_out"]:
            reasons: dict[str, list[str]] = {}
            for system, why in entry["left_out"].items():
                reasons.setdefault(why, []).append(system)
            listed = "; ".join(f"{', '.join(names)} ({why})" for why, names in reasons.items())
            notes.append(f"Left out: {listed}.")
        notes += [f"**{problem}**" for problem in entry["problems"]]
        parts.append("\n".join([*lines, "", " ".join(notes)]))
    return parts


def _conditions(workload: Any, entry: Record) -> str:
    if entry.get("tiny"):
        return "Next to no data, to see that everything runs: the times mean nothing."
    epochs = "1 epoch" if workload.epochs == 1 else f"{workload.epochs} epochs"
    return (
        f"{workload.steps} steps of {workload.batch_size} rows an epoch, {epochs} a round, "
        f"{rounds_of(entry)} rounds; losses within {workload.tolerance * workload.guess:.2f} of "
        "their median."
    )


def predictions(predict: Record) -> str:
    """Return one line for each way of predicting."""
    lines = ["| workload | system | way | µs | min to max |", "| --- | --- | --- | ---: | ---: |"]
    for name, systems in predict.items():
        for system, rounds in systems.items():
            for way in rounds[0]:
                values = [r[way] for r in rounds]
                lines.append(
                    f"| {name} | {system} | {way} | {median(values):.0f} "
                    f"| {min(values):.0f} to {max(values):.0f} |"
                )
    return "\n".join(lines)


def launches(launch: Record) -> str:
    """Return one line a system."""
    lines = ["| system | seconds | min to max |", "| --- | ---: | ---: |"]
    for system, values in launch.items():
        lines.append(
            f"| {system} | {median(values):.1f} | {min(values):.1f} to {max(values):.1f} |"
        )
    return "\n".join(lines)


def steps_ms(one: Record) -> float:
    """Return a system's milliseconds a step, the median over its rounds."""
    return median(r["ms"] for r in one["rounds"])


def ratio(one: Record, ours: Record) -> float:
    """Return how many times longer a system takes: the median of the ratios round by round."""
    pairs = zip(one["rounds"], ours["rounds"], strict=True)
    return median(a["ms"] / b["ms"] for a, b in pairs)


def best_peer(entry: Record, ours: str) -> str | None:
    """Return the fastest system but ours."""
    peers = [system for system in entry["systems"] if system != ours]
    return min(peers, key=lambda system: steps_ms(entry["systems"][system]), default=None)


def share(entry: Record, workload: Any, one: Record) -> str:
    """Return the share of the GEMM peak: three times the forward FLOPs over time and peak."""
    known = [s["forward_flops"] for s in entry["systems"].values() if s["forward_flops"]]
    if not known or not entry["peak_gflops"]:
        return "-"
    gflops = 3 * known[0] * workload.batch_size / (steps_ms(one) / 1000) / 1e9
    return f"{gflops / max(entry['peak_gflops'].values()):.0%}"


def rounds_of(entry: Record) -> int:
    """Return how many rounds were run."""
    return max((len(one["rounds"]) for one in entry["systems"].values()), default=0)


def disagreements(workload: Any, systems: Mapping[str, Record], losses: bool = True) -> list[str]:
    """Return, in sentences, where systems did not train the same network to about the same loss.

    Args:
        workload: what was trained.
        systems: the entry's systems.
        losses: False compares the networks alone.
    """
    problems = []
    counts: dict[int, list[str]] = {}
    for system, one in systems.items():
        counts.setdefault(one["parameters"], []).append(system)
    if len(counts) > 1:
        listed = "; ".join(f"{n:,} in {', '.join(names)}" for n, names in counts.items())
        problems.append(f"The numbers of trained parameters differ: {listed}.")
    if not losses:
        return problems
    reached = {system: one["rounds"][-1]["loss"] for system, one in systems.items()}
    middle = median(reached.values()) if reached else 0.0
    for system, loss in reached.items():
        if not abs(loss - middle) <= workload.tolerance * workload.guess:
            problems.append(
                f"{system} does not learn the same: its loss is {loss:.4f}, the median "
                f"{middle:.4f}."
            )
        if not loss < workload.guess:
            problems.append(f"{system} has learned nothing: its loss is {loss:.4f}.")
    problems += _differing_accuracies(systems)
    return problems


def _differing_accuracies(systems: Mapping[str, Record]) -> Sequence[str]:
    values = {
        system: one["rounds"][-1]["accuracy"]
        for system, one in systems.items()
        if "accuracy" in one["rounds"][-1]
    }
    if values and max(values.values()) - min(values.values()) > 0.02:
        return [f"The accuracies differ by more than 0.02: {values}."]
    return []
