"""The ResNet of 20 layers for CIFAR: shortcuts that lose every second pixel and gain zeros."""

from workloads._workload import Workload, clouds

STAGES = ((16, 1), (32, 2), (64, 2))
WORKLOADS = (
    Workload(
        "resnet20",
        file="resnet20",
        what="CIFAR ResNet-20 on 32x32x3",
        batch_size=128,
        rows=1_280,
        learning_rate=0.05,
        momentum=0.9,
        images=True,
        tolerance=0.15,
        convolution_start="he_normal",
        quick=("torch_lean", "keras_tensorflow"),
    ),
)


def data(workload):
    return clouds(workload.rows, (32, 32, 3), patch=8, share=0.6)


def pellucid():
    from pellucid.zoo.resnet import resnet_cifar

    return resnet_cifar(20)


def keras(keras):
    layers = keras.layers

    def convolution(x, filters, strides):
        x = layers.Conv2D(
            filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal"
        )(x)
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)

    image = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolution(image, 16, 1))
    for filters, strides in STAGES:
        for number in range(3):
            step = strides if number == 0 else 1
            f = layers.ReLU()(convolution(x, filters, step))
            f = convolution(f, filters, 1)
            missing = filters - x.shape[-1]
            if missing:
                sides = [[0, 0], [0, 0], [0, 0], [missing // 2, missing // 2]]
                x = keras.ops.pad(x[:, ::2, ::2, :], sides)
            x = layers.ReLU()(layers.Add()([x, f]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10)(x))


def torch(torch):
    nn, functional = torch.nn, torch.nn.functional

    def convolution(channels, filters, strides):
        return nn.Sequential(
            nn.Conv2d(channels, filters, 3, strides, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )

    class Block(nn.Module):
        def __init__(self, channels, filters, strides):
            super().__init__()
            self.first = convolution(channels, filters, strides)
            self.second = convolution(filters, filters, 1)
            self.missing = filters - channels

        def forward(self, x):
            f = self.second(torch.relu(self.first(x)))
            if self.missing:
                side = self.missing // 2
                x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, side, side))
            return torch.relu(x + f)

    parts, channels = [convolution(3, 16, 1), nn.ReLU()], 16
    for filters, strides in STAGES:
        for number in range(3):
            parts.append(Block(channels, filters, strides if number == 0 else 1))
            channels = filters
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
