"""Slow decays in integers: whether coefficients and functions keep a neuron's time constant and its gain at rest.

One step of the integers without rounding is compared with one of the model, from the same states, sample by sample. The
step's error where the sample would let the neuron rest, divided by the share that leaks in it, is the neuron's error
at rest; how the step changes with the neuron's own state gives its time constant. The worst sample counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.interpreters.execution import prepare
from compiler.interpreters.float64 import KERNELS
from compiler.interpreters.unrounded import KERNELS as UNROUNDED
from compiler.quantize.modes import STAYS, Complex, linear, mixed, real_step
from compiler.quantize.precision import LIMITS, Precision
from compiler.quantize.slow_states import SMALL
from compiler.quantize.to_integers import quantize, to_integers
from compiler.rules.design import Design
from compiler.rules.finding import Finding, Severity
from compiler.rules.slow import shows
from hw_models.arrays import Array, Floats
from hw_models.errors import Ltc2NeuroError

OFF = 5e-3
"""How far a time constant or a gain may be off: 0.5 %."""
SLOW = 1 / 100
"""Neurons that lose less than this of themselves in a sample are looked at: for others the states' own errors tell."""
MOST_TOLD = 10.0
"""Errors beyond this many times the right value are not told apart."""
HELD = 16
"""For so many samples each sample is held, before a step is taken: fast neurons are at rest then."""
LEAKS = 0.1
"""Samples in which a neuron leaks less than this of what it does on average keep it, and are not looked at."""
IN_MODE = 0.1
"""Neurons with at least this share of the mode's largest component belong to it."""
NEURONS = 64
"""Of each state, at most this many of the slowest are looked at."""
NUDGE = 2.0**-8
"""How far a state is moved to see its time constant, as a part of its largest value."""
MOST_ELEMENTS = 50_000
"""In larger networks no other precision is tried."""


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
    mode: tuple[float, ...] = ()
    """of a mode: how much of it each neuron has; empty where neurons decay each for itself"""

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
        share = np.array(found.mode) * largest.max(initial=0.0) if found.mode else largest
        off = np.where(np.isin(np.arange(largest.size), found.neurons), min(found.off, 1.0) * share, 0.0)
        if not shows(design, found.state, off):
            continue
        who = f"a slow mode of the {len(found.neurons)}" if found.mode else f"{len(found.neurons)} slow"
        loses = "loses its time constant or its gain" if found.mode else "lose their time constant or their gain"
        which = "mode with neuron" if found.mode else "neuron"
        yield Finding(
            "slow decay",
            found.state,
            f"{who} neurons of this state {loses}",
            f"{which} {found.neuron}: its time constant of {found.tau:.4g} samples {_off(found.of_tau)}, "
            f"and the value where it settles {_off(found.of_gain)} of its largest value",
            f"{OFF:.1%}",
            _cure(design, found.state),
            Severity.WARNING,
        )


def _off(error: float) -> str:
    return f"is off by {error:+.2%}" if abs(error) < MOST_TOLD else f"is off by more than {MOST_TOLD:.0%}"


def decays(design: Design, integers: IntegerGraph) -> list[Decay]:
    """The worst neuron of each state whose slow neurons are too far off."""
    slow, among = {}, mixed(design.real)
    for name, kept in design.kept.items():
        if name in among:
            continue
        leak = kept.leak * design.iterations(name)
        which = np.flatnonzero((leak < SLOW) & (kept.largest > SMALL * kept.largest.max(initial=0.0)))
        if which.size:
            slow[name] = which[np.argsort(leak[which])][:NEURONS]
    if not len(design.samples) or not (slow or among):
        return []
    points = _points(design)
    found = _modes(design, integers, points, among) if among else []
    for name, which in slow.items():
        decay = _worst(design, integers, points, name, which)
        if decay is not None and decay.off > OFF:
            found.append(decay)
    return found


@dataclass(frozen=True)
class _Points:
    """Samples (rows, channels), and the states (rows, size) that each of them finds."""

    x: Floats
    states: dict[str, Floats]


