"""Shorter listings and allocated registers do what the listing did, neuron by neuron."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.assembly import allocate, code_instructions, shorten
from compiler.simulator.interpreter import Interpreter
from hw_models import isa
from hw_models.errors import GraphError

WORDS = [isa.Word(name) for name in ("w0", "w1", "w2")]
REGISTERS = [isa.Register(name) for name in ("a", "b", "c", "~1", "~2")]
HIGH = 2**23 - 1


@st.composite
def programs(draw):
    """Programs of forward skips that keep to 16 bits and read no register before it is written on every way."""
    listing: list[isa.Instruction] = []
    written: list[set[isa.Register]] = [set()]
    labels: dict[str, set[isa.Register]] = {}
    unreached = False

    def source() -> st.SearchStrategy[isa.Source]:
        known = sorted(written[0], key=lambda r: r.name)
        places = [*WORDS, *known, *known, isa.Accumulator(0)]
        return st.one_of(st.sampled_from(places), st.integers(-9, 9).map(isa.Immediate), st.just(isa.Immediate(0)))

    for number in range(draw(st.integers(1, 18))):
        kind = draw(st.integers(0, 11))
        if kind == 0 or (unreached and not labels):
            labels[f"l{number}"] = set(written[0])
            test = draw(st.sampled_from(isa.Test))
            listing.append(isa.SkipUnless(draw(source()), draw(source()), test, f"l{number}"))
        elif kind == 1 and labels:
            name = draw(st.sampled_from(sorted(labels)))
            labels[name] &= written[0]
            listing.append(isa.Skip(name))
            unreached = True
        elif (kind == 2 or unreached) and labels:
            name = draw(st.sampled_from(sorted(labels)))
            before = labels.pop(name)
            written[0] = before if unreached else written[0] & before
            unreached = False
            listing.append(isa.Label(name))
        elif kind == 3:
            listing.append(isa.Send(draw(st.integers(0, 1)), draw(source())))
        else:
            dest = draw(st.sampled_from([*WORDS[:2], *REGISTERS]))
            if kind <= 5:
                listing.append(isa.Move(dest, draw(source())))
            elif kind <= 8:
                listing.append(draw(st.sampled_from([isa.Add, isa.Subtract]))(dest, draw(source()), draw(source())))
            elif kind == 9:
                listing.append(isa.Select(dest, draw(source()), draw(source()), draw(source())))
            else:
                shift = draw(st.sampled_from([isa.ShiftRight, isa.ShiftLeft]))
                listing.append(shift(dest, draw(source()), isa.Immediate(draw(st.integers(0, 1)))))
            if isinstance(dest, isa.Register):
                written[0] = written[0] | {dest}
    listing += [isa.Label(name) for name in draw(st.permutations(sorted(labels)))]
    return tuple(listing)


def outcome(listing, extra: tuple[str, ...] = ()) -> list:
    """What three ticks send and leave in the words."""
    rng = np.random.default_rng(0)
    words = {w.name: rng.integers(-12, 12, 40, dtype=np.int64) for w in WORDS} | dict.fromkeys(extra, 0)
    interpreter = Interpreter(listing, (40,))
    found = []
    for _ in range(3):
        messages = interpreter.tick(words, [rng.integers(-12, 12, 40)])
        found += [np.broadcast_to(m, 40).tolist() for m in messages] + [[0] * 40] * (2 - len(messages))
        found += [np.broadcast_to(words[w.name], 40).tolist() for w in WORDS]
    return found


run = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@run
@given(programs())
def test_shorter_listings_do_the_same(listing):
    shorter = shorten(listing, HIGH)
    assert outcome(shorter) == outcome(listing)
    assert code_instructions(shorter) <= code_instructions(listing)
    assert shorten(shorter, HIGH) == shorter


@run
@given(programs(), st.sampled_from([None, 0, 1, 2, 3]))
def test_allocated_listings_do_the_same(listing, registers):
    allocated, extra = allocate(listing, registers)
    used = {p for i in allocated for p in (isa.target(i), *i.sources) if isinstance(p, isa.Register)}
    assert {r.name for r in used} <= {f"r{n}" for n in range(9 if registers is None else registers)}
    assert registers != 0 or not used
    assert outcome(allocated, extra) == outcome(listing)


R, S, W, V = isa.Register("r"), isa.Register("s"), isa.Word("w"), isa.Word("v")


def imm(value: int) -> isa.Immediate:
    return isa.Immediate(value)


@pytest.mark.parametrize(
    ("listing", "shorter"),
    [
        ([isa.Add(R, W, V), isa.Move(V, R)], [isa.Add(V, W, V)]),
        ([isa.Move(R, W), isa.Add(V, R, R)], [isa.Add(V, W, W)]),
        ([isa.Add(R, isa.Accumulator(0), imm(0)), isa.Send(0, R)], [isa.Send(0, isa.Accumulator(0))]),
        ([isa.Subtract(R, W, imm(8)), isa.Subtract(V, imm(0), R)], [isa.Subtract(V, imm(8), W)]),
        ([isa.Add(R, W, imm(2)), isa.Add(R, imm(3), R), isa.Send(0, R)], [isa.Add(R, W, imm(5)), isa.Send(0, R)]),
        ([isa.Add(R, W, V), isa.Skip("end"), isa.Move(V, W), isa.Label("end")], []),
        ([isa.SkipUnless(W, V, isa.Test.LESS, "end"), isa.Label("end")], []),
        ([isa.ShiftRight(W, W, imm(0))], []),
    ],
)
def test_what_is_made_shorter(listing, shorter):
    assert shorten(listing, HIGH) == tuple(shorter)


@pytest.mark.parametrize(
    "listing",
    [
        [isa.Add(R, W, V), isa.Send(0, V), isa.Move(V, R)],
        [isa.Add(R, W, V), isa.Move(V, R), isa.Send(0, R), isa.Send(1, V)],
        [isa.Move(R, W), isa.Move(W, V), isa.Send(0, R)],
        [isa.Subtract(R, W, imm(8)), isa.Subtract(V, imm(0), R), isa.Send(0, R)],
        [isa.Subtract(R, W, imm(-HIGH)), isa.Add(V, R, imm(1))],
    ],
)
def test_what_must_stay_as_it_is(listing):
    assert shorten(listing, HIGH) == tuple(listing)


X, Y, M, N = (isa.Register(name) for name in "xymn")
MIRRORED = [
    isa.Add(X, WORDS[0], WORDS[1]),
    isa.Subtract(Y, imm(0), X),
    isa.Maximum(M, X, Y),
    isa.SkipUnless(M, imm(5), isa.Test.LESS, "far"),
    isa.Add(M, M, imm(1)),
    isa.Label("far"),
    isa.Subtract(Y, imm(9), M),
    isa.Compare(N, X, imm(0), isa.Test.LESS),
    isa.Select(M, N, Y, M),
    isa.Send(0, M),
]


def test_a_mirror_asks_once_which_side_it_is_on():
    shorter = shorten(MIRRORED, HIGH)
    assert shorter[2:4] == (isa.Compare(N, X, imm(0), isa.Test.LESS), isa.Select(M, N, Y, X))
    assert code_instructions(shorter) == code_instructions(MIRRORED) - 1
    assert outcome(shorter) == outcome(MIRRORED)


@pytest.mark.parametrize(
    ("number", "instruction"),
    [
        (6, isa.Subtract(X, imm(9), M)),
        (7, isa.Compare(N, X, imm(1), isa.Test.LESS)),
        (7, isa.Compare(N, X, imm(0), isa.Test.LESS_EQUAL)),
        (1, isa.Subtract(Y, imm(1), X)),
        (2, isa.Maximum(M, WORDS[0], Y)),
    ],
)
def test_what_is_no_mirror_stays(number, instruction):
    listing = [*MIRRORED[:number], instruction, *MIRRORED[number + 1 :]]
    assert any(isinstance(i, isa.Maximum) for i in shorten(listing, HIGH))


def test_a_mirror_that_not_all_ways_enter_stays():
    early = isa.SkipUnless(X, imm(3), isa.Test.LESS, "far")
    listing = [MIRRORED[0], isa.Move(M, imm(2)), early, *MIRRORED[1:]]
    assert any(isinstance(i, isa.Maximum) for i in shorten(listing, HIGH))
    assert outcome(shorten(listing, HIGH)) == outcome(listing)


def test_registers_that_are_never_read_together_share_one():
    listing = [isa.Add(R, W, V), isa.Add(W, R, R), isa.Add(S, W, V), isa.Add(V, S, S)]
    allocated, extra = allocate(listing, 1)
    assert not extra
    assert {isa.target(i) for i in allocated} == {isa.Register("r0"), W, V}
    assert isa.target(allocated[2]).value == "s"


def test_each_takes_the_lowest_number_that_is_free():
    a, b, c, d = (isa.Register(name) for name in "abcd")
    made = [isa.Add(r, W, imm(n)) for n, r in enumerate((a, b, c))]
    allocated, _ = allocate([*made, isa.Add(W, a, b), isa.Add(d, W, V), isa.Add(V, d, c)], None)
    assert [t.name for i in allocated if isinstance(t := isa.target(i), isa.Register)] == ["r0", "r1", "r2", "r0"]


def test_what_finds_no_register_is_a_word_with_a_new_name():
    listing = [isa.Add(R, W, V), isa.Add(S, W, R), isa.Add(V, R, S)]
    allocated, extra = allocate(listing, 1, ["temporary0"])
    assert extra == ("temporary0'",)
    assert allocated[1] == isa.Add(isa.Word("temporary0'"), W, isa.Register("r0"))


def test_a_register_that_may_be_unset_is_a_fault():
    listing = [isa.SkipUnless(W, V, isa.Test.LESS, "end"), isa.Move(R, W), isa.Label("end"), isa.Send(0, R)]
    with pytest.raises(GraphError, match="before they are written: r"):
        allocate(listing, 4)
