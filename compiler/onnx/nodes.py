"""Nodes of a model as they are written: a list for each graph of it, and the constants and functions of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from compiler.graph.names import fresh, numbered, primed
from compiler.onnx.functions import DOMAIN
from compiler.onnx.storing import Store
from hw_models.arrays import Array

Attribute: TypeAlias = int | list[int] | onnx.GraphProto


@dataclass
class Shared:
    """What all graphs of a model have in common. `dtype` is what values are computed in."""

    dtype: np.dtype
    functions: dict[str, None] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)

    def name(self, wanted: str) -> str:
        """A name that no other tensor of the model has."""
        name = fresh(primed(wanted), self.taken)
        self.taken.add(name)
        return name

    def tensors(self) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
        """The constants as they are stored, and the nodes that make those of them that take fewer bytes so."""
        store = Store(self.name)
        for name, array in self.constants.items():
            store.add(name, array, table=name in self.tables)
        return store.tensors, store.nodes


@dataclass
class Nodes:
    """The nodes of one graph. Tensors of graphs around it are seen in it, too."""

    shared: Shared
    protos: list[onnx.NodeProto] = field(default_factory=list)

    def constant(self, name: str, array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> str:
        """The tensor of a constant, which equal ones of that name share."""
        wanted, known = np.asarray(array, self.shared.dtype if dtype is None else dtype), self.shared.constants
        for candidate in primed(name):
            if (
                candidate in known
                and known[candidate].dtype == wanted.dtype
                and np.array_equal(known[candidate], wanted)
            ):
                return candidate
            if candidate not in self.shared.taken:
                break
        known[tensor := self.shared.name(name)] = wanted
        return tensor

    def table(self, name: str, array: npt.ArrayLike) -> str:
        """A constant whose columns are of different kinds."""
        tensor = self.constant(name, array)
        self.shared.tables.add(tensor)
        return tensor

    def call(
        self, function: str, inputs: Sequence[str], outputs: Sequence[str], label: str = "", doc: str = ""
    ) -> None:
        """A node of ours."""
        self.shared.functions[function] = None
        name = fresh(numbered(label or outputs[0]), self.shared.labels)
        self.shared.labels.add(name)
        self.protos.append(helper.make_node(function, inputs, outputs, name, doc or None, DOMAIN))

    def standard(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], label: str = "", **attributes: Attribute
    ) -> None:
        """A node of ONNX's own."""
        node = helper.make_node(kind, inputs, outputs, label or None)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
        self.protos.append(node)

    def copy(self, tensor: str, wanted: str) -> str:
        """The same tensor under a name of its own: each output of a graph has one."""
        name = self.shared.name(wanted)
        self.call("StateWrite", [tensor], [name])
        return name

    def turned(self, tensor: str, wanted: str, axes: int) -> str:
        """The tensor with batch and time in the other order."""
        name = self.shared.name(wanted)
        self.standard("Transpose", [tensor], [name], perm=[1, 0, *range(2, axes)])
        return name


def type_of(dtype: npt.DTypeLike) -> int:
    """ONNX's number of a NumPy type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
