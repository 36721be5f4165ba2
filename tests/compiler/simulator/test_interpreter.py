"""The interpreter against executing each neuron on its own, instruction by instruction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.simulator.interpreter import Interpreter
from hw_models import isa
from hw_models.errors import GraphError

TESTS = {
    isa.Test.LESS: lambda a, b: a < b,
    isa.Test.LESS_EQUAL: lambda a, b: a <= b,
    isa.Test.EQUAL: lambda a, b: a == b,
    isa.Test.NOT_EQUAL: lambda a, b: a != b,
}


def one_neuron(listing, words, sums, ports):
    """Plain Python ints and a program counter."""
    registers: dict[str, int] = {}
    messages = [0] * ports
    labels = {i.name: n for n, i in enumerate(listing) if isinstance(i, isa.Label)}

    def get(source):
        if isinstance(source, isa.Immediate):
            return source.value
        if isinstance(source, isa.Accumulator):
            return sums[source.port]
        return registers[source.name] if isinstance(source, isa.Register) else words[source.name]

    def put(target, value):
        (registers if isinstance(target, isa.Register) else words)[target.name] = value

    at = 0
    while at < len(listing):
        i = listing[at]
        at += 1
        if isinstance(i, isa.SkipUnless):
            at = at if TESTS[i.test](get(i.a), get(i.b)) else labels[i.to]
        elif isinstance(i, isa.Skip):
            at = labels[i.to]
        elif isinstance(i, isa.Send):
            messages[i.port] = get(i.a)
        elif isinstance(i, isa.Move):
            put(i.dest, get(i.a))
        elif isinstance(i, isa.MultiplyShift):
            put(i.dest, (get(i.a) * get(i.b)) >> get(i.shift))
        elif isinstance(i, isa.Compare):
            put(i.dest, int(TESTS[i.test](get(i.a), get(i.b))))
        elif isinstance(i, isa.Select):
            put(i.dest, get(i.a) if get(i.condition) else get(i.b))
        elif isinstance(i, isa.ShiftLeft):
            put(i.dest, get(i.a) << get(i.amount))
        elif isinstance(i, isa.ShiftRight):
            put(i.dest, get(i.a) >> get(i.amount))
        elif not isinstance(i, isa.Label):
            function = {
                isa.Add: lambda a, b: a + b,
                isa.Subtract: lambda a, b: a - b,
                isa.And: lambda a, b: a & b,
                isa.Minimum: min,
                isa.Maximum: max,
            }[type(i)]
            put(i.dest, function(get(i.a), get(i.b)))
    return messages


WORDS = ["w0", "w1", "w2", "shared"]
REGISTERS = ["r0", "r1"]


@st.composite
def listings(draw):
    """Random programs of forward skips; every result is brought back to 16 bits."""
    readable = (
        [isa.Word(w) for w in WORDS] + [isa.Register(r) for r in REGISTERS] + [isa.Accumulator(0), isa.Accumulator(1)]
    )
    source = st.one_of(st.sampled_from(readable), st.integers(-9, 9).map(isa.Immediate))
    target = st.sampled_from([isa.Word("w0"), isa.Word("w1")] + [isa.Register(r) for r in REGISTERS])
    program: list[isa.Instruction] = [isa.Move(isa.Register(r), isa.Immediate(n)) for n, r in enumerate(REGISTERS)]
    open_labels: list[str] = []
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.integers(0, 7))
        dest, a, b = draw(target), draw(source), draw(source)
        if kind <= 1:
            program.append(isa.SkipUnless(a, b, draw(st.sampled_from(isa.Test)), f"l{number}"))
            open_labels.append(f"l{number}")
        elif kind == 2 and open_labels:
            program.append(isa.Skip(draw(st.sampled_from(open_labels))))
        elif kind == 3 and open_labels:
            program.append(isa.Label(open_labels.pop(draw(st.integers(0, len(open_labels) - 1)))))
        elif kind == 4:
            program.append(isa.Send(draw(st.integers(0, 1)), a))
        elif kind == 5:
            program.append(isa.Select(dest, draw(source), a, b))
        elif kind == 6:
            test = draw(st.sampled_from(isa.Test))
            program += [isa.Compare(dest, a, b, test), isa.ShiftLeft(dest, dest, isa.Immediate(3))]
        else:
            kinds = st.sampled_from([isa.Add, isa.Subtract, isa.And, isa.Minimum, isa.Maximum])
            program += [draw(kinds)(dest, a, b), isa.ShiftRight(dest, dest, isa.Immediate(1))]
            program.append(isa.MultiplyShift(dest, dest, draw(source), isa.Immediate(15)))
    program += [isa.Label(name) for name in draw(st.permutations(open_labels))]
    return tuple(program), 1 + max((i.port for i in program if isinstance(i, isa.Send)), default=-1)


@settings(max_examples=300, deadline=None)
@given(listings(), st.integers(0, 2**32 - 1), st.sampled_from([(5,), (4, 3), (3, 1)]), st.booleans())
def test_equals_each_neuron_alone(program, seed, shape, uniform):
    listing, ports = program
    rng = np.random.default_rng(seed)
    draw = lambda s: rng.integers(-12, 12, s, dtype=np.int32)  # noqa: E731
    words = {"w0": draw(shape), "w1": 0, "w2": draw((shape[0], 1) if len(shape) == 2 else shape), "shared": 3}
    if uniform:
        words["w0"] = -2
    alone = {position: {} for position in np.ndindex(shape)}
    for name, value in words.items():
        for position, neuron in alone.items():
            neuron[name] = int(np.broadcast_to(value, shape)[position])
    interpreter = Interpreter(listing, shape)
    for _ in range(3):
        sums = [draw(shape), 0 if uniform else draw(shape)]
        messages = interpreter.tick(words, sums)
        assert len(messages) == ports
        for position, neuron in alone.items():
            expected = one_neuron(listing, neuron, [int(np.broadcast_to(s, shape)[position]) for s in sums], ports)
            assert [int(np.broadcast_to(m, shape)[position]) for m in messages] == expected
            for name, value in words.items():
                assert int(np.broadcast_to(value, shape)[position]) == neuron[name]


def test_backward_skip_is_refused():
    with pytest.raises(GraphError, match="not a label further down"):
        Interpreter((isa.Label("back"), isa.Skip("back")), (3,))


def test_words_have_any_name():
    """Those of places and constants, too: a name is not what the interpreter takes it for."""
    names = ["#5", "%r0", "@0", "!0", "=w", ""]
    r0 = isa.Register("r0")
    listing = [isa.Add(r0, isa.Accumulator(0), isa.Immediate(5))]
    listing += [isa.Add(isa.Word(n), isa.Word(n), r0) for n in names]
    listing += [isa.SkipUnless(r0, isa.Immediate(7), isa.Test.LESS, "end"), isa.Send(0, isa.Immediate(5))]
    listing += [isa.Label("end")]
    words = {name: np.array([100, 200]) for name in names}
    (sent,) = Interpreter(listing, (2,)).tick(words, [np.array([1, 2])])
    assert np.array_equal(sent, [5, 0])
    assert all(np.array_equal(words[name], [106, 207]) for name in names)
