"""Rules on ranges: divisions by what may be 0, states too coarse for their smallest signal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.graph.ops import Div
from compiler.quantize.limits import fraction_for, word_limit
from compiler.ranges.state_intervals import state_interval
from compiler.rules.design import Design
from compiler.rules.finding import Finding, Severity
from compiler.rules.rounding import TOLERANCE, loss

FEW_STEPS = 64
"""A signal that reaches no more steps of its format is rounded by about 1 %."""


def denominator(design: Design) -> Iterator[Finding]:
    """Divisions whose denominator is not proven positive, and was not always positive."""
    if design.bounds is not None:
        return
    for _, op in design.real.ops():
        if not isinstance(op, Div):
            continue
        constant = design.real.constants.get(op.b)
        least = design.observed.low(op.b) if constant is None else constant.astype(np.float64)
        if np.any(least <= 0):
            worst = int(np.argmin(least))
            yield Finding(
                "denominator",
                design.name(op.out),
                "a division whose denominator can be zero or negative",
                f"element {worst} of {design.name(op.b)} was {least[worst]:.6g} on the calibration",
                "above 0",
                "Keep the denominator positive, for example by adding a constant.",
            )


def resolution(design: Design) -> Iterator[Finding]:
    """States of which an element is never more than a few LSB of the format that all share, where outputs show it."""
    for state in design.real.states:
        one_lsb = lsb(design, state.name)
        if not design.runs or not state.size or state.name in design.delayed:
            continue
        reach = np.max([np.abs(run.states[state.name][0]).max(axis=0) for run in design.runs], axis=0)
        steps = reach / one_lsb
        coarse = np.flatnonzero((steps > 0) & (steps < FEW_STEPS))
        lost = loss(design, state.name, one_lsb) if coarse.size else 0.0
        if lost > TOLERANCE:
            worst = int(coarse[np.argmin(steps[coarse])])
            yield Finding(
                "resolution",
                state.name,
                f"{coarse.size} of {state.size} elements reach only a few LSB of the format that all share",
                f"element {worst} reaches {reach[worst]:.3g}: {steps[worst]:.2g} LSB of {one_lsb:.3g}; "
                f"rounding this state changes an output by {lost:.2%}",
                f"{FEW_STEPS} LSB, and {TOLERANCE:.1%}",
                "Scale the state's elements to similar sizes, or calibrate on data without outliers.",
                Severity.WARNING,
            )


def lsb(design: Design, state: str) -> float:
    """The LSB of a state's format: of the one it has, or of the one that it will get."""
    if design.integers is not None:
        return design.integers.state_format(state).lsb
    interval = state_interval(design.real, state, design.observed, design.precision.margin)
    return 2.0 ** -fraction_for(interval.magnitude, word_limit(design.precision.at(state)))
