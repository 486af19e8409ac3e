"""784-128-10: the multi-layer perceptron of every first lesson, at two batch sizes."""

from workloads._workload import Workload, clouds

SHARED = {
    "file": "mlp",
    "what": "784-128-10",
    "rows": 60_000,
    "epochs": 3,
}
WORKLOADS = (
    Workload("mlp-32", batch_size=32, quick=("keras_jax",), predicts=True, **SHARED),
    Workload("mlp-128", batch_size=128, **SHARED),
)


def data(workload):
    return clouds(workload.rows, (784,))


def pellucid():
    from pellucid import Sequential
    from pellucid.layers import Dense, Input

    return Sequential([Input((784,)), Dense(128, activation="relu"), Dense(10)])


def keras(keras):
    return keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10),
        ]
    )


def torch(torch):
    return torch.nn.Sequential(
        torch.nn.Linear(784, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 10),
    )
