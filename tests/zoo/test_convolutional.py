"""The convolutional networks: shapes, weights by PyTorch's names, and bad input."""

import jax
import numpy as np
import pytest

from pellucid.errors import ArgumentError, ModelFileError, ShapeError
from pellucid.layers import Dense, Flatten, Input
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Sequential
from pellucid.zoo import alexnet, densenet, googlenet, lenet, mobilenet, resnet, unet, vgg


def test_fixed_codes_are_not_trained():
    graph = lenet.lenet5_1998().graph
    assert not graph.is_trainable("distance/centers")
    assert graph.is_trainable("f6/kernel")


# name, network, shape of an image of the output of some layers
STAGES = [
    (
        "lenet5",
        lenet.lenet5,
        {"c1": (28, 28, 6), "s2": (14, 14, 6), "c3": (10, 10, 16), "s4": (5, 5, 16), "f6": (84,)},
    ),
    (
        "lenet5_1998",
        lenet.lenet5_1998,
        {"frame": (32, 32, 1), "c3": (10, 10, 16), "s4": (5, 5, 16), "c5": (1, 1, 120)},
    ),
    (
        "alexnet",
        alexnet.alexnet,
        {
            "features.0": (55, 55, 64),
            "features.2": (27, 27, 64),
            "features.5": (13, 13, 192),
            "features.12": (6, 6, 256),
        },
    ),
    (
        "alexnet_2012",
        alexnet.alexnet_2012,
        {
            "conv1": (55, 55, 96),
            "conv2": (27, 27, 256),
            "conv4": (13, 13, 384),
            "pool5": (6, 6, 256),
        },
    ),
    (
        "alexnet_batch_normalized",
        alexnet.alexnet_batch_normalized,
        {
            "conv1": (57, 57, 96),
            "pool1": (28, 28, 96),
            "pool2": (13, 13, 256),
            "pool5": (6, 6, 256),
        },
    ),
    (
        "alexnet_small",
        alexnet.alexnet_small,
        {"pool1": (15, 15, 48), "pool2": (7, 7, 96), "pool5": (3, 3, 96)},
    ),
    (
        "vgg16",
        vgg.vgg16,
        {"features.4": (112, 112, 64), "features.16": (28, 28, 256), "features.30": (7, 7, 512)},
    ),
    (
        "googlenet",
        googlenet.googlenet,
        {
            "maxpool1": (56, 56, 64),
            "maxpool2": (28, 28, 192),
            "inception3b": (28, 28, 480),
            "inception4e": (14, 14, 832),
            "maxpool4": (7, 7, 832),
            "inception5b": (7, 7, 1024),
        },
    ),
    (
        "resnet18",
        resnet.resnet18,
        {
            "conv1": (112, 112, 64),
            "maxpool": (56, 56, 64),
            "layer2.1": (28, 28, 128),
            "layer4.1": (7, 7, 512),
        },
    ),
    (
        "resnet50",
        resnet.resnet50,
        {"layer1.2": (56, 56, 256), "layer3.5": (14, 14, 1024), "layer4.2": (7, 7, 2048)},
    ),
    (
        "resnet20",
        resnet.resnet_cifar,
        {"layer1.2": (32, 32, 16), "layer2.2": (16, 16, 32), "layer3.2": (8, 8, 64)},
    ),
    (
        "densenet121",
        densenet.densenet121,
        {
            "features.pool0": (56, 56, 64),
            "features.denseblock1.denselayer6": (56, 56, 256),
            "features.transition1.pool": (28, 28, 128),
            "features.denseblock3.denselayer24": (14, 14, 1024),
            "features.denseblock4.denselayer16": (7, 7, 1024),
        },
    ),
    (
        "mobilenet_v1",
        mobilenet.mobilenet_v1,
        {
            "conv1": (112, 112, 32),
            "conv_pw_3": (56, 56, 128),
            "conv_pw_11": (14, 14, 512),
            "conv_pw_13": (7, 7, 1024),
        },
    ),
    (
        "mobilenet_v2",
        mobilenet.mobilenet_v2,
        {
            "features.3": (56, 56, 24),
            "features.6": (28, 28, 32),
            "features.13": (14, 14, 96),
            "features.17.conv.3": (7, 7, 320),
            "features.18.0": (7, 7, 1280),
        },
    ),
    (
        "unet",
        unet.unet,
        {
            "down1.conv2": (568, 568, 64),
            "down4.conv2": (64, 64, 512),
            "bottom.conv2": (28, 28, 1024),
            "up4.conv2": (52, 52, 512),
            "up1.conv2": (388, 388, 64),
            "output": (388, 388, 2),
        },
    ),
]


