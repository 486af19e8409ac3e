"""Receptive fields: the arithmetic agrees with the gradient, and with published numbers."""

import re
from fractions import Fraction

import numpy as np
import pytest

from layers.cases import CASES
from pellucid import layers
from pellucid.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from pellucid.inspection import (
    measure_reached,
    measure_receptive_field,
    reached_from,
    receptive_field,
    receptive_fields,
    seen_by,
)
from pellucid.inspection._positions import find_place
from pellucid.layers import (
    Add,
    Concatenate,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    MaxPooling1D,
    MaxPooling2D,
    Window,
)
from pellucid.models import Model, Sequential
from pellucid.zoo import alexnet, googlenet, lenet, resnet, vgg


def chain(shape, *parts):
    return Sequential([Input(shape), *parts])


def skip():
    x = Input((17, 19, 2))
    h = Conv2D(3, 3, padding="same")(x)
    f = Conv2D(3, 3, padding="same", activation="relu")(h)
    f = Conv2D(3, 3, padding="same")(f)
    return Model(x, Conv2D(2, 3, strides=2, padding="same")(Add()([h, f])))


def projection():
    x = Input((17, 17, 2))
    f = Conv2D(3, 3, strides=2, padding=((1, 1), (1, 1)))(x)
    f = Conv2D(3, 3, padding="same")(f)
    return Model(x, Add()([Conv2D(3, 1, strides=2)(x), f]))


def inception():
    x = Input((15, 15, 2))
    h = Conv2D(3, 3, strides=2)(x)
    wide = Conv2D(2, (1, 5), padding="same")(h)
    high = Conv2D(2, (3, 1), padding="same")(h)
    pooled = MaxPooling2D(3, strides=1, padding="same")(h)
    return Model(x, Concatenate()([Conv2D(1, 1)(h), wide, high, pooled]))


def nested():
    inner = skip()
    x = Input((17, 19, 2))
    return Model(x, Conv2D(1, 3)(inner(x)))


def shared():
    x = Input((15, 2))
    conv = Conv1D(2, 3, padding="same", name="conv")
    return Model(x, conv(conv(x)))


def bridge():
    x = Input((16, 16, 2))
    h = Conv2D(2, 3, padding="same")(x)
    low = Conv2D(2, 3, padding="same")(MaxPooling2D(2)(h))
    up = Conv2DTranspose(2, 2, strides=2)(low)
    return Model(x, Conv2D(1, 3, padding="same")(Concatenate()([up, h])))


