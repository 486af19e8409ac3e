"""GoogLeNet without auxiliary heads, in its form with batch normalization, on 128x128x3."""

from workloads._workload import Workload, clouds

SIZE = 128
WORKLOADS = (
    Workload(
        "inception",
        file="inception",
        what=f"GoogLeNet on {SIZE}x{SIZE}x3, 10 classes",
        batch_size=16,
        rows=64,
        learning_rate=0.01,
        momentum=0.9,
        images=True,
        tolerance=0.15,
        convolution_start="he_normal",
    ),
)

# Filters: 1x1; 1x1 and 3x3; 1x1 and 3x3; 1x1 after the pooling. A number alone: pooling of it.
BLOCKS = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    3,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    2,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)


def data(workload):
    return clouds(workload.rows, (SIZE, SIZE, 3), patch=16, share=0.5)


def pellucid():
    from pellucid.zoo.googlenet import googlenet

    return googlenet((SIZE, SIZE, 3), classes=10)


def keras(keras):
    layers = keras.layers

    def convolution(x, filters, size, strides=1):
        x = layers.Conv2D(
            filters, size, strides, "same", use_bias=False, kernel_initializer="he_normal"
        )(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(x))

    def inception(x, one, reduce_a, a, reduce_b, b, after_pooling):
        return layers.Concatenate()(
            [
                convolution(x, one, 1),
                convolution(convolution(x, reduce_a, 1), a, 3),
                convolution(convolution(x, reduce_b, 1), b, 3),
                convolution(layers.MaxPooling2D(3, 1, "same")(x), after_pooling, 1),
            ]
        )

    image = keras.Input((SIZE, SIZE, 3))
    x = layers.MaxPooling2D(3, 2, "same")(convolution(image, 64, 7, 2))
    x = convolution(convolution(x, 64, 1), 192, 3)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    for block in BLOCKS:
        if isinstance(block, int):
            x = layers.MaxPooling2D(block, 2, "same")(x)
        else:
            x = inception(x, *block)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(10)(x))


def torch(torch):
    nn = torch.nn

    def convolution(channels, filters, size, strides=1):
        return nn.Sequential(
            nn.Conv2d(channels, filters, size, strides, padding=size // 2, bias=False),
            nn.BatchNorm2d(filters, eps=1e-3),
            nn.ReLU(),
        )

    class Inception(nn.Module):
        def __init__(self, channels, one, reduce_a, a, reduce_b, b, after_pooling):
            super().__init__()
            self.branches = nn.ModuleList(
                [
                    convolution(channels, one, 1),
                    nn.Sequential(convolution(channels, reduce_a, 1), convolution(reduce_a, a, 3)),
                    nn.Sequential(convolution(channels, reduce_b, 1), convolution(reduce_b, b, 3)),
                    nn.Sequential(
                        nn.MaxPool2d(3, 1, padding=1), convolution(channels, after_pooling, 1)
                    ),
                ]
            )

        def forward(self, x):
            return torch.cat([branch(x) for branch in self.branches], 1)

    parts = [
        convolution(3, 64, 7, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        convolution(64, 64, 1),
        convolution(64, 192, 3),
        nn.MaxPool2d(3, 2, ceil_mode=True),
    ]
    channels = 192
    for block in BLOCKS:
        if isinstance(block, int):
            parts.append(nn.MaxPool2d(block, 2, ceil_mode=True))
        else:
            parts.append(Inception(channels, *block))
            one, _, a, _, b, after_pooling = block
            channels = one + a + b + after_pooling
    return nn.Sequential(
        *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1024, 10)
    )
