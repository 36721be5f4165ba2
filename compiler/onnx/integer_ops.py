"""Each integer op as a node. Its function is that of docs/integer-semantics.md, written here once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compiler.executors.execution import Array
from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Relation
from compiler.graph.segments import segments_of
from compiler.onnx.functions import columns, polynomial_name

if TYPE_CHECKING:
    from compiler.onnx.nodes import Nodes

EXACT = 2**53
"""Sums below are exact in float64"""


@dataclass
class Lowering:
    """A graph that is being written as nodes: what its ops have become so far."""

    graph: IntegerGraph
    nodes: Nodes
    rows: str
    """the tensor that holds the number of rows of the batch"""
    sample: str
    """the tensor of this sample's integers, (rows, features)"""
    tensors: dict[str, str] = field(default_factory=dict)
    """the tensor of each value"""
    clipped: dict[str, tuple[str, str]] = field(default_factory=dict)
    """of values that can be clipped: the tensors before and after"""

    @property
    def word(self) -> int:
        """Bits of a word in which it computes."""
        return 8 * self.nodes.shared.dtype.itemsize

    def read(self, name: str) -> str:
        """The tensor of a value or constant."""
        constants = self.graph.constants
        return self.nodes.constant(name, constants[name]) if name in constants else self.tensors[name]

    def array(self, name: str) -> Array:
        """A constant."""
        return self.graph.constants[name]

    def reach(self, name: str) -> tuple[int, int]:
        """The least and the most that a value or constant can be."""
        return reach(self.graph, name)

    def call(self, function: str, inputs: Sequence[str], out: str, more: Sequence[str] = ()) -> None:
        """A node that computes the value `out`, with the user's name and lines."""
        value = self.graph.values[out]
        doc = "\n".join((*value.modules, *value.lines))
        self.tensors[out] = self.nodes.shared.name(out)
        self.nodes.call(function, inputs, [self.tensors[out], *more], value.represents or out, doc)

    def wide(self, name: str) -> str:
        """The tensor of a value or constant with all rows of the batch."""
        if name not in self.graph.constants:
            return self.tensors[name]
        return expanded(self.nodes, self.read(name), self.rows, self.graph.size(name))

    def joined(self, sources: Sequence[str]) -> str:
        """The values `sources`, concatenated."""
        if len(sources) == 1:
            return self.wide(sources[0])
        joined = self.nodes.shared.name("+".join(sources))
        self.nodes.standard("Concat", [self.wide(s) for s in sources], [joined], axis=-1)
        return joined

    def power(self, name: str, shift: Array) -> str:
        """2^shift as a constant."""
        return self.nodes.constant(f"2^{name}", np.left_shift(np.int64(1), shift.astype(np.int64)))


def expanded(nodes: Nodes, tensor: str, rows: str, size: int) -> str:
    """A tensor (size,) or (1, size) as (rows, size)."""
    shape, wide = nodes.shared.name(f"{tensor}.shape"), nodes.shared.name(f"{tensor}.rows")
    elements = nodes.constant(f"[{size}]", [size], np.int64)
    nodes.standard("Concat", [rows, elements], [shape], axis=0)
    nodes.standard("Expand", [tensor, shape], [wide])
    return wide


NODES: OpTable[[Lowering], None] = OpTable("onnx")
"""Writes the node of each integer op."""

_RELATIONS = {Relation.LESS: "Less", Relation.LESS_EQUAL: "LessOrEqual", Relation.EQUAL: "Equal"}


@NODES.on(ops.Input)
def _input(op: ops.Input, to: Lowering) -> None:
    to.tensors[op.out] = to.sample


@NODES.on(ops.Add, ops.Sub, ops.Min, ops.Max, ops.And)
def _of_two(op: ops.Add | ops.Sub | ops.Min | ops.Max | ops.And, to: Lowering) -> None:
    to.call(type(op).__name__, [to.read(op.a), to.read(op.b)], op.out)


