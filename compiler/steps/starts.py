"""What elements were before the first step: as the model has shown, and as the ops that make them later than they could
be made say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from compiler.graph.ops import Add, Mul, Sub
from compiler.steps.elements import NEVER, ElementKind, Sum
from compiler.steps.orbits import Orbits
from compiler.steps.pasts import ROUNDING, early_lag, values_of
from hw_models.arrays import Floats

FOLDED = 1e-5
"""How far a start may be from what its operands give, of these: torch has added them up in float32"""
Early: TypeAlias = tuple[int, int]
"""A newest element, so many steps before the first"""


@dataclass
class EarlyNumbers:
    """What has been `found`; and the `wrong` ones, which their ops do not make of what was before."""

    orbits: Orbits
    found: dict[Early, float] = field(default_factory=dict)
    wrong: set[Early] = field(default_factory=set)
    _rows: dict[tuple[int, int], list[Early]] = field(default_factory=lambda: defaultdict(list))
    """those that are still to be made, by the identity of their operands and the step"""
    _unknown: dict[tuple[int, int], set[Early]] = field(default_factory=dict)
    """of these operands those that have not been found"""
    _readers: dict[Early, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def make(self, late: Mapping[int, int]) -> None:
        """Find what elements make that are computed so much `late`, and what they need for that."""
        for head, number in late.items():
            for ago in range(1 + self.orbits.later.get(head, head in self.orbits.remade), number + 1):
                self._rows[id(self.orbits.elements.operands[head]), ago].append((head, ago))
        made = {one for rows in self._rows.values() for one in rows}
        for one in made:
            self._look_up(one)
        for key, rows in self._rows.items():
            operands = {operand for operand in self._operands(*rows[0]) if operand is not None}
            self._unknown[key] = {operand for operand in operands if not self._look_up(operand)}
            for operand in self._unknown[key]:
                self._readers[operand].append(key)
        self._leave_out(operand for operand in [*self._readers] if self._is_of_samples(*operand))
        while self._rows:
            ready = [key for key in self._rows if not self._unknown[key]]
            if ready:
                self._compute([self._rows.pop(key) for key in ready])
            elif not self._solve():
                self._choose(made)

    def _is_of_samples(self, head: int, ago: int) -> bool:
        return ago <= self.orbits.later.get(head, 0) or self.orbits.begun(head, ago) is not None

    def _leave_out(self, of_samples: Iterable[Early]) -> None:
        """What is made of these is no number; it is wrong where one was shown."""
        waiting = [*of_samples]
        while waiting:
            for key in self._readers.pop(waiting.pop(), ()):
                for one in self._rows.pop(key, ()):
                    (self.wrong.add if one in self.found else waiting.append)(one)

    def _look_up(self, one: Early) -> bool:
        """Whether it has been found, or the model has shown it."""
        if one not in self.found and (past := self.orbits.past.get(one[0])) is not None:
            ago, last = past.reached - 1 + one[1], past.numbers[-1]
            if ago < len(past.numbers) or (past.ever and self.orbits.before.get(last) == last):
                self.found[one] = self.orbits.elements.values[past.numbers[min(ago, len(past.numbers) - 1)]]
        return one in self.found

    def _operands(self, head: int, ago: int) -> list[Early | None]:
        """What it is made of; None for constants."""
        elements, newest = self.orbits.elements, self.orbits.newest
        return [
            None if elements.known[o] == NEVER else (newest[o], ago + early_lag(self.orbits, head, o))
            for o in elements.operands[head]
        ]

    def _choose(self, made: set[Early]) -> None:
        """Let nobody have looked at those of one value, samples first: what they are at all steps, or 0."""
        elements = self.orbits.elements
        unknown = {operand for key in self._rows for operand in self._unknown[key]}
        free = unknown - made or unknown
        first = elements.homes[min(free)[0]]
        for head, ago in free:
            home = elements.homes[head]
            if first is None or home is None or home.value == first.value:
                past = self.orbits.past.get(head)
                self._take((head, ago), 0.0 if past is None or not past.ever else elements.values[past.numbers[-1]])

    def _take(self, one: Early, value: float) -> None:
        self.found[one] = value
        for key in self._readers.pop(one, ()):
            self._unknown[key].discard(one)

    def _compute(self, ready: Iterable[list[Early]]) -> None:
        """What ops make of what is all known."""
        alike: dict[ElementKind, list[Early]] = defaultdict(list)
        for rows in ready:
            kinds = [self.orbits.elements.kinds[head] for head, _ in rows]
            weights = [kind.weights for kind in kinds if isinstance(kind, Sum)]
            if weights:  # all are rows of one matrix
                matrix, column = np.array(weights), np.array(self._column(*rows[0]))
                self._check(rows, matrix @ column, np.abs(matrix) @ np.abs(column))
            else:
                for one, kind in zip(rows, kinds, strict=True):
                    alike[kind].append(one)
        for kind, own in alike.items():
            columns = np.array([self._column(*one) for one in own]).T
            added = np.abs(columns).sum(axis=0) if isinstance(kind, (Add, Sub)) else np.zeros(len(own))
            self._check(own, values_of(kind, columns), added)

    def _check(self, made: Iterable[Early], values: Floats, sizes: Floats) -> None:
        """Whether what has been made, of terms of these sizes, is what was before; take it where nobody has looked."""
        for one, value, size in zip(made, values.tolist(), sizes.tolist(), strict=True):
            start = self.found.get(one)
            if not np.isfinite(value) if start is None else abs(value - start) > _tolerance(start, size):
                self.wrong.add(one)
            if start is None:
                self._take(one, value)

    def _column(self, head: int, ago: int) -> list[float]:
        numbers, operands = self.orbits.elements.values, self.orbits.elements.operands[head]
        places = zip(operands, self._operands(head, ago), strict=True)
        return [numbers[o] if one is None else self.found.get(one, 0.0) for o, one in places]

    def _solve(self) -> bool:
        """Find operands that are the only unknown ones of sums and products that are known."""
        found = dict[Early, float]()
        for key, rows in self._rows.items():
            shown = [one for one in rows if one in self.found]
            if len(self._unknown[key]) == 1:
                (unknown,) = self._unknown[key]
                value = next((self._solved(one, unknown) for one in shown), None)
                if value is not None:
                    found[unknown] = value
            elif len(shown) >= len(self._unknown[key]):
                found |= self._solved_together(shown, sorted(self._unknown[key]))
        for one, value in found.items():
            self._take(one, value)
        return bool(found)

    def _solved(self, one: Early, unknown: Early) -> float | None:
        """Of an affine function of one unknown what that is."""
        kind, operands = self.orbits.elements.kinds[one[0]], self._operands(*one)
        if not isinstance(kind, (Add, Sub, Mul, Sum)) or operands.count(unknown) != 1:
            return None
        columns = np.array([self._column(*one)] * 2).T
        columns[operands.index(unknown)] = 0.0, 1.0
        at_0, at_1 = values_of(kind, columns).tolist()
        return None if at_1 == at_0 else (self.found[one] - at_0) / (at_1 - at_0)

    def _solved_together(self, shown: list[Early], unknown: list[Early]) -> dict[Early, float]:
        """Of rows of a matrix what they are multiplied with, where that is one vector alone."""
        kinds = [self.orbits.elements.kinds[head] for head, _ in shown]
        matrix = np.array([kind.weights for kind in kinds if isinstance(kind, Sum)])
        operands = self._operands(*shown[0])
        if len(matrix) < len(shown) or len({*operands}) < len(operands):
            return {}
        places = [operands.index(one) for one in unknown]
        rest = np.array([self.found[one] for one in shown]) - matrix @ self._column(*shown[0])
        found, _, rank, _ = np.linalg.lstsq(matrix[:, places], rest, rcond=None)
        return dict(zip(unknown, found.tolist(), strict=True)) if rank == len(unknown) else {}


def _tolerance(start: float, size: float) -> float:
    return ROUNDING + FOLDED * (abs(start) + size)
