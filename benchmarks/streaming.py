"""Data larger than memory through ``fit``: how much memory it takes, and what reading costs.

    python benchmarks/streaming.py                       # 4 GB made on the fly, 1 GB from a file
    python benchmarks/streaming.py --gigabytes 20 --compared 2
    python benchmarks/streaming.py --network mlp

Each case runs in a process of its own, with LeNet-5 (``--network mlp``: 784-128-10) and Adam:

made     rows made on the fly from their numbers, ``--gigabytes`` of them; no disk
npy      rows of a ``.npy`` file of ``--compared`` GB, shuffled in a buffer of 20,000
memory   the same rows as arrays

For each it prints the memory of the process after a tenth of an epoch's steps and at its most, and
the rows a second from there to the end. Memory is flat if the two
are close, however many gigabytes there are.

Reading is work for one core, a few tenths of a millisecond for 128 rows. What it costs is this time
beside that of a step: little for LeNet-5, much for a small dense network, whose step takes no
longer than reading.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WIDTH, CLASSES = 784, 10
ROW_BYTES = 4 * WIDTH
BUFFER = 20_000
PATTERNS = np.random.default_rng(0).random((1009, WIDTH), np.float32)


def resident():
    """Return the megabytes that the process holds now."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def made_rows(numbers):
    """Return rows and labels that follow from their numbers."""
    images = PATTERNS[numbers % len(PATTERNS)]
    images *= (1 + numbers % 7)[:, None].astype(np.float32) / 7
    return images, (numbers % len(PATTERNS) % CLASSES).astype(np.int32)


def write_rows(path, rows):
    """Write a .npy file of so many rows, a piece at a time, and one of their labels."""
    out = np.lib.format.open_memmap(path / "x.npy", "w+", np.float32, (rows, WIDTH))
    labels = np.lib.format.open_memmap(path / "y.npy", "w+", np.int32, (rows,))
    for start in range(0, rows, 8192):
        numbers = np.arange(start, min(start + 8192, rows))
        out[numbers[0] : numbers[-1] + 1], labels[numbers[0] : numbers[-1] + 1] = made_rows(numbers)
    out.flush()
    labels.flush()


def network(name):
    """Return a network for the rows."""
    import pellucid
    from pellucid.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, Reshape

    hidden = [Dense(128, "relu")]
    if name == "lenet5":
        hidden = [
            Reshape((28, 28, 1)),
            *(Conv2D(6, 5, padding="same", activation="relu"), MaxPooling2D(2)),
            *(Conv2D(16, 5, activation="relu"), MaxPooling2D(2)),
            *(Flatten(), Dense(120, "relu"), Dense(84, "relu")),
        ]
    return pellucid.Sequential([Input((WIDTH,)), *hidden, Dense(CLASSES)])


def run(case, folder, gigabytes, batch, name):
    """Train on one kind of data and return what was measured."""
    import pellucid
    from pellucid.data import Dataset

    rows = int(gigabytes * 1e9 / ROW_BYTES)
    y = None
    if case == "made":
        numbers = Dataset.from_arrays(np.arange(rows, dtype=np.int32)).pipeline()
        x = numbers.map(made_rows, batched=True).batch(batch)
    elif case == "npy":
        x = Dataset.from_npy(folder / "x.npy", folder / "y.npy").shuffle(BUFFER).batch(batch)
    else:
        x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
    model = network(name)
    loss = pellucid.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, verbose=0)

    steps = -(-rows // batch)
    seen = []

    class Watch(pellucid.callbacks.Callback):
        def on_look(self, batch_number, logs=None):
            seen.append((batch_number, time.perf_counter(), resident()))

    size = None if y is None else batch
    model.fit(x, y, size, verbose=0, callbacks=[Watch()])
    early = next(place for place, look in enumerate(seen) if look[0] >= steps / 10)
    (first, began, _), (last, ended, _) = seen[early], seen[-1]
    return {
        "case": case,
        "gigabytes": rows * ROW_BYTES / 1e9,
        "rows_a_second": (last - first) * batch / (ended - began),
        "megabytes_early": max(megabytes for *_, megabytes in seen[: early + 1]),
        "megabytes_most": max(megabytes for *_, megabytes in seen),
    }


def child(arguments):
    """Run one case in a process of its own and return what it measured."""
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4.0, help="made on the fly")
    parser.add_argument("--compared", type=float, default=1.0, help="from a file and in memory")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--network", choices=["lenet5", "mlp"], default="lenet5")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--case", choices=["made", "npy", "memory"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        given = options.case, options.folder, options.gigabytes, options.batch, options.network
        print(json.dumps(run(*given)))
        return
    batch = ["--batch", options.batch, "--network", options.network]
    with tempfile.TemporaryDirectory() as name:
        write_rows(Path(name), int(options.compared * 1e9 / ROW_BYTES))
        found = [child(["--case", "made", "--gigabytes", options.gigabytes, *batch])]
        for case in ("npy", "memory"):
            own = ["--case", case, "--folder", name, "--gigabytes", options.compared, *batch]
            found.append(child(own))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'':8}{'GB':>8}{'rows/s':>12}{'MB early':>10}{'MB most':>10}")
    for row in found:
        print(
            f"{row['case']:8}{row['gigabytes']:8.2f}{row['rows_a_second']:12,.0f}"
            f"{row['megabytes_early']:10,.0f}{row['megabytes_most']:10,.0f}"
        )


if __name__ == "__main__":
    main()
