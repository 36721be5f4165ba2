"""Steps of a solver that an exporter wrote out one after the other become one block that repeats.

Equal constants and equal nodes are made one first. A block leads from a value to a later one; where the nodes that it
would become with the later value in place of the first are there, it is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from ltc2neuro.frontends.onnx.ops.graph import Attribute, Graph, Node, Operation, Repeat

_SMALLEST = 4
"""nodes of a block: a smaller one saves less than a loop costs"""
_NEAR = 64
"""how many nodes of one kind further on a twin is looked for"""

Key: TypeAlias = tuple[object, ...]


def reroll(graph: Graph) -> Graph:
    """The same function with chains of equal blocks as `Repeat`."""
    graph = shared(graph)
    while (chain := _longest(graph)) is not None:
        graph = _rolled(graph, chain)
    return graph


def shared(graph: Graph) -> Graph:
    """Each constant and each node once, and no node that hands on its input."""
    names: dict[str, str] = {}
    constants: dict[Key, str] = {}
    for name, array in graph.constants.items():
        key = _frozen(array)
        names[name] = constants.setdefault(key, name)
    known: dict[Key, Node] = {}
    nodes: list[Operation] = []
    for node in graph.nodes:
        inputs = tuple(names.get(name, name) for name in node.inputs)
        if not isinstance(node, Node) or node.body() is not None:
            nodes.append(replace(node, inputs=inputs))
        elif node.op == "Identity":
            names[node.outputs[0]] = inputs[0]
        else:
            node = replace(node, inputs=inputs)
            first = known.setdefault(_key(node, inputs), node)
            if first is node:
                nodes.append(node)
            names |= zip(node.outputs, first.outputs, strict=True)
    return replace(
        graph,
        outputs=tuple(names.get(name, name) for name in graph.outputs),
        nodes=tuple(nodes),
        constants={name: graph.constants[name] for name in constants.values()},
    )


def _key(node: Node, inputs: Sequence[str]) -> Key:
    attributes = tuple(sorted((name, _frozen(value)) for name, value in node.attributes.items()))
    return node.op, tuple(inputs), attributes, len(node.outputs)


def _frozen(value: Attribute) -> Key:
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    return type(value).__name__, repr(value)


@dataclass(frozen=True)
class _Chain:
    """`copies` of a block, each the numbers of its nodes; they lead from value to value."""

    values: tuple[str, ...]
    copies: tuple[tuple[int, ...], ...]

    @property
    def saved(self) -> int:
        """Nodes that are no more there once it is a loop."""
        return (len(self.copies) - 1) * len(self.copies[0])


def _longest(graph: Graph) -> _Chain | None:
    """The chain that saves most. Within one that is found none is looked for."""
    links = _Links(graph)
    best: _Chain | None = None
    inside, steps = set[str](), set[str]()
    for start, after in links.candidates():
        several = start in steps and after in steps  # of its copies as one block
        chain = None if several or start in inside else links.chain(start, after)
        if chain is not None and (best is None or chain.saved > best.saved):
            best, steps = chain, {*chain.values}
            inside = {name for copy in chain.copies for n in copy for name in graph.nodes[n].outputs}
            inside.discard(chain.values[-1])
    return best


class _Links:
    """A graph's nodes by what they compute, and which values depend on which."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes = graph.nodes
        self._known: dict[Key, int] = {}
        self._maker: dict[str, int] = {}
        self._sources: dict[str, int] = {name: 1 << number for number, name in enumerate(graph.inputs)}
        """of each value a bit for each input and node that it is computed from, itself included"""
        self._bit: dict[str, int] = dict(self._sources)
        self._users: dict[str, list[int]] = {}
        for number, node in enumerate(graph.nodes):
            bit = 1 << (len(graph.inputs) + number)
            sources = bit
            for name in node.inputs:
                sources |= self._sources.get(name, 0)
                self._users.setdefault(name, []).append(number)
            for name in node.outputs:
                self._maker[name], self._sources[name], self._bit[name] = number, sources, bit
            if isinstance(node, Node) and node.body() is None:
                self._known[_key(node, node.inputs)] = number

    def candidates(self) -> list[tuple[str, str]]:
        """Pairs of values, the second computed from the first, that go into twin nodes; early ones first."""
        holes: dict[Key, list[str]] = {}
        for node in self._nodes:
            if isinstance(node, Node) and node.body() is None:
                for hole in dict.fromkeys(node.inputs):
                    if hole in self._sources:
                        rest = tuple("" if name == hole else f"={name}" for name in node.inputs)
                        holes.setdefault(_key(node, rest), []).append(hole)
        pairs = {
            (a, b): None
            for group in holes.values()
            for number, a in enumerate(group)
            for b in group[number + 1 : number + 1 + _NEAR]
            if self._depends(b, a)
        }
        return sorted(pairs, key=lambda pair: (self._maker.get(pair[0], -1), self._maker.get(pair[1], -1)))

    def _depends(self, value: str, on: str) -> bool:
        return value != on and bool(self._sources.get(value, 0) & self._bit[on])

    def chain(self, start: str, after: str) -> _Chain | None:
        """The chain that begins with the block from `start` to `after`."""
        block = self._between(start, after)
        if len(block) < _SMALLEST or not all(isinstance(self._nodes[n], Node) for n in block):
            return None
        values, copies = [start, after], [block]
        while (image := self._image(block, start, values[-1])) is not None:
            copy, names = image
            copies.append(copy)
            values.append(names[after])
        chain = _Chain(tuple(values), tuple(copies))
        return chain if len(copies) > 1 and self._closed(chain) else None

    def _between(self, start: str, after: str) -> tuple[int, ...]:
        first = self._maker.get(start, -1)
        needed = self._sources[after] >> len(self._graph.inputs)
        return tuple(
            number
            for number in range(first + 1, self._maker[after] + 1)
            if needed >> number & 1 and any(self._depends(name, start) for name in self._nodes[number].outputs)
        )

    def _image(self, block: Sequence[int], start: str, value: str) -> tuple[tuple[int, ...], dict[str, str]] | None:
        """The nodes that the block becomes with `value` in place of `start`, and what its values become."""
        names, found = {start: value}, []
        for number in block:
            node = self._nodes[number]
            if not isinstance(node, Node):
                return None
            twin = self._known.get(_key(node, [names.get(name, name) for name in node.inputs]))
            if twin is None:
                return None
            found.append(twin)
            names |= zip(node.outputs, self._nodes[twin].outputs, strict=True)
        return tuple(found), names

    def _closed(self, chain: _Chain) -> bool:
        """Whether nothing outside takes a value from within."""
        numbers = [{*copy} for copy in chain.copies]
        for place, copy in enumerate(numbers):
            for number in copy:
                for name in self._nodes[number].outputs:
                    last = name == chain.values[-1]
                    users = {*self._users.get(name, ())}
                    following = numbers[place + 1] if name == chain.values[place + 1] and not last else set()
                    if not last and (name in self._graph.outputs or users - copy - following):
                        return False
        return True


def _rolled(graph: Graph, chain: _Chain) -> Graph:
    block = [graph.nodes[number] for number in chain.copies[0]]
    start, after = chain.values[:2]
    made = {start, *(name for node in block for name in node.outputs), ""}
    fixed = tuple(dict.fromkeys(name for node in block for name in node.inputs if name not in made))
    body = Graph((start, *fixed), (after,), tuple(block), captured=fixed)
    loop = Repeat(f"{block[-1].name}/steps", (start, *fixed), (chain.values[-1],), body, len(chain.copies))
    inside = {number for copy in chain.copies for number in copy}
    last = max(inside)
    nodes = [
        loop if number == last else node
        for number, node in enumerate(graph.nodes)
        if number == last or number not in inside
    ]
    return replace(graph, nodes=tuple(nodes))