@pytest.mark.parametrize(
    ("network", "expected"), [row[1:] for row in STAGES], ids=[row[0] for row in STAGES]
)
def test_shape_after_each_stage(network, expected):
    graph = network().graph
    shapes = {name: node.outputs[0].shape[1:] for name, _, node in graph.calls()}
    assert {name: shapes[name] for name in expected} == expected


def test_auxiliary_heads_count_less():
    model = googlenet.googlenet((15, 15, 3), 10, auxiliary=True)
    assert model.graph.output_names == ("logits", "aux2", "aux1")
    model.compile(
        "sgd",
        [logits_loss() for _ in range(3)],
        loss_weights={"logits": 1.0, "aux2": 0.3, "aux1": 0.3},
        verbose=0,
    )
    assert model.compile_config()["loss_weights"] == [1.0, 0.3, 0.3]


def logits_loss():
    return SparseCategoricalCrossentropy(from_logits=True)


def test_unet_keeps_the_size_with_same_padding():
    model = unet.unet((32, 16, 1), 3, width=2, padding="same")
    assert model.graph.output_symbols[0].shape == (None, 32, 16, 3)


# Bad input


LEAST = [
    (lenet.lenet5, 12, "s4"),
    (alexnet.alexnet, 63, "features.12"),
    (alexnet.alexnet_2012, 67, "pool5"),
    (alexnet.alexnet_batch_normalized, 57, "pool5"),
    (alexnet.alexnet_small, 15, "pool5"),
    (vgg.vgg11, 32, "features.20"),
    (googlenet.googlenet, 15, "maxpool3"),
    (densenet.densenet121, 29, "features.transition3.pool"),
    (mobilenet.mobilenet_v1, 32, "conv_dw_12"),
]


@pytest.mark.parametrize(
    ("network", "least", "layer"), LEAST, ids=[row[0].__name__ for row in LEAST]
)
def test_too_small_images_are_refused_with_the_layer_that_ran_out(network, least, layer):
    assert network((least, least, 3), 10).built
    with pytest.raises(ShapeError) as caught:
        network((least - 1, least + 9, 3), 10)
    message = str(caught.value)
    told = f"ran out of pixels: images of {least - 1}x{least + 9} are too small, {least}x{least} "
    assert told in message
    assert f"In layer '{layer}'" in message
    assert "but the " in message  # the sizes: the input is ... but the window covers ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: unet.unet((187, 187, 1)),
            "unet has 183x183 after down1, of images of 187x187, .* must be even .*16 n \\+ 12",
        ),
        (
            lambda: unet.unet((172, 172, 1)),
            "unet ran out of pixels at up3: 4x4 are left of 172x172.* need 5x5; give .*188x188",
        ),
        (
            lambda: unet.unet((24, 24, 1), padding="same"),
            "unet has 3x3 after down4, of images of 24",
        ),
    ],
    ids=["odd", "too small", "same, odd"],
)
def test_unet_names_the_stage(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: alexnet.alexnet((224, 224)),
            "alexnet expected input_shape to be \\(height, width",
        ),
        (lambda: resnet.resnet18((None, 32, 3)), "resnet expected input_shape .* got \\(None, 32"),
        (lambda: resnet.resnet("resnet19"), "resnet expected name to be one of 'resnet18'.*19"),
        (lambda: resnet.resnet_cifar(21), "depth to be 6 n \\+ 2, such as 20.* got 21"),
        (lambda: vgg.vgg("vgg12"), "vgg expected name to be one of 'vgg11'.*'vgg12'"),
        (lambda: mobilenet.mobilenet_v1(alpha=0), "alpha to be a number in \\(0, inf\\)"),
        (lambda: unet.unet(padding="full"), "unet expected padding to be one of 'valid', 'same'"),
    ],
    ids=["rank", "unknown size", "resnet19", "depth", "vgg12", "alpha", "padding"],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


# LeNet-5 of 1998


