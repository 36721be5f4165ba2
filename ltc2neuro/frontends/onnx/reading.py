"""From a file to a `Graph`: nothing in it is executed, and what is wrong with it is one error.

Sizes are checked before memory is taken, and data outside the model's file is read from its own folder only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import numpy_helper

from hw_models.arguments import is_file
from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.ops.graph import Array, Attribute, Graph, Node, Shape

OLDEST = 13
"""The opset from which on axes are inputs"""
LARGEST_FILE = 2**31 - 1
"""bytes: what a file of ONNX can have"""
MOST_NODES = 30_000
"""What is looked through for steps that repeat takes minutes and 100 MB at most"""
_STANDARD = ("", "ai.onnx")


def read(path: Path) -> Graph:
    """The graph of an ONNX file, its functions inlined. Raises `InputError`."""
    if not is_file(path):
        raise InputError("there is no such file", where=str(path))
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(
            "the file is larger than an ONNX file can be",
            where=str(path),
            numbers=f"{size} bytes, at most {LARGEST_FILE}",
        )
    try:
        return _read(path)
    except InputError as error:
        if error.where:
            raise
        raise InputError(error.what, where=str(path), numbers=error.numbers, advice=error.advice) from error
    except Exception as error:  # protobuf, onnx and NumPy each have errors of their own
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        raise InputError(
            "this is not a valid ONNX model",
            where=str(path),
            numbers=f"{type(error).__name__}: {reason[:200]}",
            advice="onnx.checker.check_model(path) says more; export it again.",
        ) from error


def _read(path: Path) -> Graph:
    model = onnx.load_model_from_string(path.read_bytes())
    _check_opset(model, path)
    for tensor in _tensors(model.graph.node, model.graph.initializer):
        _check_place(tensor, path)
    _check_functions(model)
    onnx.checker.check_model(str(path))
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    graph = _graph(model.graph, path.parent)
    if graph.captured:
        raise InputError(
            "no node of the ONNX model computes a value that is used", where=str(path), numbers=graph.captured[0]
        )
    given = {value.name: value.type.tensor_type.elem_type for value in model.graph.input if value.name in graph.inputs}
    kinds = {name: kind for name, kind in given.items() if kind != onnx.TensorProto.INT64}
    if kinds and {*kinds.values()} not in ({onnx.TensorProto.FLOAT}, {onnx.TensorProto.DOUBLE}):
        raise InputError(
            "the inputs of the ONNX model are not tokens (int64), and floats, all of 32 bits or all of 64",
            where=str(path),
            numbers=", ".join(f"{n} {onnx.TensorProto.DataType.Name(kind)}" for n, kind in kinds.items()),
            advice="Export a model in half precision after .float().",
        )
    tokens = tuple(name for name in given if name not in kinds)
    return replace(graph, double=onnx.TensorProto.DOUBLE in kinds.values(), tokens=tokens)


def _check_opset(model: onnx.ModelProto, path: Path) -> None:
    opset = next((o.version for o in model.opset_import if o.domain in _STANDARD), None)
    if opset is not None and opset < OLDEST:
        raise InputError(
            f"an ONNX model of opset {OLDEST} or newer is expected",
            where=str(path),
            numbers=f"opset {opset}",
            advice=f"Export it again, torch.onnx.export(..., opset_version={OLDEST}), or convert it: "
            f"onnx.version_converter.convert_version(model, {OLDEST}).",
        )


def _check_functions(model: onnx.ModelProto) -> None:
    """Refuse functions that call themselves, and those that would be inlined into more nodes than any model has."""
    functions = {(f.domain, f.name): f for f in model.functions}
    calls = {key: [(n.domain, n.op_type) for n in _all_nodes(f.node)] for key, f in functions.items()}
    needs = {key: [call for call in found if call in functions] for key, found in calls.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise InputError("a function of the ONNX model calls itself", numbers=str(error.args[1][0])) from error
    sizes: dict[tuple[str, str], int] = {}
    for key in order:
        sizes[key] = sum(sizes.get(call, 1) for call in calls[key])
    total = sum(sizes.get((n.domain, n.op_type), 1) for n in _all_nodes(model.graph.node))
    if total > MOST_NODES:
        raise InputError(
            "the ONNX model has too many nodes",
            numbers=f"{total}, at most {MOST_NODES}",
            advice="Export one step of the model, its solver's steps as a Loop.",
        )


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """With those of bodies."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _all_nodes(body.node)


def _tensors(nodes: Iterable[onnx.NodeProto], constants: Iterable[onnx.TensorProto]) -> Iterator[onnx.TensorProto]:
    """All constants of a graph, with those of bodies."""
    yield from constants
    for node in _all_nodes(nodes):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for body in (attribute.g, *attribute.graphs):
                yield from body.initializer


