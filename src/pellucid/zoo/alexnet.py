"""AlexNet: five convolutions and three dense layers, the network that won ImageNet in 2012.

A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet classification with deep convolutional neural
networks, NIPS 2012; A. Krizhevsky: One weird trick for parallelizing convolutional neural networks,
2014 (the form in one column).

``alexnet``: one column, as in torchvision, whose weights it loads. 61,100,840 parameters. Shapes
for an image of 224x224x3::

    stage 1   convolution 64 11x11/4, ReLU         55x55x64
              max pooling 3x3/2                    27x27x64
    stage 2   convolution 192 5x5, ReLU            27x27x192
              max pooling 3x3/2                    13x13x192
    stage 3   convolution 384 3x3, ReLU            13x13x384
    stage 4   convolution 256 3x3, ReLU            13x13x256
    stage 5   convolution 256 3x3, ReLU            13x13x256
              max pooling 3x3/2                    6x6x256
              mean over 6x6 windows                6x6x256      (the same for 224x224)
    dense     4096, 4096, 1000

``alexnet_2012``: the paper's: local response normalization, and the second, fourth and fifth
convolution in two groups, which lay on two graphics cards. 60,965,224 parameters; 227x227x3 becomes
55x55x96, 27x27x256, 13x13x384, 13x13x384, 13x13x256, 6x6x256.

``alexnet_batch_normalized``: one column with batch normalization in place of local response
normalization and "same" padding. 62,379,560 trained parameters, 1,216 kept; 227x227x3 becomes
57x57x96, 28x28x256, 13x13x384, 13x13x384, 13x13x256, 6x6x256.

``alexnet_small``: the same five convolutions and three dense layers, for images of 32x32.
"""

from pellucid.layers import (
    AdaptiveAveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    LocalResponseNormalization,
    MaxPooling2D,
)
from pellucid.models import Sequential
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]


