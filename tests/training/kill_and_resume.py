"""A training that is killed again and again, at random moments, and must end as if it had not been.

By hand, with as many kills as one likes::

    python tests/training/kill_and_resume.py --kills 200

Each training runs in a process of its own and saves at every step: checkpoints, the model, a
recording and a CSV file. The process is killed (SIGKILL) at a random moment of training or saving;
what it left is then looked through, and the training goes on in a new process, until it ends. Its
weights, optimizer state, history, model files, recording and CSV file must then be those of a
training that nobody killed, bit for bit.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

ROWS, BATCH_SIZE, EPOCHS = 44, 4, 6


def network():
    """Return a network with augmentation's kin: noise, dropout, moving averages."""
    from pellucid import Sequential, losses, optimizers
    from pellucid.layers import BatchNormalization, Dense, Dropout, GaussianNoise

    parts = [
        GaussianNoise(0.1, input_shape=(5,)),
        Dense(8, activation="relu"),
        BatchNormalization(),
        Dropout(0.3),
        Dense(2),
    ]
    model = Sequential(parts, seed=3)
    rate = optimizers.schedules.ExponentialDecay(0.02, 10, 0.9)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(rate), loss, ["accuracy"], verbose=0)
    return model


def train(folder: Path, bar: bool, stop_at: int | None = None) -> None:
    """Train in a folder, going on with what is there, and write what came out as ``end.npz``.

    Args:
        folder: the folder.
        bar: whether the progress is shown.
        stop_at: the step after which Ctrl-C is pressed, None for none.
    """
    from pellucid import callbacks

    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, 5)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int32)

    class EveryStep(callbacks.Callback):
        """Has the host look in after every step, and says when the first one is done."""

        begun = False

        def on_train_batch_end(self, batch, logs=None):
            if not self.begun:
                (folder / f"began-{os.getpid()}").touch()
                self.begun = True
            if int(self.record.live.step) == stop_at:
                signal.raise_signal(signal.SIGINT)

    used = [
        EveryStep(),
        callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True),
        callbacks.ModelCheckpoint(folder / "model", "val_loss", save_best_only=True),
        callbacks.CSVLogger(folder / "epochs.csv"),
        callbacks.Recorder(folder / "recording", megabytes=0.05, share=1.0),
        callbacks.BackupAndRestore(
            folder / "backup", 1, False, keep=2, monitor="val_loss", tell=lambda sentence: None
        ),
    ]
    model = network()
    history = model.fit(
        x,
        y,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        validation_data=(x[:10], y[:10]),
        callbacks=used,
        verbose=1 if bar else 0,
        seed=7,
    )
    model.save(folder / "last")
    arrays = {str(n): array for n, array in enumerate(model.get_weights())}
    temporary = folder / "end.new.npz"
    np.savez(temporary, **arrays, history=json.dumps(history.history))
    os.replace(temporary, folder / "end.npz")


def start(folder: Path, bar: bool) -> int:
    """Train in a process of its own, which inherits the imports, and return its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing runs in JAX before the fork
        child = os.fork()
    if child:
        return child
    try:
        with open(folder / "output.txt", "a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            train(folder, bar)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def look_through(folder: Path) -> list[str]:
    """Return what is damaged in a folder whose training was killed."""
    from pellucid.errors import ModelFileError
    from pellucid.training import checkpoints, is_recording, read_recording
    from pellucid.training._array_file import load_arrays

    damaged = []
    files = [*checkpoints(folder / "backup"), *(folder / "recording").glob("*-*.safetensors")]
    for model in (folder / "model", folder / "last"):
        there = model if model.exists() else model.with_name(f".{model.name}.old")
        if there.exists():
            json.loads((there / "model.json").read_text())
            files += there.glob("*.safetensors")
    for file in files:
        try:
            load_arrays(file)
        except ModelFileError as error:
            damaged.append(str(error))
    if is_recording(folder / "recording"):
        read_recording(folder / "recording")
    return damaged


def content(folder: Path) -> dict[str, object]:
    """Return all that a training left, without times and places."""
    ends = np.load(folder / "end.npz")
    found = {f"end/{name}": ends[name].tobytes() for name in ends.files}
    for model in ("model", "last"):
        for file in sorted((folder / model).iterdir()):
            found[f"{model}/{file.name}"] = file.read_bytes()
    found["epochs.csv"] = (folder / "epochs.csv").read_bytes()
    lines = (folder / "recording" / "log.jsonl").read_text().splitlines()
    kinds = ("epoch", "epoch_end", "rate", "weights", "end")
    entries = [json.loads(line) for line in lines]
    found["recording"] = [entry for entry in entries if entry["kind"] in kinds]
    return found


def kill_again_and_again(kills: int, seed: int, place: Path, tell=lambda sentence: None) -> dict:
    """Kill trainings until there have been so many kills; return what was counted.

    Args:
        kills: how often to kill.
        seed: makes the moments.
        place: a folder to work in.
        tell: told of every training that ends.
    """
    import pellucid.callbacks
    import pellucid.models  # noqa: F401  (imported once, before the forks)

    rng = random.Random(seed)
    whole = place / "whole"
    whole.mkdir(parents=True)
    first = start(whole, bar=False)
    _, status = os.waitpid(first, 0)
    if status:
        raise RuntimeError((whole / "output.txt").read_text())
    longest = time.time() - (whole / f"began-{first}").stat().st_mtime
    expected = content(whole)
    counted = {"kills": 0, "trainings": 0, "damaged": [], "different": []}
    while counted["kills"] < kills:
        folder = place / f"killed-{counted['trainings']}"
        folder.mkdir()
        steps: list[int] = []
        while True:
            child = start(folder, bar=rng.random() < 0.5)
            # Most kills come while it trains and saves; some while it starts.
            after, kill_at = longest * rng.uniform(-0.1, 0.9), None
            if after < 0:
                kill_at = time.monotonic() + rng.uniform(0, longest)
            done, status = 0, 0
            while not done and (kill_at is None or time.monotonic() < kill_at):
                if kill_at is None and (folder / f"began-{child}").exists():
                    kill_at = time.monotonic() + after
                if counted["kills"] >= kills:
                    kill_at = None
                done, status = os.waitpid(child, os.WNOHANG)
                time.sleep(0.001)
            if done:
                break
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            counted["kills"] += 1
            counted["damaged"] += look_through(folder)
            saved = sorted((folder / "backup").glob("checkpoint-*"))
            steps.append(int(saved[-1].name[11:20]) if saved else 0)
        if status:
            raise RuntimeError((folder / "output.txt").read_text())
        found = content(folder)
        counted["different"] += [
            f"{folder.name}: {name}" for name in expected if found.get(name) != expected[name]
        ]
        counted["trainings"] += 1
        tell(
            f"training {counted['trainings']}: {len(steps)} kills, at steps {steps}; "
            f"{counted['kills']} kills in all"
        )
        if not counted["different"]:
            shutil.rmtree(folder)
    return counted


def main() -> None:
    """Read the arguments, kill, and print what was counted; exit code 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        counted = kill_again_and_again(
            given.kills,
            given.seed,
            Path(place),
            lambda sentence: print(sentence, file=sys.stderr, flush=True),
        )
        print(json.dumps(counted))
        if counted["damaged"] or counted["different"]:
            sys.exit(1)


if __name__ == "__main__":
    main()
