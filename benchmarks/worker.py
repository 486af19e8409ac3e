"""One system in one process: waits for a line on standard input, trains, answers in JSON.

Usage: python worker.py SYSTEM WORKLOAD, where SYSTEM is a module in systems/ with a function
``prepare(workload) -> run`` and ``run(epochs) -> loss`` trains and returns the last epoch's loss.
"""

import importlib
import json
import resource
import sys
import time

from workloads import EPOCHS, WORKLOADS


def main() -> None:
    system, name = sys.argv[1:3]
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not mix with the answers
    workload = WORKLOADS[name]
    module = importlib.import_module(f"systems.{system}")
    run = module.prepare(workload)
    loss = run(1)
    print(json.dumps({"ready": True, "loss": loss}), file=answers, flush=True)
    steps = -(-workload.rows // workload.batch_size)
    for _ in sys.stdin:
        began = time.perf_counter()
        loss = run(EPOCHS)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answer = {"ms": 1000 * seconds / (EPOCHS * steps), "loss": float(loss), "peak_mib": peak}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
