"""Each op of a float graph as a node."""

from __future__ import annotations

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.onnx.lowering import BOTH, NodeWriter, binary_node, mat_vec

NODES: OpTable[[NodeWriter[Graph]], None] = OpTable("onnx, floats", BOTH)
"""Writes the node of each real op."""

NODES.on(ops.Mul, ops.Div)(binary_node)


NODES.on(ops.Input)(lambda op, to: to.call("HostMap", [to.sample, to.read(op.scale), to.read(op.offset)], op.out))
NODES.on(ops.MatVec)(lambda op, to: mat_vec(op, to, "WideMatVec"))
NODES.on(ops.Apply)(lambda op, to: to.call(op.function, [to.read(op.x)], op.out))
