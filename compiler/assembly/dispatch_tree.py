"""Bodies that run at some ticks, one after another: after each, a tree of few tests leads to the next one.

A neuron executes no test that its tick has already decided. Numbers are told apart by thresholds, by equality and by
their lowest bits; which test comes first is chosen by how much it tells for its cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

from hw_models import isa

PER_BIT = 2.5
"""Instructions that a further bit of decision takes, about: a compare, and some that tell less than a bit."""


RARE = 1 / 16
"""What a number of the counter weighs that comes only once in a run, against one of every sample."""


@dataclass(frozen=True)
class Turn:
    """A body, and the numbers of the counter at which it runs."""

    numbers: frozenset[int]
    body: tuple[isa.Instruction, ...]


@dataclass(frozen=True)
class Ring:
    """The numbers that a counter comes to: `first`, and on to `last`, where it goes back by `period`.

    At the numbers `counted`, as they are after that, it executes `count` before anything else; where there is something
    to count, `start` is one of them.
    """

    counter: isa.Word
    first: int
    last: int
    period: int
    counted: frozenset[int] = frozenset()
    count: tuple[isa.Instruction, ...] = ()

    @property
    def start(self) -> int:
        """Where the counter goes after `last`."""
        return self.last - self.period

    @property
    def short(self) -> bool:
        """Whether no number comes only once."""
        return self.first > self.start

    def weight(self, number: int) -> float:
        """How often a number comes."""
        return 1 if number >= self.start else RARE


def in_turn(turns: Sequence[Turn], ring: Ring) -> list[isa.Instruction]:
    """All turns in their order, at a number that the counter has just come to."""
    ways = {n: _next(turns, 0, n) for n in range(ring.first, ring.last)}
    ways.update(dict.fromkeys(ring.counted & ways.keys(), "count"))
    listing = _tree({**ways, ring.last: "wrap"}, "wrap", ring, "d")
    listing += [isa.Label("wrap"), isa.Move(ring.counter, isa.Immediate(ring.start)), isa.Label("count"), *ring.count]
    listing += _decided(turns, 0, {ring.start, *ring.counted}, ring)
    for number, turn in enumerate(turns):
        listing += [isa.Label(f"s{number}"), *turn.body]
        listing += _decided(turns, number + 1, turn.numbers, ring)
    return [*listing, isa.Label("end")]


def alternating(turns: Sequence[Turn], ring: Ring) -> list[isa.Instruction]:
    """The same at a counter that is 0 and 1 in turn: it wraps by itself."""
    listing = _tree({n: _next(turns, 0, n) for n in (0, 1)}, "s0", ring, "d")
    for number, turn in enumerate(turns):
        numbers = frozenset(n % 2 for n in turn.numbers)
        listing += [isa.Label(f"s{number}"), *turn.body]
        listing += _decided(turns, number + 1, numbers, ring)
    return [*listing, isa.Label("end")]


def _decided(turns: Sequence[Turn], first: int, numbers: Iterable[int], ring: Ring) -> list[isa.Instruction]:
    """From here to the next turn of each of `numbers`, where turn `first` follows."""
    following = f"s{first}" if first < len(turns) else "end"
    return _tree({n: _next(turns, first, n) for n in numbers}, following, ring, f"d{first}")


def _next(turns: Sequence[Turn], first: int, number: int) -> str:
    """The label of the number's next turn, of those from `first` on."""
    return next((f"s{n}" for n in range(first, len(turns)) if number in turns[n].numbers), "end")


@dataclass(frozen=True)
class _Test:
    """Whether a number, of which only `bits` are looked at where they are given, is below or equal to `value`."""

    test: isa.Test
    value: int
    bits: int = 0

    @property
    def cost(self) -> int:
        return isa.SkipUnless.cost + (isa.And.cost if self.bits else 0)

    def held(self, numbers: Iterable[int]) -> list[bool]:
        """Of which of the numbers it holds."""
        value, bits = self.value, self.bits
        if self.test is isa.Test.LESS:
            return [n < value for n in numbers]
        return [n & bits == value for n in numbers] if bits else [n == value for n in numbers]

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


def _tree(ways: Mapping[int, str], following: str, ring: Ring, name: str) -> list[isa.Instruction]:
    """Goes on at the label `ways[number]`; `following` is the next label. `name` begins its inner labels."""
    labels = set(ways.values())
    if len(labels) < 2:
        return [isa.Skip(label) for label in labels - {following}]
    test = _best(ways, ring)
    held = test.held(ways)
    yes = {number: label for (number, label), is_yes in zip(ways.items(), held, strict=True) if is_yes}
    no = {number: label for number, label in ways.items() if number not in yes}
    yes_only, no_only = _only(yes), _only(no)
    # a side with one label is skipped to at once; of two such sides the one that follows anyway is not skipped to
    if yes_only is not None and yes_only != following and no_only in (None, following):
        return [*test.skip(ring.counter, yes_only, negated=True), *_tree(no, following, ring, name + "n")]
    if no_only is not None:
        return [*test.skip(ring.counter, no_only, negated=False), *_tree(yes, following, ring, name + "y")]
    away = name + "n"
    return [
        *test.skip(ring.counter, away, negated=False),
        *_tree(yes, "", ring, name + "y"),
        isa.Label(away),
        *_tree(no, following, ring, away),
    ]


def _only(ways: Mapping[int, str]) -> str | None:
    labels = set(ways.values())
    return labels.pop() if len(labels) == 1 else None


def _best(ways: Mapping[int, str], ring: Ring) -> _Test:
    """The test that leaves the least to be decided, its own instructions counted."""
    numbers = sorted(ways)
    tests = [_Test(isa.Test.LESS, n) for n in numbers[1:]] + [_Test(isa.Test.EQUAL, n) for n in numbers]
    for power in range(1, numbers[-1].bit_length()):
        bits = (1 << power) - 1
        tests += [_Test(isa.Test.EQUAL, rest, bits) for rest in sorted({n & bits for n in numbers})]
    weights = [(label, ring.weight(n)) for n, label in ways.items()]
    total = sum(weight for _, weight in weights)

    def left(test: _Test) -> float:
        no: dict[str, float] = {}
        yes: dict[str, float] = {}
        for held, (label, weight) in zip(test.held(ways), weights, strict=True):
            side = yes if held else no
            side[label] = side.get(label, 0.0) + weight
        if not no or not yes:
            return float("inf")
        return test.cost * total + PER_BIT * (_undecided(no) + _undecided(yes))

    return min(tests, key=left)


def _undecided(labels: Mapping[str, float]) -> float:
    """Bits that all numbers together still need, each by its weight."""
    total = sum(labels.values())
    return sum(weight * log2(total / weight) for weight in labels.values())
