"""Programs as text and back: the same listing, the same text; wrong text is refused at its line."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from graph_strategies import integer_graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.assembly import Population, listing_text, parse, parse_listing, populations_text
from compiler.mapping import map_network
from hw_models import isa
from hw_models.chip import load_chip
from hw_models.errors import AssemblyError

CHIP = load_chip("loihi2")
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(["sum0", "send1", "min", "skip", "v.rest@23", "softplus(cell.w)*mask>>", 'a"b\\', "l1:", "; x"]),
)


def registers(names: st.SearchStrategy[str]) -> st.SearchStrategy[isa.Register]:
    return st.builds(isa.Register, names, st.one_of(st.just(""), NAMES))


TARGETS = st.one_of(registers(NAMES), st.builds(isa.Word, NAMES))
SOURCES = st.one_of(
    TARGETS,
    st.builds(isa.Immediate, st.integers(-(2**31), 2**31)),
    st.builds(isa.Accumulator, st.integers(0, 12)),
)
FIELDS = {"dest": TARGETS, "test": st.sampled_from(isa.Test), "port": st.integers(0, 12)}


def instruction(kind: type[isa.Instruction]) -> st.SearchStrategy[isa.Instruction]:
    places = [field.name for field in fields(kind)]
    return st.builds(kind, **{name: FIELDS.get(name, SOURCES) for name in places})


STRAIGHT = [k for k in isa.INSTRUCTIONS if k not in (isa.Skip, isa.SkipUnless, isa.Label)]


@st.composite
def listings(draw):
    """Any instructions, any names; skips go forward to labels at the end or in between."""
    names = draw(st.lists(NAMES, unique=True, max_size=4))
    listing: list[isa.Instruction] = []
    while names or draw(st.booleans()):
        kind = draw(st.integers(0, 3))
        if kind == 0 and names:
            to = draw(st.sampled_from(names))
            if draw(st.booleans()):
                listing.append(isa.Skip(to))
            else:
                listing.append(isa.SkipUnless(draw(SOURCES), draw(SOURCES), draw(st.sampled_from(isa.Test)), to))
        elif kind == 1 and names:
            listing.append(isa.Label(names.pop()))
        else:
            listing.append(draw(st.sampled_from(STRAIGHT).flatmap(instruction)))
    return tuple(listing)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(listings())
def test_listings_round_trip(listing):
    text = listing_text(listing)
    assert parse_listing(text) == listing
    assert listing_text(parse_listing(text)) == text


def same(a: Population, b: Population) -> bool:
    words = a.words.keys() == b.words.keys() and all(
        type(w) is type(b.words[n]) and np.array_equal(w, b.words[n]) for n, w in a.words.items()
    )
    return words and all(
        getattr(a, f) == getattr(b, f) for f in ("name", "size", "listing", "sum_ports", "message_ports", "states")
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(integer_graphs(), st.sampled_from([None, 3]))
def test_populations_round_trip(graph, reset):
    populations = map_network(graph, CHIP, reset).populations
    text = populations_text(populations)
    read = parse(text)
    assert len(read) == len(populations)
    assert all(same(a, b) for a, b in zip(read, populations, strict=True))
    assert populations_text(read) == text


PROGRAM = """
; a comment, and lines of any width
population v
size 3
sums 1
messages 1
word tick = 0
word "v (state)" = [-1, 0, 1]
state cell.v in "v (state)"
program
  tick=tick+#1   ; a comment of the user's
  skip to end unless tick == #1
  %r0 = "v (state)" * sum0 >> #3
  send0 %r0
