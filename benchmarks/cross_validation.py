"""Five-fold cross-validation of the digits recipe's network, and five fits that do the same.

Each way runs in a process of its own, with its imports, its compilation, and the predictions for
the rows that were held out. They take turns.

    python benchmarks/cross_validation.py [--rounds 3] [--epochs 30]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

FOLDS = 5


def measure(together: bool, epochs: int) -> dict[str, float]:
    """Return the seconds that a cross-validation takes in this process, and its accuracy."""
    began = time.perf_counter()
    import numpy as np

    from pellucid import recipes
    from pellucid.models import cross_validate
    from pellucid.recipes import Data, Part

    recipe = recipes.make("digits", epochs=epochs)
    given = recipe.data()
    x = np.concatenate([given.train.x, given.validation.x])
    y = np.concatenate([given.train.y, given.validation.y]).astype(int)
    rows = len(x) * (FOLDS - 1) // FOLDS
    data = Data(Part(x[:rows], y[:rows]), None, given.test, given.labels)

    def build():
        model, objective = recipe.model(data), recipe.objective(data)
        model.compile(objective.optimizer, objective.loss, ["accuracy"], verbose=0)
        return model

    found = cross_validate(
        build, x, y, FOLDS, epochs=epochs, batch_size=recipe.batch_size, together=together
    )
    right = float(np.mean(found.predictions.argmax(1) == y))
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": sum(os.times()[:2]),
        "accuracy": found.mean["accuracy"],
        "out_of_fold": right,
    }


def main() -> int:
    """Run both ways in turn and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--way", choices=("together", "one_by_one"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way == "together", given.epochs)))
        return 0
    taken: dict[str, list[dict[str, float]]] = {"one_by_one": [], "together": []}
    for number in range(given.rounds):
        for way, rounds in taken.items():
            command = [sys.executable, __file__, "--way", way, "--epochs", str(given.epochs)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rounds.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"round {number + 1}  {way:<10}  {rounds[-1]}", flush=True)
    for key in ("seconds", "processor_seconds"):
        ratios = [
            one[key] / all_[key]
            for one, all_ in zip(taken["one_by_one"], taken["together"], strict=True)
        ]
        print(f"{key}: together is {statistics.median(ratios):.2f} times as fast")
    same = {way: rounds[0]["accuracy"] for way, rounds in taken.items()}
    print(f"mean accuracy of the folds: {same}")
    return 0 if abs(same["together"] - same["one_by_one"]) < 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
