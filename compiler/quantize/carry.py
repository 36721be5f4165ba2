"""Carries: the bits that rounding drops from a slow state's step are kept in a word and added to the next step.

A step of less than half an LSB would leave a state where it is, and a neuron of time constant tau, in
iterations, would stand still up to tau / 2 LSB from where it should go. With g bits more in the carry it is
2^-g of that, for three instructions and a word a neuron.
"""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import State
from compiler.graph.ops import Add, And, Shift, StateRead, StateWrite
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.slow_states import Carried
from hw_models.fixed_point import Format

GUARD_BITS = 12
"""Bits of the carry, where the step's word has room for them."""
BIASED_BITS = 8
"""With a longer carry, what flooring drops does not matter."""


def carry_name(state: str) -> str:
    """The integer state that carries what is rounded off `state`."""
    return f"{state}.carry"


def lower_carried(build: IntegerBuilder, op: Add, carried: Carried) -> str | None:
    """The state and its step in integers, with the carry; None where the step's word has no bit to spare."""
    fraction = build.wanted[op.out]
    step = build.read(carried.step)
    bits = min(GUARD_BITS, build.fraction(step) - fraction)
    while bits > 0 and _reach(build, step, fraction + bits) + 2**bits > build.chip.word_high:
        bits -= 1
    if bits <= 0:
        return None
    fine = fraction + bits
    exact = step = build.shifted(step, fine)
    lost = int(np.round(-np.mean(build.bias[step]))) if bits < BIASED_BITS else 0
    if lost:
        step = build.emit(Add(f"{op.out}.made_good", step, build.number(lost, fine)), fine)
    name, mask = carry_name(carried.state), 2**bits - 1
    source = build.source.state(carried.state)
    half = build.constant(f"{name}.initial", np.full(source.size, 2 ** (bits - 1)), fine)
    build.carries.append(State(name, source.size, half, modules=source.modules, format=Format(fine, 0, mask)))
    held = build.emit(StateRead(f"{op.out}.carried", name), fine, (0, mask))
    total = build.emit(Add(f"{op.out}.whole_step", step, held), fine)
    whole = build.emit(Shift(f"{op.out}.step", total, build.number(-bits)), fraction)
    build.effect(StateWrite(name, build.emit(And(f"{op.out}.carry", total, build.number(mask)), fine)))
    state = build.at(carried.read, fraction)
    build.computed_from(op, *(exact if n == carried.step else state for n in op.operands))
    return build.emit(Add(op.out, state, whole), fraction, of=op.out)


def _reach(build: IntegerBuilder, name: str, fraction: int) -> int:
    return (build.spans[name].magnitude >> max(0, build.fraction(name) - fraction)) + 1
