"""Every network of the zoo: its published or added-up size, and a narrow form that trains at once.

A file of the zoo without a row in ``CASES`` fails the suite, and so does a function of it that
returns a network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import losses
from pellucid.zoo import (
    alexnet,
    autoencoder,
    densenet,
    dqn,
    faster_rcnn,
    gan,
    googlenet,
    gpt,
    lenet,
    mlp,
    mobilenet,
    perceptron,
    rbf_network,
    recurrent_classifier,
    recurrent_language_model,
    resnet,
    seq2seq_attention,
    siamese,
    som,
    ssd,
    transformer,
    unet,
    vae,
    vgg,
)
from pellucid.zoo.environments import CartPole

WITHOUT_NETWORKS = {
    "environments": "games, test_environments.py",
    "q_learning": "a table, test_reinforcement.py",
}

# Sizes: trained parameters, and kept ones (moving averages). Torchvision's model table has those of
# AlexNet, VGG, GoogLeNet, ResNet, DenseNet and MobileNet v2, Keras's has that of MobileNet v1, and
# OpenAI's GPT-2 has 124,439,808. The others are sums by hand: each file lists its terms.
GOLDEN = {
    "perceptron.network": (lambda: perceptron.network(2), 3, 0),
    "rbf_network.rbf_network": (rbf_network.rbf_network, 7_510, 0),
    "mlp.mlp": (mlp.mlp, 636_010, 0),
    "mlp.mlp, 784-128-10": (lambda: mlp.mlp(hidden=(128,)), 101_770, 0),
    "mlp.mlp, 2-2-1": (lambda: mlp.mlp((2,), (2,), 1), 9, 0),
    "lenet.lenet5": (lenet.lenet5, 61_706, 0),
    "lenet.lenet5_1998": (lenet.lenet5_1998, 60_000 + 840, 0),
    "lenet.lenet5_dense": (lenet.lenet5_dense, 139_414, 0),
    "alexnet.alexnet": (alexnet.alexnet, 61_100_840, 0),
    "alexnet.alexnet_2012": (alexnet.alexnet_2012, 60_965_224, 0),
    "alexnet.alexnet_batch_normalized": (alexnet.alexnet_batch_normalized, 62_379_560, 1_216),
    "alexnet.alexnet_small": (alexnet.alexnet_small, 777_738, 0),
    "vgg.vgg11": (vgg.vgg11, 132_863_336, 0),
    "vgg.vgg13": (vgg.vgg13, 133_047_848, 0),
    "vgg.vgg16": (vgg.vgg16, 138_357_544, 0),
    "vgg.vgg19": (vgg.vgg19, 143_667_240, 0),
    "googlenet.googlenet": (googlenet.googlenet, 6_624_904, 14_560),
    "googlenet.googlenet, heads": (
        lambda: googlenet.googlenet(auxiliary=True),
        13_004_888,
        15_072,
    ),
    "resnet.resnet18": (resnet.resnet18, 11_689_512, 9_600),
    "resnet.resnet34": (resnet.resnet34, 21_797_672, 17_024),
    "resnet.resnet50": (resnet.resnet50, 25_557_032, 53_120),
    "resnet.resnet101": (resnet.resnet101, 44_549_160, 105_344),
    "resnet.resnet152": (resnet.resnet152, 60_192_808, 151_424),
    "resnet.resnet_cifar": (resnet.resnet_cifar, 269_722, 1_376),
    "resnet.resnet_cifar, 32": (lambda: resnet.resnet_cifar(32), 464_154, 2_272),
    "resnet.resnet_cifar, 44": (lambda: resnet.resnet_cifar(44), 658_586, 3_168),
    "resnet.resnet_cifar, 56": (lambda: resnet.resnet_cifar(56), 853_018, 4_064),
    "resnet.resnet_cifar, 110": (lambda: resnet.resnet_cifar(110), 1_727_962, 8_096),
    "densenet.densenet121": (densenet.densenet121, 7_978_856, 83_648),
    "mobilenet.mobilenet_v1": (mobilenet.mobilenet_v1, 4_253_864 - 21_888, 21_888),
    "mobilenet.mobilenet_v2": (mobilenet.mobilenet_v2, 3_504_872, 34_112),
    "unet.unet": (unet.unet, 31_030_658, 0),
    "siamese.embedding": (siamese.embedding, 83_040, 0),
    "siamese.siamese": (siamese.siamese, 83_040, 0),
    "siamese.siamese, faces": (lambda: siamese.siamese(input_shape=(56, 46, 1)), 377_952, 0),
    "recurrent_classifier.simple_rnn": (recurrent_classifier.simple_rnn, 326_273, 0),
    "recurrent_classifier.gru": (recurrent_classifier.gru, 338_881, 0),
    "recurrent_classifier.lstm": (recurrent_classifier.lstm, 344_897, 0),
    "recurrent_classifier.two_way_lstm": (recurrent_classifier.two_way_lstm, 369_793, 0),
    "recurrent_classifier.mean_two_way_lstm": (
        recurrent_classifier.mean_two_way_lstm,
        369_793,
        0,
    ),
    "recurrent_classifier.stacked_lstm": (recurrent_classifier.stacked_lstm, 377_921, 0),
    "recurrent_language_model.lstm": (lambda: recurrent_language_model.lstm(65), 242_945, 0),
    "recurrent_language_model.gru": (lambda: recurrent_language_model.gru(65), 186_113, 0),
    "seq2seq_attention.encoder_decoder": (
        lambda: seq2seq_attention.encoder_decoder(1000, 1000, 9, 8),
        64_000 + 49_920 + 16_512 + 64_000 + 74_496 + 32_768 + 128 + 32_896 + 129_000,
        0,
    ),
    "transformer.encoder_decoder": (
        lambda: transformer.encoder_decoder(1, 1, 4, 4, 512, 2048, 6, 8),
        44_138_496 + 2 * 512 + 513,  # with two tables of one token and one score
        0,
    ),
    "gpt.gpt": (lambda: gpt.gpt(65), 804_096, 0),
    "gpt.gpt, 2 small": (
        lambda: gpt.gpt(50257, 1024, 768, 12, 12, use_bias=True),
        124_439_808,
        0,
    ),
    "autoencoder.plain": (autoencoder.plain, 209_968, 0),
    "autoencoder.denoising": (autoencoder.denoising, 209_968, 0),
    "autoencoder.convolutional": (autoencoder.convolutional, 111_521, 0),
    "vae.vae": (vae.vae, 631_188, 0),
    "vae.conditional_vae": (vae.conditional_vae, 639_188, 0),
    # Twice as many kept as there are normalized planes: 64 and 32.
    "gan.generator": (gan.generator, 234_369 - 192, 192),
    "gan.discriminator": (gan.discriminator, 36_513, 0),
    "gan.generator, classes": (
        lambda: gan.generator(classes=10),
        234_369 - 192 + 10 * 3136,
        192,
    ),
    "gan.discriminator, classes": (
        lambda: gan.discriminator(classes=10),
        36_513 + 10 * 16 * 32,
        0,
    ),
    "som.network": (lambda: som.network(64, (10, 10)), 6_400, 0),
    "dqn.network": (lambda: dqn.network(CartPole()), 33_859, 0),
    "ssd.ssd": (ssd.ssd, 896_624, 1_664),
    "faster_rcnn.faster_rcnn": (faster_rcnn.faster_rcnn, 1_330_205, 896),
    "dqn.network, one head": (lambda: dqn.network(CartPole(), dueling=False), 17_410, 0),
}


@dataclass(frozen=True)
class Case:
    """A narrow form of a network, and what it learns from.

    Args:
        make: the network, by seed.
        x: inputs, an array or one for each input.
        y: answers; None where the learner needs none.
        loss: for ``compile``, unless there is a learner.
        learner: makes of the network what has a step of its own.
        data: what the learner's step reads, where it is not ``(x, y)``.
        moves: the least share of the arrays of parameters that a step changes.
        slow: takes more than about a second or two to compile.
    """

    make: Callable[[int], Any]
    x: Any
    y: Any = None
    loss: Any = None
    learner: Callable[[Any], Any] | None = None
    data: Any = ()
    moves: float = 1.0
    slow: bool = False


RNG = np.random.default_rng(0)
ROWS = 4
POINTS = RNG.standard_normal((ROWS, 2)).astype(np.float32)
CLASSES = np.array([0, 1, 2, 3])
BITS = np.array([0, 1, 0, 1])
WORDS = RNG.integers(1, 7, (ROWS, 5)).astype(np.int32)
DIGITS = RNG.uniform(0, 1, (ROWS, 28, 28, 1)).astype(np.float32)
GREY = DIGITS[..., 0]
ONE_HOT = np.eye(10, dtype=np.float32)[CLASSES]
OF_CLASSES = losses.SparseCategoricalCrossentropy(from_logits=True)
OF_PROBABILITIES = losses.SparseCategoricalCrossentropy()
OF_BITS = losses.BinaryCrossentropy(from_logits=True)


def images(side: int, channels: int = 3) -> np.ndarray:
    return RNG.uniform(0, 1, (ROWS, side, side, channels)).astype(np.float32)


def classifier(network: Any, side: int, channels: int = 3, **settings: Any) -> Case:
    """Return the case of a network for images of ``side`` in ten classes.

    Narrow stacks of rectifiers leave some units dead on four images, so that not all move.
    """
    shape, loss = (side, side, channels), settings.pop("loss", OF_CLASSES)
    slow = settings.pop("slow", True)

    def make(seed: int) -> Any:
        return network(shape, 10, **settings, seed=seed)

    return Case(make, images(side, channels), CLASSES, loss, moves=0.9, slow=slow)


def words(network: Any, slow: bool = False) -> Case:
    def make(seed: int) -> Any:
        return network(7, classes=1, width=3, units=4, dropout=0.2, seed=seed)

    return Case(make, WORDS, BITS, OF_BITS, slow=slow)


PHOTOS = 255 * images(32)
REGIONS = np.tile(np.array([4, 4, 24, 24], np.float32), (ROWS, faster_rcnn.REGIONS, 1))
BOXES = ssd.packed(REGIONS[:, :1], np.ones((ROWS, 1), int))


CASES = {
    "perceptron.network": Case(
        lambda seed: perceptron.network(2),
        POINTS,
        np.sign(POINTS[:, :1]),
        learner=perceptron.Perceptron,
        moves=0.5,  # corrections of the bias may cancel
    ),
    "rbf_network.rbf_network": Case(
        lambda seed: rbf_network.rbf_network(2, 5, 4, seed=seed), POINTS, CLASSES, OF_CLASSES
    ),
    "mlp.mlp": Case(
        lambda seed: mlp.mlp((28, 28, 1), (8, 6), dropout=0.2, seed=seed),
        DIGITS,
        CLASSES,
        OF_CLASSES,
    ),
    "lenet.lenet5": classifier(lenet.lenet5, 28, 1, slow=False),
    "lenet.lenet5_1998": Case(
        lambda seed: lenet.lenet5_1998(seed),
        255 * DIGITS,
        CLASSES,
        OF_CLASSES,
        moves=0.9,  # all but the fixed codes
        slow=True,
    ),
    "lenet.lenet5_dense": classifier(lenet.lenet5_dense, 28, 1, loss=OF_PROBABILITIES),
    "alexnet.alexnet": classifier(alexnet.alexnet, 63, hidden=8),
    "alexnet.alexnet_2012": classifier(alexnet.alexnet_2012, 67, hidden=8),
    "alexnet.alexnet_batch_normalized": classifier(
        alexnet.alexnet_batch_normalized, 57, hidden=8, loss=OF_PROBABILITIES
    ),
    "alexnet.alexnet_small": classifier(alexnet.alexnet_small, 15, hidden=8),
    "vgg.vgg11": classifier(vgg.vgg11, 32, hidden=8),
    "vgg.vgg13": classifier(vgg.vgg13, 32, hidden=8),
    "vgg.vgg16": classifier(vgg.vgg16, 32, hidden=8),
    "vgg.vgg19": classifier(vgg.vgg19, 32, hidden=8),
    "googlenet.googlenet": classifier(googlenet.googlenet, 15),
    "googlenet.googlenet, heads": Case(
        lambda seed: googlenet.googlenet((15, 15, 3), 10, auxiliary=True, seed=seed),
        images(15),
        [CLASSES] * 3,
        [OF_CLASSES] * 3,
        moves=0.9,
        slow=True,
    ),
    "resnet.resnet18": classifier(resnet.resnet18, 16, width=4),
    "resnet.resnet34": classifier(resnet.resnet34, 16, width=4),
    "resnet.resnet50": classifier(resnet.resnet50, 16, width=4),
    "resnet.resnet101": classifier(resnet.resnet101, 16, width=4),
    "resnet.resnet152": classifier(resnet.resnet152, 16, width=4),
    "resnet.resnet_cifar": Case(
        lambda seed: resnet.resnet_cifar(8, (8, 8, 3), width=4, seed=seed),
        images(8),
        CLASSES,
        OF_CLASSES,
        moves=0.9,
        slow=True,
    ),
    "densenet.densenet121": classifier(densenet.densenet121, 29, growth_rate=2, width=4),
    "mobilenet.mobilenet_v1": classifier(mobilenet.mobilenet_v1, 32, alpha=0.25),
    "mobilenet.mobilenet_v2": classifier(mobilenet.mobilenet_v2, 16, alpha=0.25),
    "unet.unet": Case(
        lambda seed: unet.unet((16, 16, 1), 2, width=2, padding="same", seed=seed),
        images(16, 1),
        RNG.integers(0, 2, (ROWS, 16, 16)),
        OF_CLASSES,
        moves=0.9,
        slow=True,
    ),
    "siamese.embedding": Case(
        lambda seed: siamese.embedding(3, seed),
        DIGITS,
        BITS,
        losses.Triplet(),
        moves=0.8,  # the last bias cancels in the distance
    ),
    "siamese.siamese": Case(
        lambda seed: siamese.siamese(3, seed),
        [DIGITS, DIGITS[::-1]],
        BITS[:, None].astype(np.float32),
        losses.Contrastive(),
        moves=0.8,  # the last bias cancels in the distance
        slow=True,
    ),
    "recurrent_classifier.simple_rnn": words(recurrent_classifier.simple_rnn, slow=True),
    "recurrent_classifier.gru": words(recurrent_classifier.gru, slow=True),
    "recurrent_classifier.lstm": words(recurrent_classifier.lstm, slow=True),
    "recurrent_classifier.two_way_lstm": words(recurrent_classifier.two_way_lstm),
    "recurrent_classifier.mean_two_way_lstm": words(
        recurrent_classifier.mean_two_way_lstm, slow=True
    ),
    "recurrent_classifier.stacked_lstm": words(recurrent_classifier.stacked_lstm, slow=True),
    "recurrent_language_model.lstm": Case(
        lambda seed: recurrent_language_model.lstm(7, width=3, units=4, dropout=0.2, seed=seed),
        WORDS[:, :-1],
        WORDS[:, 1:],
        OF_CLASSES,
        slow=True,
    ),
    "recurrent_language_model.gru": Case(
        lambda seed: recurrent_language_model.gru(7, width=3, units=4, dropout=0.2, seed=seed),
        WORDS[:, :-1],
        WORDS[:, 1:],
        OF_CLASSES,
    ),
    "seq2seq_attention.encoder_decoder": Case(
        lambda seed: seq2seq_attention.encoder_decoder(7, 7, 5, 4, width=4, units=4, seed=seed),
        [WORDS, WORDS[:, :-1]],
        WORDS[:, 1:],
        OF_CLASSES,
        moves=0.9,
        slow=True,
    ),
    "transformer.encoder_classifier": Case(
        lambda seed: transformer.encoder_classifier(7, 1, 5, 4, 6, seed=seed),
        WORDS,
        BITS,
        OF_BITS,
        moves=0.9,  # the bias of the keys cancels in the softmax
        slow=True,
    ),
    "transformer.decoder": Case(
        lambda seed: transformer.decoder(7, 4, 4, 6, blocks=1, heads=2, seed=seed),
        WORDS[:, :-1],
        WORDS[:, 1:],
        OF_CLASSES,
        moves=0.9,
        slow=True,
    ),
    "transformer.encoder_decoder": Case(
        lambda seed: transformer.encoder_decoder(7, 7, 5, 4, 4, 6, blocks=1, heads=2, seed=seed),
        [WORDS, WORDS[:, :-1]],
        WORDS[:, 1:],
        OF_CLASSES,
        moves=0.9,
        slow=True,
    ),
    "gpt.gpt": Case(
        lambda seed: gpt.gpt(7, context=4, width=8, blocks=1, heads=2, seed=seed),
        WORDS[:, :-1],
        WORDS[:, 1:],
        OF_CLASSES,
    ),
    "autoencoder.plain": Case(
        lambda seed: autoencoder.plain(3, 8, seed=seed), GREY, GREY, OF_BITS, moves=0.9
    ),
    "autoencoder.sparse": Case(
        lambda seed: autoencoder.sparse(9, 8, seed=seed), GREY, GREY, OF_BITS, moves=0.9, slow=True
    ),
    "autoencoder.denoising": Case(
        lambda seed: autoencoder.denoising(3, 8, seed=seed),
        GREY,
        GREY,
        OF_BITS,
        moves=0.9,
        slow=True,
    ),
    "autoencoder.convolutional": Case(
        lambda seed: autoencoder.convolutional(3, 2, seed=seed),
        DIGITS,
        DIGITS,
        OF_BITS,
        moves=0.9,
        slow=True,
    ),
    "vae.vae": Case(lambda seed: vae.vae(2, 8, seed=seed), GREY, GREY, OF_BITS),
    "vae.conditional_vae": Case(
        lambda seed: vae.conditional_vae(2, 8, seed=seed), [GREY, ONE_HOT], GREY, OF_BITS, slow=True
    ),
    "gan.generator": Case(
        lambda seed: gan.generator(3, 2, seed=seed),
        RNG.standard_normal((ROWS, 3)).astype(np.float32),
        learner=lambda model: gan.GAN(model, gan.discriminator(2)),
        data=DIGITS,
        slow=True,
    ),
    "gan.discriminator": Case(
        lambda seed: gan.discriminator(2, classes=10, seed=seed),
        [DIGITS, ONE_HOT],
        learner=lambda model: gan.WGAN(gan.generator(3, 2, classes=10), model),
        data=(DIGITS, ONE_HOT),
        moves=0.8,  # the last bias cancels between real and drawn
        slow=True,
    ),
    "som.network": Case(
        lambda seed: som.network(2, (2, 2), seed),
        POINTS,
        learner=lambda model: som.SelfOrganizingMap(model, (2, 2), inputs=ROWS),
    ),
    "dqn.network": Case(
        lambda seed: dqn.network(CartPole(), 4, seed=seed),
        RNG.standard_normal((ROWS, 4)).astype(np.float32),
        learner=lambda model: dqn.DQN(
            CartPole(), model, environments=2, updates=1, batch_size=2, replay_size=8, warm_up=0
        ),
        data=None,
        moves=0.5,  # four units, of which some are dead
        slow=True,
    ),
    "ssd.ssd": Case(
        lambda seed: ssd.ssd((32, 32, 3), 3, width=2, seed=seed),
        PHOTOS,
        learner=ssd.SSD,
        data=(PHOTOS, BOXES),
        moves=0.8,
        slow=True,
    ),
    "faster_rcnn.faster_rcnn": Case(
        lambda seed: faster_rcnn.faster_rcnn((32, 32, 3), 3, width=2, seed=seed),
        [PHOTOS, REGIONS],
        learner=faster_rcnn.FasterRCNN,
        data=(PHOTOS, BOXES),
        moves=0.8,
        slow=True,
    ),
}
