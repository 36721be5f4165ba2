"""Numbers of rows and steps that an exporter wrote down where it was given an example of one size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ltc2neuro.frontends.onnx.ops.graph import Array, Graph, Node, Operation, Shape


def freed(graph: Graph) -> Graph:
    """The same graph for the sizes that it declares, in which reshaping keeps the axes that it does not change."""
    constants = dict(graph.constants)

    def changed(node: Operation) -> Operation:
        if not isinstance(node, Node) or node.op != "Reshape":
            return node
        shape, before = constants.get(node.inputs[1]), graph.shape(node.inputs[0])
        if shape is None or before is None or (node.whole("allowzero", 0) and not shape.all()):
            return node
        name = f"{node.inputs[1]} of {node.name}"
        constants[name] = _kept(shape, before)
        return replace(node, inputs=(node.inputs[0], name), attributes={})

    return replace(graph, nodes=tuple(map(changed, graph.nodes)), constants=constants)


def _kept(wanted: Array, before: Shape) -> Array:
    """0 for each leading axis that stays; the first that does not is what is left, if none is said to be.

    >>> _kept(np.array([5, 2, 8]), (5, 2, 1, 8)), _kept(np.array([10, 8]), (5, 2, 8))
    (array([0, 0, 8]), array([-1,  8]))
    """
    sizes = wanted.reshape(-1).astype(np.int64)
    same = next(
        (n for n, (a, b) in enumerate(zip(sizes, before, strict=False)) if a != b), min(len(sizes), len(before))
    )
    sizes[:same] = 0
    if same == 0 and np.all(sizes > 0):
        sizes[:1] = -1
    return sizes