end:
end
"""


def test_whole_text():
    (population,) = parse(PROGRAM)
    assert (population.name, population.size, population.states) == ("v", 3, {"cell.v": "v (state)"})
    assert population.words["tick"] == 0
    assert np.array_equal(population.words["v (state)"], [-1, 0, 1])
    assert len(population.listing) == 5
    assert parse(PROGRAM.replace("\n", "\r\n") + PROGRAM.replace("population v", "population w"))[1].name == "w"
    assert parse("") == ()


@pytest.mark.parametrize("by", [0, 63])
def test_the_least_and_the_largest_shift(by):
    (population,) = parse(PROGRAM.replace(">> #3", f">> #{by}"))
    assert isa.Immediate(by) in population.listing[2].sources


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        ("size 3", "size three", 4, "a number, at least 0; found 'three'"),
        ("size 3", "sums 3", 4, "size; found 'sums'"),
        ("sums 1\n", "", 5, "sums; found 'messages'"),
        ("word tick = 0", "word tick = [0, 1]", 7, "a number, or one for each of 3 neurons"),
        ("[-1, 0, 1]", "[-1, 0 1]", 8, "a number, or [numbers]; found '['"),
        ("[-1, 0, 1]", "[-1, 0, 1", 8, "a number, or [numbers]; found '['"),
        ("word tick = 0", 'word "v (state)" = 0', 8, "a word that is not declared yet"),
        ('in "v (state)"', "in u", 9, "a word that has been declared, not 'u'"),
        ("tick=tick+#1", "tick=tick+1", 11, "a word, %register, #number or sum0, sum1 ..; found '1'"),
        ("tick=tick+#1", "tick=tick #1", 11, "+, or -, or &, or *, or <<, or >>, or <, <=, == or !=, or ?"),
        ("tick=tick+#1", "tick=tick+#1 #2", 11, "the end of the line; found '#2'"),
        ("tick=tick+#1", "tock=tick+#1", 11, "a word that has been declared, not 'tock'"),
        ("tick=tick+#1", "sum0=tick+#1", 11, "found 'sum0'"),
        ("skip to end", "skip to there", 12, "a label further down"),
        ("tick == #1", "tick > #1", 12, "<, <=, == or !=; found '>'"),
        ("end:", "end:\nend:", 15, "a label that stands nowhere else"),
        ("sum0 >>", "sum1 >>", 13, "one of 1 sums"),
        ("word tick = 0", "word tick = 9223372036854775808", 7, "a number, or [numbers]; found '9223372036854775808'"),
        ("[-1, 0, 1]", "[-1, 0, 99999999999999999999]", 8, "a number, or [numbers]"),
        ("#1\n", "#-9223372036854775809\n", 12, "found '#-9223372036854775809'"),
        (">> #3", ">> #-3", 13, "a shift by 0 to 63"),
        (">> #3", ">> #64", 13, "a shift by 0 to 63"),
        ('"v (state)" * sum0 >> #3', "#1 << #-3", 13, "a shift by 0 to 63"),
        ("send0 %r0", "send0 %r1", 14, "a register that is written before it is read, not 'r1'"),
        ("program\n", "state cell.v in tick\nprogram\n", 10, "a state that is not declared yet"),
        ("send0", "send2", 14, "one of 1 messages"),
        ('"v (state)" * sum0', '"v (state) * sum0', 13, "found '\"'"),
        ('"v (state)" * sum0', '"v \\(state)" * sum0', 13, "found"),
        ("end:\nend", "end:", 3, "its end"),
        ("population v", "populations v", 3, "population; found 'populations'"),
    ],
)
def test_wrong_text_is_refused(before, after, line, expected):
    assert before in PROGRAM
    with pytest.raises(AssemblyError) as refused:
        parse(PROGRAM.replace(before, after, 1))
    text = str(refused.value)
    assert f"line {line}: {PROGRAM.replace(before, after, 1).split(chr(10))[line - 1].strip()}" in text
    assert expected in text


def test_two_populations_of_one_name_are_refused():
    with pytest.raises(AssemblyError, match="two populations have the same name"):
        parse(PROGRAM + PROGRAM)


def test_the_value_of_an_allocated_register_is_a_comment():
    listing = (isa.Add(isa.Register("r0", "x.product"), isa.Accumulator(0), isa.Immediate(5)),)
    assert listing_text(listing) == "  %r0 = sum0 + #5                         ; x.product"
    (read,) = parse_listing(listing_text(listing))
    assert read == listing[0] and isa.target(read).value == "x.product"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_spoiled_text_is_read_or_refused(data):
    """Whatever a slip of the hand makes of a text: a population, or an error of ours."""
    start = data.draw(st.integers(0, len(PROGRAM)))
    end = data.draw(st.integers(start, min(start + 8, len(PROGRAM))))
    slip = data.draw(st.one_of(st.text(max_size=4), st.sampled_from(['"', "#", "[", "\\", "%", "end\n", "\n"])))
    try:
        populations = parse(PROGRAM[:start] + slip + PROGRAM[end:])
    except AssemblyError:
        return
    assert parse(populations_text(populations))[0].listing == populations[0].listing if populations else True
