"""split: a state that is written as a concatenation becomes one state a part."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from compiler.graph.draft import integers, tidy
from compiler.graph.graph import Block, Graph, State, Value
from compiler.graph.ops import Gather, Op, StateRead, StateWrite


def split(graph: Graph) -> Graph:
    """A state whose parts are computed apart, such as hidden and cell state side by side, becomes one state a part."""
    for state in graph.states:
        parts = _parts(graph, state)
        if len(parts) > 1:
            graph = _split_state(graph, state, parts)
    return graph


def _parts(graph: Graph, state: State) -> list[slice]:
    """The ranges of `state` that each come whole and in order from one source, at every write of it."""
    cuts = {0, state.size}
    gathers = {op.out: op for _, op in graph.ops() if isinstance(op, Gather)}
    writes = [op for _, op in graph.ops() if isinstance(op, StateWrite) and op.state == state.name]
    for write in writes:
        gather = gathers.get(write.x)
        if gather is None:
            return []
        index = integers(graph, gather.index)
        starts = np.cumsum([0, *(graph.size(s) for s in gather.sources)])
        owner = np.searchsorted(starts, index, side="right") - 1
        here = {int(i) + 1 for i in np.flatnonzero(np.diff(owner))}
        bounds = [0, *sorted(here), state.size]
        if len(bounds) != len(set(owner.tolist())) + 1:
            return []  # a source comes in several pieces: its neurons would be torn apart
        cuts |= here
    ordered = sorted(cuts)
    return [slice(a, b) for a, b in pairwise(ordered)] if writes else []


def _split_state(graph: Graph, state: State, parts: list[slice]) -> Graph:
    constants, values = dict(graph.constants), dict(graph.values)
    names = [f"{state.name}[{p.start}:{p.stop}]" for p in parts]

    def constant(array: npt.NDArray[np.generic], name: str) -> str:
        constants[name] = array  # type: ignore[assignment]
        return name

    def cut(name: str | None, part: slice) -> str | None:
        return None if name is None else constant(graph.constants[name][part], f"{name}[{part.start}:{part.stop}]")

    def value(like: Value, name: str, size: int) -> str:
        values[name] = replace(like, name=name, size=size)
        return name

    def new(op: Op) -> list[Op]:
        if isinstance(op, StateRead) and op.state == state.name:
            like = graph.values[op.out]
            reads: list[Op] = []
            for name, part in zip(names, parts, strict=True):
                out = value(like, f"{op.out}[{part.start}:{part.stop}]", part.stop - part.start)
                reads.append(StateRead(out, name))
            index = constant(np.arange(state.size), f"{op.out}.index")
            sources = tuple(r.result or "" for r in reads)
            return [*reads, Gather(op.out, sources, index)]
        if isinstance(op, StateWrite) and op.state == state.name:
            writes: list[Op] = []
            for name, part in zip(names, parts, strict=True):
                out = value(graph.values[op.x], f"{op.x}[{part.start}:{part.stop}]", part.stop - part.start)
                index = constant(np.arange(part.start, part.stop), f"{out}.index")
                writes += [Gather(out, (op.x,), index), StateWrite(name, out)]
            return writes
        return [op]

    blocks = tuple(Block(b.name, tuple(made for op in b.ops for made in new(op)), b.repeat) for b in graph.blocks)
    states: list[State] = []
    for old in graph.states:
        if old.name != state.name:
            states.append(old)
            continue
        for name, part in zip(names, parts, strict=True):
            initial = cut(state.initial, part) or state.initial
            size = part.stop - part.start
            states.append(
                replace(
                    state, name=name, size=size, initial=initial, low=cut(state.low, part), high=cut(state.high, part)
                )
            )
    return tidy(replace(graph, blocks=blocks, values=values, constants=constants, states=tuple(states)))
