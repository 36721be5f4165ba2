"""Slow decays in integers: whether coefficients and functions keep a neuron's time constant and its gain at rest.

One step of the integers without rounding is held against one of the model, from the same states: what the step is off
on average, over the share that leaks away in it, is what the neuron is off at rest; how the step changes with the
neuron's own state is its time constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from compiler.executors.execution import Array, prepare
from compiler.executors.float64 import KERNELS as REAL
from compiler.executors.unrounded import KERNELS as UNROUNDED
from compiler.graph.graph import Graph
from compiler.graph.ops import Input
from compiler.quantize.carry import SMALL
from compiler.quantize.precision import LIMITS, Precision
from compiler.rules.design import Design, Floats
from compiler.rules.finding import Finding, Severity
from compiler.rules.slow import shows
from hw_models.errors import Ltc2NeuroError

OFF = 5e-3
"""Of a time constant or a gain, that it may be off: 0.5 %."""
SLOW = 1 / 100
"""Neurons that lose less than this of themselves in a sample are looked at: of others the states' own errors tell."""
STAYS = 1e-9
"""Neurons that lose less than this add up: what they seem to lose is the noise of floating-point numbers."""
MOST_TOLD = 10.0
"""Errors of so many times the right value are not told apart."""
POINTS = 6
"""Samples of each sequence, at its end, from whose states a step is taken."""
NEURONS = 64
"""Of a state, the slowest are looked at, at most so many."""
NUDGE = 2.0**-8
"""By how much of its largest value a state is moved to see its time constant."""
MOST_ELEMENTS = 50_000
"""Of larger networks no other precision is tried out."""


DEFAULT = Precision()


@dataclass(frozen=True)
class Decay:
    """How far off the worst of a state's neurons are: its time constant in samples, the error of it and of its gain."""

    state: str
    neuron: int
    neurons: tuple[int, ...]
    tau: float
    of_tau: float
    of_gain: float

    @property
    def off(self) -> float:
        """The larger of both errors."""
        return max(abs(self.of_tau), abs(self.of_gain))


def decay(design: Design) -> Iterator[Finding]:
    """Time constants and gains of slow neurons that coefficients and functions do not keep."""
    if design.integers is None:
        return
    for found in decays(design, design.integers):
        largest = design.kept[found.state].largest
        off = np.where(np.isin(np.arange(largest.size), found.neurons), min(found.off, 1.0) * largest, 0.0)
        if not shows(design, found.state, off):
            continue
        yield Finding(
            "slow decay",
            found.state,
            f"{len(found.neurons)} slow neurons of this state lose their time constant or their gain",
            f"neuron {found.neuron}: its time constant of {found.tau:.4g} samples {_off(found.of_tau)}, "
            f"and where it comes to rest {_off(found.of_gain)} of the largest that it is",
            f"{OFF:.1%}",
            _cure(design, found.state),
            Severity.WARNING,
        )


def _off(error: float) -> str:
    return f"is off by {error:+.2%}" if abs(error) < MOST_TOLD else f"is off by more than {MOST_TOLD:.0%}"


def decays(design: Design, integers: Graph) -> list[Decay]:
    """Of each state with slow neurons that are too far off, the worst one."""
    slow = {}
    for name, kept in design.kept.items():
        leak = kept.leak * design.iterations(name)
        which = np.flatnonzero((leak < SLOW) & (kept.largest > SMALL * kept.largest.max(initial=0.0)))
        slow[name] = which[np.argsort(leak[which])][:NEURONS]
    if not any(len(which) for which in slow.values()):
        return []
    x, states = _points(design)
    found = []
    for name, which in slow.items():
        decay = _worst(design, integers, x, states, name, which) if len(which) else None
        if decay is not None and decay.off > OFF:
            found.append(decay)
    return found


def _points(design: Design) -> tuple[Floats, dict[str, Floats]]:
    """Samples (rows, channels), and the states (rows, size) that each of them finds."""
    rows, states = [], {s.name: [] for s in design.real.states}
    for run, sequence in zip(design.runs, [s for s in design.sequences if len(s)], strict=True):
        last = range(max(1, len(sequence) - POINTS), len(sequence))
        rows += [sequence[t] for t in last]
        for name, track in states.items():
            track += [run.states[name][0, t - 1] for t in last]
    return np.array(rows), {n: np.array(track) for n, track in states.items()}


