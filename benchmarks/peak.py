"""The GEMM peak: the most float32 operations a second that a large matrix product reaches.

Usage: python peak.py, which prints GFLOP/s as JSON for NumPy and, where it is installed, PyTorch.
"""

import importlib.util
import json
import time

import numpy as np

SIZE = 2048
SECONDS = 1.0


def best(multiply):
    """Return the highest GFLOP/s of many products."""
    multiply()
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        multiply()
        times.append(time.perf_counter() - began)
    return 2 * SIZE**3 / min(times) / 1e9


def main():
    a = np.random.default_rng(0).random((SIZE, SIZE), np.float32)
    peaks = {"numpy": best(lambda: a @ a)}
    if importlib.util.find_spec("torch") is not None:
        import torch

        b = torch.from_numpy(a)
        peaks["torch"] = best(lambda: b @ b)
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
