"""A graph that is being written as nodes, and the ops of which reals and integers make the same."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Relation
from compiler.graph.segments import segments_of
from compiler.onnx.functions import BODIES
from compiler.ranges.integer_spans import Span
from hw_models.arrays import Array

if TYPE_CHECKING:
    from compiler.onnx.nodes import Nodes

G_co = TypeVar("G_co", bound=Graph, covariant=True)

_RELATIONS = {Relation.LESS: "Less", Relation.LESS_EQUAL: "LessOrEqual", Relation.EQUAL: "Equal"}


@dataclass(frozen=True)
class NodeWriter(Generic[G_co]):
    """A graph that is being written as nodes: what its ops have become so far."""

    graph: G_co
    nodes: Nodes
    rows: str
    """the tensor that holds the number of rows of the batch"""
    sample: str
    """the tensor of this sample's values, (rows, features)"""
    spans: Mapping[str, Span]
    """of an integer graph: what its values can be"""
    clips: Container[str]
    """of an integer graph: the values that can be clipped"""
    tensors: dict[str, str] = field(default_factory=dict)
    """the tensor of each value"""
    clipped: dict[str, tuple[str, str]] = field(default_factory=dict)
    """of values that can be clipped: the tensors before and after"""

    def read(self, name: str) -> str:
        """The tensor of a value or constant."""
        constants = self.graph.constants
        return self.nodes.constant(name, constants[name]) if name in constants else self.tensors[name]

    def array(self, name: str) -> Array:
        """A constant."""
        return self.graph.constants[name]

    def call(self, function: str, inputs: Sequence[str], out: str, more: Sequence[str] = ()) -> None:
        """A node that computes the value `out`, with the user's name and lines."""
        value = self.graph.values[out]
        doc = "\n".join((*value.modules, *value.lines))
        self.tensors[out] = self.nodes.shared.name(out)
        self.nodes.call(function, inputs, [self.tensors[out], *more], value.represents or out, doc)

    def wide(self, name: str) -> str:
        """The tensor of a value or constant with all rows of the batch."""
        if name not in self.graph.constants and not self._of_constants(name):
            return self.tensors[name]
        return expanded(self.nodes, self.read(name), self.rows, self.graph.size(name))

    def _of_constants(self, name: str) -> bool:
        """Whether nothing but constants is in a value, so that its tensor has no axis for the batch."""
        op = self.graph.makers[name]
        alone = isinstance(op, ops.Elementwise) and bool(op.operands)
        return alone and all(n in self.graph.constants or self._of_constants(n) for n in op.operands)

    def joined(self, sources: Sequence[str]) -> str:
        """The values `sources`, concatenated."""
        if len(sources) == 1:
            return self.wide(sources[0])
        joined = self.nodes.shared.name("+".join(sources))
        self.nodes.standard("Concat", [self.wide(s) for s in sources], [joined], axis=-1)
        return joined


def expanded(nodes: Nodes, tensor: str, rows: str, size: int) -> str:
    """A tensor (size,) or (1, size) as (rows, size)."""
    shape, wide = nodes.shared.name(f"{tensor}.shape"), nodes.shared.name(f"{tensor}.rows")
    elements = nodes.constant(f"[{size}]", [size], np.int64)
    nodes.standard("Concat", [rows, elements], [shape], axis=0)
    nodes.standard("Expand", [tensor, shape], [wide])
    return wide


BOTH: OpTable[[NodeWriter[Graph]], None] = OpTable("nodes of both kinds")
"""Writes the nodes of ops that are the same in graphs of both kinds."""