def _points(design: Design) -> _Points:
    x, ends = design.samples, [{n: s[:, -1] for n, s in run.states.items()} for run in design.runs]
    states = {s.name: np.concatenate([e[s.name] for e in ends]) for s in design.real.states}
    states = {n: np.resize(s, (len(x), s.shape[1])) for n, s in states.items()}
    return _Points(x, prepare(design.real, KERNELS).run(np.repeat(x[:, None], HELD, axis=1), states).final)


def _worst(design: Design, integers: IntegerGraph, points: _Points, name: str, which: np.ndarray) -> Decay | None:
    kept = design.kept[name]
    nudge = NUDGE * kept.largest
    # each row again, once for each neuron that is moved
    count, rows = len(which), len(points.x)
    many = {n: np.tile(s, (count + 1, 1)) for n, s in points.states.items()}
    for k, neuron in enumerate(which, 1):
        many[name][k * rows : (k + 1) * rows, neuron] += nudge[neuron]
    again = np.tile(points.x, (count + 1, 1))
    real = real_step(design.real)(again, many)[name].reshape(count + 1, rows, -1)
    held = _integer_step(integers, again, many)[name].reshape(count + 1, rows, -1)
    worst: Decay | None = None
    bad: list[int] = []
    for k, neuron in enumerate(which, 1):
        leak, leaked = (1 - (s[k, :, neuron] - s[0, :, neuron]) / nudge[neuron] for s in (real, held))
        mean = leak.mean()
        at = np.flatnonzero(leak > LEAKS * mean)
        if not STAYS < mean < SLOW or not at.size:
            continue
        leak, leaked, now = leak[at], leaked[at], points.states[name][at, neuron]
        way = (real[0, at, neuron] - now) / leak  # to where it would come to rest with this sample
        short = (held[0, at, neuron] - real[0, at, neuron]) / leak + (1 - leaked / leak) * way
        gain = short[np.argmax(np.abs(short))] / max(kept.largest[neuron], np.abs(now + way).max())
        with np.errstate(divide="ignore"):
            tau = np.where(leaked > 0, leak / leaked - 1, np.inf)
        one = Decay(name, int(neuron), (), float(1 / mean), float(tau[np.argmax(np.abs(tau))]), float(gain))
        bad += [int(neuron)] if one.off > OFF else []
        worst = one if worst is None or one.off > worst.off else worst
    return None if worst is None else replace(worst, neurons=tuple(bad))


def _modes(design: Design, integers: IntegerGraph, points: _Points, among: frozenset[str]) -> list[Decay]:
    """The worst mode of each state whose slow modes are too far off."""
    x, point = points.x[-1], {n: s[-1] for n, s in points.states.items()}
    real = linear(real_step(design.real), x, point)
    if not np.all(np.isfinite(real.slope)):
        return []
    kept, parts = np.linalg.eig(real.slope)
    slow = np.flatnonzero((1 - np.abs(kept) > STAYS) & (1 - np.abs(kept) < SLOW))
    if not slow.size or np.linalg.cond(parts) > 1 / STAYS:
        return []
    held = linear(lambda x, s: _integer_step(integers, x, s), x, point)
    partner = _matched(kept[slow], np.linalg.eigvals(held.slope).astype(np.complex128))
    left = np.linalg.inv(parts)
    names = np.repeat(list(point), [s.size for s in point.values()])
    # where the slow modes would come to rest, and what the integers add to a step there
    rest = real.at + np.real(parts[:, slow] @ (left[slow] @ (real.after - real.at) / (1 - kept[slow])))
    more = held.after - real.after + (held.slope - real.slope) @ (rest - real.at)
    worst: dict[str, Decay] = {}
    for mode, own in zip(slow, partner, strict=True):
        size = np.abs(parts[:, mode])
        state = str(names[np.argmax(size)])
        if state not in among:
            continue
        mine = names == state
        leak, leaked = 1 - abs(kept[mode]), 1 - abs(own)
        tau = np.inf if leaked <= 0 else float(leak / leaked - 1)
        short = np.real(parts[:, mode] * (left[mode] @ more) / (1 - kept[mode]))[mine]
        reach = max(np.abs(rest[mine]).max(), design.kept[state].largest.max())
        gain = 0.0 if reach == 0 else float(short[np.argmax(np.abs(short))] / reach)
        share = size[mine] / size[mine].max()
        many = tuple(np.flatnonzero(share > IN_MODE).tolist())
        one = Decay(state, int(np.argmax(share)), many, float(1 / leak), tau, gain, tuple(share.tolist()))
        if state not in worst or one.off > worst[state].off:
            worst[state] = one
    return [one for one in worst.values() if one.off > OFF]


