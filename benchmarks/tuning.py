"""A search over rate and L2 penalty of a 784-128-10 network on MNIST: in one process, and as runs.

One way is ``tuning.search_population``: all trials in one compiled program. The other is what a
loop in a shell does: one process for each trial, with its imports, its data, its compilation and
its fit. The runs use the settings that the search has drawn, so that both do the same work.

    python benchmarks/tuning.py [--trials 32] [--epochs 5] [--rows 60000] [--runs 32]
        [--pruner halving]

``--runs 4`` carries out four of the runs and takes their mean for the others. The search stops the
worse half of its trials after 1, 2, 4, ... epochs, as it does by default; separate runs know
nothing of each other and all go to their end. With ``--pruner none`` all trials do, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

BATCH = 128


def load(rows: int):
    """Return the training part, at most ``rows`` of it, and the part to compare trials by."""
    from pellucid.datasets import mnist

    (x, y), (x_test, y_test) = mnist.load_data()
    return (x[:rows] / 255).astype("float32"), y[:rows], (x_test / 255).astype("float32"), y_test


def build(learning_rate: float, l2: float):
    """Return the network, compiled."""
    from pellucid.layers import Dense, Flatten
    from pellucid.losses import SparseCategoricalCrossentropy
    from pellucid.models import Sequential
    from pellucid.optimizers import Adam
    from pellucid.regularizers import L2

    hidden = Dense(128, "relu", kernel_regularizer=L2(l2))
    model = Sequential([Flatten(input_shape=(28, 28)), hidden, Dense(10)])
    loss = SparseCategoricalCrossentropy(from_logits=True)
    model.compile(Adam(learning_rate), loss, ["accuracy"], verbose=0)
    return model


def search(trials: int, epochs: int, rows: int, pruner: str) -> dict:
    """Return what the search in one process took and drew."""
    began = time.perf_counter()
    from pellucid import tuning

    x, y, x_test, y_test = load(rows)
    space = {
        "learning_rate": tuning.Float(1e-4, 1e-2, log=True),
        "l2": tuning.Float(1e-7, 1e-3, log=True),
    }
    found = tuning.search_population(
        *(build, x, y, space, trials),
        validation_data=(x_test, y_test),
        epochs=epochs,
        batch_size=BATCH,
        pruner=pruner,
        verbose=0,
    )
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": sum(os.times()[:2]),
        "trials": [
            {"settings": t.settings, "accuracy": t.value}
            for t in found.trials
            if t.state == "complete"
        ],
    }


def run(settings: dict, epochs: int, rows: int) -> dict:
    """Return what one run in its process took, and its accuracy."""
    began = time.perf_counter()
    x, y, x_test, y_test = load(rows)
    history = build(**settings).fit(
        x, y, batch_size=BATCH, epochs=epochs, validation_data=(x_test, y_test), verbose=0
    )
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": sum(os.times()[:2]),
        "accuracy": history.history["val_accuracy"][-1],
    }


def in_a_process(task: dict, given: argparse.Namespace) -> dict:
    """Return the answer of a process of this file, with the seconds of the whole process."""
    command = [sys.executable, __file__, "--epochs", str(given.epochs), "--rows", str(given.rows)]
    began = time.perf_counter()
    command += ["--trials", str(given.trials), "--pruner", given.pruner, "--task", json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    return {**answer, "seconds": time.perf_counter() - began}


def main() -> int:
    """Run both ways and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--pruner", choices=("none", "halving"), default="halving")
    parser.add_argument("--runs", type=int, help="runs to carry out, all by default")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        task = json.loads(given.task)
        if task is None:
            print(json.dumps(search(given.trials, given.epochs, given.rows, given.pruner)))
        else:
            print(json.dumps(run(task, given.epochs, given.rows)))
        return 0
    found = in_a_process(None, given)
    print(
        f"search of {given.trials} trials: {found['seconds']:.1f} s, "
        f"{len(found['trials'])} went to their end",
        flush=True,
    )
    runs, apart = [], 0.0
    for trial in found["trials"][: given.runs]:
        runs.append(in_a_process(trial["settings"], given))
        apart = max(apart, abs(runs[-1]["accuracy"] - trial["accuracy"]))
        print(f"run: {runs[-1]['seconds']:.1f} s", flush=True)
    for key in ("seconds", "processor_seconds"):
        total = given.trials * statistics.mean(own[key] for own in runs)
        print(
            f"{key}: {given.trials} runs take {total:.1f}, the search {found[key]:.1f}: "
            f"{total / found[key]:.1f} times as fast"
        )
    print(f"largest difference in accuracy: {apart:.4f}")
    return 0 if apart < 0.005 else 1


if __name__ == "__main__":
    sys.exit(main())
