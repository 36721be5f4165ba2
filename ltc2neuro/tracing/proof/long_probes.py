"""Many more steps than the calibration has: what a model does otherwise later than any short run shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ltc2neuro.tracing.proof import probes
from ltc2neuro.tracing.proof.probes import Probe, ProbeSource, affordable, drawn, joined_with, long_enough, signs
from ltc2neuro.tracing.proof.step_numbers import NEAR, StepNumbers
from ltc2neuro.tracing.recording import axes

PART = 0.75
"""Of the budget"""
_AFTER = 64
"""So many steps more than a number in the model's code says are run: windows hide what is done then"""
_OTHERS = 32
"""So many lengths are tried, at most, of a model that answers once"""


@dataclass(frozen=True)
class LongRuns:
    """Over how many steps a model is run: the first of `lengths` that torch runs, and `others` besides."""

    lengths: tuple[int, ...]
    others: tuple[int, ...] = ()


def long_runs(source: ProbeSource, numbers: StepNumbers, *, counts: bool, every: bool) -> LongRuns:
    """At least twice as many as the longest sequence has, and `LONG_STEPS`; of a model whose own code `counts` steps,
    and compares, `LOOP_STEPS` if there is time; and more than the largest of the numbers in its code.

    One that does not answer at every step may have forgotten what it did long before: it is run up to each.
    """
    twice = 2 * max(map(len, source.sequences))
    least = max(twice, probes.LONG_STEPS)
    most = affordable(source.costs, PART * probes.BUDGET, 1, alone=False)
    usual = max(least, min(most, probes.LOOP_STEPS) if counts and numbers.compares else 0)
    named = sorted((n for n in numbers.lines if axes.STEPS < n <= probes.MOST_STEPS), reverse=True)
    larger = [length for n in named if n + _AFTER > least for length in (n + _AFTER, n)]
    lengths = sorted({*larger, usual, least}, reverse=True)
    others = [] if every or not counts else [n + more for n in named for more in range(1, NEAR + 1)]
    return LongRuns(tuple(n for n in lengths if n >= least), tuple(others[:_OTHERS]))


def long_probe(source: ProbeSource, wanted: int = 0) -> Probe:
    """The calibration over and over, for as many steps as are `wanted`; by default as many as any model is run."""
    sequences, costs, tokens = source.sequences, source.costs, source.tokens
    wanted = wanted or max(2 * max(map(len, sequences)), probes.LONG_STEPS)
    rows = 1 if source.timed else probes.LONG_ROWS
    steps = affordable(costs, PART * probes.BUDGET, rows, alone=False)
    if steps < wanted and rows > 1:
        rows, steps = 1, affordable(costs, PART * probes.BUDGET, 1, alone=False)
    steps = min(wanted, max(steps, axes.STEPS + 1))
    first = max(sequences, key=len)
    one = np.concatenate([first, *(s for s in sequences if s is not first)])[: max(steps, 1)]
    other = signs(source, steps, 1.0)
    other = other if tokens is None else joined_with(tokens, drawn(tokens, steps), other)
    x = [long_enough(one, steps)[:steps], other][:rows]
    names = ("the calibration again and again", "random tokens" if tokens else "random signs of the calibration's ends")
    fewer = f"{steps} steps instead of {wanted}" if steps < wanted else ""
    return Probe(f"{rows} row{'s' * (rows > 1)}, {steps} steps", np.stack(x), names[:rows], fewer=fewer)
