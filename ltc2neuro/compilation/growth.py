"""Growth: states whose range still grows at the calibration's end, with the value and the horizon of their clipping.

A state without a proven bound has the range that the calibration shows, some margin on top. Whether longer sequences
stay in it is tried out: the model goes on, over the same samples again and again, as far as the effort allows.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.delays import delayed
from compiler.graph.graph import Graph, State
from compiler.graph.ops import Max, Min, Op, StateWrite
from compiler.interpreters.execution import prepare
from compiler.interpreters.float64 import KERNELS
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.real_intervals import find_intervals
from compiler.ranges.state_intervals import state_interval
from hw_models.arrays import Floats
from hw_models.errors import QuantizeError

SAME, MIXED = 5, 16
"""How many times more the calibration is gone through in the same order, and in others: random walks leave twice their
range in a few times as long."""
OFFSET = 37
"""By this many samples the start of the order shifts each time."""
SEQUENCES = 16
"""How many sequences of the calibration are gone through, the longest ones."""
MOST_STEPS, MOST_ELEMENTS = 4096, 2**28
"""Samples, and elements computed of all values, that are tried beyond the calibration itself."""
STEADY = 0.02
"""The part of the calibration's range by which each further round, as long as it, must widen the range to be growth."""
ANY = 1e9
"""A value that stands for any."""
BOUNDED = 1e4
"""A state is bounded where it stays within this, whatever it receives. Where its format, which comes from the
calibration, ends sooner, it is tried all the same if the calibration's end still widens it."""


@dataclass(frozen=True)
class Growth:
    """A state that grows: the largest value that the calibration shows, where it clips, and after how many samples of
    a sequence at the present growth; None where nothing says when."""

    state: str
    largest: float
    low: float
    high: float
    horizon: int | None


def find_growth(graph: Graph, sequences: Sequence[Floats], margin: float, named: Sequence[str] = ()) -> list[Growth]:
    """The states of a float graph that grow, of a delay the first; those `named` whether it shows or not."""
    later = delayed(graph)
    open_ended = [s for s in graph.states if s.low is None and s.size and s.name not in later]
    if not open_ended:
        return []
    observed = Observed(graph, sequences)
    with np.errstate(all="ignore"):
        bounds = _bounds(graph, observed, margin)
        held = _held(graph, sequences, {s.name: bounds[s.name] for s in open_ended}, observed, margin)
    tried = [s for s in open_ended if s.name in named or s.name not in held]
    if not tried:
        return []
    with np.errstate(all="ignore"):
        horizons = _go_on(graph, sequences, tried, observed, margin)
    found = []
    for state in tried:
        if state.name in horizons or state.name in named:
            seen, clips = (state_interval(graph, state.name, observed, m).common for m in (1.0, margin))
            ends = float(clips.low[0]), float(clips.high[0])
            found.append(Growth(state.name, seen.magnitude, *ends, horizons.get(state.name)))
    return found


def warn_of_growth(found: Sequence[Growth], named: Sequence[str], steps: int, seen: str, stacklevel: int) -> None:
    """One warning for each of the states that grow; `steps` are the longest sequence's of what was `seen`."""
    for growth in found:
        may = "may grow without bound" if growth.state in named else f"still grows at the end of {seen}"
        when = ""
        if growth.horizon is not None:
            samples = f"{growth.horizon:,} samples" if growth.horizon > steps else "a sequence of this length"
            when = f", at the present growth after about {samples} (the longest sequence there has {steps:,})"
        warnings.warn(
            f"the state {growth.state} {may}: {growth.largest:.6g} is the largest value in {seen}, and what "
            f"goes beyond {growth.low:.6g} ... {growth.high:.6g} saturates{when}. Calibrate on sequences as long as "
            "those that it will meet, start new sequences sooner, or bound the state.",
            stacklevel=stacklevel + 1,
        )


class _Anything(Observed):
    """What is observed may be anything, whatever the samples show: they may begin at rest."""

    def interval(self, name: str, margin: float) -> Interval:
        size = self.graph.size(name)
        return Interval(np.full(size, -ANY), np.full(size, ANY))