def _worst(
    design: Design, integers: Graph, x: Floats, states: dict[str, Floats], name: str, which: np.ndarray
) -> Decay | None:
    if not len(x):
        return None
    kept = design.kept[name]
    nudge = NUDGE * kept.largest
    # each row again, once for each neuron that is moved
    count, rows = len(which), len(x)
    many = {n: np.tile(s, (count + 1, 1)) for n, s in states.items()}
    for k, neuron in enumerate(which, 1):
        many[name][k * rows : (k + 1) * rows, neuron] += nudge[neuron]
    again = np.tile(x, (count + 1, 1))
    real = _real_step(design.real, again, many)[name].reshape(count + 1, rows, -1)
    held = _integer_step(integers, again, many)[name].reshape(count + 1, rows, -1)
    worst: Decay | None = None
    bad: list[int] = []
    for k, neuron in enumerate(which, 1):
        leak, leaked = (1 - np.mean(s[k, :, neuron] - s[0, :, neuron]) / nudge[neuron] for s in (real, held))
        if not STAYS < leak < SLOW:
            continue
        short = np.mean(held[0, :, neuron] - real[0, :, neuron]) / leak
        tau = np.inf if leaked <= 0 else float(leak / leaked - 1)
        one = Decay(name, int(neuron), (), float(1 / leak), tau, float(short / kept.largest[neuron]))
        bad += [int(neuron)] if one.off > OFF else []
        worst = one if worst is None or one.off > worst.off else worst
    return None if worst is None else replace(worst, neurons=tuple(bad))


def _real_step(graph: Graph, x: Floats, states: dict[str, Floats]) -> dict[str, Array]:
    return prepare(graph, REAL).run(x[:, None], states).final


def _integer_step(graph: Graph, x: Floats, states: dict[str, Floats]) -> dict[str, Array]:
    """The same in integers without rounding; in real units."""
    entry = next(op for _, op in graph.ops() if isinstance(op, Input))
    lsb = {s.name: 2.0**-s.format.fraction for s in graph.states if s.format is not None}
    sent = x * graph.constants[entry.scale] + graph.constants[entry.offset]
    form = graph.values[entry.out].format
    assert form is not None  # an integer graph's
    start = {
        s.name: states[s.name] / lsb[s.name]
        if s.name in states
        else np.repeat(graph.constants[s.initial][None].astype(np.float64), len(x), axis=0)
        for s in graph.states
    }
    final = prepare(graph, UNROUNDED).run((sent / form.lsb)[:, None], start).final
    return {n: final[n] * lsb[n] for n in states}


def _cure(design: Design, state: str) -> str:
    """The first setting that brings all of the state's neurons within what they may be off, tried out."""
    from compiler.quantize.to_integers import quantize

    otherwise = "Give shorter time constants or longer steps, or a chip of wider words: chip='ideal' has 64 bits."
    if sum(v.size for v in design.real.values.values()) > MOST_ELEMENTS:
        return f"Precision(segments=32, argument_fraction=18) may cure it. {otherwise}"
    for text, precision in _candidates(design.precision):
        try:
            integers = quantize(design.real, design.sequences, design.chip, precision)
        except Ltc2NeuroError:
            continue
        if all(found.state != state for found in decays(design, integers)):
            return f"{text} cures it: tried out on the calibration."
    return f"No setting of {design.chip.name} that was tried cures it. {otherwise}"


def _candidates(precision: Precision) -> Iterator[tuple[str, Precision]]:
    finer = precision.argument_fraction + 4
    ways: list[dict[str, int | bool]] = [
        *([] if precision.carry else [{"carry": True}]),
        {"segments": 4 * precision.segments},
        {"argument_fraction": finer},
        {"segments": 4 * precision.segments, "argument_fraction": finer},
        {"split_weights": True, "split_messages": True},
        {"split_weights": True, "split_messages": True, "segments": 4 * precision.segments, "argument_fraction": finer},
        {"parameter": precision.parameter + 6},
    ]
    for way in ways:
        if all(low <= way.get(name, low) <= high for name, (low, high) in LIMITS.items()):
            tried = replace(precision, **way)  # type: ignore[arg-type]
            own = [f.name for f in fields(Precision) if getattr(tried, f.name) != getattr(DEFAULT, f.name)]
            yield f"Precision({', '.join(f'{n}={getattr(tried, n)!r}' for n in own if n != 'overrides')})", tried
