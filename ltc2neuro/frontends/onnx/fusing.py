"""Activations that exporters take apart, put together again: a chip has one program for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ltc2neuro.frontends.onnx.ops.graph import Graph, Node, Operation


def fused(graph: Graph) -> Graph:
    """The same graph with x sigmoid(x) as `Swish`, and x/2 (1 + erf(x / sqrt 2)) as `Gelu`."""
    made = {name: node for node in graph.nodes if isinstance(node, Node) for name in node.outputs}
    parts = _Fusion(graph, made)
    return replace(graph, nodes=tuple(map(parts.fused, graph.nodes)))


@dataclass(frozen=True)
class _Fusion:
    graph: Graph
    made: Mapping[str, Node]

    def fused(self, node: Operation) -> Operation:
        if not isinstance(node, Node) or node.op != "Mul":
            return node
        factors = self._factors(node)
        for x in factors:
            rest = [name for name in factors if name != x]
            if len(rest) == 1 and self._is(rest[0], "Sigmoid", x):
                return replace(node, op="Swish", inputs=(x,))
            if len(rest) == 2 and any(self._constant(a, 0.5) and self._gate(b, x) for a, b in (rest, rest[::-1])):
                return replace(node, op="Gelu", inputs=(x,))
        return node

    def _factors(self, node: Node) -> list[str]:
        """Those of a product of two or three."""
        for one, other in (node.inputs, node.inputs[::-1]):
            inner = self.made.get(one)
            if inner is not None and inner.op == "Mul":
                return [*inner.inputs, other]
        return list(node.inputs)

    def _gate(self, name: str, x: str) -> bool:
        """Whether a value is 1 + erf(x / sqrt 2)."""
        node = self.made.get(name)
        if node is None or node.op != "Add":
            return False
        for one, other in (node.inputs, node.inputs[::-1]):
            inner = self.made.get(one)
            if inner is not None and inner.op == "Erf" and self._constant(other, 1.0):
                return self._scaled(inner.inputs[0], x)
        return False

    def _scaled(self, name: str, x: str) -> bool:
        node = self.made.get(name)
        if node is None or x not in node.inputs:
            return False
        by = node.inputs[1] if node.inputs[0] == x else node.inputs[0]
        divided = node.op == "Div" and node.inputs[0] == x and self._constant(by, math.sqrt(2.0))
        return divided or (node.op == "Mul" and self._constant(by, math.sqrt(0.5)))

    def _is(self, name: str, op: str, of: str) -> bool:
        node = self.made.get(name)
        return node is not None and node.op == op and node.inputs == (of,)

    def _constant(self, name: str, value: float) -> bool:
        known = self.graph.constants.get(name)
        return known is not None and known.size == 1 and math.isclose(float(known.item()), value, rel_tol=1e-6)
