"""Turns of a tick counter: each tick executes its bodies in order, and few tests."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.assembly import executed_instructions
from compiler.assembly.decisions import Turn, in_turn
from compiler.assembly.dispatch import AGE, TICK, Section, assemble
from compiler.backends.lava.interpreter import Interpreter
from hw_models import instructions as isa

LOG = isa.Word("log")


def mark(digit: int) -> tuple[isa.Instruction, ...]:
    """Append a digit to the log."""
    shifted = isa.MultiplyShift(LOG, LOG, isa.Immediate(10), isa.Immediate(0))
    return (shifted, isa.Add(LOG, LOG, isa.Immediate(digit)))


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), st.integers(0, 3), st.data())
def test_turns_follow_each_other(period, entered, data):
    ages = st.dictionaries(st.integers(0, period - 1), st.sampled_from([0, 0, 0, 1, 2]), min_size=1)
    turns = [Turn(data.draw(ages), mark(digit)) for digit in range(1, 6)]
    start = data.draw(st.integers(0, 9))
    turns = [Turn({tick + start: age for tick, age in t.ages.items()}, t.body) for t in turns]
    wrap = [isa.Move(TICK, isa.Immediate(start))]
    interpreter = Interpreter(in_turn(turns, TICK, AGE, start + period, period, wrap), (2,))
    for tick in range(start, start + period):
        words = {"tick": tick if tick > start else start + period, "age": entered, "log": 0}
        interpreter.tick(words, [])
        expected = [digit for digit, turn in enumerate(turns, 1) if turn.ages.get(tick, 9) <= entered]
        assert words["tick"] == tick
        assert words["log"] == int("".join(map(str, expected)) or 0)


def test_a_sub_step_of_two_ticks_is_decided_by_one_bit():
    """Even ticks and odd ticks of a solver: one bit tells them apart, and even ones from the wrap."""
    even, odd = tuple(range(0, 24, 2)), tuple(range(1, 24, 2))
    listing = assemble([Section(even, (isa.Send(0, LOG),)), Section(odd, (isa.Send(1, LOG),))], 24)
    assert {executed_instructions(listing, tick, 24) for tick in odd} == {1 + 3 + 1}
    assert {executed_instructions(listing, tick, 24) for tick in even[1:]} == {1 + 3 + 2 + 1 + 1}


def test_what_every_tick_does_is_not_tested():
    listing = assemble([Section((0, 1, 2), (isa.Send(0, LOG),))], 3)
    assert [executed_instructions(listing, tick, 3) for tick in range(3)] == [1 + 2 + 1 + 1, 1 + 2 + 1, 1 + 2 + 1]


def test_one_tick_of_work_is_where_the_counter_wraps():
    listing = assemble([Section((1,), (isa.Send(0, LOG),))], 12)
    assert [executed_instructions(listing, tick, 12) for tick in range(12)] == [3, 5, *[3] * 10]
