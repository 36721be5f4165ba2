"""In which order the nodes of a NIR graph are computed within a sample, and which edges reach over to the next one.

NIR's edges take no time. A cycle can be computed only where one of its edges hands on what was there a sample ago: one
into a `Delay`, else the edge that closes the cycle on the way from the input, moved back over synapses to the neurons
that feed them, so that what is kept between samples is their spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from hw_models.errors import InputError

Edge = tuple[str, str]

BEFORE = "@before"
"""Ends the name of what a node answered a sample ago."""


@dataclass(frozen=True)
class WiredCall:
    """A node at work: the name of its answer, the node, and the answers whose sum it reads."""

    answer: str
    node: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class NodeWiring:
    """The calls of a sample in their order, and the nodes whose answers are kept for the next one."""

    calls: tuple[WiredCall, ...]
    kept: tuple[str, ...]


def wire(
    nodes: Sequence[str],
    edges: Sequence[Edge],
    ends: Edge,
    stateful: Callable[[str], bool],
    delays: Set[str] = frozenset(),
) -> NodeWiring:
    """The order of `nodes` between both `ends`; `stateful` tells neurons, `delays` are those of a sample.

    Files sort nodes by their names, and some writers shuffle edges: names alone decide where there is a choice.
    """
    start, end = ends
    ordered = sorted(set(edges))
    after = {name: [b for a, b in ordered if a == name] for name in nodes}
    sources = {name: [a for a, b in ordered if b == name] for name in nodes}
    _check_ways(nodes, after, sources, ends)
    at_once = {name: [b for b in targets if b not in delays] for name, targets in after.items()}
    order, closing = _depth_first([start, *sorted(delays)], at_once)
    calls: list[WiredCall] = []
    kept: list[str] = []

    def keep(name: str) -> str:
        """The answer of `name` a sample ago."""
        if name not in kept:
            kept.append(name)
        return name + BEFORE

    def before(name: str) -> str:
        """The same, computed again from what its only source answered then where there is one."""
        if stateful(name) or name in delays or len(sources[name]) != 1:
            return keep(name)
        answer, source = name + BEFORE, before(sources[name][0])
        if all(call.answer != answer for call in calls):
            calls.append(WiredCall(answer, name, (source,)))
        return answer

    for name in order:
        if name in delays:
            calls.append(WiredCall(name, name, tuple(map(keep, sources[name]))))
        elif name != start:
            reads = tuple(before(a) if (a, name) in closing else a for a in sources[name])
            calls.append(WiredCall(name, name, reads))
    used = {end, *kept}
    for call in reversed(calls):
        if call.answer in used:
            used.update(call.sources)
    return NodeWiring(tuple(call for call in calls if call.answer in used), tuple(kept))


def _depth_first(starts: Sequence[str], after: Mapping[str, Sequence[str]]) -> tuple[list[str], set[Edge]]:
    """The nodes from `starts` on, each after its sources, and the edges that close cycles."""
    closing: set[Edge] = set()
    done: list[str] = []
    entered: set[str] = set()
    for start in starts:
        open_nodes: list[tuple[str, Iterator[str]]] = [(start, iter(after[start]))]
        entered.add(start)
        while open_nodes:
            name, rest = open_nodes[-1]
            for target in rest:
                if any(target == other for other, _ in open_nodes):
                    closing.add((name, target))
                elif target not in entered:
                    entered.add(target)
                    open_nodes.append((target, iter(after[target])))
                    break
            else:
                done.append(name)
                open_nodes.pop()
    return done[::-1], closing


def _check_ways(
    nodes: Sequence[str],
    after: Mapping[str, Sequence[str]],
    sources: Mapping[str, Sequence[str]],
    ends: Edge,
) -> None:
    """Refuse nodes that the input does not reach, and those whose answers nobody reads."""
    for origin, onward, what in (
        (ends[0], after, "is not reached from the input"),
        (ends[1], sources, "does not lead to the output"),
    ):
        met, todo = {origin}, [origin]
        while todo:
            new = [name for name in onward[todo.pop()] if name not in met]
            met.update(new)
            todo += new
        lost = [name for name in nodes if name not in met]
        if lost:
            raise InputError(
                f"a node of the NIR graph {what}",
                where=lost[0],
                numbers=f"{len(lost)} of {len(nodes)} nodes",
                advice="Connect it, or take it out of the graph.",
            )
