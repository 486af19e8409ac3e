"""Data larger than memory through ``fit``: how much memory it takes, and what reading costs.

    python benchmarks/streaming.py                       # 4 GB made on the fly, 1 GB from a file
    python benchmarks/streaming.py --gigabytes 100 --compared 2

Each case runs in a process of its own, with the network 784-128-10 and Adam:

made     rows made on the fly from their numbers, ``--gigabytes`` of them; no disk
npy      rows of a ``.npy`` file of ``--compared`` GB, shuffled in a buffer of 20,000
memory   the same rows as arrays

For each it prints rows a second (of the second epoch; of ``made``, the only one),
and the memory of the process after a tenth of the steps and at its most. Memory is flat if the two
are close, however many gigabytes there are.
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


def resident():
    """Return the megabytes that the process holds now."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def made_rows(numbers):
    """Return rows and labels that follow from their numbers."""
    labels = numbers % CLASSES
    phase = (numbers[:, None] * 0.001 + np.arange(WIDTH) * (1 + labels[:, None])).astype(np.float32)
    return np.sin(phase), labels.astype(np.int32)


def write_rows(path, rows):
    """Write a .npy file of so many rows, a piece at a time, and one of their labels."""
    out = np.lib.format.open_memmap(path / "x.npy", "w+", np.float32, (rows, WIDTH))
    labels = np.lib.format.open_memmap(path / "y.npy", "w+", np.int32, (rows,))
    for start in range(0, rows, 8192):
        numbers = np.arange(start, min(start + 8192, rows))
        out[numbers[0] : numbers[-1] + 1], labels[numbers[0] : numbers[-1] + 1] = made_rows(numbers)
    out.flush()
    labels.flush()


def run(case, folder, gigabytes, batch):
    """Train on one kind of data and print what was measured as one line of JSON."""
    import pellucid
    from pellucid.data import Dataset
    from pellucid.layers import Dense, Input

    rows = int(gigabytes * 1e9 / ROW_BYTES)
    y = None
    if case == "made":
        numbers = Dataset.from_arrays(np.arange(rows, dtype=np.int32)).pipeline()
        x = numbers.map(made_rows, batched=True).batch(batch)
    elif case == "npy":
        x = Dataset.from_npy(folder / "x.npy", folder / "y.npy").shuffle(BUFFER).batch(batch)
    else:
        x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
    model = pellucid.Sequential([Input((WIDTH,)), Dense(128, "relu"), Dense(CLASSES)])
    loss = pellucid.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, verbose=0)

    steps = -(-rows // batch)
    seen = []

    class Watch(pellucid.callbacks.Callback):
        def on_look(self, batch_number, logs=None):
            seen.append((batch_number, resident()))

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds = time.perf_counter() - self.began

    watch = Watch()
    size = None if y is None else batch
    model.fit(x, y, size, epochs=1 if case == "made" else 2, verbose=0, callbacks=[watch])
    early = [megabytes for number, megabytes in seen if number <= max(steps / 10, seen[0][0])]
    return {
        "case": case,
        "gigabytes": rows * ROW_BYTES / 1e9,
        "rows_a_second": rows / watch.seconds,
        "megabytes_early": max(early),
        "megabytes_most": max(megabytes for _, megabytes in seen),
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
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--case", choices=["made", "npy", "memory"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(run(options.case, options.folder, options.gigabytes, options.batch)))
        return
    batch = ["--batch", options.batch]
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