NETWORKS = {
    "valid": lambda: chain((13, 13, 2), Conv2D(3, 3), Conv2D(2, 5)),
    "strides": lambda: chain((23, 23, 1), Conv2D(2, 5, strides=3), Conv2D(2, 3, strides=2)),
    "same-strides": lambda: chain(
        (22, 17, 1), Conv2D(2, 4, strides=(2, 3), padding="same"), Conv2D(2, 3, padding="same")
    ),
    "dilated": lambda: chain((19, 19, 1), Conv2D(2, 3, dilation_rate=3), Conv2D(2, (2, 3))),
    "dilated-same": lambda: chain((19, 19, 1), Conv2D(2, 3, dilation_rate=(4, 2), padding="same")),
    "explicit": lambda: chain((12, 12, 1), Conv2D(2, 3, padding=((2, 0), (0, 1)), strides=2)),
    "max-pooling": lambda: chain((16, 16, 1), Conv2D(4, 3, activation="relu"), MaxPooling2D(2)),
    "mean-pooling": lambda: chain(
        (17, 17, 1), layers.AveragePooling2D(3, strides=2, padding="same"), Conv2D(2, 3)
    ),
    "depthwise": lambda: chain(
        (15, 15, 2), DepthwiseConv2D(3, strides=2), layers.SeparableConv2D(2, 3)
    ),
    "pad-and-crop": lambda: chain(
        (14, 14, 1),
        layers.ZeroPadding2D(((2, 1), (0, 3))),
        Conv2D(2, 3),
        layers.Cropping2D(((1, 2), (2, 0))),
    ),
    "upsampled": lambda: chain((8, 8, 1), layers.UpSampling2D((2, 3)), Conv2D(1, 3)),
    "transposed": lambda: chain((7, 7, 1), Conv2DTranspose(1, 3, strides=2, padding="same")),
    "transposed-gaps": lambda: chain((7, 1), Conv1DTranspose(1, 4, strides=3), Conv1D(1, 2)),
    "adaptive": lambda: chain((12, 12, 1), layers.AdaptiveAveragePooling2D((4, 6))),
    "normalized": lambda: chain(
        (13, 13, 2), Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU(), Conv2D(2, 3)
    ),
    "sequence": lambda: chain(
        (30, 3), Conv1D(4, 3, padding="causal", dilation_rate=2), MaxPooling1D(3), Conv1D(2, 2)
    ),
    "volume": lambda: chain((7, 8, 9, 1), layers.Conv3D(1, 3), layers.AveragePooling3D(2)),
    "global": lambda: chain((9, 9, 1), Conv2D(2, 3), layers.GlobalAveragePooling2D()),
    "dense": lambda: chain((9, 9, 1), Conv2D(2, 3, strides=4), Flatten(), Dense(3)),
    "plain-image": lambda: chain((9, 9), layers.Reshape((9, 9, 1)), Conv2D(2, 3)),
    "skip": skip,
    "projection": projection,
    "inception": inception,
    "nested": nested,
    "shared": shared,
    "bridge": bridge,
}


def last_layer(model):
    return receptive_fields(model)[-1].layer


PADDED = ("same-strides", "explicit", "dilated-same", "transposed", "sequence")
MIDDLES = [(name, "middle") for name in NETWORKS if name != "plain-image"]


