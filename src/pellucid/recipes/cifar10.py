"""Photographs of 32x32 pixels (CIFAR-10): which of ten things is it?

Task: classification of a small color image into ten classes, by ResNet-20 (269,722 trained
    parameters) or, to compare, LeNet-5 or a small AlexNet.
Data: CIFAR-10: 50,000 training images, of which one in ten, at most 5,000, drawn by the seed, are
    kept for validation, and 10,000 test images; or as many as there are in the folder of the set.
Command: pellucid train cifar10
    pellucid train cifar10 --set network=lenet5
    pellucid train cifar10 --set network=alexnet_small
    pellucid train cifar10 --epochs 182 --batch-size 128 --set decay=steps --set augment=shift
        --set learning_rate=0.1 --set weight_decay=0.0001     (the paper's training)
Time: about two minutes an epoch of the whole set on two cores.
Expected: ResNet-20 ahead of both others on the same images. With 3,600 images, 30 epochs and seed
    0, ResNet-20 reads 0.574 of 1,000 test images right, LeNet-5 0.413 and the small AlexNet 0.506
    (of the validation part 0.595, 0.465 and 0.535). The paper's ResNet-20, trained for 182 epochs
    on shifted and mirrored images of the whole set, reaches 0.9125.

K. He, X. Zhang, S. Ren, J. Sun: Deep residual learning for image recognition, CVPR 2016, section
4.2: momentum 0.9, rate 0.1, a tenth of it after half and after three quarters of the steps, weight
decay 0.0001.

Your own images: ``pellucid predict runs/latest photo.jpg``; the middle square is scaled to 32x32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pellucid._checks import check_one_of, check_range
from pellucid.data._photos import middle
from pellucid.data.cifar10 import class_names
from pellucid.datasets import cifar10
from pellucid.layers import Input, RandomCrop, RandomFlip, Rescaling, ZeroPadding2D
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Model
from pellucid.optimizers import SGD
from pellucid.optimizers.schedules import CosineDecay, PiecewiseConstantDecay
from pellucid.recipes._image_classes import (
    class_answers,
    classes_report,
    with_truth,
    with_validation,
)
from pellucid.recipes._ink import SUFFIXES
from pellucid.recipes._photos import read_photo
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo import alexnet, lenet, resnet

NETWORKS = ("resnet20", "resnet56", "lenet5", "alexnet_small")
DECAYS = ("cosine", "steps")
AUGMENTS = ("none", "shift")
SIDE = 32
SHAPE = (SIDE, SIDE, 3)
MOST_HELD_OUT = 5000


@dataclass(frozen=True)
class Cifar10(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    network: str = setting("resnet20", f"one of {', '.join(NETWORKS)}")
    epochs: int = setting(30, "passes over the training part")
    batch_size: int = setting(64, "examples per step")
    learning_rate: float = setting(0.05, "the greatest rate")
    decay: str = setting("cosine", "cosine, or steps: a tenth after 1/2 and 3/4 of the training")
    weight_decay: float = setting(5e-4, "share of each weight taken away, times the rate")
    augment: str = setting("none", "none, or shift: mirrored and shifted training images")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("Recipe 'cifar10'", "network", self.network, NETWORKS)
        check_one_of("Recipe 'cifar10'", "decay", self.decay, DECAYS)
        check_one_of("Recipe 'cifar10'", "augment", self.augment, AUGMENTS)
        check_range("Recipe 'cifar10'", "learning_rate", self.learning_rate, 0, open_low=True)
        check_range("Recipe 'cifar10'", "weight_decay", self.weight_decay, 0)

    def data(self) -> Data:
        """Return the images as (samples, 32, 32, 3) of whole numbers from 0 to 255."""
        train, test = cifar10.load_data()
        held_out = min(MOST_HELD_OUT, len(train[0]) // 10)
        return with_validation(train, test, held_out, self.seed, class_names)

    def model(self, data: Data) -> Model:
        """Return the network, which takes pixels from 0 to 255."""
        image = Input(SHAPE)
        # About mean 0 and variance 1 over the whole set: (x / 255 - 0.473) / 0.25.
        x = Rescaling(1 / (255 * 0.25), offset=-0.473 / 0.25)(image)
        if self.augment == "shift":  # as in the paper: half of them mirrored, 4 pixels of margin
            x = RandomFlip("horizontal")(x)
            x = RandomCrop(SIDE, SIDE)(ZeroPadding2D(4)(x))
        if self.network == "lenet5":
            network: Model = lenet.lenet5(SHAPE, seed=self.seed)
        elif self.network == "alexnet_small":
            network = alexnet.alexnet_small(SHAPE, seed=self.seed)
        else:
            network = resnet.resnet_cifar(int(self.network.removeprefix("resnet")), seed=self.seed)
        return Model(image, network(x), name=self.network, seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and momentum, its rate let down on a cosine or in steps."""
        steps = self.epochs * -(-len(data.train.x) // self.batch_size)
        rate: Any
        if self.decay == "steps":
            rates = [self.learning_rate / 10**k for k in range(3)]
            rate = PiecewiseConstantDecay([max(1, steps // 2), max(2, steps * 3 // 4)], rates)
        else:
            warm_up = max(1, steps // 10)
            rate = CosineDecay(
                initial_learning_rate=self.learning_rate / 10,
                warmup_target=self.learning_rate,
                warmup_steps=warm_up,
                decay_steps=max(1, steps - warm_up),
            )
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=True),
            optimizer=SGD(rate, momentum=0.9, weight_decay=self.weight_decay),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, accuracy and confusion matrix of the test part."""
        return classes_report(model, data)

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return the most probable thing of each example, with all probabilities."""
        return class_answers(model, examples, class_names)

    def example(self, source: str) -> Example:
        """Return the middle square of an image file, scaled to 32x32."""
        x = middle(read_photo(source), SIDE, SIDE)
        return Example(source, x, x.mean(axis=-1) / 255)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        return with_truth(super().sample(data, number), data, number)