@NODES.on(ops.Compare)
def _compare(op: ops.Compare, to: Lowering) -> None:
    to.call(_RELATIONS[op.relation], [to.read(op.a), to.read(op.b)], op.out)


@NODES.on(ops.Select)
def _select(op: ops.Select, to: Lowering) -> None:
    to.call("Select", [to.read(op.condition), to.read(op.a), to.read(op.b)], op.out)


@NODES.on(ops.Gather)
def _gather(op: ops.Gather, to: Lowering) -> None:
    index = to.nodes.constant(op.index, to.array(op.index), np.int32)
    to.call("Gather", [to.joined(op.sources), index], op.out)


@NODES.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, to: Lowering) -> None:
    graph, segments = to.graph, segments_of(to.graph, op)
    stops = [*segments.starts[1:], len(segments.order)]
    longest = max((stop - start for start, stop in zip(segments.starts, stops, strict=True)), default=1)
    elements = np.full((graph.size(op.out), longest), graph.size(op.x))
    for row, start, stop in zip(segments.filled, segments.starts, stops, strict=True):
        elements[row, : stop - start] = segments.order[start:stop]
    to.call("SegmentSum", [to.wide(op.x), to.nodes.constant(f"{op.out}.elements", elements, np.int32)], op.out)


@NODES.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, to: Lowering) -> None:
    weights = int(np.abs(to.array(op.matrix)).sum(axis=1).max(initial=0))
    most = max((abs(end) for source in op.sources for end in to.reach(source)), default=0)
    function = "MatVec" if weights * most < EXACT else "WideMatVec"
    matrix = to.nodes.constant(op.matrix, to.array(op.matrix).T)
    if op.places is None:
        to.call(function, [to.joined(op.sources), matrix], op.out)
        return
    places = to.nodes.constant(op.places, to.array(op.places), np.int32)
    patches, sums = (to.nodes.shared.name(f"{op.out}.{part}") for part in ("patches", "sums"))
    to.nodes.call("Patches", [to.wide(op.sources[0]), places], [patches])
    to.nodes.call(function, [patches, matrix], [sums])
    to.call("ChannelsFirst", [sums], op.out)


@NODES.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, to: Lowering) -> None:
    to.call("MulShift", [to.read(op.a), to.read(op.b), to.power(op.shift, to.array(op.shift))], op.out)


@NODES.on(ops.Shift)
def _shift(op: ops.Shift, to: Lowering) -> None:
    form, name, constant = to.graph.format(op.out), op.out, to.nodes.constant
    least, most = to.reach(op.amount)
    amounts = range(least, most + 1)
    lefts = [min(max(a, 0), to.word - 2) for a in amounts]  # by more than that, nothing but 0 fits
    inputs = [
        to.read(op.x),
        to.read(op.amount),
        constant(f"{name}.least", [least]),
        constant(f"{name}.rights", [2 ** max(-a, 0) for a in amounts]),
        constant(f"{name}.lefts", [2**left for left in lefts]),
    ]
    if not can_clip(to.graph, op):
        to.call("Shift", inputs, op.out)
        return
    lows = constant(f"{name}.lows", [-(-form.low >> max(a, 0)) for a in amounts])
    highs = constant(f"{name}.highs", [form.high >> max(a, 0) for a in amounts])
    before, after = to.nodes.shared.name(f"{name}.unclipped"), to.nodes.shared.name(f"{name}.clipped")
    to.call("SaturatingShift", [*inputs, lows, highs], op.out, [before, after])
    to.clipped[op.out] = before, after


