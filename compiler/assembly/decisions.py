"""Bodies that run at some ticks, one behind the other: after each, a tree of few tests leads to the next one.

A neuron executes no test that its tick has already decided. Ticks are told apart by thresholds, by equality and by
their lowest bits; which test comes first is chosen by how much it tells for its cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

from hw_models import instructions as isa

PER_BIT = 2.5
"""Instructions that a further bit of decision takes, about: a compare, and some that tell less than a bit."""


@dataclass(frozen=True)
class Turn:
    """A body, and when it runs: `ages[number of the counter]` is how many samples must have entered before."""

    ages: Mapping[int, int]
    body: tuple[isa.Instruction, ...]


def in_turn(
    turns: Sequence[Turn], counter: isa.Word, age: isa.Word, last: int, period: int, wrap: Sequence[isa.Instruction]
) -> list[isa.Instruction]:
    """All turns in their order, for a `counter` that has come to its next number, at most `last`.

    At `last`, before anything else, `wrap` sets it back by `period`.
    """
    start = last - period
    first = {tick: _next(turns, 0, tick) for tick in range(start + 1, last)}
    listing = [*_tree({**first, last: "wrap"}, "wrap", counter, "d"), isa.Label("wrap"), *wrap]
    listing += _decided(turns, 0, [start], counter)
    for number, turn in enumerate(turns):
        then = f"after{number}"
        for least in sorted(set(turn.ages.values()) - {0}, reverse=True):
            # from the oldest on: what passes its compare passes those after it
            listing.append(isa.Label(_entry(number, least)))
            listing.append(isa.SkipUnless(isa.Immediate(least), age, isa.Test.LESS_EQUAL, then))
        listing += [isa.Label(_entry(number, 0)), *turn.body, isa.Label(then)]
        listing += _decided(turns, number + 1, turn.ages, counter)
    return [*listing, isa.Label("end")]


def _entry(number: int, age: int) -> str:
    return f"s{number}_age{age}" if age else f"s{number}"


def _decided(turns: Sequence[Turn], first: int, ticks: Iterable[int], counter: isa.Word) -> list[isa.Instruction]:
    """From here to the next turn of each of `ticks`, where turn `first` follows."""
    behind = _entry(first, max(turns[first].ages.values())) if first < len(turns) else "end"
    return _tree({tick: _next(turns, first, tick) for tick in ticks}, behind, counter, f"d{first}")


def _next(turns: Sequence[Turn], first: int, tick: int) -> str:
    """The label of the tick's next turn, of those from `first` on."""
    for number in range(first, len(turns)):
        if tick in turns[number].ages:
            return _entry(number, turns[number].ages[tick])
    return "end"


@dataclass(frozen=True)
class _Test:
    """Whether a tick, of which only `bits` are looked at where they are given, is less than or equal to `value`."""

    test: isa.Test
    value: int
    bits: int = 0

    @property
    def cost(self) -> int:
        return isa.SkipUnless.cost + (isa.And.cost if self.bits else 0)

    def holds(self, tick: int) -> bool:
        seen = tick & self.bits if self.bits else tick
        return seen < self.value if self.test is isa.Test.LESS else seen == self.value

    def skip(self, counter: isa.Word, away: str, negated: bool) -> list[isa.Instruction]:
        """Goes on where the test holds (or, `negated`, where it does not), else to `away`."""
        seen: isa.Source = counter
        listing: list[isa.Instruction] = []
        if self.bits:
            seen = isa.Register("~phase")
            listing.append(isa.And(seen, counter, isa.Immediate(self.bits)))
        a, b, test = seen, isa.Immediate(self.value), self.test
        if negated and test is isa.Test.LESS:
            return [*listing, isa.SkipUnless(b, a, isa.Test.LESS_EQUAL, away)]
        return [*listing, isa.SkipUnless(a, b, isa.Test.NOT_EQUAL if negated else test, away)]


def _tree(ways: Mapping[int, str], behind: str, counter: isa.Word, name: str) -> list[isa.Instruction]:
    """Goes on at the label `ways[tick]`; the label `behind` follows. `name` is what its inner labels begin with."""
    labels = set(ways.values())
    if len(labels) < 2:
        return [] if labels <= {behind} else [isa.Skip(labels.pop())]
    test = _best(ways)
    yes = {tick: label for tick, label in ways.items() if test.holds(tick)}
    no = {tick: label for tick, label in ways.items() if not test.holds(tick)}
    goes_away = _only(no)
    if goes_away is None or goes_away == behind:  # what goes on is better the side that is decided, or needs no skip
        if (other := _only(yes)) is not None and other != behind:
            return [*test.skip(counter, other, negated=True), *_tree(no, behind, counter, name + "n")]
    if goes_away is not None:
        return [*test.skip(counter, goes_away, negated=False), *_tree(yes, behind, counter, name + "y")]
    away = name + "n"
    return [
        *test.skip(counter, away, negated=False),
        *_tree(yes, "", counter, name + "y"),
        isa.Label(away),
        *_tree(no, behind, counter, away),
    ]


def _only(ways: Mapping[int, str]) -> str | None:
    labels = set(ways.values())
    return labels.pop() if len(labels) == 1 else None


def _best(ways: Mapping[int, str]) -> _Test:
    """The test that leaves the least to be decided, its own instructions counted."""
    ticks = sorted(ways)
    tests = [_Test(isa.Test.LESS, tick) for tick in ticks[1:]] + [_Test(isa.Test.EQUAL, tick) for tick in ticks]
    for power in range(1, ticks[-1].bit_length()):
        bits = (1 << power) - 1
        tests += [_Test(isa.Test.EQUAL, rest, bits) for rest in sorted({tick & bits for tick in ticks})]

    def left(test: _Test) -> float:
        sides: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for tick, label in ways.items():
            sides[test.holds(tick)][label] += 1
        if not sides[0] or not sides[1]:
            return float("inf")
        return test.cost * len(ways) + PER_BIT * sum(map(_undecided, sides))

    return min(tests, key=left)


def _undecided(labels: Counter[str]) -> float:
    """Bits that all ticks together still need."""
    total = sum(labels.values())
    return sum(n * log2(total / n) for n in labels.values())
