"""The causes of the holes that model files of other libraries had from 2024 to 2026, one test each.

Each of them let a file run code, read or write other files, or take all memory. Here a file is a
description and numbers; these tests keep it so.
"""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from models.fuzz_files import EAR, fuzz
from pellucid import Input, Sequential, models
from pellucid.errors import ModelFileError
from pellucid.layers import REGISTRY, Dense, Layer
from pellucid.training._array_file import write_arrays

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def folder(tmp_path):
    """A saved model that nobody has touched."""
    model = Sequential([Input((3,)), Dense(4, "relu"), Dense(2)], name="honest")
    model.compile("adam", "mse", verbose=0)
    model.save(tmp_path / "model")
    return tmp_path / "model"


def change(folder, edit):
    """Let a function edit the description."""
    path = folder / "model.json"
    described = json.loads(path.read_text())
    edit(described)
    path.write_text(json.dumps(described))


def layer(described, name="dense"):
    return described["graph"]["layers"][name]


def refused(folder, message, **settings):
    """Assert that loading says why not, and did nothing else."""
    EAR.heard.clear()
    EAR.listening = True
    try:
        with pytest.raises(ModelFileError, match=message):
            models.load_model(folder, **settings)
    finally:
        EAR.listening = False
    assert EAR.heard == []


# 1 Code in lambdas


def test_code_in_a_lambda(folder):
    """A layer that carries marshalled code: there is no such layer, and no setting takes code."""
    assert not {name for name in REGISTRY.entries if "lambda" in name}
    code = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None}}

    def edit(described):
        described["graph"]["layers"]["dense"] = {"name": "Lambda", "config": {"function": code}}

    change(folder, edit)
    refused(folder, "There is no layer named 'Lambda'")


def test_code_in_an_activation(folder):
    code = {"name": "__lambda__", "config": {"value": "eval('1')"}}
    change(folder, lambda d: layer(d)["config"].update(activation=code))
    refused(folder, "There is no activation named '__lambda__'")


# 2 Names of importable objects


@pytest.mark.parametrize(
    "name",
    ["os.system", "subprocess.Popen", "builtins.eval", "pellucid.layers.Dense", "utils.get_file"],
)
def test_names_of_importable_objects(folder, name):
    """A name is a key of a closed table: no module is imported or searched for it."""
    change(folder, lambda d: layer(d).update(name=name))
    refused(folder, f"There is no layer named '{name}'")


def test_module_and_class_as_other_libraries_write_them(folder):
    described = {"module": "os", "class_name": "system", "config": {"command": "true"}}
    change(folder, lambda d: d["graph"]["layers"].update(dense=described))
    refused(folder, "Expected the configuration of layer to be")


