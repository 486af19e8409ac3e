"""Names and configurations: the one registry mechanism."""

import doctest
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from pellucid import _named
from pellucid._named import Registry, snake_case, to_config
from pellucid.errors import ArgumentError, DTypeError, UnknownNameError

SHAPES: Registry[Any] = Registry("shape")
COLORS: Registry[Any] = Registry("color")


@COLORS.register(aliases=("rouge",))
@dataclass(frozen=True)
class Red:
    depth: float = 0.5

    def __call__(self):
        return self.depth


@SHAPES.register()
@dataclass(frozen=True)
class RoundedBox3D:
    size: tuple[int, int] = (1, 2)
    corners: Sequence[float] = ()
    color: Red | str | None = None
    style: Literal["flat", "deep"] = "flat"
    filled: bool = False
    inner: Any = None
    label: str | None = None
    area: int = field(default=0, init=False)

    def __post_init__(self):
        if isinstance(self.color, (str, dict)):
            object.__setattr__(self, "color", COLORS.get(self.color))

    def __call__(self):
        return self.size


@SHAPES.register()
@dataclass(frozen=True)
class Line:
    start: float
    end: float

    def __call__(self):
        return self.end - self.start


@SHAPES.register(name="dot", aliases=("point",))
def dot():
    return 0


def unregistered():
    return 1


@dataclass(frozen=True)
class Unregistered:
    def __call__(self):
        return 1


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("MaxPooling2D", "max_pooling2d"),
        ("GlorotUniform", "glorot_uniform"),
        ("Dense", "dense"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("LayerNormalization", "layer_normalization"),
        ("ReLU", "re_lu"),
        ("UpSampling2D", "up_sampling2d"),
    ],
)
def test_snake_case(name, snake):
    assert snake_case(name) == snake


@pytest.mark.parametrize(
    "spelling", ["RoundedBox3D", "rounded_box3d", "roundedbox3d", "ROUNDED_BOX3D"]
)
def test_case_and_underscores_do_not_matter(spelling):
    assert SHAPES.get(spelling) == RoundedBox3D()


def test_objects_classes_functions_and_aliases():
    box = RoundedBox3D((3, 4))
    assert SHAPES.get(box) is box
    assert SHAPES.get(RoundedBox3D) == RoundedBox3D()
    assert SHAPES.get("point") is SHAPES.get("dot") is SHAPES.get(dot) is dot
    assert COLORS.get("Rouge") == Red()
    assert SHAPES.get(unregistered) is unregistered
    assert list(SHAPES.entries) == ["rounded_box3d", "line", "dot"]


def test_configuration_holds_plain_json_and_comes_back_equal():
    box = RoundedBox3D((3, 4), (0.5, 1), Red(0.25), "deep", True, Line(0.0, 2.0), "a")
    config = to_config(box)
    assert config == {
        "name": "RoundedBox3D",
        "config": {
            "size": [3, 4],
            "corners": [0.5, 1],
            "color": {"name": "Red", "config": {"depth": 0.25}},
            "style": "deep",
            "filled": True,
            "inner": {"name": "Line", "config": {"start": 0.0, "end": 2.0}},
            "label": "a",
        },
    }
    assert json.loads(json.dumps(config)) == config
    # The class resolves what its own fields may hold; inner is Any and stays as it came.
    back = SHAPES.get(config)
    assert back.color == box.color
    assert back.size == box.size
    assert back.corners == box.corners
    assert back.inner == config["config"]["inner"]
    assert to_config(dot) == {"name": "dot", "config": {}}
    assert SHAPES.get(to_config(dot)) is dot


def box(**config):
    return {"name": "RoundedBox3D", "config": config}


@pytest.mark.parametrize(
    "config",
    [
        box(),
        box(size=[5, 6]),
        box(corners=[1, 2.5]),
        box(color=None),
        box(color="red"),
        box(color={"name": "Red", "config": {"depth": 1}}),
        box(inner=[1, "x", None]),
    ],
)
def test_good_configurations(config):
    assert isinstance(hash(SHAPES.get(config)), int)


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        (
            "bx",
            UnknownNameError,
            "There is no shape named 'bx'; the known ones are dot, line, roun",
        ),
        ("lien", UnknownNameError, "There is no shape named 'lien'; did you mean 'line'"),
        ("red", UnknownNameError, "There is no shape named 'red'"),
        ("os.system", UnknownNameError, "There is no shape named 'os.system'"),
        ("line", ArgumentError, "no default for start, end; write Line.start=..., end=...."),
        (1, DTypeError, "Expected shape to be an object, a name such as 'dot'.* got 1"),
        (Unregistered, DTypeError, "Expected shape to be an object"),
        ({}, ArgumentError, r'configuration of shape to be \{"name": ..., "config": .* got \{\}'),
        ({"name": "Line"}, ArgumentError, "configuration of shape"),
        ({"name": 1, "config": {}}, ArgumentError, "configuration of shape"),
        ({"name": "Line", "config": []}, ArgumentError, "configuration of shape"),
        ({"name": "Line", "config": {}, "module": "os"}, ArgumentError, "configuration of shape"),
        (
            {"name": "Lin", "config": {}},
            UnknownNameError,
            "no shape named 'Lin'; did you mean 'line'",
        ),
        ({"name": "Line", "config": {"start": 1}}, ArgumentError, "Line has no default for end"),
        (
            {"name": "dot", "config": {"x": 1}},
            ArgumentError,
            "dot is a function and has no settings",
        ),
        (box(filed=True), UnknownNameError, "argument of RoundedBox3D named 'filed'; .* 'filled'"),
        (box(area=3), UnknownNameError, "no argument of RoundedBox3D named 'area'"),
        (box(__class__="x"), UnknownNameError, "no argument of RoundedBox3D named '__class__'"),
        (box(filled=1), DTypeError, "RoundedBox3D expected filled of type bool, got 1"),
        (box(size=[1]), DTypeError, r"expected size of type tuple\[int, int\], got \[1\]"),
        (box(size=[1, 2.5]), DTypeError, "expected size of type"),
        (box(size=[1, True]), DTypeError, "expected size of type"),
        (box(corners="ab"), DTypeError, "expected corners of type"),
        (box(corners=["a"]), DTypeError, "expected corners of type"),
        (box(color=3), DTypeError, "expected color of type"),
        (box(color="blue"), UnknownNameError, "There is no color named 'blue'"),
        (box(style="high"), DTypeError, r"expected style of type Literal\['flat', 'deep'\]"),
        (box(label=3), DTypeError, r"expected label of type str \| None, got 3"),
    ],
)
def test_bad_identifiers(identifier, error, message):
    with pytest.raises(error, match=message):
        SHAPES.get(identifier)


@pytest.mark.parametrize("thing", [Unregistered(), unregistered, RoundedBox3D, object(), [1]])
def test_what_is_in_no_registry_cannot_be_written_down(thing):
    with pytest.raises(DTypeError, match="cannot be written down as a configuration; use one of"):
        to_config(thing)
    if not isinstance(thing, list):
        with pytest.raises(DTypeError, match="cannot be written down"):
            to_config(RoundedBox3D(inner=thing))


def test_a_name_is_taken_once():
    registry: Registry[Any] = Registry("thing")
    registry.register()(dot)
    with pytest.raises(ArgumentError, match="The thing name 'dot' is already taken"):
        registry.register(name="dot")(unregistered)


def test_examples_in_the_docstrings():
    result = doctest.testmod(_named)
    assert result.attempted > 0
    assert result.failed == 0