BODIES |= {f"{name} (a, b) => (out)": f"out = {name}(a, b)" for name in ("Add", "Sub", "Mul", "Div", "Min", "Max")}
BODIES |= {f"{r} (a, b) => (out)": f"is = {r}(a, b)  out = Cast <to = INT> (is)" for r in _RELATIONS.values()}
BODIES |= {
    "Select (condition, a, b) => (out)": "is = Cast <to = 9> (condition)  out = Where(is, a, b)",
    "Gather (x, index) => (out)": "out = Gather <axis = -1> (x, index)",
    # the index that is the size of x stands for a 0 after it
    "SegmentSum (x, elements) => (out)": """
        first = Constant <value_ints = [0]> ()  last = Constant <value_ints = [-1]> ()
        column = Gather <axis = -1> (x, first)  zero = Sub(column, column)
        padded = Concat <axis = -1> (x, zero)
        own = Gather <axis = -1> (padded, elements)
        out = ReduceSum <keepdims = 0> (own, last)""",
    "MatVec (x, matrix) => (out)": """
        exact = Cast <to = 11> (x)  weights = Cast <to = 11> (matrix)
        sums = MatMul(exact, weights)
        out = Cast <to = INT> (sums)""",
    # of reals, too
    "WideMatVec (x, matrix) => (out)": """
        weights = Cast <to = INT> (matrix)
        out = MatMul(x, weights)""",
    "Patches (x, places) => (out)": """
        first = Constant <value_ints = [0]> ()
        column = Gather <axis = -1> (x, first)  zero = Sub(column, column)
        padded = Concat <axis = -1> (x, zero)
        out = Gather <axis = -1> (padded, places)""",
    "ChannelsFirst (x) => (out)": """
        channels = Transpose <perm = [0, 2, 1]> (x)
        flat = Constant <value_ints = [0, -1]> ()
        out = Reshape(channels, flat)""",
}

Binary: TypeAlias = ops.Add | ops.Sub | ops.Mul | ops.Div | ops.Min | ops.Max | ops.And


def binary_node(op: Binary, to: NodeWriter[Graph]) -> None:
    """The function of that name."""
    to.call(type(op).__name__, [to.read(op.a), to.read(op.b)], op.out)


BOTH.on(ops.Add, ops.Sub, ops.Min, ops.Max)(binary_node)


@BOTH.on(ops.Compare)
def compare(op: ops.Compare, to: NodeWriter[Graph]) -> None:
    """1 or 0."""
    to.call(_RELATIONS[op.relation], [to.read(op.a), to.read(op.b)], op.out)


@BOTH.on(ops.Select)
def select(op: ops.Select, to: NodeWriter[Graph]) -> None:
    """Element by element one of two."""
    to.call("Select", [to.read(op.condition), to.read(op.a), to.read(op.b)], op.out)


@BOTH.on(ops.Gather)
def gather(op: ops.Gather, to: NodeWriter[Graph]) -> None:
    """Elements of the sources."""
    index = to.nodes.constant(op.index, to.array(op.index), np.int32)
    to.call("Gather", [to.joined(op.sources), index], op.out)


@BOTH.on(ops.SegmentSum)
def segment_sum(op: ops.SegmentSum, to: NodeWriter[Graph]) -> None:
    """Sums of elements: a 0 stands after the last one, and fills up the shorter sums."""
    graph, segments = to.graph, segments_of(to.graph, op)
    stops = [*segments.starts[1:], len(segments.order)]
    longest = max((stop - start for start, stop in zip(segments.starts, stops, strict=True)), default=1)
    elements = np.full((graph.size(op.out), longest), graph.size(op.x))
    for row, start, stop in zip(segments.filled, segments.starts, stops, strict=True):
        elements[row, : stop - start] = segments.order[start:stop]
    to.call("SegmentSum", [to.wide(op.x), to.nodes.constant(f"{op.out}.elements", elements, np.int32)], op.out)


def mat_vec(op: ops.MatVec, to: NodeWriter[Graph], function: str) -> None:
    """A product by `function`, at many places where it is a convolution."""
    matrix = to.nodes.constant(op.matrix, to.array(op.matrix).T)
    if op.places is None:
        to.call(function, [to.joined(op.sources), matrix], op.out)
        return
    places = to.nodes.constant(op.places, to.array(op.places), np.int32)
    patches, sums = (to.nodes.shared.name(f"{op.out}.{part}") for part in ("patches", "sums"))
    to.nodes.call("Patches", [to.wide(op.sources[0]), places], [patches])
    to.nodes.call(function, [patches, matrix], [sums])
    to.call("ChannelsFirst", [sums], op.out)
