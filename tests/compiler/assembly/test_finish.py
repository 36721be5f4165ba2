"""What the chip executes at last: shared words, few registers, and the limit of words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from graph_strategies import integer_graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine_outcome import outcome

from compiler.assembly import Population, TickSection, assemble, finish
from compiler.assembly.word_allocation import share_words
from compiler.mapping import map_network
from hw_models import isa
from hw_models.chip import load_chip
from hw_models.errors import ChipError

CHIP = load_chip("loihi2")
A, B, C = (isa.Word(name) for name in "abc")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(integer_graphs(), st.sampled_from([0, 1, 2]), st.sampled_from([None, 2]))
def test_few_registers_change_nothing(graph, registers, reset):
    few = map_network(graph, replace(CHIP, registers=registers), reset)
    places = {p for q in few.populations for i in q.listing for p in (isa.target(i), *i.sources)}
    assert {p.name for p in places if isinstance(p, isa.Register)} <= {f"r{n}" for n in range(registers)}
    assert outcome(few) == outcome(map_network(graph, CHIP, reset))


def population(*sections: TickSection, period: int, **words: int) -> Population:
    return Population("p", 3, assemble(list(sections), period), {"tick": period - 1, **words}, 2, 1, {})


def at(tick: int, *body: isa.Instruction) -> TickSection:
    return TickSection((tick,), body)


def test_words_that_wait_in_turn_are_one():
    """a waits from tick 0 to 1, b from 2 to 3."""
    waits = population(
        at(0, isa.Move(A, isa.Accumulator(0))),
        at(1, isa.Send(0, A)),
        at(2, isa.Move(B, isa.Accumulator(0))),
        at(3, isa.Send(0, B)),
        period=4,
        a=0,
        b=0,
    )
    assert set(share_words(waits, ()).words) == {"tick", "a | b"}
    taken = replace(waits, words={**waits.words, "a | b": 9})
    assert share_words(taken, ()).words == {"tick": 3, "a | b'": 0, "a | b": 9}
    assert share_words(waits, {"b"}) == waits


def test_words_that_wait_together_stay_two():
    """b waits over the end of a sample, until a is there, too."""
    waits = population(
        at(0, isa.Move(A, isa.Accumulator(0))),
        at(1, isa.Add(A, A, B), isa.Send(0, A)),
        at(2, isa.Move(B, isa.Accumulator(0))),
        period=3,
        a=0,
        b=7,
    )
    assert share_words(waits, ()) == waits


def test_the_initial_value_that_is_wanted_is_kept():
    """b is read before it is written, once; a and c are not."""
    waits = population(
        at(0, isa.Send(0, B)),
        at(1, isa.Move(A, isa.Accumulator(0)), isa.Send(0, A)),
        at(2, isa.Move(C, isa.Accumulator(0)), isa.Send(0, C)),
        at(3, isa.Move(B, isa.Accumulator(0))),
        period=4,
        a=1,
        b=2,
        c=3,
    )
    assert share_words(waits, ()).words == {"tick": 3, "b | a | c": 2}


def test_what_only_some_neurons_write_is_not_taken_from_the_others():
    waits = population(
        at(0, isa.Move(A, isa.Accumulator(0))),
        at(1, isa.SkipUnless(isa.Accumulator(0), isa.Immediate(0), isa.Test.LESS, "x"), isa.Move(B, A), isa.Label("x")),
        at(2, isa.Send(0, B)),
        period=3,
        a=0,
        b=0,
    )
    assert share_words(waits, ()) == waits


def test_too_many_words_are_refused_with_numbers():
    body = [isa.Add(isa.Register(f"x{n}"), A, isa.Accumulator(0)) for n in range(4)]
    total = isa.Register("total")
    body += [isa.Move(total, isa.Immediate(0))] + [isa.Add(total, total, isa.Register(f"x{n}")) for n in range(4)]
    crowded = population(at(0, *body, isa.Send(0, total)), period=2, a=0, unused=5)
    assert set(finish(crowded, CHIP).words) == {"tick", "a"}
    with pytest.raises(ChipError) as refused:
        finish(crowded, replace(CHIP, registers=2, neuron_words=3))
    assert refused.value.where == "population p"
    assert refused.value.numbers == "4 words, 2 for temporaries that found none of 2 registers; loihi2 gives 3 words"
    assert len(finish(crowded, replace(CHIP, registers=2, neuron_words=4)).words) == 4
