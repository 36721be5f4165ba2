"""When each element is computed, and what was before the first step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from compiler.steps.elements import NEVER, Elements
from compiler.steps.orbits import Orbits
from compiler.steps.pasts import early_lag, number_at


@dataclass
class Timing:
    """`late` is how many steps after the first possible one a newest element is computed; `starts` of one
    what it was so many steps before the first, where that has been found."""

    elements: Elements
    orbits: Orbits
    late: dict[int, int] = field(default_factory=dict)
    starts: dict[tuple[int, int], float] = field(default_factory=dict)

    def lag(self, reader: int, element: int) -> int:
        """How many steps before `reader`, a newest element, its operand was computed."""
        late = self.late.get(reader, 0) - self.late.get(self.orbits.newest[element], 0)
        return early_lag(self.orbits, reader, element) + late

    def started(self, head: int, ago: int = 1) -> float:
        """What a newest element was so many steps before the first."""
        ago += self.late.get(head, 0)
        if (number := self.orbits.even_before.get((head, ago))) is not None:
            return self.elements.values[number]
        if (head, ago) in self.starts:
            return self.starts[head, ago]
        past = self.orbits.past.get(head)
        if past is None or past.ever:
            return self.orbits.start[head] or 0.0
        return number_at(self.orbits, head, -ago) or 0.0

    def alike(self, heads: Iterable[int]) -> Iterable[list[int]]:
        """Newest elements by their operands and when they are computed: rows of a matrix have the same."""
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        for head in heads:
            when = self.elements.known[head] + self.late.get(head, 0)
            found[id(self.elements.operands[head]), when].append(head)
        return found.values()

    def moving(self, reader: int) -> list[int]:
        """Its operands that change with the samples."""
        return [o for o in self.elements.operands[reader] if self.elements.known[o] != NEVER]
