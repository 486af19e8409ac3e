"""Damaged files of models and checkpoints by the hundred thousand: each gets an answer, no more.

By hand, with as many files as one likes::

    python tests/models/fuzz_files.py --count 1000000 --workers 2

Each file is one of the golden models', or a checkpoint of a fit, changed at random: bytes, lengths,
numbers, names, whole branches of the description. It must load, or raise ``ModelFileError`` (or
``RunError``, for what callbacks kept); within seconds of the processor's time (a worker may be
paused), in at most twice its size of memory (and a fixed allowance for the interpreter), without
running, importing, writing or connecting to anything. A worker does everything in its one process:
an audit hook hears what the interpreter is about to do, a timer ends what hangs, and the peak of
memory is read after each file. A worker that dies is a failure, too.
"""

import argparse
import copy
import functools
import json
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from models.golden_models import GOLDEN
from pellucid import callbacks, losses, models
from pellucid.errors import ModelFileError, RunError
from pellucid.layers import Dense
from pellucid.models import _saving
from pellucid.training import checkpoints, load_state, save_state
from pellucid.training._callbacks import Callbacks
from pellucid.training._point import read_point
from pellucid.training._record import FitRecord

SECONDS = 20
ALLOWANCE = 96 << 20
"""Bytes that a file may take beyond twice its size: tracing a network has its own needs."""
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "socket.",
    "pickle.find_class",
    "marshal.",
    "ctypes.dlopen",
    "urllib.Request",
    "shutil.",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.symlink",
)
NUMBERS = (
    0,
    -1,
    1,
    2,
    3,
    255,
    10**4,
    2**31 - 1,
    2**31,
    2**63,
    -(2**63),
    10**18,
    10**30,
    0.5,
    1e308,
)
WORDS = (
    "",
    "os.system",
    "../../etc/passwd",
    "__import__('os').system('true')",
    "builtins.eval",
    "Lambda",
    "Dense",
    "dense/kernel",
    "\u0000",
    "x" * 1000,
    "NaN",
    "http://127.0.0.1/x",
)


class Hang(BaseException):
    """A file took too long."""


class Ear:
    """Hears what the interpreter is about to do, while it listens."""

    def __init__(self):
        self.listening = False
        self.heard: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if not self.listening:
            return
        if event.startswith(FORBIDDEN):
            if not (event == "marshal.loads" and _is_import()):
                self.heard.append(event)
        elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            self.heard.append(f"open {arguments[0]} for writing")


