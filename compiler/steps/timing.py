"""When each element is computed: with the first sample that allows it, or later, so that fewer others are kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compiler.graph.ops import Add, Mul, Sub
from compiler.steps.elements import NEVER, Elements, Sum
from compiler.steps.shift import Orbits

ROUNDING = 1e-6
"""How far a start may be from what its operands' give: the model's own arithmetic; the proof of the trace decides"""


@dataclass
class Timing:
    """`late` is how many steps after the first possible one a newest element is computed; `start` of an element what
    it is before the first step, where that matters and has been found."""

    elements: Elements
    orbits: Orbits
    late: dict[int, int] = field(default_factory=dict)
    start: dict[int, float | None] = field(default_factory=dict)

    def lag(self, reader: int, element: int) -> int:
        """How many steps before `reader`, a newest element, its operand was computed."""
        return (
            self.early_lag(reader, element) + self.late.get(reader, 0) - self.late.get(self.orbits.newest[element], 0)
        )

    def early_lag(self, reader: int, element: int) -> int:
        """The same where both are computed as early as can be."""
        head = self.orbits.newest[element]
        return self.elements.known[reader] - (self.elements.known[head] - self.orbits.ago[element])

    def moving(self, reader: int) -> list[int]:
        """Its operands that change with the samples."""
        return [o for o in self.elements.operands[reader] if self.elements.known[o] != NEVER]


def timed(elements: Elements, orbits: Orbits, answers: list[int], step: int) -> Timing:
    """The timing of the newest elements, of which the `answers` are given with the sample of `step`."""
    timing = Timing(elements, orbits, start=dict(orbits.start))
    readers: dict[int, list[tuple[int | None, int]]] = {}
    for answer in answers:
        if elements.known[answer] != NEVER:
            lag = step - (elements.known[orbits.newest[answer]] - orbits.ago[answer])
            readers.setdefault(orbits.newest[answer], []).append((None, lag))
    heads = sorted(orbits.start)
    for head in heads:
        for operand in timing.moving(head):
            readers.setdefault(orbits.newest[operand], []).append((head, timing.early_lag(head, operand)))
    for head in reversed(heads):  # those that read an element come after it
        lags = [lag + timing.late.get(r, 0) if r is not None else lag for r, lag in readers.get(head, ()) if r != head]
        least = min(lags, default=0)
        if least > 0 and _starts_right(timing, head):
            timing.late[head] = least
    return timing


def _starts_right(timing: Timing, head: int) -> bool:
    """Whether a linear element that is computed later is what it was before the first step: of what its operands were,
    which may be taken to be 0 where nobody has read them."""
    elements, start = timing.elements, timing.start
    if timing.orbits.first[head] != 0 or start[head] is None:
        return False
    values, new = [], dict[int, float]()
    for operand in elements.operands[head]:
        if elements.known[operand] == NEVER:
            values.append(elements.values[operand])
            continue
        before = timing.orbits.newest[operand]
        known = start[before]
        values.append(0.0 if known is None else known)
        if known is None:
            new[before] = 0.0
    found = _linear(elements.kinds[head], np.array(values))
    if found is None or not np.isclose(found, start[head], rtol=ROUNDING, atol=ROUNDING):
        return False
    start.update(new)
    return True


def _linear(kind: object, x: np.ndarray) -> float | None:
    """The element of these operands; None of an op that is never moved."""
    if isinstance(kind, Add):
        return float(x[0] + x[1])
    if isinstance(kind, Sub):
        return float(x[0] - x[1])
    if isinstance(kind, Mul):
        return float(x[0] * x[1])
    return float(np.array(kind.weights) @ x) if isinstance(kind, Sum) else None