def test_every_name_that_a_file_may_say_is_one_of_ours():
    # In a process of its own: tests name objects of their own too.
    code = (
        "from pellucid import models\n"
        "from pellucid._named import _NAMED\n"
        "print({entry.__module__.partition('.')[0] for entry in _NAMED})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{'pellucid'}\n"


def test_a_users_own_layer_comes_from_the_caller_alone(folder):
    class Own(Layer):
        def apply(self, variables, x, context):
            return x

    change(folder, lambda d: d["graph"]["layers"].update(dense={"name": "Own", "config": {}}))
    refused(folder, "There is no layer named 'Own'")
    loading = {"custom_objects": {"Own": Own}}
    refused(folder, "The names of the layers do not belong to the calls", **loading)
    change(folder, lambda d: layer(d)["config"].update(name="dense"))
    refused(folder, "does not fit the model: dense/.* is not in the model", **loading)


# 3 A mode switch in the file


@pytest.mark.parametrize(
    "name", ["safe_mode", "custom_objects", "trust", "enable_unsafe", "compile_"]
)
def test_a_mode_switch_in_the_file(folder, name):
    """How a file is loaded is the caller's choice: a description that speaks of it is refused."""
    change(folder, lambda d: d.update({name: False}))
    refused(folder, f"says '{name}', which no description of a network does")


# 4 An old format without guards


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.pb", "model.pkl", "model.pt"])
def test_an_old_format_is_no_way_in(tmp_path, name):
    """There is one reader: another format is not tried, whatever a file's name says."""
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    refused(tmp_path / name, "is no saved model: a saved model is a folder with model.json")


@pytest.mark.parametrize("version", [0, -1, 2, 99, "1", 1.0, True, None, [1]])
def test_other_format_versions_are_not_guessed_at(folder, version):
    change(folder, lambda d: d.update(format_version=version))
    refused(folder, "has format version .*, which reads version 1; install a newer Pellucid")


# 5 A pickle inside


class Boom:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("name", ["weights.safetensors", "training.safetensors", "model.json"])
def test_a_pickle_inside(folder, name):
    (folder / name).write_bytes(pickle.dumps(Boom()))
    refused(folder, "damaged|cannot be read|does not describe")


def test_an_array_of_objects_inside(folder):
    stream = io.BytesIO()
    np.save(stream, np.array([Boom()], dtype=object), allow_pickle=True)
    (folder / "weights.safetensors").write_bytes(stream.getvalue())
    refused(folder, "weights.safetensors is damaged")


# 6 Paths that lead out


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a/b", "..", "#"])
def test_names_that_lead_out_of_the_folder(folder, name):
    """Names of layers and arrays are keys, never paths; those that look like paths are refused."""

    def edit(described):
        graph = described["graph"]
        graph["layers"] = {
            name if old == "dense" else old: config for old, config in graph["layers"].items()
        }
        graph["layers"][name]["config"]["name"] = name
        graph["layers"]["dense_1"]["config"]["name"] = "dense_1"
        for call in graph["calls"]:
            call["layer"] = name if call["layer"] == "dense" else call["layer"]

    change(folder, edit)
    refused(folder, "word without / and #|does not fit the model: .* is missing")


def test_arrays_that_are_named_like_paths(folder):
    write_arrays(folder / "weights.safetensors", {"../../outside": np.zeros(3, np.float32)})
    refused(folder, "does not fit the model: .*../../outside is not in the model")


# 7 Links


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "training.safetensors"])
def test_links_to_other_files(folder, tmp_path, name):
    """A file of the model lies in its folder; a link to another one is not followed."""
    (tmp_path / "elsewhere").write_bytes((folder / name).read_bytes() if name[0] != "t" else b"x")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refused(folder, f"{name} is a link, or no plain file")


def test_pipes_are_not_waited_for(folder):
    (folder / "weights.safetensors").unlink()
    os.mkfifo(folder / "weights.safetensors")
    refused(folder, "is a link, or no plain file")