def _bounds(graph: Graph, observed: Observed, margin: float) -> dict[str, float]:
    """What each state stays within whatever it, and the inputs, are: after a tanh, after a mean of two of them.

    A limit beyond what the calibration shows holds nothing: the format, which comes from it, ends sooner.
    """

    def holds(op: Op, proven: Interval) -> Interval:
        late = isinstance(op, (Max, Min)) and proven.magnitude > observed.interval(str(op.result), margin).magnitude
        return anything.interval(str(op.result), 1.0) if late else proven

    anything = _Anything(graph, [s[:4] for s in observed.sequences[:2]])
    found = dict.fromkeys([s.name for s in graph.states], np.inf)
    try:
        bounds = find_intervals(graph, anything, 1.0, holds)
    except QuantizeError:
        return found
    written = [op for _, op in graph.ops() if isinstance(op, StateWrite) and op.x in bounds]
    return found | {op.state: bounds[op.x].magnitude for op in written}


def _held(
    graph: Graph, sequences: Sequence[Floats], bounds: Mapping[str, float], observed: Observed, margin: float
) -> frozenset[str]:
    """The states that need not be tried: their format holds their bound, or they no longer grow in the calibration."""
    near = {name: bound for name, bound in bounds.items() if bound <= BOUNDED}
    short = [n for n, bound in near.items() if bound > state_interval(graph, n, observed, margin).common.magnitude]
    if not short:
        return frozenset(near)
    run = prepare(graph, KERNELS).run(_longest(sequences))
    return frozenset(near) - {n for n in short if _rises(run.states[n])}


def _rises(track: Floats) -> bool:
    """Whether the last quarter of (batch, time, size) goes beyond all that was before."""
    before = track.shape[1] - track.shape[1] // 4
    return _width(track[:, before:]) > (1 + STEADY) * _width(track[:, :before])


def _longest(sequences: Sequence[Floats]) -> Floats:
    """The longest sequences, side by side."""
    longest = max(len(s) for s in sequences)
    return np.stack([s for s in sequences if len(s) == longest][:SEQUENCES])


def _go_on(
    graph: Graph, sequences: Sequence[Floats], states: Sequence[State], observed: Observed, margin: float
) -> dict[str, int]:
    """After how many samples each of the states that grow will clip.

    The same samples again in the same order show a drift; in other orders, what adds up by chance, or would cancel.
    """
    x = _longest(sequences)
    longest = x.shape[1]
    work = sum(v.size for v in graph.values.values()) * len(x)
    steps = min(longest, max(1, MOST_ELEMENTS // (work * MIXED)), max(1, MOST_STEPS // MIXED))
    program = prepare(graph, KERNELS)
    first = program.run(x)
    limits = {s.name: state_interval(graph, s.name, observed, margin).common for s in states}
    found: dict[str, int] = {}

    def go_through(rounds: Sequence[Floats]) -> dict[str, list[float]]:
        run, widths = first, {s.name: [_width(first.states[s.name])] for s in states}
        for number, samples in enumerate(rounds):
            run = program.run(samples, run.final)
            for state in states:
                track, limit = run.states[state.name], limits[state.name]
                widths[state.name].append(_width(track))
                outside = ((track < limit.low) | (track > limit.high) | ~np.isfinite(track)).any(axis=(0, 2))
                if outside.any():
                    horizon = longest + number * steps + int(np.argmax(outside)) + 1
                    found[state.name] = min(found.get(state.name, horizon), horizon)
        return widths

    go_through([np.roll(x, (k, OFFSET * k), axis=(0, 1))[:, :steps] for k in range(1, MIXED + 1)])
    widths = go_through([x[:, -steps:]] * SAME)  # of long sequences the end
    for state in states:
        if state.name not in found:
            later = _extrapolated(widths[state.name], limits[state.name].magnitude, steps, longest)
            if later is not None:
                found[state.name] = longest + SAME * steps + later
    return found


def _width(track: Floats) -> float:
    return float(np.abs(track).max(initial=0.0))


def _extrapolated(widths: Sequence[float], limit: float, steps: int, longest: int) -> int | None:
    """In how many samples a range that widens in each round reaches its limit; None where it does not."""
    wider = np.diff(widths)
    if not widths[0] > 0 or np.any(wider < STEADY * widths[0] * steps / longest):
        return None
    shrinks = (wider[-1] / wider[0]) ** (1 / (len(wider) - 1))
    if shrinks < 1 and widths[-1] + wider[-1] * shrinks / (1 - shrinks) <= limit:  # it settles before that
        return None
    return int(np.ceil((limit - widths[-1]) / np.mean(wider[1:]) * steps))
