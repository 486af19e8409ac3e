"""The drawing of a network: well-formed, with every layer in it, in layers and without overlaps."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from pellucid.errors import ArgumentError, NotReadyError
from pellucid.inspection import draw
from pellucid.inspection._layered import RANK_GAP, laid_out
from pellucid.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
)
from pellucid.models import Model, Sequential
from pellucid.zoo import googlenet, lenet, resnet

SVG = "{http://www.w3.org/2000/svg}"


def two_inputs():
    picture, facts = Input((12, 12, 1), name="picture"), Input((5,), name="facts")
    x = Flatten()(MaxPooling2D(2)(Conv2D(4, 3, activation="relu")(picture)))
    x = Dropout(0.5)(Dense(8, "relu")(Concatenate()([x, Dense(4)(facts)])))
    outputs = {"class": Dense(3, name="class")(x), "age": Dense(1, name="age")(x)}
    return Model([picture, facts], outputs, name="two")


def nested():
    encoder = Sequential([Input((4,)), Dense(3, name="inner"), Dense(2)], name="encoder")
    left, right = Input((4,), name="left"), Input((4,), name="right")
    return Model([left, right], Add()([encoder(left), encoder(right)]))


def drawn_texts(svg):
    return [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "make",
    [
        lenet.lenet5,
        lambda: resnet.resnet_cifar(20),
        pytest.param(
            lambda: googlenet.googlenet((32, 32, 3), classes=10, auxiliary=True),
            marks=pytest.mark.slow,
        ),
        two_inputs,
        nested,
    ],
    ids=["lenet5", "resnet20", "googlenet", "two-inputs", "nested"],
)
def test_every_layer_is_named_in_a_well_formed_drawing(make):
    model = make()
    svg = draw(model)
    texts = " ".join(drawn_texts(svg))
    for name in model.graph.layers():
        assert re.search(rf"(^| ){re.escape(name)}(:| |$)", texts), name
    assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_shapes_parameters_and_settings_are_written():
    texts = drawn_texts(draw(two_inputs()))
    for words in ("Conv2D 3×3 relu", "10×10×4", "40", "dropout: 0.5", "picture", "12×12×1", "age"):
        assert words in texts


def test_models_inside_are_frames_and_a_second_call_is_dashed():
    svg = draw(nested())
    texts = drawn_texts(svg)
    assert "graph: encoder" in texts
    assert "graph: encoder (again)" in texts
    assert texts.count("inner") == 2
    assert "stroke-dasharray" in svg
    assert "inner" not in drawn_texts(draw(nested(), nested=False))


def test_sizes_that_are_not_known_are_any():
    model = Sequential([Input((None, 3)), LSTM(4, return_sequences=True), Dense(2)])
    assert "any×4" in drawn_texts(draw(model))


def test_the_few_words_are_chinese_too():
    texts = drawn_texts(draw(nested(), language="zh"))
    assert "输入" in texts
    assert "graph: encoder (重复使用)" in texts
    assert "input" not in texts


def test_names_are_escaped():
    svg = draw(Sequential([Input((2,)), Dense(1, name="a<b&c")]))
    assert "a<b&c" in drawn_texts(svg)


def test_long_networks_are_wrapped():
    layers = [part for _ in range(24) for part in (Dense(8), BatchNormalization())]
    model = Sequential([Input((8,)), *layers])
    sizes = {}
    for height in (400, 4000):
        root = ET.fromstring(draw(model, height=height))
        sizes[height] = float(root.get("width")), float(root.get("height"))
    assert sizes[400][1] < sizes[4000][1] / 2
    assert sizes[400][0] > 2 * sizes[4000][0]


def test_boxes_do_not_overlap_and_arrows_lead_downwards():
    # A diamond with a skip from top to bottom.
    sizes = [(60.0, 20.0)] * 6
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 4), (3, 4), (4, 5)]
    layout = laid_out(sizes, edges)
    boxes = [(*layout.places[n], *sizes[n]) for n in range(6)]
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    for a, b in edges:
        assert layout.places[b][1] >= layout.places[a][1] + 20 + RANK_GAP
    # The skip goes past box 3, not through it.
    left, right = layout.places[3][0], layout.places[3][0] + 60
    skip = next(route for route in layout.routes if len(route) == 7)
    assert not left < skip[4][0] < right


def test_bad_input():
    with pytest.raises(ArgumentError, match="draw expected height to be a number in"):
        draw(two_inputs(), height=10)
    with pytest.raises(ArgumentError, match="language to be one of 'en', 'zh', got 'fr'"):
        draw(two_inputs(), language="fr")
    with pytest.raises(NotReadyError, match="does not know its input shape"):
        draw(Sequential([Dense(2)]))
