"""Random inputs for a graph, of the sizes that it declares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltc2neuro.frontends.onnx.ops.graph import Array, Graph, Node
from ltc2neuro.frontends.onnx.roles import OnnxStep


def of_step(step: OnnxStep, rows: int) -> dict[str, Array]:
    """Samples, states and elapsed times of 1; of this many rows, where they are free or one."""
    graph, dtype = step.graph, _dtype(step.graph)
    count = _declared(graph, 0, rows)
    count = rows if count == 1 else count
    sizes = (step.features, *step.sizes)
    random = np.random.default_rng(0)
    vectors = graph.inputs[: len(sizes)]
    inputs = {n: random.normal(size=(count, size)).astype(dtype) for n, size in zip(vectors, sizes, strict=True)}
    if step.elapsed:
        shape = graph.shape(graph.inputs[-1])
        inputs[graph.inputs[-1]] = np.ones([count, *(n or 1 for n in shape[1:])] if shape else (), dtype)
    return inputs


def of_sequences(graph: Graph, leading: Sequence[int]) -> dict[str, Array]:
    """Whole sequences; `leading` are the lengths of the first two axes, where they are free.

    An input of two axes has the first of them, or the second where a sequence calls that one so: it reads time first.
    """
    random, found = np.random.default_rng(0), dict[str, Array]()
    for name in graph.inputs:
        shape = graph.shape(name) or ()
        held = len(shape) == 2 and name not in graph.tokens
        axes = leading[1:] if held and _called_second(graph, name) else leading[: 1 if held else 2]
        size = [declared or free for declared, free in zip(shape, axes, strict=False)]
        size += [n or 1 for n in shape[len(axes) :]]
        if name in graph.tokens:
            found[name] = random.integers(_vocabulary(graph, name), size=size)
        else:
            found[name] = random.normal(size=size).astype(_dtype(graph))
    return found


def _called_second(graph: Graph, held: str) -> bool:
    """Whether the first axis of `held` has the name of a sequence's second."""
    (rows, *_) = graph.axes.get(held) or ("",)
    sequences = [axes for axes in graph.axes.values() if len(axes) > 2]
    return rows != "" and any(axes[1] == rows != axes[0] for axes in sequences)


def _vocabulary(graph: Graph, tokens: str) -> int:
    """How many rows the smallest table has in which they are looked up."""
    nodes = (node for node in graph.nodes if isinstance(node, Node) and node.op == "Gather")
    tables = [graph.constants.get(node.inputs[0]) for node in nodes if node.inputs[1] == tokens]
    return min((len(table) for table in tables if table is not None and table.ndim), default=2)


def _declared(graph: Graph, axis: int, free: int) -> int:
    shape = graph.shape(graph.inputs[0])
    return free if shape is None else shape[axis] or free


def _dtype(graph: Graph) -> str:
    return "float64" if graph.double else "float32"
