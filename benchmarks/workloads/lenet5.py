"""LeNet-5 with ReLU and max pooling, 61,706 parameters."""

from workloads._workload import Workload, clouds

WORKLOADS = (
    Workload(
        "lenet5",
        file="lenet5",
        what="LeNet-5 on 28x28x1",
        batch_size=128,
        rows=12_800,
        images=True,
        quick=("torch_lean", "keras_tensorflow"),
        predicts=True,
    ),
)


def data(workload):
    return clouds(workload.rows, (28, 28, 1), patch=4, share=0.3)


def pellucid():
    from pellucid.zoo.lenet import lenet5

    return lenet5()


def keras(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10),
        ]
    )


def torch(torch):
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )
