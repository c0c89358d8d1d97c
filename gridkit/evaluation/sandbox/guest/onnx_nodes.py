"""The nodes of an ONNX file, which onnxruntime runs and does not tell of.

Read are those fields of ONNX's `onnx.proto` that are named here, by protobuf, which onnxruntime
itself needs; the package `onnx` is not needed.
"""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FIELDS = {
    "Model": (
        ("producer_name", 2, "string"),
        ("graph", 7, "Graph"),
        ("functions", 25, "Functions"),
    ),
    "Graph": (("node", 1, "Nodes"),),
    "Function": (("node", 7, "Nodes"),),
    "Node": (("name", 3, "string"), ("op_type", 4, "string"), ("attribute", 5, "Attributes")),
    "Attribute": (
        ("name", 1, "string"),
        ("i", 3, "int64"),
        ("g", 6, "Graph"),
        ("graphs", 11, "Graphs"),
    ),
}
"""Message to name, number and type of its fields; a type in the plural is repeated."""


def wrong_grus(path: Path) -> list[str]:
    """Return the GRUs that PyTorch's exporter wrote so that they compute something else.

    PyTorch resets the hidden state after its product (`linear_before_reset` 1). Its exporter wrote
    0 with onnxscript before 0.7.1. Files of other makers may mean it.

    Args:
        path: an ONNX file that onnxruntime loads.

    Returns:
        The names of the nodes; empty where all is well.
    """
    model = _message("Model").FromString(path.read_bytes())
    if model.producer_name != "pytorch":
        return []
    return [
        node.name or node.op_type
        for part in (model.graph, *model.functions)
        for node in _nodes(part)
        if node.op_type == "GRU" and not _whole_number(node, "linear_before_reset")
    ]


def _nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph, and of the graphs in them (loops, branches)."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _whole_number(node: Any, name: str) -> int:
    """Return an attribute of a node; 0, as ONNX has it, where it is not there."""
    return next((int(one.i) for one in node.attribute if one.name == name), 0)


@cache
def _message(name: str) -> Any:
    """Return the class of a message of `FIELDS`."""
    described = importlib.import_module("google.protobuf.descriptor_pb2")
    pool = importlib.import_module("google.protobuf.descriptor_pool").DescriptorPool()
    factory = importlib.import_module("google.protobuf.message_factory")
    kinds = described.FieldDescriptorProto
    file = described.FileDescriptorProto(name="onnx_nodes.proto", syntax="proto2")
    for message, fields in FIELDS.items():
        entry = file.message_type.add(name=message)
        for field, number, kind in fields:
            inner = kind.removesuffix("s")
            scalar = {"string": kinds.TYPE_STRING, "int64": kinds.TYPE_INT64}.get(kind)
            entry.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if inner != kind else kinds.LABEL_OPTIONAL,
                type=scalar or kinds.TYPE_MESSAGE,
                type_name=None if scalar else f".{inner}",
            )
    pool.Add(file)
    return factory.GetMessageClass(pool.FindMessageTypeByName(name))
