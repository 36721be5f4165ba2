"""Random listings, and each neuron on its own: for tests of what executes listings."""

from __future__ import annotations

from hypothesis import strategies as st

from hw_models import isa

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
