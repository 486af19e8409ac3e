"""One system in one process.

Usage: python worker.py TASK SYSTEM WORKLOAD [tiny], where SYSTEM is a module in systems/, "tiny"
says to take next to no data, and TASK is

    train     prepare, then train for a round for every line on standard input
    predict   prepare, then time the prediction of one sample for every line on standard input
    launch    train for ten epochs and end

Answers are JSON, one line each; the first says that the system is ready.
"""

import importlib
import json
import resource
import sys
import time

from workloads import WORKLOADS

LAUNCH_EPOCHS = 10
PREDICTION_SECONDS = 0.5
"""How long each way of predicting is timed in a round."""


def main():
    task, system, name, *size = sys.argv[1:]
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not mix with the answers
    workload = WORKLOADS[name].tiny() if size == ["tiny"] else WORKLOADS[name]
    module = importlib.import_module(f"systems.{system}")
    for answer in {"train": train, "predict": predict, "launch": launch}[task](module, workload):
        print(json.dumps(answer), file=answers, flush=True)


def train(module, workload):
    trainer = module.prepare(workload)
    trainer.run(1)
    yield {"parameters": int(trainer.parameters), "forward_flops": trainer.forward_flops}
    for _ in sys.stdin:
        began = time.perf_counter()
        loss = trainer.run(workload.epochs)
        seconds = time.perf_counter() - began
        answer = {
            "ms": 1000 * seconds / (workload.epochs * workload.steps),
            "loss": float(loss),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if trainer.accuracy is not None:
            answer["accuracy"] = float(trainer.accuracy())
        yield answer


def predict(module, workload):
    predictors = module.predictors(workload)
    for call in predictors.values():
        call()
    yield {"ways": list(predictors)}
    for _ in sys.stdin:
        yield {way: microseconds(call) for way, call in predictors.items()}


def microseconds(call):
    """Return the median time of a call."""
    times = []
    end = time.perf_counter() + PREDICTION_SECONDS
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1e6 * sorted(times)[len(times) // 2]


def launch(module, workload):
    yield {"loss": float(module.prepare(workload).run(LAUNCH_EPOCHS))}


if __name__ == "__main__":
    main()
