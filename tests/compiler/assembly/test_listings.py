"""The dispatch of sections, and listings as text."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.assembly import Reset, Section, assemble, code_instructions, executed_instructions, listing_text
from compiler.backends.lava.interpreter import Interpreter
from hw_models import instructions as isa


def marked(ticks: list[int], mark: int) -> Section:
    """At its ticks it appends the digit `mark` to the message."""
    log = isa.Register("log")
    shifted = isa.MultiplyShift(log, log, isa.Immediate(10), isa.Immediate(0))
    return Section(tuple(ticks), (shifted, isa.Add(log, log, isa.Immediate(mark)), isa.Send(0, log)))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 9), st.data())
def test_sections_run_at_their_ticks_in_text_order(period, data):
    ticks = st.sets(st.integers(0, period - 1), min_size=1).map(sorted)
    sections = [marked(data.draw(ticks), mark) for mark in (1, 2, 3)]
    start = Section(tuple(range(period)), (isa.Move(isa.Register("log"), isa.Immediate(0)),))
    listing = assemble([start, *sections], period)
    interpreter = Interpreter(listing, (2,))
    words = {"tick": period - 1}
    for tick in range(2 * period):
        expected = "".join(str(n) for n, s in enumerate(sections, 1) if tick % period in s.ticks)
        assert interpreter.tick(words, []) == [int(expected or 0)]
        assert executed_instructions(listing, tick % period) <= code_instructions(listing)


def test_reset_comes_every_interval_before_all_else():
    word = isa.Word("v")
    body = (isa.Send(0, word), isa.Add(word, word, isa.Immediate(1)))
    reset = Reset(3, ((word, isa.Word("initial")),))
    interpreter = Interpreter(assemble([Section((0,), body)], 2, reset), (2,))
    words = {"tick": 1, "sample": -1, "v": np.array([70, 80]), "initial": np.array([5, 6])}
    sent = [np.broadcast_to(interpreter.tick(words, [])[0], 2).tolist() for _ in range(14)]
    assert sent[::2] == [[70, 80], [71, 81], [72, 82], [5, 6], [6, 7], [7, 8], [5, 6]]
    assert sent[1::2] == [[0, 0]] * 7


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
    assert set(map(type, lines)) == set(isa.Instruction.__subclasses__())
    for instruction, line in lines.items():
        assert listing_text([instruction]).strip() == line