def around(zeros: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return so many zeros on each of the four sides."""
    return ((zeros, zeros), (zeros, zeros))


@needs_pixels(63)
def alexnet(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    hidden: int = 4096,
    dropout: float = 0.5,
    seed: int = 0,
) -> Sequential:
    """Return AlexNet in one column; its layers are named as torchvision's.

    Args:
        input_shape: (height, width, channels) of an image, 63x63 or more.
        classes: size of the output, which is logits.
        hidden: units of each of the two hidden dense layers.
        dropout: fraction dropped before each of them.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    return Sequential(
        [
            Input(input_shape),
            Conv2D(64, 11, 4, around(2), activation="relu", name="features.0"),
            MaxPooling2D(3, 2, name="features.2"),
            Conv2D(192, 5, padding=around(2), activation="relu", name="features.3"),
            MaxPooling2D(3, 2, name="features.5"),
            Conv2D(384, 3, padding=around(1), activation="relu", name="features.6"),
            Conv2D(256, 3, padding=around(1), activation="relu", name="features.8"),
            Conv2D(256, 3, padding=around(1), activation="relu", name="features.10"),
            MaxPooling2D(3, 2, name="features.12"),
            AdaptiveAveragePooling2D(6, name="avgpool"),
            Flatten(),
            Dropout(dropout, name="classifier.0"),
            Dense(hidden, "relu", name="classifier.1"),
            Dropout(dropout, name="classifier.3"),
            Dense(hidden, "relu", name="classifier.4"),
            Dense(classes, name="classifier.6"),
        ],
        name="alexnet",
        seed=seed,
    )


@needs_pixels(67)
def alexnet_2012(
    input_shape: Shape = (227, 227, 3),
    classes: int = 1000,
    hidden: int = 4096,
    dropout: float = 0.5,
    seed: int = 0,
) -> Sequential:
    """Return AlexNet as the paper of 2012 has it.

    Args:
        input_shape: (height, width, channels) of an image, 67x67 or more.
        classes: size of the output, which is logits.
        hidden: units of each of the two hidden dense layers.
        dropout: fraction dropped after each of them.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    return Sequential(
        [
            Input(input_shape),
            Conv2D(96, 11, 4, activation="relu", name="conv1"),
            LocalResponseNormalization(name="norm1"),
            MaxPooling2D(3, 2, name="pool1"),
            Conv2D(256, 5, padding="same", groups=2, activation="relu", name="conv2"),
            LocalResponseNormalization(name="norm2"),
            MaxPooling2D(3, 2, name="pool2"),
            Conv2D(384, 3, padding="same", activation="relu", name="conv3"),
            Conv2D(384, 3, padding="same", groups=2, activation="relu", name="conv4"),
            Conv2D(256, 3, padding="same", groups=2, activation="relu", name="conv5"),
            MaxPooling2D(3, 2, name="pool5"),
            Flatten(),
            Dense(hidden, "relu", name="dense6"),
            Dropout(dropout),
            Dense(hidden, "relu", name="dense7"),
            Dropout(dropout),
            Dense(classes, name="dense8"),
        ],
        name="alexnet_2012",
        seed=seed,
    )


@needs_pixels(57)
def alexnet_batch_normalized(
    input_shape: Shape = (227, 227, 3),
    classes: int = 1000,
    hidden: int = 4096,
    dropout: float = 0.5,
    seed: int = 0,
    momentum: float = 0.99,
) -> Sequential:
    """Return AlexNet in one column with batch normalization and a softmax output.

    Args:
        input_shape: (height, width, channels) of an image, 57x57 or more.
        classes: size of the output, which is probabilities.
        hidden: units of each of the two hidden dense layers.
        dropout: fraction dropped after each of them.
        seed: makes the initial weights.
        momentum: share of the moving averages that each step keeps; less for short trainings.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    return Sequential(
        [
            Input(input_shape),
            Conv2D(96, 11, 4, "same", activation="relu", name="conv1"),
            BatchNormalization(momentum=momentum, name="norm1"),
            MaxPooling2D(3, 2, name="pool1"),
            Conv2D(256, 5, padding="same", activation="relu", name="conv2"),
            BatchNormalization(momentum=momentum, name="norm2"),
            MaxPooling2D(3, 2, name="pool2"),
            Conv2D(384, 3, padding="same", activation="relu", name="conv3"),
            Conv2D(384, 3, padding="same", activation="relu", name="conv4"),
            Conv2D(256, 3, padding="same", activation="relu", name="conv5"),
            BatchNormalization(momentum=momentum, name="norm5"),
            MaxPooling2D(3, 2, name="pool5"),
            Flatten(),
            Dense(hidden, "relu", name="dense6"),
            Dropout(dropout),
            Dense(hidden, "relu", name="dense7"),
            Dropout(dropout),
            Dense(classes, "softmax", name="dense8"),
        ],
        name="alexnet_batch_normalized",
        seed=seed,
    )


@needs_pixels(15)
def alexnet_small(
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    hidden: int = 256,
    dropout: float = 0.5,
    seed: int = 0,
) -> Sequential:
    """Return five convolutions and three dense layers in AlexNet's order, for images of 32x32.

    32x32x3 becomes 15x15x48, 7x7x96, 7x7x128, 7x7x128, 3x3x96.

    Args:
        input_shape: (height, width, channels) of an image, 15x15 or more.
        classes: size of the output, which is logits.
        hidden: units of each of the two hidden dense layers.
        dropout: fraction dropped after each of them.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    return Sequential(
        [
            Input(input_shape),
            Conv2D(48, 5, padding="same", activation="relu", name="conv1"),
            MaxPooling2D(3, 2, name="pool1"),
            Conv2D(96, 5, padding="same", activation="relu", name="conv2"),
            MaxPooling2D(3, 2, name="pool2"),
            Conv2D(128, 3, padding="same", activation="relu", name="conv3"),
            Conv2D(128, 3, padding="same", activation="relu", name="conv4"),
            Conv2D(96, 3, padding="same", activation="relu", name="conv5"),
            MaxPooling2D(3, 2, name="pool5"),
            Flatten(),
            Dense(hidden, "relu", name="dense6"),
            Dropout(dropout),
            Dense(hidden, "relu", name="dense7"),
            Dropout(dropout),
            Dense(classes, name="dense8"),
        ],
        name="alexnet_small",
        seed=seed,
    )
