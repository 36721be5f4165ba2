"""States that change more slowly than their format can show.

A state is rounded when it is written: what would move it by less than half of its last place leaves it where it is.
So a neuron of time constant tau (in iterations of its block) stands still anywhere within tau / 2 last places of where
it should go: `TOLERANCE` of the largest value that it takes is what it may be off.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.graph.graph import TimeConstant
from compiler.rules.design import Design, Floats
from compiler.rules.finding import Finding, Severity
from compiler.rules.ranges import lsb
from compiler.rules.rounding import TOLERANCE, loss


def time_constant(design: Design) -> Iterator[Finding]:
    """Liquid time constants that are too long for the state's last place."""
    for mark in design.real.time_constants:
        if not design.runs:
            return
        tau = _tau(design, mark)
        last_place, largest = lsb(design, mark.state), _largest(design, mark.state)
        off = tau * last_place / 2
        slow = np.flatnonzero(np.isfinite(off) & (off > TOLERANCE * largest))
        if slow.size:
            worst = int(slow[np.argmax(off[slow])])
            yield Finding(
                "time constant",
                mark.state,
                f"{slow.size} of {off.size} neurons are so slow that the format's last place stops them early",
                f"neuron {worst}: tau is {tau[worst] / mark.repeat:.3g} samples ({tau[worst]:.3g} sub-steps), the last "
                f"place {last_place:.3g}: it stops up to {off[worst]:.3g} short",
                f"{TOLERANCE:g} of the state's {largest:.3g}",
                "Give wider words (Precision(word=...)), narrower ranges, or fewer sub-steps a sample.",
                Severity.WARNING,
            )


def small_steps(design: Design) -> Iterator[Finding]:
    """Other states whose steps are smaller than their last place, where outputs show it."""
    marked = {mark.state for mark in design.real.time_constants}
    for state in design.real.states:
        if state.name in marked or not state.size or not design.runs:
            continue
        last_place, often = lsb(design, state.name), design.iterations(state.name)
        steps = np.concatenate([np.diff(run.states[state.name][0], axis=0) for run in design.runs]) / often
        if not len(steps):
            continue
        size = np.sqrt(np.mean(steps**2, axis=0))
        small = np.flatnonzero((size > 0) & (size < last_place))
        lost = loss(design, state.name, last_place) if small.size else 0.0
        if lost > TOLERANCE:
            worst = int(small[np.argmin(size[small])])
            yield Finding(
                "small steps",
                state.name,
                f"{small.size} of {state.size} elements change by less than the format's last place, and so not at all",
                f"element {worst} changes by {size[worst]:.3g} a step (root mean square); "
                f"rounding this state changes an output by {lost:.2%}",
                f"the last place, {last_place:.3g}, and {TOLERANCE:.1%}",
                "Give wider words (Precision(word=...)), narrower ranges, or longer steps.",
                Severity.WARNING,
            )


def _tau(design: Design, mark: TimeConstant) -> Floats:
    """Of each neuron in iterations: the median of what occurred."""

    def occurred(name: str) -> Floats:
        if name in design.real.constants:
            return design.real.constants[name].astype(np.float64)[None]
        return np.concatenate([run.record[name][0] for run in design.runs])

    keep, total = np.broadcast_arrays(occurred(mark.keep), occurred(mark.total))
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = np.where(keep > 0, keep / np.maximum(total - keep, 0), 0.0)
    return np.broadcast_to(np.median(tau, axis=0), (design.real.state(mark.state).size,))


def _largest(design: Design, state: str) -> float:
    return float(max(np.abs(run.states[state]).max(initial=0.0) for run in design.runs))