@NODES.on(ops.Rescale)
def _rescale(op: ops.Rescale, to: Lowering) -> None:
    form, x, shift = to.graph.format(op.out), to.read(op.x), op.shift
    _, most = to.reach(op.x)
    if shift > 1 and most + 2 ** (shift - 1) >= 2 ** (to.word - 1):
        # the half does not fit beside x: floor(x / 2^s + 1/2) = floor(floor(x / 2^(s - 1)) / 2 + 1/2)
        high = to.nodes.shared.name(f"{op.out}.high")
        to.nodes.call("FloorShift", [x, to.power(str(shift - 1), np.array(shift - 1))], [high])
        x, shift = high, 1
    half = to.nodes.constant(f"half({shift})", [2**shift // 2])
    inputs = [x, half, to.power(str(shift), np.array([shift]))]
    if not can_clip(to.graph, op):
        to.call("Rescale", inputs, op.out)
        return
    before = to.nodes.shared.name(f"{op.out}.unclipped")
    low, high = (to.nodes.constant(f"{op.out}.{end}", [getattr(form, end)]) for end in ("low", "high"))
    to.call("SaturatingRescale", [*inputs, low, high], op.out, [before])
    to.clipped[op.out] = before, to.tensors[op.out]


@NODES.on(ops.Divide)
def _divide(op: ops.Divide, to: Lowering) -> None:
    to.call("Divide", [to.read(op.a), to.read(op.b), to.power(str(op.shift), np.array([op.shift]))], op.out)


@NODES.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, to: Lowering) -> None:
    knots, coefficients, shifts = (to.array(n) for n in (op.knots, op.coefficients, op.shifts))
    degree, constant, name = coefficients.shape[1] - 1, to.nodes.constant, op.out
    powers = np.left_shift(np.int64(1), shifts[:, ::-1].astype(np.int64))
    table = np.hstack([to.array(op.origins).reshape(-1, 1), coefficients[:, ::-1], powers, -powers])
    assert table.shape[1] == len(columns(degree))
    even, where = _where(knots, to.reach(op.x)[1], to.word)
    inputs = [constant(f"{name}.{part}", array) for part, array in where.items()]
    to.call(polynomial_name(degree, even=even), [to.read(op.x), *inputs, constant(f"{name}.table", table)], op.out)


def _where(knots: Array, most: int, word: int) -> tuple[bool, dict[str, Array]]:
    """How the segment of an x is found: by division where all are of one width, else by comparison with each knot."""
    widths = np.unique(np.diff(knots))
    if knots.size and widths.size <= 1:
        width = int(widths[0]) if widths.size else 1
        start = int(knots[0]) - width
        if start >= -(2 ** (word - 1)) and most - start < 2 ** (word - 1):
            return True, {"start": np.array([start]), "width": np.array([width]), "most": np.array([knots.size])}
    return False, {"knots": knots}


def can_clip(graph: IntegerGraph, op: ops.Op) -> bool:
    """Whether an element of the op's result can be clipped, for all that the formats of its operands say."""
    if not isinstance(op, (ops.Rescale, ops.Shift)):
        return False
    form, (low, high) = graph.format(op.out), reach(graph, op.x)
    if isinstance(op, ops.Rescale):
        half = 2**op.shift // 2
        return (low + half) >> op.shift < form.low or (high + half) >> op.shift > form.high
    ends = [
        (end << amount if amount > 0 else end >> -amount) for end in (low, high) for amount in reach(graph, op.amount)
    ]
    return min(ends) < form.low or max(ends) > form.high


def reach(graph: IntegerGraph, name: str) -> tuple[int, int]:
    """The least and the most that a value or constant can be."""
    if name in graph.values:
        form = graph.format(name)
        return form.low, form.high
    constant = graph.constants[name]
    return (int(constant.min()), int(constant.max())) if constant.size else (0, 0)


def most_shift(graph: IntegerGraph) -> int:
    """The most bits by which anything in the graph is shifted, either way."""
    found = [0]
    for _, op in graph.ops():
        if isinstance(op, (ops.MulShift, ops.PiecewisePolynomial)):
            shifts = op.shift if isinstance(op, ops.MulShift) else op.shifts
            found.append(int(graph.constants[shifts].max(initial=0)))
        elif isinstance(op, (ops.Rescale, ops.Divide)):
            found.append(op.shift)
        elif isinstance(op, ops.Shift):
            found += map(abs, reach(graph, op.amount))
    return max(found)
