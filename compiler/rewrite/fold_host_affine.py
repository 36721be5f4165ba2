"""host: a map per channel right after the input or right before the output is the host's work.

The host computes it in floating point, once a sample. It is not folded into synapses: channels with a
small scale would make small slopes and large thresholds of their synapses, which integers hold badly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.graph.draft import reals, tidy
from compiler.graph.graph import Graph
from compiler.graph.names import fresh, rewritten
from compiler.graph.ops import Add, Input, Mul, Op, Output
from hw_models.arrays import Floats


def host(graph: Graph) -> Graph:
    """x*c and x+c after the input and before the output move into the host's scale and offset."""
    new = graph
    for op in [op for _, op in graph.ops() if isinstance(op, (Input, Output))]:
        step: Input | Output | None = op
        while step is not None:
            new, step = _after_input(new, step) if isinstance(step, Input) else _before_output(new, step)
    return graph if new is graph else tidy(new)


def _after_input(graph: Graph, op: Input) -> tuple[Graph, Input | None]:
    """Take in the op that reads the input, if it is the only one and a map; its result's name goes to the input."""
    readers = [reader for _, reader in graph.ops() if op.out in reader.operands]
    found = _map(graph, readers[0]) if len(readers) == 1 else None
    if found is None or found[0] != op.out:
        return graph, None
    _, scale, offset = found
    old_scale, old_offset = reals(graph, op.scale), reals(graph, op.offset)
    out = readers[0].result or ""
    graph, scale_name = _with(graph, old_scale * scale, op.scale)
    graph, offset_name = _with(graph, old_offset * scale + offset, op.offset)
    new = Input(out, scale_name, offset_name)
    return _exchange(graph, {op: new, readers[0]: None}), new


def _before_output(graph: Graph, op: Output) -> tuple[Graph, Output | None]:
    """Take in the map that the output reads, if nothing else reads it."""
    if op.x in graph.constants:
        return _constant_output(graph, op)
    readers = [reader for _, reader in graph.ops() if op.x in reader.operands]
    source = next((other for _, other in graph.ops() if other.result == op.x), None)
    found = _map(graph, source) if source is not None and len(readers) == 1 else None
    if found is None:
        return graph, None
    x, scale, offset = found
    old_scale, old_offset = reals(graph, op.scale), reals(graph, op.offset)
    graph, scale_name = _with(graph, old_scale * scale, op.scale)
    graph, offset_name = _with(graph, old_offset + offset * old_scale, op.offset)
    new = Output(x, scale_name, offset_name)
    return _exchange(graph, {op: new}), new


def _constant_output(graph: Graph, op: Output) -> tuple[Graph, Output | None]:
    """A result that is always the same is the host's offset to zeros."""
    always = reals(graph, op.x)
    if not always.any():
        return graph, None
    graph, offset = _with(graph, reals(graph, op.offset) + reals(graph, op.scale) * always, op.offset)
    graph, zeros = _with(graph, np.zeros(always.size), "0")
    new = Output(zeros, op.scale, offset)
    return _exchange(graph, {op: new}), new


def _map(graph: Graph, op: Op) -> tuple[str, Floats, Floats] | None:
    """x, scale and offset where the op is x * scale or x + offset."""
    if not isinstance(op, (Add, Mul)) or op.b not in graph.constants or op.a in graph.constants:
        return None
    array, size = reals(graph, op.b), graph.size(op.out)
    if isinstance(op, Mul):
        return op.a, np.broadcast_to(array, (size,)), np.zeros(size)
    return op.a, np.ones(size), np.broadcast_to(array, (size,))


def _with(graph: Graph, array: Floats, name: str) -> tuple[Graph, str]:
    """The graph with one more constant, and its name."""
    name = fresh(rewritten(name), graph.constants, graph.values)
    return replace(graph, constants={**graph.constants, name: array}), name


def _exchange(graph: Graph, new: dict[Op, Op | None]) -> Graph:
    blocks = [
        replace(b, ops=tuple(made for op in b.ops if (made := new.get(op, op)) is not None)) for b in graph.blocks
    ]
    return replace(graph, blocks=tuple(blocks))
