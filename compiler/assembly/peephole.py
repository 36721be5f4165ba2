"""Listings made shorter, a few neighbouring instructions at a time; what a neuron sends and keeps stays the same.

Each rule takes a listing and its flow and returns a shorter listing, or None where it finds nothing. What is said to be
dead is never read again, on no way through the listing: the flow proves it. Only registers die; words are left as they
are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from compiler.assembly.liveness import Live, Ways, live_after, ways
from compiler.assembly.site import Listing
from hw_models import isa

_JUMPS = (isa.Skip, isa.SkipUnless, isa.Label)


@dataclass(frozen=True, eq=False)
class Flow:
    """Where a listing can go, and what is live after each instruction. `word_high` is the largest of an immediate."""

    listing: Listing
    word_high: int

    @cached_property
    def ways(self) -> Ways:
        """For each instruction the numbers of those that can follow it."""
        return ways(self.listing)

    @cached_property
    def alive(self) -> Live:
        """For each instruction the registers that are still read after it."""
        return live_after(self.listing, self.ways)


def shorten(listing: Sequence[isa.Instruction], word_high: int) -> tuple[isa.Instruction, ...]:
    """Apply all rules until none finds anything. `word_high` is the largest integer of a word, so of an immediate."""
    found = list(listing)
    while True:
        flow = Flow(found, word_high)
        shorter = next((s for rule in RULES if (s := rule(found, flow)) is not None), None)
        if shorter is None:
            return tuple(found)
        found = shorter


def _unreached(listing: Listing, flow: Flow) -> Listing | None:
    """What no way leads to, results that nobody reads, and skips that are decided."""
    kept: Listing = []
    for n, instruction in enumerate(listing):
        onward = flow.ways.get(n, ())
        if isinstance(instruction, isa.SkipUnless) and onward == (n + 1,):
            continue
        if isinstance(instruction, isa.SkipUnless) and len(onward) == 1:
            kept.append(isa.Skip(instruction.to))
        elif isinstance(instruction, isa.Label) or (onward and not _is_dead(isa.target(instruction), n, flow.alive)):
            kept.append(instruction)
    return kept if kept != listing else None


def _is_dead(target: isa.Target | None, number: int, alive: Live) -> bool:
    return isinstance(target, isa.Register) and not alive.is_read(target, number)


def _idle_skips(listing: Listing, flow: Flow) -> Listing | None:
    """Skips to the next instruction, and labels that nobody skips to."""
    wanted = {i.to for i in listing if isinstance(i, (isa.Skip, isa.SkipUnless))}
    for n, instruction in enumerate(listing):
        if isinstance(instruction, isa.Label) and instruction.name not in wanted:
            return _without(listing, n)
        if isinstance(instruction, (isa.Skip, isa.SkipUnless)):
            after = n + 1
            while after < len(listing) and isinstance(label := listing[after], isa.Label):
                if label.name == instruction.to:
                    return _without(listing, n)
                after += 1
    return None


def _neutral(listing: Listing, flow: Flow) -> Listing | None:
    """Sums with 0 and shifts by 0 are moves; a move to itself is nothing."""
    zero = isa.Immediate(0)
    for n, i in enumerate(listing):
        if isinstance(i, isa.Move) and i.dest == i.a:
            return _without(listing, n)
        plain: isa.Source | None = None
        if isinstance(i, isa.Add) and zero in (i.a, i.b):
            plain = i.a if i.b == zero else i.b
        elif isinstance(i, isa.Subtract) and i.b == zero:
            plain = i.a
        elif isinstance(i, (isa.ShiftLeft, isa.ShiftRight)) and i.amount == zero:
            plain = i.a
        dest = isa.target(i)
        if plain is not None and dest is not None:
            return [*listing[:n], isa.Move(dest, plain), *listing[n + 1 :]]
    return None


def _late_moves(listing: Listing, flow: Flow) -> Listing | None:
    """`r = ...; d = r`, r dead: the result goes to d at once, where nobody uses d in between."""
    alive = flow.alive
    for n, move in enumerate(listing):
        if not isinstance(move, isa.Move) or not isinstance(move.a, isa.Register) or alive.is_read(move.a, n):
            continue
        for earlier in range(n - 1, -1, -1):
            between = listing[earlier]
            if isa.target(between) == move.a:
                moved = isa.with_target(between, move.dest)
                return [*listing[:earlier], moved, *listing[earlier + 1 : n], *listing[n + 1 :]]
            used = (isa.target(between), *between.sources)
            if isinstance(between, _JUMPS) or move.dest in used or move.a in used:
                break
    return None


def _early_moves(listing: Listing, flow: Flow) -> Listing | None:
    """`r = s` and then reads of r: reads of s, where s is not written before r is dead or written anew."""
    alive = flow.alive
    for n, move in enumerate(listing):
        if not isinstance(move, isa.Move) or not isinstance(move.dest, isa.Register):
            continue
        changed = _reads_replaced(listing, alive, n, move.dest, move.a)
        if changed is not None:
            return changed
    return None


def _reads_replaced(
    listing: Listing, alive: Live, n: int, register: isa.Register, source: isa.Source
) -> Listing | None:
    changed = list(listing)
    for later in range(n + 1, len(listing)):
        if isinstance(listing[later], isa.Label):
            return None
        if isinstance(listing[later], (isa.Skip, isa.SkipUnless)) and alive.is_read(register, later):
            return None
        changed[later] = isa.with_sources(listing[later], lambda s: source if s == register else s)
        target = isa.target(listing[later])
        if not alive.is_read(register, later) or target == register:
            return _without(changed, n)
        if target == source:
            return None
    return None


def _chained_constants(listing: Listing, flow: Flow) -> Listing | None:
    """`r = a - #c; d = #k - r`, r dead: `d = #(k + c) - a`; and all other sums of one number and two constants."""
    alive = flow.alive
    for n in range(1, len(listing)):
        first, second = listing[n - 1], listing[n]
        inner, outer = _linear(first), _linear(second)
        if inner is None or outer is None or outer[1] != isa.target(first):
            continue
        if not isinstance(outer[1], isa.Register):
            continue
        if isa.target(second) != outer[1] and alive.is_read(outer[1], n):
            continue
        sign, constant = outer[0] * inner[0], outer[2] + outer[0] * inner[2]
        dest = isa.target(second)
        if dest is None or abs(constant) > flow.word_high:
            continue
        sum_: isa.Instruction
        if sign > 0:
            sum_ = isa.Add(dest, inner[1], isa.Immediate(constant))
        else:
            sum_ = isa.Subtract(dest, isa.Immediate(constant), inner[1])
        return [*listing[: n - 1], sum_, *listing[n + 1 :]]
    return None


def _linear(i: isa.Instruction) -> tuple[int, isa.Source, int] | None:
    """`sign * source + constant`, if the instruction computes that."""
    if isinstance(i, isa.Add) and isinstance(i.b, isa.Immediate):
        return 1, i.a, i.b.value
    if isinstance(i, isa.Add) and isinstance(i.a, isa.Immediate):
        return 1, i.b, i.a.value
    if isinstance(i, isa.Subtract) and isinstance(i.b, isa.Immediate):
        return 1, i.a, -i.b.value
    if isinstance(i, isa.Subtract) and isinstance(i.a, isa.Immediate):
        return -1, i.b, i.a.value
    return None


def _mirrored(listing: Listing, flow: Flow) -> Listing | None:
    """`o = 0 - x; m = max(x, o)` and later `n = x < 0`: n first, and m by it, where all that is written once."""
    written = Counter(isa.target(i) for i in listing)
    compares = {
        (i.a, i.b): number
        for number, i in enumerate(listing)
        if isinstance(i, isa.Compare) and i.test is isa.Test.LESS and written[i.dest] == 1
    }
    for n in range(1, len(listing)):
        negation, most = listing[n - 1], listing[n]
        if not isinstance(negation, isa.Subtract) or negation.a != _ZERO or not isinstance(most, isa.Maximum):
            continue
        x, opposite = negation.b, negation.dest
        later = compares.get((x, _ZERO), 0)
        if {most.a, most.b} != {x, opposite} or later <= n or not isinstance(x, isa.Register) or written[x] > 1:
            continue
        compare = listing[later]
        if not isinstance(compare, isa.Compare) or not isinstance(compare.dest, isa.Register):
            continue
        if later in _reached_without(flow, n):
            continue
        select = isa.Select(most.dest, compare.dest, opposite, x)
        return [*listing[:n], compare, select, *listing[n + 1 : later], *listing[later + 1 :]]
    return None


def _reached_without(flow: Flow, number: int) -> set[int]:
    """The instructions that some way from the start leads to without instruction `number`."""
    reached = {0}
    for n, onward in flow.ways.items():
        if n in reached and n != number:
            reached.update(onward)
    return reached


_ZERO = isa.Immediate(0)


def _without(listing: Listing, n: int) -> Listing:
    return [*listing[:n], *listing[n + 1 :]]


RULES: list[Callable[[Listing, Flow], Listing | None]] = [
    _unreached,
    _idle_skips,
    _neutral,
    _late_moves,
    _early_moves,
    _chained_constants,
    _mirrored,
]
