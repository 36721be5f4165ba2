"""`traces`: answers, states and liquid time constants over time, of the float network and of the integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hw_models.arguments import check_count
from hw_models.arrays import Floats
from hw_models.errors import InputError
from hw_models.notebook_repr import Shown
from ltc2neuro.compiled.microcode import compiled
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.runs import AnyParts, run_reference
from ltc2neuro.compiled.time_constants import tau, tau_name
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.verification.fidelity import find_truth

STEPS = 400
"""So many samples of a sequence are run for a picture"""


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Shown):
    """One vector over time; of each sequence (samples, elements), in the model's units."""

    name: str
    exact: tuple[Floats, ...]
    integer: tuple[Floats, ...]

    @property
    def error(self) -> tuple[Floats, ...]:
        """Integer minus float."""
        return tuple(i - e for i, e in zip(self.integer, self.exact, strict=True))

    def __str__(self) -> str:
        off, most = (max(float(np.max(np.abs(p), initial=0.0)) for p in parts) for parts in (self.error, self.exact))
        return f"{self.name}: {self.exact[0].shape[1]} elements, off by {off:.3g} at most, where it reaches {most:.3g}"


@dataclass(frozen=True, eq=False, repr=False)
class Traces(Shown):
    """Answers, states and time constants of a few sequences, float and integer; the pictures over time take it."""

    answers: Mapping[str, Trace]
    states: Mapping[str, Trace]
    taus: Mapping[str, Trace]
    held: Mapping[str, tuple[Floats, Floats] | None]
    """of each time constant, the least and the most that its format can hold"""
    unit: str
    """of time constants"""
    lengths: tuple[int, ...]
    """of the sequences that were given"""
    steps: int
    """so many samples of each are here, at most"""

    def __str__(self) -> str:
        cut = f", the first {self.steps} samples of each" if max(self.lengths) > self.steps else ""
        kinds = {"answer": self.answers, "state": self.states, "time constant": self.taus}
        each = [f"  {kind} {trace}" for kind, traces in kinds.items() for trace in traces.values()]
        s = "s" * (len(self.lengths) != 1)
        return "\n".join(
            [f"float and integer over {len(self.lengths)} sequence{s}{cut}; draw it with plot.states", *each]
        )

    def named(self, name: str | None) -> Trace:
        """The answer, state or time constant of that name; None is the first state, or the first answer."""
        found = {**self.answers, **self.states, **self.taus}
        first = next(iter(self.states or self.answers))
        if name is not None and name not in found:
            raise InputError(f"there is no {name!r} over time", advice=f"There are {', '.join(found)}.")
        return found[first if name is None else name]

    def time_constant(self, name: str | None) -> Trace:
        """The time constant of that name; None is the first."""
        if not self.taus:
            advice = (
                "plot.states draws its states and answers. Only states that conductances move have some, as an LTC's."
            )
            raise InputError("this network has no time constants", advice=advice)
        if name is not None and name not in self.taus:
            raise InputError(f"there is no time constant {name!r}", advice=f"There are {', '.join(self.taus)}.")
        return self.taus[next(iter(self.taus)) if name is None else name]


def traces(net: BaseNetwork, x: Inlet, timespans: Samples | None = None, *, steps: int = STEPS) -> Traces:
    """Run the float network and the reference on `x`, as for `verify`; the first `steps` samples of each sequence."""
    check_count(steps, "steps")
    sequences = given(net, x, timespans)
    return traces_of(net.parts, sequences.arrays, steps)


def given(net: BaseNetwork, x: Inlet, timespans: Samples | None) -> Sequences:
    """The sequences of `x`, of which each has a sample."""
    sequences = compiled(net, "a picture").parts.host.sequences(x, timespans)
    if not sequences.arrays or any(not len(a) for a in sequences.arrays):
        raise InputError("there is nothing to show", advice="Give at least one sequence with one sample.")
    return sequences


def traces_of(parts: AnyParts, arrays: Sequence[Floats], steps: int = STEPS) -> Traces:
    """The same of sequences (time, channels)."""
    record, cut = parts.record, [a[:steps] for a in arrays]
    x = Sequences(tuple(cut), ragged=True)
    marks = {t.state: t for t in record.float_graph.time_constants}
    taus = [tau_name(state) for state in record.held_time_constants]
    truth, run = find_truth(parts, None, x), run_reference(parts, x, record=taus)
    executions = truth.executions
    answers, states, found = {}, {}, {}
    for n, answer in enumerate(record.answers.each):
        exact = [record.answers.apart(e.outputs[0].astype(np.float64))[n] for e in executions]
        own = [record.answers.apart(np.asarray(y))[n] for y in run.outputs]
        answers[answer.row] = Trace(answer.row, tuple(exact), tuple(own))
    for state in record.model_states:
        lsb = parts.host.state_lsb(state.name)
        exact = [e.states[state.name][0].astype(np.float64) for e in executions]
        own = [np.asarray(s) * lsb for s in run.states[state.name]]
        states[state.name] = Trace(state.name, tuple(exact), tuple(own))
    for state, name in zip(record.held_time_constants, taus, strict=True):
        mark, pairs = marks[state], zip(executions, cut, strict=True)
        exact = [tau(record.float_graph, mark, e, record.elapsed(a[None]))[0] for e, a in pairs]
        found[name] = Trace(name, tuple(exact), tuple(np.asarray(v) for v in run.record[name]))
    held = dict(zip(taus, record.held_time_constants.values(), strict=True))
    unit = "the time spans" if record.timed else f"dt = {record.dt:g}"
    return Traces(answers, states, found, held, unit, tuple(map(len, arrays)), steps)