def _check_place(tensor: onnx.TensorProto, path: Path) -> None:
    """Refuse data that lies outside of the model's folder, or past the end of its file."""
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return
    entries = {entry.key: entry.value for entry in tensor.external_data}
    folder = path.resolve().parent
    place = Path(os.path.realpath(folder / entries.get("location", "")))
    if folder not in place.parents:
        raise InputError(
            "the ONNX model takes data from outside of its folder",
            where=f"{path}, {tensor.name}",
            numbers=f"it names {entries.get('location', '')!r}",
            advice="Only files beside it are read. If you trust it, put the data there and export it again.",
        )
    if not is_file(place):
        raise InputError("data of the ONNX model is missing", where=f"{path}, {tensor.name}", numbers=str(place))
    end = int(entries.get("offset", 0)) + int(entries.get("length", 0))
    if end > place.stat().st_size:
        raise InputError(
            "data of the ONNX model ends past the end of its file",
            where=f"{path}, {tensor.name}",
            numbers=f"byte {end} of {place.stat().st_size} in {place}",
        )


def _array(tensor: onnx.TensorProto, folder: Path) -> Array:
    array = np.asarray(numpy_helper.to_array(tensor, base_dir=str(folder)))
    if array.dtype.kind not in "fiub":
        raise InputError(
            "a constant of the ONNX model is of a type that is not supported",
            where=str(tensor.name),
            numbers=str(array.dtype),
            advice="Export it with numbers of 32 or 64 bits.",
        )
    return array


def _graph(proto: onnx.GraphProto, folder: Path) -> Graph:
    if proto.sparse_initializer:
        raise InputError("the ONNX model has sparse constants", advice="Export it with dense ones.")
    constants = {tensor.name: _array(tensor, folder) for tensor in proto.initializer}
    inputs = tuple(value.name for value in proto.input if value.name not in constants)
    shapes = {value.name: _shape(value) for value in (*proto.input, *proto.output) if _has_shape(value)}
    nodes: list[Node] = []
    for node in proto.node:
        if node.domain not in _STANDARD:
            raise InputError(
                f"the operator {node.domain}.{node.op_type} is not one of ONNX",
                where=_name(node),
                advice="Export the model with ONNX's own operators.",
            )
        attributes = {a.name: _attribute(a, folder) for a in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(attributes)
            continue
        captured = tuple(name for value in attributes.values() if isinstance(value, Graph) for name in value.captured)
        nodes.append(Node(node.op_type, _name(node), (*node.input, *captured), tuple(node.output), attributes))
    outputs = tuple(value.name for value in proto.output)
    words = (word for node in nodes for word in (node.op, node.name, *node.inputs, *node.outputs, *node.attributes))
    if not all(isinstance(word, str) for word in (*constants, *inputs, *outputs, *words)):
        raise InputError("a name in the ONNX model is not text")  # protobuf hands bytes that are none on
    made = {*inputs, *constants, *(name for node in nodes for name in node.outputs), ""}
    used = dict.fromkeys((*(name for node in nodes for name in node.inputs), *outputs))
    captured = tuple(name for name in used if name not in made)
    axes = {value.name: tuple(d.dim_param for d in value.type.tensor_type.shape.dim) for value in proto.input}
    return Graph((*inputs, *captured), outputs, tuple(nodes), constants, captured, shapes, axes=axes)


def _name(node: onnx.NodeProto) -> str:
    return node.name or next((name for name in node.output if name), node.op_type)


def _has_shape(value: onnx.ValueInfoProto) -> bool:
    return value.type.HasField("tensor_type") and value.type.tensor_type.HasField("shape")


def _shape(value: onnx.ValueInfoProto) -> Shape:
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None for d in dims)


def _attribute(proto: onnx.AttributeProto, folder: Path) -> Attribute:
    kinds = onnx.AttributeProto
    if proto.type == kinds.GRAPH:
        return _graph(proto.g, folder)
    if proto.type == kinds.TENSOR:
        return _array(proto.t, folder)
    value = onnx.helper.get_attribute_value(proto)
    if proto.type == kinds.STRING:
        return value.decode("utf-8")
    if proto.type == kinds.STRINGS:
        return tuple(text.decode("utf-8") for text in value)
    if proto.type in (kinds.INT, kinds.FLOAT):
        return value
    if proto.type in (kinds.INTS, kinds.FLOATS):
        return tuple(value)
    raise InputError("an attribute of this kind is not supported", where=proto.name)


def _constant(attributes: dict[str, Attribute]) -> Array:
    """What a node `Constant` holds, in whichever way it is written."""
    name, value = next(iter(attributes.items()))
    if isinstance(value, np.ndarray):
        return value
    if name in ("value_int", "value_ints"):
        return np.array(value, np.int64)
    if name in ("value_float", "value_floats"):
        return np.array(value, np.float32)
    raise InputError("a constant of this kind is not supported", numbers=name)
