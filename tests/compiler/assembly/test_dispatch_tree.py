"""Turns of a tick counter: each tick executes its bodies in order, and few tests."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.assembly import executed_instructions
from compiler.assembly.dispatch import TICK, TickSection, assemble, initial_counters
from compiler.assembly.dispatch_tree import Ring, Turn, in_turn
from compiler.simulator.interpreter import Interpreter
from hw_models import isa

LOG = isa.Word("log")


def mark(digit: int) -> tuple[isa.Instruction, ...]:
    """Append a digit to the log."""
    shifted = isa.MultiplyShift(LOG, LOG, isa.Immediate(10), isa.Immediate(0))
    return (shifted, isa.Add(LOG, LOG, isa.Immediate(digit)))


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 20), st.integers(1, 25), st.integers(0, 9), st.data())
def test_turns_follow_each_other(period, before, first, data):
    """`before` numbers come only once, then the counter goes round."""
    last = first + before + period - 1
    numbers = st.frozensets(st.integers(first, last - 1), min_size=1)
    turns = [Turn(data.draw(numbers), mark(digit)) for digit in range(1, 6)]
    counted = data.draw(numbers) | {last - period}
    ring = Ring(TICK, first, last, period, counted, mark(7))
    listing = (isa.Add(TICK, TICK, isa.Immediate(1)), *in_turn(turns, ring))
    interpreter = Interpreter(listing, (2,))
    words = {"tick": first - 1}
    number = first
    for _ in range(before + 3 * period):
        words["log"] = 0
        interpreter.tick(words, [])
        number = number - period if number == last else number
        expected = [digit for digit, turn in enumerate(turns, 1) if number in turn.numbers]
        counts = [7] if number in counted else []
        assert words["tick"] == number
        assert words["log"] == int("".join(map(str, [*counts, *expected])) or 0)
        number += 1


def test_a_sub_step_of_two_ticks_is_decided_by_one_bit():
    """Even ticks and odd ticks of a solver: all sub-steps are alike, so the counter is 0 and 1 in turn."""
    even, odd = tuple(range(0, 24, 2)), tuple(range(1, 24, 2))
    listing = assemble([TickSection(even, (isa.Send(0, LOG),)), TickSection(odd, (isa.Send(1, LOG),))], 24)
    executed = executed_instructions(listing, 24)
    assert {executed[tick] for tick in odd} == {1 + 2 + 1}
    assert {executed[tick] for tick in even} == {1 + 2 + 1 + 1}


def test_what_every_tick_does_is_not_tested():
    listing = assemble([TickSection((0, 1, 2), (isa.Send(0, LOG),))], 3)
    assert executed_instructions(listing, 3) == (1, 1, 1)


def test_one_tick_of_work_is_where_the_counter_wraps():
    listing = assemble([TickSection((1,), (isa.Send(0, LOG),))], 12)
    assert executed_instructions(listing, 12) == (3, 5, *[3] * 10)


def test_sub_steps_of_three_ticks_share_a_short_ring():
    sections = [TickSection((1, 4, 7, 10), (isa.Send(0, LOG),))]
    listing = assemble(sections, 12)
    assert executed_instructions(listing, 12) == (3, 5, 3) * 4
    words = {**initial_counters(sections, 12), "log": 5}
    interpreter = Interpreter(listing, (1,))
    assert [int(interpreter.tick(words, [])[0]) for _ in range(24)] == [0, 5, 0] * 8


def test_what_nobody_sees_runs_before_the_first_sample():
    """The last sub-step of a sample lies in the next one: where that is no matter at first, all sub-steps are alike."""
    sections = [TickSection((2, 4, 6), (isa.Send(0, LOG),))]
    for early, first, executed in ((True, 5, (1 + 2 + 1, 1 + 2) * 3), (False, 0, None)):
        listing = assemble(sections, 6, early=early)
        words = {**initial_counters(sections, 6, early=early), "log": 5}
        interpreter = Interpreter(listing, (1,))
        sent = [int(interpreter.tick(words, [])[0]) for _ in range(12)]
        assert sent == [first, 0, *[5, 0] * 5]
        assert executed is None or executed_instructions(listing, 6) == executed
