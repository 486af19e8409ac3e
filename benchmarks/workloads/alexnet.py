"""AlexNet in one column, 227x227x3, with ten classes; dropout before the two wide layers."""

from workloads._workload import Workload, clouds

WORKLOADS = (
    Workload(
        "alexnet",
        file="alexnet",
        what="AlexNet in one column on 227x227x3, 10 classes",
        batch_size=16,
        rows=64,
        learning_rate=0.01,
        momentum=0.9,
        images=True,
        tolerance=0.15,
    ),
)


def data(workload):
    return clouds(workload.rows, (227, 227, 3), patch=16, share=0.5)


def pellucid():
    from pellucid.zoo.alexnet import alexnet

    return alexnet((227, 227, 3), classes=10)


def keras(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((227, 227, 3)),
            layers.ZeroPadding2D(2),
            layers.Conv2D(64, 11, 4, activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Conv2D(192, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Conv2D(384, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(4096, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(4096, activation="relu"),
            layers.Dense(10),
        ]
    )


def torch(torch):
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(9216, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 10),
    )