def test_table_1_has_sixty_connections_in_four_kinds_of_rows():
    assert [len(row) for row in lenet.TABLE_1] == [3] * 6 + [4] * 9 + [6]
    assert len(set(lenet.TABLE_1)) == 16
    # The paper's columns 0, 4, 8, 12 and 14.
    assert lenet.TABLE_1[0] == (0, 1, 2)
    assert lenet.TABLE_1[4] == (0, 4, 5)
    assert lenet.TABLE_1[8] == (2, 3, 4, 5)
    assert lenet.TABLE_1[12] == (0, 1, 3, 4)
    assert lenet.TABLE_1[14] == (0, 2, 3, 5)
    for channel in range(6):  # no map is seen more than another
        assert sum(channel in row for row in lenet.TABLE_1) == 10


def test_codes_are_ten_different_drawings():
    codes = lenet.codes()
    assert codes.shape == (10, 84)
    assert set(codes.ravel()) == {-1.0, 1.0}
    apart = ((codes[:, None] - codes) ** 2).sum(-1) / 4  # pixels that differ
    assert apart[~np.eye(10, dtype=bool)].min() >= 8


def test_outputs_of_1998_are_negative_squared_distances():
    model = lenet.lenet5_1998()
    np.testing.assert_array_equal(model.variables.parameters["distance"]["centers"], lenet.codes())
    x = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)).astype("float32")
    assert np.all(np.asarray(model(x)) < 0)


# PyTorch's names


def with_numbers(model):
    """Give the model random numbers without compiling its initializers."""
    rng = np.random.default_rng(0)
    model.variables = jax.tree.map(
        lambda spec: rng.standard_normal(spec.shape).astype(spec.dtype), model.shapes
    )
    return model


def test_weights_go_out_and_in_by_pytorch_names(tmp_path):
    model = with_numbers(resnet.resnet_cifar(8, (8, 8, 3), width=4))
    model.save_weights(tmp_path / "a.safetensors", names="pytorch")
    other = resnet.resnet_cifar(8, (8, 8, 3), width=4)
    other.load_weights(tmp_path / "a.safetensors")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_first_dense_layer_after_flatten_is_put_in_order(tmp_path):
    """An image of one row and two columns of three channels."""
    from safetensors.numpy import load_file, save_file

    model = Sequential([Input((1, 2, 3)), Flatten(), Dense(1, use_bias=False, name="fc")])
    # The weight of channel c at column w is 10 c + w.
    theirs = np.array([[0, 1, 10, 11, 20, 21]], "float32")
    save_file({"fc.weight": theirs}, tmp_path / "theirs.safetensors")
    model.load_weights(tmp_path / "theirs.safetensors")
    (kernel,) = model.get_weights()
    np.testing.assert_array_equal(kernel[:, 0], [0, 10, 20, 1, 11, 21])
    model.save_weights(tmp_path / "again.safetensors", names="pytorch")
    np.testing.assert_array_equal(load_file(tmp_path / "again.safetensors")["fc.weight"], theirs)


def test_a_checkpoint_of_another_network_is_refused_with_all_differences(tmp_path):
    deep = with_numbers(resnet.resnet_cifar(14, (8, 8, 3), width=4))
    deep.save_weights(tmp_path / "deep.safetensors", names="pytorch")
    wide = resnet.resnet_cifar(8, (8, 8, 3), width=6)
    with pytest.raises(ModelFileError, match="does not fit the model") as caught:
        wide.load_weights(tmp_path / "deep.safetensors")
    message = str(caught.value)
    assert "layer1.1.conv1.weight is not in the model" in message
    assert "layer3.1.bn2.running_var is not in the model" in message
    assert "conv1.weight has shape (4, 3, 3, 3) of float32, expected (6, 3, 3, 3)" in message
    assert "fc.weight has shape (10, 16) of float32, expected (10, 24)" in message
    with pytest.raises(ModelFileError, match="f6.weight is missing"):
        lenet.lenet5().load_weights(tmp_path / "deep.safetensors")


def test_a_layer_that_pytorch_lacks_is_named(tmp_path):
    with pytest.raises(ArgumentError, match="SparseConv2D has no PyTorch layout"):
        lenet.lenet5_1998().save_weights(tmp_path / "a.safetensors", names="pytorch")
