"""What a network answers when some of its losses are lifted, and how far that is from the float network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from compiler.attribution.sites import Site
from compiler.attribution.switched import Switched
from compiler.interpreters.execution import Execution
from compiler.interpreters.float64 import run_each
from hw_models.arrays import Array, Floats
from ltc2neuro import metrics
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.runs import run_network
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.verification.task_metric import TaskMetric

ROWS = 1024
"""Samples that are taken by themselves, each from the float network's states"""
NOISE = 240.0
"""In dB: what is nearer than this to the float network is float64's own rounding"""


@dataclass(frozen=True)
class Judged:
    """What has an error: an answer, or a state."""

    name: str
    exact: Sequence[Floats]
    """what the float network has, (samples, channels), of each sequence"""
    shape: tuple[int, ...]
    """of its channels"""


@dataclass(frozen=True)
class MeasuredTargets:
    """The SQNR of each target, channel by channel, and the task metrics."""

    decibels: tuple[Floats, ...]
    scores: tuple[float, ...] = ()

    def at(self, target: int) -> float:
        """Of a target as a whole: each channel's noise is a share of its own signal, and their mean is taken. Infinite
        where nothing is lost, NaN where no channel has a signal."""
        channels = self.decibels[target]
        channels = channels[~np.isnan(channels)]
        found = together(np.where(channels > NOISE, 0.0, power(channels))) + 10 * np.log10(max(channels.size, 1))
        return float(found) if channels.size else float("nan")


def power(decibels: npt.ArrayLike) -> Floats:
    """The noise, as a part of the signal's power."""
    return np.power(10.0, np.asarray(decibels, np.float64) / -10)


def together(powers: npt.ArrayLike) -> float:
    """What noises are together, in dB below the signal; infinite where they take one another away."""
    total = float(np.sum(powers))
    return float(-10 * np.log10(total)) if total > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class Bench:
    """A network, sequences, and what the float network does on them."""

    parts: Parts
    switched: Switched
    x: Sequences
    tasks: Sequence[TaskMetric] = ()

    def part(self, sequences: Sequence[int], steps: int) -> Bench:
        """The same network, on the first `steps` samples of some of the sequences."""
        x = Sequences(tuple(self.x.arrays[i][:steps] for i in sequences), self.x.ragged)
        own = [t.part(sequences) for t in self.tasks]
        return Bench(self.parts, self.switched, x, own)

    @cached_property
    def truth(self) -> list[Execution]:
        """The float network's run of each sequence."""
        record = self.parts.record
        return run_each(record.float_graph, [record.entering(a) for a in self.x.arrays])

    @cached_property
    def targets(self) -> list[Judged]:
        """The answers, then the states."""
        record, answers = self.parts.record, self.parts.host.answers(e.outputs[0] for e in self.truth)
        channels = record.answers.by_channel(answers)
        found = [Judged(a.row, exact, a.step_shape) for a, exact in zip(record.answers.each, channels, strict=True)]
        for s in record.model_states:
            found.append(Judged(s.name, [e.states[s.name][0] for e in self.truth], (s.size,)))
        return found

    @cached_property
    def float_scores(self) -> tuple[float, ...]:
        """The float network's task metrics."""
        answers = self.parts.host.answers(e.outputs[0] for e in self.truth)
        return tuple(task.score(answers) for task in self.tasks)

    def without(self, lifted: Collection[Site]) -> MeasuredTargets:
        """All sequences from their start, without what is lost at these sites."""
        program, record = self.switched.lifting(lifted), self.parts.record
        outputs: list[Array] = [np.zeros(0)] * len(self.x.arrays)
        states: dict[str, list[Array]] = {s.name: [np.zeros(0)] * len(outputs) for s in record.model_states}
        for group in self.x.groups():
            run = program.run(self._samples(np.stack([self.x.arrays[i] for i in group])))
            for row, number in enumerate(group):
                outputs[number] = record.leaves(run.outputs[row].astype(np.float64))
                for name, tracks in states.items():
                    tracks[number] = run.states[name][row] * self.parts.host.state_lsb(name)
        answers = self.parts.host.answers(outputs)
        channels = [*record.answers.by_channel(answers), *states.values()]
        found = [metrics.channel_sqnr(t.exact, own) for t, own in zip(self.targets, channels, strict=True)]
        return MeasuredTargets(tuple(found), tuple(task.score(answers) for task in self.tasks))

    def executed(self) -> float:
        """SQNR of the first answer, as `Measured.at` has it, on all sequences, by the usual executor."""
        record, parts = self.parts.record, self.parts
        answers = parts.host.answers(run_network(parts, self.x).outputs)
        found = metrics.channel_sqnr(self.targets[0].exact, record.answers.by_channel(answers)[0])
        return MeasuredTargets((found,)).at(0)

    def one_step(self, lifted: Collection[Site]) -> MeasuredTargets:
        """Samples by themselves, each from the states of the float network, so that no error is carried on."""
        record, alone = self.parts.record, self._alone
        program = self.switched.lifting(lifted, real=True)
        rest = {s.name: np.tile(program.constants[s.initial].T, (len(alone.x), 1)) for s in program.graph.states}
        run = program.run(alone.x, {**rest, **alone.start})
        outputs = record.answers.apart(record.leaves(run.outputs[:, 0].astype(np.float64)))
        states = [run.final[s.name] * self.parts.host.state_lsb(s.name) for s in record.model_states]
        pairs = zip(alone.exact, [*outputs, *states], strict=True)
        return MeasuredTargets(tuple(metrics.channel_sqnr([exact], [own]) for exact, own in pairs))

    @cached_property
    def _alone(self) -> _Alone:
        record, graph = self.parts.record, self.parts.record.float_graph
        places = [(i, t) for i, a in enumerate(self.x.arrays) for t in range(len(a))]
        chosen = [places[k] for k in np.linspace(0, len(places) - 1, min(ROWS, len(places))).astype(int)]
        outputs = np.stack([self.truth[i].outputs[0, t] for i, t in chosen])
        start, after = {}, []
        for s in record.model_states:
            tracks = [e.states[s.name][0] for e in self.truth]
            rest = graph.constants[graph.state(s.name).initial]
            before = np.stack([tracks[i][t - 1] if t else rest for i, t in chosen])
            start[s.name] = before / self.parts.host.state_lsb(s.name)
            after.append(np.stack([tracks[i][t] for i, t in chosen]))
        x = self._samples(np.stack([self.x.arrays[i][t : t + 1] for i, t in chosen]))
        return _Alone(x, start, [*record.answers.apart(outputs), *after])

    def _samples(self, x: Floats) -> Floats:
        record = self.parts.record
        return record.enters.scaled(record.entering(x))


@dataclass(frozen=True, eq=False)
class _Alone:
    """Samples by themselves: as they enter, the states that they start from in LSB, and what each target is then."""

    x: Floats
    start: dict[str, Floats]
    exact: list[Floats]
