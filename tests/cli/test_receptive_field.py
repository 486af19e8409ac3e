"""``pellucid receptive-field``: the table, one layer, and what it says to wrong names."""

import json

import numpy as np
import pytest
from PIL import Image

from pellucid.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from pellucid.models import Sequential


@pytest.fixture
def saved(pellucid):
    """A small network in the folder ``net``."""
    parts = [Conv2D(2, 5, padding="same"), MaxPooling2D(2), Conv2D(2, 3), Flatten(), Dense(2)]
    Sequential([Input((16, 12, 3)), *parts]).save("net")
    return "net"


def test_table_of_a_network_of_the_zoo(pellucid):
    result = pellucid("receptive-field", "vgg16")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["layer", "units", "size", "stride", "offset"]
    assert ["features.28", "14", "196", "16", "-90"] in lines


def test_one_layer_of_a_saved_model(pellucid, saved):
    result = pellucid("receptive-field", saved, "conv2d_1", "--unit", "0,3", "--measure")
    assert result.exit_code == 0, result.output
    # Size 5 + 1 + 2 x 2 = 10 from -2; the unit in column 3 starts at 4 and is cut at 12.
    assert "conv2d_1  6 x 4    10       2      -2" in result.stdout
    assert "unit (0, 3) sees rows 0 to 7, columns 4 to 11" in result.stdout
    assert "measured by gradient: rows 0 to 7, columns 4 to 11" in result.stdout


def test_json_and_picture(pellucid, saved):
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save("own.png")
    result = pellucid(
        *("receptive-field", saved, "conv2d_1", "--image", "own.png"),
        *("--output", "drawn.png", "--json"),
    )
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["size"] == [10, 10]
    assert printed["sees"] == [[4, 14], [2, 12]]
    with Image.open(printed["picture"]) as drawn:
        assert drawn.size[0] > 600


def test_run_without_windows(pellucid, runs):
    result = pellucid("receptive-field", runs / "latest", "--json")
    assert result.exit_code == 0, result.output
    assert all(row["sees_all"] for row in json.loads(result.stdout)["layers"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["lenet5_dens"],
            "no run, saved model or network named 'lenet5_dens'; did you mean 'lenet5_dense'",
        ),
        (["net", "conv2d_7"], "no layer in this model named 'conv2d_7'; did you mean"),
        (["net", "conv2d", "--unit", "a"], "such as --unit 3,4, got 'a'"),
        (["net", "conv2d", "--unit", "99,0"], "expected unit to be a position in layer 'conv2d'"),
        (["net", "--measure"], "belong to one layer; name it after the model"),
        (["net", "conv2d", "--image", "absent.png"], "No such file or directory: 'absent.png'"),
        (["runs/none"], "runs/none"),
    ],
    ids=["network", "layer", "words", "outside", "no-layer", "no-picture", "no-run"],
)
def test_wrong_names(pellucid, saved, arguments, sentence):
    result = pellucid("receptive-field", *arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
