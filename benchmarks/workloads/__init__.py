"""The workloads: what every system trains. One file a network, with the three forms side by side.

A file has ``WORKLOADS``, and the functions ``data(workload)`` for the inputs and targets, and
``pellucid()``, ``keras(keras)`` and ``torch(torch)`` for the network; the last two are handed the
library, so that no process imports one that it does not measure. NumPy is all that is needed to
read this package.
"""

from workloads import (
    alexnet,
    bilstm,
    digits,
    gru,
    imdb,
    inception,
    lenet5,
    lstm,
    mlp,
    resnet20,
    transformer,
    vae,
)
from workloads._workload import Workload

FILES = (
    mlp,
    imdb,
    lenet5,
    resnet20,
    alexnet,
    inception,
    lstm,
    gru,
    bilstm,
    transformer,
    vae,
    digits,
)
WORKLOADS: dict[str, Workload] = {w.name: w for file in FILES for w in file.WORKLOADS}