def _is_import() -> bool:
    """Tell whether a module of ours is being imported, which reads its compiled code."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


EAR = Ear()


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return some bytes with a few of them changed, cut out, doubled or moved."""
    new = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(new)) if new else 0
        length = rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(7)
        if kind == 0 and new:
            new[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and new:
            new[at] = rng.randrange(256)
        elif kind == 2:
            del new[at : at + length]
        elif kind == 3:
            new[at:at] = bytes(rng.randrange(256) for _ in range(length))
        elif kind == 4:
            new[at:at] = new[at : at + length]
        elif kind == 5:
            new[at : at + length] = rng.choice((b"\0", b"\xff", b"9", b'"', b"[", b"{")) * length
        else:
            del new[at:]
    return bytes(new)


def mutated_header(data: bytes, rng: random.Random) -> bytes:
    """Return a file of arrays whose header (or its length) says something else."""
    size = int.from_bytes(data[:8], "little")
    if rng.random() < 0.2:
        lengths = (0, 1, size - 1, size + 1, len(data), 2**31, 2**32, 2**62, 2**64 - 1)
        return rng.choice(lengths).to_bytes(8, "little") + data[8:]
    header = json.loads(data[8 : 8 + size])
    words = header.get("__metadata__", {})
    if "pellucid" in words and rng.random() < 0.7:  # where a checkpoint says what is no array
        words["pellucid"] = json.dumps(mutated_tree(json.loads(words["pellucid"]), rng))
    else:
        header = mutated_tree(header, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def mutated_tree(tree, rng: random.Random):
    """Return a structure in which a few places say something else."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(tree))
        if not places:
            return tree
        holder, key = rng.choice(places)
        kind = rng.randrange(8)
        if kind == 0:
            holder[key] = rng.choice(NUMBERS)
        elif kind == 1:
            holder[key] = rng.choice(WORDS)
        elif kind == 2:
            other, name = rng.choice(places)
            holder[key] = copy.deepcopy(other[name])
        elif kind == 3:
            del holder[key]
        elif kind == 4 and isinstance(holder, dict):
            holder[rng.choice(WORDS)] = holder.pop(key)
        elif kind == 5:
            holder[key] = rng.choice((None, True, False, [], {}, [[]], {"single": {"input": 0}}))
        elif kind == 6:
            holder[key] = [holder[key]] * rng.choice((1, 2, 50))
        elif isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] = holder[key] + rng.choice((-1, 1, 10))
    return tree


def _places(tree):
    """Yield every (dictionary or list, key) in a structure."""
    stack = [tree]
    while stack:
        node = stack.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            yield node, key
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])


class Fuzzer:
    """Writes changed files into a folder and loads them.

    Args:
        place: a folder to work in.
        seed: makes the changes.
    """

    def __init__(self, place: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.originals = []
        for folder in sorted(GOLDEN.glob("*/*/")):
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
            work = place / f"{folder.parent.name}-{folder.name}"
            shutil.copytree(folder, work)
            self.originals.append((work, files, models.load_model(work)))
        self.checkpoints = Checkpoints(place / "checkpoints")

    def checkpoint(self) -> None:
        """Change a checkpoint and read it."""
        name, data = self.rng.choice(sorted(self.checkpoints.files.items()))
        change = mutated_header if self.rng.random() < 0.7 else mutated_bytes
        path = self.checkpoints.folder / name
        changed = change(data, self.rng)
        path.write_bytes(changed)
        self._watched(path, len(changed), lambda: self.checkpoints.read(path))

    def one(self) -> None:
        """Change one file, load it, and put the old one back."""
        folder, files, model = self.rng.choice(self.originals)
        name = self.rng.choice(sorted(files))
        if name == "model.json" and self.rng.random() < 0.7:
            tree = mutated_tree(json.loads(files[name]), self.rng)
            data = json.dumps(tree, allow_nan=True).encode()
        elif name != "model.json" and self.rng.random() < 0.6:
            data = mutated_header(files[name], self.rng)
        else:
            data = mutated_bytes(files[name], self.rng)
        path = folder / name
        path.write_bytes(data)
        try:
            self._load(folder, path, model, len(data))
        finally:
            path.write_bytes(files[name])

    def _load(self, folder: Path, path: Path, model, size: int) -> None:
        whole = self.rng.random() < 0.02

        def load() -> None:
            if whole:
                models.load_model(folder)
            elif path.name == "model.json":
                _build(folder)
            elif path.name == _saving.WEIGHTS:
                _saving.load_weights(model, path)
            else:
                _saving._load_training(model, path)

        self._watched(path, size, load)

    def _watched(self, path: Path, size: int, load: Callable[[], None]) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        EAR.heard.clear()
        EAR.listening = True
        failure, outcome = None, "loaded"
        try:
            load()
        except (ModelFileError, RunError):
            outcome = "refused"
        except Hang:
            failure = f"no answer within {SECONDS} s of processor time"
        except BaseException as error:
            failure = f"{type(error).__name__}: {error}"
        finally:
            EAR.listening = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        if failure is not None:
            outcome = self._failed(path, failure)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        if grown > 2 * size + ALLOWANCE:
            outcome = self._failed(path, f"{grown:,} bytes of memory for a file of {size:,}")
        if EAR.heard:
            outcome = self._failed(path, f"it did {', '.join(EAR.heard)}")
        self.counts[outcome] += 1

    def _failed(self, path: Path, why: str) -> str:
        kept = Path(tempfile.mkdtemp(prefix="pellucid-fuzz-")) / path.name
        shutil.copyfile(path, kept)
        self.failures.append(f"{kept}: {why}")
        return "failed"


class Checkpoints:
    """The checkpoint of a fit that rests in the midst of an epoch, and a plain training state.

    Args:
        folder: where they are written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((12, 3)).astype(np.float32), np.arange(12) % 2
        model = models.Sequential([Dense(4, "relu", input_shape=(3,)), Dense(2)])
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, ["accuracy"], verbose=0)
        held = callbacks.EarlyStopping("loss")
        backup = callbacks.BackupAndRestore(folder / "backup", 2, delete_checkpoint=False)
        model.fit(x, y, batch_size=4, epochs=2, callbacks=[held, backup], verbose=0)
        self.like = model._trained
        save_state(self.like, folder / "state.safetensors")
        paths = [folder / "state.safetensors", *checkpoints(folder / "backup")]
        self.files = {path.name: path.read_bytes() for path in paths}

    def read(self, path: Path) -> None:
        """Do what a fit does that goes on from a file."""
        if path.name.startswith("state"):
            load_state(path, self.like)
            return
        record = FitRecord(self.like, None, 2, 3)
        point = read_point(path, self.like)
        point.put_into(record)
        held = Callbacks([callbacks.EarlyStopping("loss")], record, None)
        held.call("on_train_begin", {})
        held.put_back(point.callbacks)


def _build(folder: Path) -> None:
    """Do what ``load_model`` does before it reads arrays."""
    description = _saving.read_description(folder)
    try:
        model = _saving.build(description, {})
    except ModelFileError:
        raise
    except _saving.TROUBLE as error:
        raise ModelFileError("damaged") from error
    config = description.get("compile")
    if config is not None:
        try:
            model.compile(**_saving._compile_arguments(config), verbose=0)
        except _saving.TROUBLE as error:
            raise ModelFileError("damaged") from error


def fuzz(count: int, seed: int, tell=lambda sentence: None) -> Fuzzer:
    """Load so many changed files; return what was counted.

    Args:
        count: how many.
        seed: makes the changes.
        tell: told now and then how far it is.
    """
    import jax

    def ring(number, frame):
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as place:
            fuzzer = Fuzzer(Path(place), seed)
            for number in range(1, count + 1):
                fuzzer.checkpoint() if number % 3 else fuzzer.one()
                if number % 5000 == 0:
                    jax.clear_caches()
                if number % 10_000 == 0:
                    speed = number / (time.monotonic() - began)
                    tell(f"{number:,} files, {speed:,.0f} a second, {dict(fuzzer.counts)}")
            return fuzzer
    finally:
        signal.signal(signal.SIGPROF, before)


def work(worker: int, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Fuzz in a process of its own and say now and then how far it is."""
    np.seterr(all="ignore")
    fuzzer = fuzz(count, seed + worker, lambda told: print(f"worker {worker}: {told}", flush=True))
    return fuzzer.counts, fuzzer.failures


def main() -> None:
    """Read the arguments, fuzz, and print what was counted; exit code 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="that of the first worker")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    counts, failures = Counter[str](), []
    each = functools.partial(work, count=-(-given.count // given.workers), seed=given.seed)
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for own, failed in pool.map(each, range(given.workers)):
            counts += own
            failures += failed
    print(f"{counts.total():,} files: {dict(counts)}")
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
