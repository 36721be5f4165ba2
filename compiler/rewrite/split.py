"""split: a state that is written as a concatenation becomes one state a part."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from compiler.graph.draft import Draft, integers, sweep
from compiler.graph.graph import Graph, State
from compiler.graph.ops import Gather, Op, StateRead, StateWrite
from hw_models.arrays import located


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
        owner, _ = located(index, map(graph.size, gather.sources))
        here = {int(i) + 1 for i in np.flatnonzero(np.diff(owner))}
        bounds = [0, *sorted(here), state.size]
        if len(bounds) != len(set(owner.tolist())) + 1:
            return []  # a source comes in several pieces: its neurons would be torn apart
        cuts |= here
    ordered = sorted(cuts)
    return [slice(a, b) for a, b in pairwise(ordered)] if writes else []


def _split_state(graph: Graph, state: State, parts: list[slice]) -> Graph:
    draft = Draft(graph)

    def cut(name: str | None, part: slice) -> str | None:
        return None if name is None else draft.constant(graph.constants[name][part], _part(name, part))

    def new(_: Draft, op: Op) -> Op | None:
        if isinstance(op, StateRead) and op.state == state.name:
            reads = [draft.value(_part(op.out, part), op.out, part.stop - part.start) for part in parts]
            for out, part in zip(reads, parts, strict=True):
                draft.append(StateRead(out, _part(state.name, part)))
            return Gather(op.out, tuple(reads), draft.constant(np.arange(state.size), f"{op.out}.index"))
        if isinstance(op, StateWrite) and op.state == state.name:
            written: list[Op] = []
            for part in parts:
                out = draft.value(_part(op.x, part), op.x, part.stop - part.start)
                index = draft.constant(np.arange(part.start, part.stop), f"{out}.index")
                written += [Gather(out, (op.x,), index), StateWrite(_part(state.name, part), out)]
            for made in written[:-1]:
                draft.append(made)
            return written[-1]
        return None

    sweep(draft, new)
    divided = [
        replace(
            state,
            name=_part(state.name, part),
            size=part.stop - part.start,
            initial=cut(state.initial, part) or state.initial,
            low=cut(state.low, part),
            high=cut(state.high, part),
        )
        for part in parts
    ]
    draft.states = [new for old in graph.states for new in (divided if old.name == state.name else [old])]
    return draft.finish()


def _part(name: str, part: slice) -> str:
    return f"{name}[{part.start}:{part.stop}]"