@pytest.mark.parametrize(("name", "where"), [*MIDDLES, *((name, "corner") for name in PADDED)])
def test_arithmetic_equals_gradient(name, where):
    model = NETWORKS[name]()
    layer = last_layer(model)
    units = receptive_field(model, layer).units
    unit = tuple(0 if where == "corner" else n // 2 for n in units)
    measured = measure_receptive_field(model, layer, unit)
    assert measured.unit == unit
    assert measured.box == seen_by(model, layer, unit)


@pytest.mark.parametrize("name", ["strides", "dilated-same", "upsampled", "bridge", "sequence"])
def test_projective_field_equals_derivative(name):
    model = NETWORKS[name]()
    layer = last_layer(model)
    pixel = tuple(n // 2 for n in receptive_field(model, layer).pixels)
    reached = reached_from(model, layer, pixel)
    measured = measure_reached(model, layer, pixel)
    seen = measured.strength != 0
    assert [int(n) for n in np.array(np.nonzero(seen)).max(axis=1)] == [a[-1] for a in reached]
    for axis, units in enumerate(reached):
        others = tuple(i for i in range(seen.ndim) if i != axis)
        np.testing.assert_array_equal(np.flatnonzero(seen.any(axis=others)), units)


@pytest.mark.parametrize("name", ["explicit", "skip", "sequence", "pad-and-crop"])
def test_unit_sees_what_size_stride_and_offset_say(name):
    model = NETWORKS[name]()
    field = receptive_field(model, last_layer(model))
    unit = tuple(n // 2 for n in field.units)
    expected = tuple(
        (max(0, int(low + s * t)), min(n, int(low + s * t) + r))
        for low, s, t, r, n in zip(
            field.offset, field.stride, unit, field.size, field.pixels, strict=True
        )
    )
    assert seen_by(model, field.layer, unit) == expected


def tells_windows(case):
    """Tell whether a row of the table of layers reads positions with a gradient, and says which."""
    shapes = case.shape if case.several else [case.shape]
    if case.words is not None or any(len(shape) < 2 or None in shape for shape in shapes):
        return False
    made = case.layer(case.symbols())
    if isinstance(made, tuple):
        return False
    specs = [Input(shape).spec() for shape in shapes]
    windows = case.layer.windows(specs if case.several else specs[0], made.spec())
    return windows is not None and len(windows) > 0


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_no_layer_sees_more_than_it_says(case):
    if not tells_windows(case):
        pytest.skip("sees all, or has no positions")
    inputs = case.symbols()
    model = Model(inputs, case.layer(inputs))
    name = next(iter(model.graph.layers()))
    for read in model.graph.input_names:
        unit = tuple(n // 2 for n in receptive_field(model, name, read).units)
        measured = measure_receptive_field(model, name, unit, read, samples=2)
        for (low, high), (start, stop) in zip(
            measured.box, seen_by(model, name, unit, read), strict=True
        ):
            assert start <= low <= high <= stop


# Numbers that others have published for these networks


@pytest.mark.parametrize(
    ("network", "layer", "size", "stride"),
    [
        (lambda: lenet.lenet5_dense(), "c3", 14, 2),
        (lambda: vgg.vgg16(), "features.28", 196, 16),
        (lambda: vgg.vgg16(), "features.30", 212, 32),
        (lambda: alexnet.alexnet(), "features.10", 163, 16),
        (lambda: alexnet.alexnet(), "features.12", 195, 32),
    ],
    ids=["lenet-c3", "vgg16-conv5_3", "vgg16-pool5", "alexnet-conv5", "alexnet-pool5"],
)
def test_published_fields(network, layer, size, stride):
    field = receptive_field(network(), layer)
    assert field.size == (size, size)
    assert field.stride == (stride, stride)


def bottlenecks(strided):
    """ResNet-50 to the end of its fifth stage, with its strides in the 1x1 or the 3x3."""
    x = Input((224, 224, 1))
    h = MaxPooling2D(3, strides=2, padding="same")(Conv2D(1, 7, strides=2, padding="same")(x))
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            s = 2 if stage and not block else 1
            first, second = (s, 1) if strided == "1x1" else (1, s)
            f = Conv2D(1, 1, strides=first)(h)
            f = Conv2D(1, 3, strides=second, padding="same")(f)
            short = Conv2D(1, 1, strides=s)(h) if not block else h
            h = Add()([short, Conv2D(1, 1)(f)])
    return Model(x, h)


@pytest.mark.parametrize(("strided", "size"), [("1x1", 483), ("3x3", 427)])
def test_resnet_50_by_where_it_strides(strided, size):
    # 483 is the count for the network of the paper; moving the strides to the 3x3 makes it 427.
    model = bottlenecks(strided)
    field = receptive_field(model, last_layer(model))
    assert (field.size, field.stride) == ((size, size), (32, 32))


def test_zoo_resnet_50_strides_in_its_3x3():
    table = receptive_fields(resnet.resnet50())
    local = [row for row in table if not row.sees_all]
    assert local[-1].size == (427, 427)


def test_googlenet_sees_through_its_widest_branch():
    fields = {row.layer: row for row in receptive_fields(googlenet.googlenet())}
    # 7x7/2, pool 3/2, 3x3, pool 3/2: 27 pixels on a grid of 8; then branches of 1, 3, 3 and 3.
    assert fields["maxpool2"].size == (27, 27)
    assert fields["inception3a"].size == (43, 43)
    assert fields["inception3a"].stride == (8, 8)


# What it gives


def test_table_is_readable():
    text = str(receptive_fields(chain((28, 28, 1), Conv2D(6, 5), MaxPooling2D(2), Flatten())))
    assert text.splitlines() == [
        "layer          units  size  stride  offset",
        "conv2d            24     5       1       0",
        "max_pooling2d     12     6       2       0",
        "flatten            -   all",
    ]


def test_fractional_stride_and_json():
    model = chain((8, 8, 1), layers.UpSampling2D((2, 1)))
    field = receptive_field(model, "up_sampling2d")
    assert field.stride == (Fraction(1, 2), Fraction(1))
    assert field.to_json()["stride"] == [0.5, 1]
    assert not field.sees_all


def test_path_into_a_nested_model():
    model = nested()
    table = {row.layer: row.size for row in receptive_fields(model)}
    assert table["graph/conv2d_2"] == (7, 7)
    assert table["graph"] == (9, 9)


def test_second_call_of_a_shared_layer():
    model = shared()
    assert receptive_field(model, "conv").size == (3,)
    assert receptive_field(model, "conv#1").size == (5,)


def test_words_have_positions():
    model = chain((20,), layers.Embedding(50, 4), Conv1D(2, 5))
    assert receptive_field(model, "conv1d").size == (5,)
    model = Sequential([Input((20,), "int32"), layers.Embedding(50, 4), Conv1D(2, 5)])
    with pytest.raises(DTypeError, match="int32 has no gradient to measure; use receptive_field"):
        measure_receptive_field(model, "conv1d")


def test_plain_image_has_two_axes():
    model = NETWORKS["plain-image"]()
    assert receptive_field(model, "conv2d").pixels == (9, 9)
    assert seen_by(model, "conv2d", (2, 3)) == ((2, 5), (3, 6))


def test_own_layer_tells_its_window():
    class EverySecond(layers.Layer):
        def windows(self, input_spec, output_spec):
            return (Window(stride=2),)

        def apply(self, variables, x, context):
            return x[:, ::2]

    model = chain((12, 1), EverySecond(), Conv1D(1, 3))
    assert receptive_field(model, "conv1d").stride == (2,)
    assert measure_receptive_field(model, "conv1d", (1,)).box == seen_by(model, "conv1d", (1,))


def test_layer_that_tells_nothing_counts_as_seeing_all():
    model = chain((12, 3), layers.LSTM(2, return_sequences=True))
    assert receptive_field(model, "lstm").sees_all


def test_one_of_two_inputs():
    a, b = Input((9, 1), name="a"), Input((9, 1), name="b")
    model = Model([a, b], Add()([Conv1D(2, 3, padding="same", name="left")(a),
                                 Conv1D(2, 5, padding="same", name="right")(b)]))  # fmt: skip
    assert [row.layer for row in receptive_fields(model)] == ["left", "add"]
    assert receptive_field(model, "add", input="b").size == (5,)
    with pytest.raises(ArgumentError, match="'right' does not depend on this input"):
        receptive_field(model, "right")
    with pytest.raises(UnknownNameError, match="no input of this model named 'c'"):
        receptive_field(model, "add", input="c")


# Bad input


def test_unknown_path_suggests_the_nearest():
    model = chain((9, 9, 1), Conv2D(2, 3))
    with pytest.raises(UnknownNameError, match="no layer in this model named 'conv2'; did you"):
        receptive_field(model, "conv2")
    assert find_place(model.graph, "conv2d").shape[1:] == (7, 7, 2)


def test_input_without_spatial_axes():
    with pytest.raises(ShapeError, match="an input with spatial axes, such as"):
        receptive_field(chain((9,), Dense(2)), "dense")


def test_input_of_unknown_size():
    model = chain((None, 3), Conv1D(2, 3))
    with pytest.raises(ShapeError, match=re.escape("known size, got (any, 3); build the model")):
        receptive_field(model, "conv1d")


@pytest.mark.parametrize("unit", [(7, 0), (0,), (-1, 0)])
def test_unit_outside_the_layer(unit):
    model = chain((9, 9, 1), Conv2D(2, 3))
    with pytest.raises(ArgumentError, match=r"expected unit to be a position in layer 'conv2d'"):
        seen_by(model, "conv2d", unit)


def test_pixel_outside_the_input():
    model = chain((9, 9, 1), Conv2D(2, 3))
    with pytest.raises(ArgumentError, match=re.escape("input of (9, 9) positions, got (9, 0)")):
        reached_from(model, "conv2d", (9, 0))
