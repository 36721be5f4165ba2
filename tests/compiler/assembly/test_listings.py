"""The dispatch of sections, and listings as text."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compiler.assembly import (
    Reset,
    TickSection,
    assemble,
    code_instructions,
    executed_instructions,
    listing_text,
)
from compiler.assembly.dispatch import initial_counters, ordered
from compiler.simulator.interpreter import Interpreter
from hw_models import isa


def marked(ticks: list[int], mark: int) -> TickSection:
    """At its ticks it appends the digit `mark` to the message."""
    log = isa.Register("log")
    shifted = isa.MultiplyShift(log, log, isa.Immediate(10), isa.Immediate(0))
    return TickSection(tuple(ticks), (shifted, isa.Add(log, log, isa.Immediate(mark)), isa.Send(0, log)))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 9), st.data())
def test_sections_run_at_their_ticks_in_text_order(period, data):
    ticks = st.sets(st.integers(0, period - 1), min_size=1).map(sorted)
    sections = [marked(data.draw(ticks), mark) for mark in (1, 2, 3)]
    start = TickSection(tuple(range(period)), (isa.Move(isa.Register("log"), isa.Immediate(0)),))
    listing = assemble([start, *sections], period)
    interpreter = Interpreter(listing, (2,))
    words = dict(initial_counters([start, *sections], period))
    for tick in range(2 * period):
        expected = "".join(str(n) for n, s in enumerate(sections, 1) if tick % period in s.ticks)
        assert interpreter.tick(words, []) == [int(expected or 0)]
    assert max(executed_instructions(listing, period)) <= code_instructions(listing)


def test_reset_comes_every_interval_before_all_else():
    word = isa.Word("v")
    body = (isa.Send(0, word), isa.Add(word, word, isa.Immediate(1)))
    resets = (Reset(3, 0, ((word, isa.Word("initial")),)),)
    sections = [TickSection((0,), body)]
    interpreter = Interpreter(assemble(sections, 2, resets), (2,))
    words = {**initial_counters(sections, 2, resets), "v": np.array([70, 80]), "initial": np.array([5, 6])}
    sent = [np.broadcast_to(interpreter.tick(words, [])[0], 2).tolist() for _ in range(14)]
    assert sent[::2] == [[70, 80], [71, 81], [72, 82], [5, 6], [6, 7], [7, 8], [5, 6]]
    assert sent[1::2] == [[0, 0]] * 7


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5), st.data())
def test_older_samples_come_first_in_a_tick_and_none_before_the_first(period, data):
    """Each section appends its sample's age and its own number to the message of the tick."""
    ticks = st.sets(st.integers(0, 3 * period), min_size=1, max_size=4).map(sorted)
    sections = [TickSection(tuple(data.draw(ticks)), (isa.Label(f"m{mark}"),)) for mark in (1, 2, 3)]
    if ordered(sections, period) is None:
        assume(False)
    expected: dict[int, list[tuple[int, int]]] = {}
    for sample in range(4):
        for mark, section in enumerate(sections, 1):
            for tick in section.ticks:
                expected.setdefault(sample * period + tick, []).append((sample, mark))
    log = isa.Word("log")
    run = [marked(list(s.ticks), mark) for mark, s in enumerate(sections, 1)]
    run = [TickSection(s.ticks, tuple(_in_word(i, log) for i in s.body[:2])) for s in run]
    interpreter = Interpreter(assemble(run, period), (1,))
    words = {**initial_counters(run, period), "log": 0}
    for tick in range(4 * period):
        words["log"] = 0
        interpreter.tick(words, [])
        assert int(words["log"]) == int("".join(str(mark) for _, mark in sorted(expected.get(tick, []))) or 0)


def _in_word(instruction: isa.Instruction, word: isa.Word) -> isa.Instruction:
    change = {isa.Register("log"): word}
    return isa.with_target(isa.with_sources(instruction, lambda s: change.get(s, s)), word)


def test_what_has_no_order_is_said():
    body = (isa.Label("x"),)
    assert ordered([TickSection((0, 2), body)], 2) is None, "twice in one tick"
    assert ordered([TickSection((0, 5), body), TickSection((2, 4), body)], 3) is not None
    assert ordered([TickSection((0, 5), body), TickSection((2, 3), body)], 3) is None, "the older one is first in turn"


def test_every_instruction_has_its_line():
    r, w, i, a = isa.Register("r"), isa.Word("w"), isa.Immediate(3), isa.Accumulator(1)
    lines = {
        isa.Move(w, a): "w = sum1",
        isa.Add(r, w, i): "%r = w + #3",
        isa.Subtract(r, w, i): "%r = w - #3",
        isa.Minimum(r, w, i): "%r = min(w, #3)",
        isa.Maximum(r, w, i): "%r = max(w, #3)",
        isa.And(r, w, i): "%r = w & #3",
        isa.MultiplyShift(r, w, r, i): "%r = w * %r >> #3",
        isa.ShiftLeft(r, w, i): "%r = w << #3",
        isa.ShiftRight(r, w, i): "%r = w >> #3",
        isa.Compare(r, w, i, isa.Test.LESS): "%r = w < #3",
        isa.Select(r, w, i, a): "%r = w ? #3 : sum1",
        isa.SkipUnless(w, i, isa.Test.NOT_EQUAL, "end"): "skip to end unless w != #3",
        isa.Skip("end"): "skip to end",
        isa.Send(1, r): "send1 %r",
        isa.Label("end"): "end:",
    }
    assert set(map(type, lines)) == set(isa.INSTRUCTIONS)
    for instruction, line in lines.items():
        assert listing_text([instruction]).strip() == line
