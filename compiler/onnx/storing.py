"""Constants in few bytes: what a model stores of them, and the nodes that make them of it when the model begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hw_models.arrays import Array

SAVED = 128
"""Constants of more elements are stored in as few bytes as they take"""
_MOST_DISTINCT = 128
_MOST_ORDER = 3


class Store:
    """What is stored so far; `fresh` makes names that no other tensor has."""

    def __init__(self, fresh: Callable[[str], str]) -> None:
        self._fresh = fresh
        self.tensors: list[onnx.TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []

    def add(self, name: str, array: Array, *, table: bool = False) -> None:
        """Store a constant; a long `table` column by column."""
        if array.dtype.kind != "i" or array.size <= SAVED:
            self._tensor(name, array)
        elif table and len(array) > SAVED:
            columns = [self._fresh(f"{name}.{number}") for number in range(array.shape[1])]
            for number, column in enumerate(columns):
                self._column(column, array[:, number : number + 1])
            self._node("Concat", columns, name, axis=1)
        else:
            self._narrow(name, array)

    def _column(self, name: str, column: Array) -> None:
        """Store it (rows, 1) as what takes least: its numbers, the few that they are, or how they differ."""
        distinct, places = np.unique(column, return_inverse=True)
        few = len(column) + distinct.nbytes if distinct.size <= _MOST_DISTINCT else column.nbytes
        fits = int(distinct[-1]) - int(distinct[0]) <= np.iinfo(column.dtype).max
        steps = [np.diff(column, order, axis=0) for order in range(1 + _MOST_ORDER * fits)]
        differences = [np.pad(d, ((0, len(column) - len(d)), (0, 0)), mode="edge") for d in steps]
        order = min(range(len(differences)), key=lambda order: narrowed(differences[order]).nbytes)
        if few < narrowed(differences[order]).nbytes:
            index, own = self._fresh(f"{name}.index"), self._fresh(f"{name}.distinct")
            self._narrow(index, places.reshape(column.shape).astype(np.int32))
            self._tensor(own, distinct)
            self._node("Gather", [own, index], name)
            return
        made = self._fresh(f"{name}.differences") if order else name
        self._narrow(made, differences[order])
        for first in reversed(steps[:order]):
            start, axis, sums = (self._fresh(f"{name}.{part}") for part in ("start", "axis", "sums"))
            self._tensor(start, first[:1])
            self._tensor(axis, np.array(0))
            self._node("CumSum", [made, axis], sums, exclusive=1)
            made = name if first is steps[0] else self._fresh(f"{name}.differences")
            self._node("Add", [sums, start], made)

    def _narrow(self, name: str, array: Array) -> None:
        small = narrowed(array)
        if small.dtype.itemsize == array.dtype.itemsize:
            self._tensor(name, array)
            return
        stored = self._fresh(f"{name}.stored")
        self._tensor(stored, small)
        self._node("Cast", [stored], name, to=helper.np_dtype_to_tensor_dtype(array.dtype))

    def _tensor(self, name: str, array: Array) -> None:
        self.tensors.append(numpy_helper.from_array(np.array(array, order="C"), name))

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: int) -> None:
        node = helper.make_node(kind, inputs, [output])
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)


def narrowed(array: Array) -> Array:
    """The same integers in the fewest bytes: -128 to 127 in one."""
    return array.astype(np.min_scalar_type(min(array.min(), -1 - array.max())))
