"""A finished graph as ONNX's protobuf."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import pellucid
from pellucid.errors import ExportError
from pellucid.export._writer import Body, Node, Value, Writer, needed

MOST_BYTES = 2**31 - 2**20
"""A protobuf file cannot be larger than 2 GiB."""


def import_extra(name: str) -> Any:
    """Return a package of the extra ``export``.

    Raises:
        ExportError: if it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ExportError(
            f"Writing ONNX needs the package {name}, which is not installed; type "
            'pip install "pellucid[export]".'
        ) from error


def to_proto(
    writer: Writer,
    name: str,
    inputs: Sequence[Value],
    outputs: Mapping[str, Value],
    opset: int,
) -> Any:
    """Return the graph as a ModelProto, without what no output depends on.

    Args:
        writer: what holds nodes and constants.
        name: of the graph.
        inputs: of the graph.
        outputs: by the names that they get.
        opset: the version of the operators.

    Raises:
        ExportError: if the numbers take more than 2 GiB.
    """
    onnx = import_extra("onnx")
    helper = onnx.helper
    last = [
        Node("Identity", f"output/{label}", (value.name,), (label,), {})
        for label, value in outputs.items()
    ]
    nodes = needed([*writer.nodes, *last], set(outputs))
    read = {label for node in nodes for label in node.reads()}
    constants = {label: array for label, array in writer.constants.items() if label in read}
    if sum(array.nbytes for array in constants.values()) > MOST_BYTES:
        raise ExportError(
            f"The model {name!r} has more than 2 GiB of numbers, which one ONNX file cannot hold; "
            "save it with to_safetensors."
        )
    graph = helper.make_graph(
        [_node(helper, node) for node in nodes],
        name,
        [_info(helper, value, value.name) for value in inputs],
        [_info(helper, value, label) for label, value in outputs.items()],
        [onnx.numpy_helper.from_array(array, label) for label, array in constants.items()],
    )
    imports = [helper.make_opsetid("", opset)]
    made = helper.make_model(
        graph,
        opset_imports=imports,
        ir_version=helper.find_min_ir_version_for(imports),
        producer_name="pellucid",
        producer_version=pellucid.__version__,
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def _node(helper: Any, node: Node) -> Any:
    attributes = {
        label: _attribute(helper, node, value) for label, value in node.attributes.items()
    }
    return helper.make_node(node.op, node.inputs, node.outputs, node.name, **attributes)


def _attribute(helper: Any, node: Node, value: Any) -> Any:
    if isinstance(value, Body):
        return helper.make_graph(
            [_node(helper, inner) for inner in value.nodes],
            f"{node.name}.body",
            [_info(helper, part, part.name) for part in value.inputs],
            [_info(helper, part, part.name) for part in value.outputs],
        )
    return helper.np_dtype_to_tensor_dtype(value) if isinstance(value, np.dtype) else value


def _info(helper: Any, value: Value, name: str) -> Any:
    """Return name, type and shape; the batch and other open sizes have names of their own."""
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    shape = [
        ("batch" if axis == 0 else f"{name}.size_{axis}") if n is None else n
        for axis, n in enumerate(value.shape)
    ]
    return helper.make_tensor_value_info(name, kind, shape)
