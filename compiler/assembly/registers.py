"""Register allocation: virtual registers to the few of the chip; what finds none becomes a word of the neuron."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from compiler.assembly.liveness import live_after, ways
from compiler.graph.names import fresh, primed
from hw_models import isa
from hw_models.errors import GraphError


def allocate(
    listing: Sequence[isa.Instruction], registers: int | None, words: Collection[str] = ()
) -> tuple[tuple[isa.Instruction, ...], tuple[str, ...]]:
    """The listing with registers r0, r1 .. below `registers` (None: as many as it takes), and names of new words.

    Two virtual registers share one where neither is ever written while the other is still read. `words` are names
    that new words must not have.
    """
    onward = ways(listing)
    listing = [i for n, i in enumerate(listing) if n in onward or isinstance(i, isa.Label)]
    numbers = _numbers(listing)
    spilled = 1 + max(numbers.values(), default=-1) - registers if registers is not None else 0
    new = [fresh(primed(f"temporary{number}"), words) for number in range(spilled)]

    def place(source: isa.Source) -> isa.Source:
        return _place(source) if isinstance(source, isa.Register) else source

    def _place(register: isa.Register) -> isa.Target:
        number = numbers[register]
        if registers is not None and number >= registers:
            return isa.Word(new[number - registers])
        return isa.Register(f"r{number}", register.value or _shown(register.name))

    allocated: list[isa.Instruction] = []
    for instruction in listing:
        target = isa.target(instruction)
        changed = isa.with_sources(instruction, place)
        allocated.append(isa.with_target(changed, _place(target)) if isinstance(target, isa.Register) else changed)
    return tuple(allocated), tuple(new)


def _shown(name: str) -> str:
    """A register's name for readers; scratch registers of templates have none."""
    return "" if name.startswith("~") else name


def _numbers(listing: Sequence[isa.Instruction]) -> dict[isa.Register, int]:
    """The lowest number for each register that no register beside it has, in the order of their first writes."""
    alive = live_after(listing, ways(listing))
    registers = {place: bit for place, bit in alive.bits.items() if isinstance(place, isa.Register)}
    unset = sorted(place.name for place, bit in registers.items() if bit & alive.start)
    if unset:
        raise GraphError(f"registers are read before they are written: {', '.join(unset)}")
    every, beside = sum(registers.values()), dict.fromkeys(registers, 0)
    for instruction, after in zip(listing, alive.after, strict=True):
        target = isa.target(instruction)
        if isinstance(target, isa.Register):
            copied = instruction.a if isinstance(instruction, isa.Move) else target
            both = registers[target] | (registers[copied] if isinstance(copied, isa.Register) else 0)
            beside[target] |= after & every & ~both
    numbers: dict[isa.Register, int] = {}
    for instruction in listing:
        target = isa.target(instruction)
        if isinstance(target, isa.Register) and target not in numbers:
            mine, others = registers[target], beside[target]
            taken = {k for other, k in numbers.items() if registers[other] & others or beside[other] & mine}
            numbers[target] = min(set(range(len(taken) + 1)) - taken)
    return numbers
