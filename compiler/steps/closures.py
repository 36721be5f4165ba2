"""Choices that need others: those that gain most together, a closure of largest weight, by a minimum cut.

Picard, Maximal closure of a graph and applications to combinatorial problems, 1976. The cut is found as Dinic does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


def best_closure(gains: Sequence[int], needs: Iterable[tuple[int, int]]) -> set[int]:
    """The items that gain most together; of each pair in `needs` the first item needs the second."""
    source, sink, whole = len(gains), len(gains) + 1, sum(gain for gain in gains if gain > 0)
    flow = _Capacities([[] for _ in range(sink + 1)])
    for item, gain in enumerate(gains):
        flow.connect(*((source, item, gain) if gain > 0 else (item, sink, -gain)))
    for item, needed in needs:
        flow.connect(item, needed, whole + 1)
    while sink in (level := flow.levels(source)):
        tried = [0] * len(flow.arcs)
        while path := flow.path(source, sink, level, tried):
            least = min(flow.room[arc] for arc in path)
            for arc in path:
                flow.room[arc] -= least
                flow.room[arc ^ 1] += least
    return level.keys() - {source}


@dataclass
class _Capacities:
    """A network of arcs, each followed by the one back: of each node the `arcs` that leave it."""

    arcs: list[list[int]]
    heads: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)

    def connect(self, tail: int, head: int, capacity: int) -> None:
        """An arc of this capacity."""
        for start, end, room in ((tail, head, capacity), (head, tail, 0)):
            self.arcs[start].append(len(self.heads))
            self.heads.append(end)
            self.room.append(room)

    def levels(self, source: int) -> dict[int, int]:
        """How many arcs with room away each node is that can be reached."""
        level, queue = {source: 0}, [source]
        for here in queue:
            for arc in self.arcs[here]:
                if self.room[arc] and self.heads[arc] not in level:
                    level[self.heads[arc]] = level[here] + 1
                    queue.append(self.heads[arc])
        return level

    def path(self, source: int, sink: int, level: dict[int, int], tried: list[int]) -> list[int]:
        """Arcs with room, level by level; `tried` of each node are so many of its arcs."""
        path, here = list[int](), source
        while here != sink:
            own = self.arcs[here]
            while tried[here] < len(own) and not self._leads_on(own[tried[here]], here, level):
                tried[here] += 1
            if tried[here] < len(own):
                path.append(own[tried[here]])
                here = self.heads[path[-1]]
            elif path:
                here = self.heads[path.pop() ^ 1]
                tried[here] += 1
            else:
                return []
        return path

    def _leads_on(self, arc: int, here: int, level: dict[int, int]) -> bool:
        return self.room[arc] > 0 and level.get(self.heads[arc]) == level[here] + 1
