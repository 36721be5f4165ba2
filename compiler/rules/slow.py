"""States that change more slowly than their format can show.

A state is rounded when it is written: what would move it by less than half of its LSB leaves it where it is.
So a neuron of time constant tau (in iterations of its block) stands still anywhere within tau / 2 LSB of where
it should go: `TOLERANCE` of the largest value that it takes is what it may be off. Where a state carries on what
rounding drops from its steps, the LSB is the carry's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.interpreters.execution import prepare
from compiler.interpreters.float64 import KERNELS
from compiler.quantize.carry import carry_name
from compiler.quantize.slow_states import SMALL, stops_short
from compiler.rules.design import Design
from compiler.rules.finding import Finding, Severity
from compiler.rules.ranges import lsb
from compiler.rules.rounding import TOLERANCE, loss
from hw_models.arrays import Floats

SHOWN_STEPS = 16
"""Samples within which an output shows that a state is off."""


def time_constant(design: Design) -> Iterator[Finding]:
    """Time constants that are too long for the state's LSB."""
    for name, kept in design.kept.items():
        if design.integers is None:
            return
        if name in design.delayed:
            continue
        one_lsb, often = held_to(design, name), design.iterations(name)
        off = stops_short(kept.leak, one_lsb)
        reach = np.maximum(kept.largest, SMALL * kept.largest.max(initial=0.0))
        slow = np.flatnonzero((off > TOLERANCE * reach) & (reach > 0))
        if slow.size and shows(design, name, np.where(off > TOLERANCE * reach, off, 0.0)):
            worst = int(slow[np.argmax(off[slow] / reach[slow])])
            tau = 1 / kept.leak[worst]
            yield Finding(
                "time constant",
                name,
                f"{slow.size} of {off.size} neurons are so slow that the format's LSB stops them early",
                f"neuron {worst}: tau is {tau / often:.3g} samples ({tau:.3g} sub-steps), the "
                f"LSB {one_lsb:.3g}: it stops up to {off[worst]:.3g} short",
                f"{TOLERANCE:g} of the neuron's {reach[worst]:.3g}",
                wider(design, name),
                Severity.WARNING,
            )


def small_steps(design: Design) -> Iterator[Finding]:
    """States whose steps are smaller than their LSB, where outputs show it."""
    for state in design.real.states:
        if not state.size or not design.runs or design.integers is None or state.name in design.delayed:
            continue
        one_lsb, often = held_to(design, state.name), design.iterations(state.name)
        steps = np.concatenate([np.diff(run.states[state.name][0], axis=0) for run in design.runs]) / often
        if not len(steps):
            continue
        size = np.sqrt(np.mean(steps**2, axis=0))
        small = np.flatnonzero((size > 0) & (size < one_lsb))
        lost = loss(design, state.name, one_lsb) if small.size else 0.0
        if lost > TOLERANCE:
            worst = int(small[np.argmin(size[small])])
            yield Finding(
                "small steps",
                state.name,
                f"{small.size} of {state.size} elements change by less than the format's LSB, and so not at all",
                f"element {worst} changes by {size[worst]:.3g} a step (root mean square); "
                f"rounding this state changes an output by {lost:.2%}",
                f"the LSB, {one_lsb:.3g}, and {TOLERANCE:.1%}",
                wider(design, state.name),
                Severity.WARNING,
            )


def held_to(design: Design, state: str) -> float:
    """What is never rounded off a state: its LSB, or that of what it carries on."""
    name = carry_name(state)
    if design.integers is not None and any(s.name == name for s in design.integers.states):
        return lsb(design, name)
    return lsb(design, state)


def wider(design: Design, state: str) -> str:
    """What to do where a state has too few bits."""
    precision, room = design.precision.at(state), design.chip.word_bits
    ways = [] if precision.carry else ["Precision(carry=True)"]
    ways += [f"Precision(word={room})"] if precision.word < room else []
    chip = "" if design.chip.word_bits > 32 else f" {design.chip.name}'s words have {room} bits; chip='ideal' has 64."
    advice = f"Give {' or '.join(ways)}, or" if ways else "Give"
    return f"{advice} narrower ranges, fewer sub-steps a sample, or a layer for neurons of similar speed.{chip}"


def shows(design: Design, state: str, off: Floats) -> bool:
    """Whether an output moves by more than the tolerance where `state` is `off`, soon after a run's end."""
    program, scale = prepare(design.real, KERNELS), design.real.output_map.scale
    for run, sequence in zip(design.runs, design.sequences, strict=False):
        x = sequence[None, -SHOWN_STEPS:]
        exact = program.run(x, run.final).outputs[0] * scale
        moved = program.run(x, {**run.final, state: run.final[state] + off}).outputs[0] * scale
        size = np.sqrt(np.mean(exact**2, axis=0))
        if np.any(np.abs(moved - exact).max(axis=0, initial=0.0) > TOLERANCE / 2 * size):
            return True
    return False