def _matched(these: Complex, others: Complex) -> Complex:
    """The nearest of the others to each, no one twice, the slowest first."""
    found, free = np.empty(len(these), np.complex128), np.ones(len(others), bool)
    for k in np.argsort(-np.abs(these)):
        nearest = int(np.argmin(np.where(free, np.abs(others - these[k]), np.inf)))
        found[k], free[nearest] = others[nearest], False
    return found


def _integer_step(graph: IntegerGraph, x: Floats, states: dict[str, Floats]) -> dict[str, Array]:
    """The same in integers without rounding; in real units."""
    lsb = {s.name: graph.state_format(s.name).lsb for s in graph.states}
    sent = graph.input_map(x)
    start = {
        s.name: states[s.name] / lsb[s.name]
        if s.name in states
        else np.repeat(graph.constants[s.initial][None].astype(np.float64), len(x), axis=0)
        for s in graph.states
    }
    final = prepare(graph, UNROUNDED).run((sent / graph.input_format.lsb)[:, None], start).final
    return {n: final[n] * lsb[n] for n in states}


def _cure(design: Design, state: str) -> str:
    """The first setting that brings all of the state's neurons within what they may be off, tried out."""
    otherwise = "Give shorter time constants or longer steps, or a chip with wider words: chip='ideal' has 64 bits."
    if sum(v.size for v in design.real.values.values()) > MOST_ELEMENTS:
        return f"Precision(segments=32, argument_fraction=18) may cure it. {otherwise}"
    for text, precision in _candidates(design.precision):
        try:
            if all(_cured(design, state, integers) for integers in _tried(design, precision)):
                return f"{text} cures it, as tried on the calibration."
        except Ltc2NeuroError:
            continue
    return f"No setting of {design.chip.name} that was tried cures it. {otherwise}"


def _tried(design: Design, precision: Precision) -> Iterator[IntegerGraph]:
    """The integers of another precision: on the ranges that are known, which is quick; then as they would be made."""
    near, sequences, timed = design.floating, design.sequences, False
    if near is not None:
        same = replace(precision, overrides=near.precision.overrides)
        yield to_integers(replace(near, precision=same)).graph
        sequences, timed = near.observed.sequences, near.timed
    yield quantize(design.real, sequences, design.chip, precision, timed=timed)


def _cured(design: Design, state: str, integers: IntegerGraph) -> bool:
    return all(found.state != state for found in decays(design, integers))


def _candidates(precision: Precision) -> Iterator[tuple[str, Precision]]:
    more, finer = {"segments": 4 * precision.segments}, {"argument_fraction": precision.argument_fraction + 4}
    split = {"split_weights": True, "split_messages": True}
    ways: list[Mapping[str, int | bool]] = [
        *([] if precision.carry else [{"carry": True}]),
        more,
        finer,
        more | finer,
        split,
        split | more | finer,
        {"parameter": precision.parameter + 6},
    ]
    for way in ways:
        if all(low <= way.get(name, low) <= high for name, (low, high) in LIMITS.items()):
            tried = replace(precision, **way)
            own = [f.name for f in fields(Precision) if getattr(tried, f.name) != getattr(DEFAULT, f.name)]
            yield f"Precision({', '.join(f'{n}={getattr(tried, n)!r}' for n in own if n != 'overrides')})", tried