def test_weights_alone_are_a_plain_file_too(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    model = models.load_model(folder)
    with pytest.raises(ModelFileError, match="is no file of arrays; expected a safetensors file"):
        model.load_weights(tmp_path / "pipe")


# 8 Shapes that no memory holds


@pytest.mark.parametrize("units", [10**6, 2**31 - 1, 2**31, 10**18, 2**63 - 1, -1, 0])
def test_shape_bombs_in_the_description(folder, units):
    """Shapes are found without numbers and compared with the file before anything is made."""
    change(folder, lambda d: layer(d)["config"].update(units=units))
    refused(folder, "does not fit the model|is damaged")


@pytest.mark.parametrize(
    "shape", [[2**31, 2**31], [10**18], [2**63 - 1, 4], [3, 2**40], [-1, 4], [3.5], "12"]
)
def test_shape_bombs_in_the_arrays(folder, shape):
    edit_header(folder, lambda head: head["dense/kernel"].update(shape=shape))
    refused(folder, "weights.safetensors is damaged|does not fit the model")


@pytest.mark.parametrize(
    "offsets", [[0, 2**63], [2**62, 2**62 + 48], [48, 0], [0, 10**9], [-8, 40]], ids=str
)
def test_places_outside_the_file(folder, offsets):
    edit_header(folder, lambda head: head["dense/kernel"].update(data_offsets=offsets))
    refused(folder, "weights.safetensors is damaged")


WINDOWS = {
    "Conv2D": {"filters": 1, "kernel_size": [10**6, 10**6], "padding": "same"},
    "MaxPooling2D": {"pool_size": [10**9, 1], "padding": "same"},
    "AveragePooling1D": {"pool_size": 10**8, "padding": "same"},
    "DepthwiseConv2D": {"kernel_size": [10**5, 1], "padding": "same"},
    "AdaptiveAveragePooling1D": {"output_size": 10**9},
    "SpectralNormalization": {
        "layer": {"name": "Dense", "config": {"units": 4}},
        "power_iterations": 10**9,
    },
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_that_nobody_could_go_through(folder, name):
    bomb = {"name": name, "config": WINDOWS[name]}
    change(folder, lambda d: d["graph"]["layers"].update(dense=bomb))
    refused(folder, "and no window is as large as that")


# 9 Little that unpacks into much


def test_zip_bombs(tmp_path, folder):
    """Nothing is unpacked: an archive is no model, and compressed bytes are no arrays."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", b" " * (1 << 24))
    refused(tmp_path / "bomb.zip", "is no saved model")
    (folder / "weights.safetensors").write_bytes((tmp_path / "bomb.zip").read_bytes())
    refused(folder, "weights.safetensors is damaged")


@pytest.mark.parametrize("depth", [101, 1000, 200_000])
def test_nesting_without_end(folder, depth):
    (folder / "model.json").write_text('{"a":' * depth + "1" + "}" * depth)
    refused(folder, "model.json cannot be read: .*levels")


# 10 Allocation without bounds


def test_a_header_that_claims_to_be_huge(folder):
    for size in (2**64 - 1, 2**63, 2**40, 10**8 + 1):
        (folder / "weights.safetensors").write_bytes(size.to_bytes(8, "little") + b"{}")
        refused(folder, "weights.safetensors is damaged")


def test_a_description_of_gigabytes(folder):
    """A file of holes takes no disk: its size is looked at before it is read."""
    with open(folder / "model.json", "r+b") as file:
        file.truncate(1 << 36)
    refused(folder, "has 68,719,476,736 bytes, and a description of a network has at most")


# What else is ambiguous or damaged


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"seed": NaN', "NaN is no number"),
        ('"seed": Infinity', "Infinity is no number"),
        ('"seed": 1e999', "is too large"),
        ('"seed": ' + "9" * 30, "is too large"),
        ('"seed": 0, "seed": 1', "the name 'seed' is there twice"),
    ],
)
def test_numbers_and_names_that_are_ambiguous(folder, text, message):
    path = folder / "model.json"
    written = path.read_text()
    assert '"seed": 0' in written
    path.write_text(written.replace('"seed": 0', text))
    refused(folder, f"model.json cannot be read: .*{message}")


def test_a_single_flipped_bit_is_noticed(folder):
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    refused(folder, "its numbers are not those that were written")


def test_files_without_a_check_sum_are_read(folder):
    """Other libraries write none."""
    from safetensors.numpy import load_file, save_file

    model = models.load_model(folder)
    expected = model.predict(X)
    save_file(load_file(folder / "weights.safetensors"), folder / "weights.safetensors")
    np.testing.assert_array_equal(models.load_model(folder).predict(X), expected)


def test_changed_files_get_an_answer_and_nothing_else_happens():
    """``fuzz_files.py`` does it by the million."""
    fuzzer = fuzz(300, seed=0)
    assert fuzzer.failures == []
    assert fuzzer.counts["refused"] > 150
    assert fuzzer.counts["loaded"] > 3


def edit_header(folder, edit):
    """Let a function edit the header of the weights."""
    path = folder / "weights.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    edit(head)
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
