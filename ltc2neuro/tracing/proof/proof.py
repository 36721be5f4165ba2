"""The proof: the recorded graph computes what torch computes, value by value, wherever a user may go.

All that was run is compared: each step, row and channel, by the channel's own scale. The model runs in float64 where
it can, so that rounding does not hide a wrong function; what rounding itself loses is found by the graph, not assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from compiler.graph import Graph
from compiler.graph.workload import work
from compiler.interpreters.execution import PreparedGraph
from compiler.interpreters.float64 import prepare_float, run_prepared_float
from compiler.interpreters.rounding_loss import ROOM, Loss, first_lost, rounding_loss
from hw_models.arrays import Floats, Integers
from hw_models.errors import ProofError
from ltc2neuro.compiled import evidence
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.proof.branches import changing_branches
from ltc2neuro.tracing.proof.failures import (
    DiffersError,
    OwnArithmeticError,
    check_bound,
    diverges,
    failure,
    is_output,
    other_shape,
)
from ltc2neuro.tracing.proof.intermediates import Compared, SeenModel, seen_model
from ltc2neuro.tracing.proof.long_probes import long_probe, long_runs
from ltc2neuro.tracing.proof.probes import Probe, ProbeSource, is_cut, short_probes
from ltc2neuro.tracing.proof.step_numbers import NEAR, RECORDED, StepNumbers
from ltc2neuro.tracing.recording.checkpoints import Checkpoint
from ltc2neuro.tracing.recording.extents import Decisions

ALLOWED = {torch.float64: 1e-10, torch.float32: 1e-5}
"""The largest difference, relative to the largest value of its channel and row, besides what rounding loses"""
_UNIT = {torch.float64: 2.0**-52, torch.float32: 2.0**-23}
_OWN_ROWS, _OWN_STEPS = 8, 64
"""How much of each probe is also compared in the model's own float32"""
_AGAIN_ROWS, _AGAIN_STEPS = 8, 16
"""How much of the calibration the model answers twice: random numbers show at once, what it keeps did in every probe"""


@dataclass(frozen=True)
class Subject:
    """What is proved: a graph against a model, and the values that both show."""

    model: torch.nn.Module
    graph: Graph
    calling: Calling
    checkpoints: Sequence[Checkpoint]
    traced: Graph | None = None
    """what the graph was simplified from, which rounds as torch does: (x + 1e6) - 1e6 loses bits, x does not"""
    decisions: Decisions = field(default_factory=Decisions)
    """by the number of rows or steps, which the model makes"""
    numbers: StepNumbers = field(default_factory=StepNumbers)
    """in the code that it runs"""


def prove_trace(subject: Subject, sequences: Sequence[Floats], exact: torch.dtype, own: torch.dtype) -> Evidence:
    """Compare torch and the graph on the calibration and on probes of other shapes and values.

    `exact` is the type in which the model runs for the tight comparison, `own` the user's: where it is another one,
    parts are compared in it, too. Raises `ProofError` that names the first value, in the order of computation, that
    differs, and the probe, row and step; an `OwnArithmeticError` where that is so in its own type alone.
    """
    calling = subject.calling
    together = calling.timed and not _mixes_timespans(subject.model)
    source = ProbeSource(sequences, work(subject.graph), calling.timed, calling.tokens, tuple(subject.numbers.lines))
    probes = short_probes(source, subject.decisions, together=together)
    trial = _TorchTrial(subject, seen_model(subject.model, calling, exact))
    found = [trial.run(probe) for probe in probes]
    _answers_again(trial.seen, probes[0].x[:_AGAIN_ROWS, :_AGAIN_STEPS])
    if own != exact:  # what depends on the type shows in the answer
        in_own = _TorchTrial(replace(subject, checkpoints=()), seen_model(subject.model, calling, own), wider=True)
        special = max((p for p in probes if not p.own), key=lambda p: (len(p.x), p.x.size))
        some = [special] if is_cut(special) else [probes[0], special]
        found += [in_own.run(_some(probe)) for probe in some]
    return _joined(found)


def compared(subject: Subject, probe: Probe, dtype: torch.dtype) -> Evidence:
    """Compare torch, in `dtype`, and the graph on one probe. Raises `ProofError`."""
    seen = seen_model(subject.model, subject.calling, dtype, remember=bool(subject.checkpoints))
    return _TorchTrial(subject, seen).run(probe)


def prove_long(subject: Subject, sequences: Sequence[Floats], exact: torch.dtype, traced: Graph) -> Evidence:
    """Compare torch and the graph, or what it was simplified to, over many more steps than the calibration has.

    What torch computes is what the graph does as it was `traced`.
    """
    calling, subject = subject.calling, replace(subject, traced=traced)
    source = ProbeSource(sequences, work(traced), calling.timed, calling.tokens)
    counts, every = subject.decisions.recorded > 0, all(answer.every for answer in calling.answers.each)
    runs = long_runs(source, subject.numbers, counts=counts, every=every)
    *longer, least = runs.lengths
    each = (compared(subject, long_probe(source, steps), exact) for steps in longer)
    found = next((one for one in each if not one.probes[0].left_out), None)
    found = found or compared(subject, long_probe(source, least), exact)
    return _joined([found, *(compared(subject, long_probe(source, steps), exact) for steps in runs.others)])


def _mixes_timespans(model: torch.nn.Module) -> bool:
    """Whether it has a layer of ncps: 1.0.1 takes the time spans of one row for another's units."""
    return any(type(m).__module__.split(".")[0] == "ncps" for m in model.modules())


def _joined(parts: Sequence[Evidence]) -> Evidence:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.joined(part)
    return whole


def _some(probe: Probe) -> Probe:
    rows = slice(_OWN_ROWS if probe.own else None)
    return replace(probe, x=probe.x[rows, :_OWN_STEPS], rows=probe.rows[rows])


def _answers_again(once: SeenModel, x: Floats) -> None:
    pairs = zip(once.answers(x), once.answers(x), strict=True)
    if not all(np.array_equal(one, other, equal_nan=True) for one, other in pairs):
        raise ProofError(
            "the model answers differently when it is called again",
            advice="It keeps something from call to call, or draws random numbers. Put a state under "
            "ltc2neuro.nn.Recurrent, which starts each sequence anew.",
        )


@dataclass(frozen=True)
class _TorchTrial:
    """One way in which torch runs the subject. `wider`: the graph is more exact than this run of torch is."""

    subject: Subject
    seen: SeenModel
    wider: bool = False

    @cached_property
    def program(self) -> PreparedGraph:
        """The graph, made ready once for all probes."""
        return prepare_float(self.subject.graph)

    @property
    def arithmetic(self) -> str:
        return str(self.seen.dtype).removeprefix("torch.")

    def run(self, probe: Probe) -> Evidence:
        """Compare on one probe. Raises `ProofError`."""
        graph, calling, dtype = self.subject.graph, self.subject.calling, self.seen.dtype
        x = probe.x if calling.inputs is None else calling.inputs.holding(probe.x)
        x = x.astype(np.float32).astype(np.float64) if dtype == torch.float32 else x
        rows, steps = x.shape[:2]
        seen = evidence.ProbeRun(probe.name, rows, steps, self.arithmetic, fewer=probe.fewer)
        names = list(dict.fromkeys(w.value for w in self.subject.checkpoints if not w.is_state))
        with np.errstate(all="ignore"):
            run = run_prepared_float(self.program, calling.entering(x), record=names)
        try:
            answers, pairs = self.seen.show(x, run, self.subject.checkpoints, together=probe.together)
        except Exception as error:
            if probe.own:
                raise failure(error, (*x.shape[:2], *calling.sample_shape)) from error
            why = f"torch fails: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            return Evidence(self.arithmetic, (replace(seen, left_out=rows, why=why),))
        pairs = [*pairs, *self._answers(run.outputs, answers, calling)]
        whole = np.all([np.isfinite(p.torchs).all(axis=(1, 2)) for p in pairs], axis=0)
        if probe.own and not whole.all():
            raise diverges(graph, next(p for p in pairs if not np.isfinite(p.torchs).all()))
        if not whole.all():
            seen = replace(seen, left_out=int(np.sum(~whole)), why="torch is not finite")
        for state in graph.states:
            reached = run.states[state.name][: rows - probe.beyond][whole[: rows - probe.beyond]]
            check_bound(graph, state.name, reached, ALLOWED[dtype])
        kept = replace(probe, x=x[whole], rows=tuple(n for n, there in zip(probe.rows, whole, strict=True) if there))
        pairs = [replace(p, ours=p.ours[whole], torchs=p.torchs[whole]) for p in pairs]
        if any(np.any(~(p.difference <= ALLOWED[dtype] * p.scale)) for p in pairs):
            counts = (_first_beyond(pairs, ALLOWED[dtype]), steps) if all(p.every for p in pairs) else (steps,)
            undecided = [self._excused(pairs, kept, count) for count in dict.fromkeys(counts)]
            seen = replace(seen, undecided=undecided[-1])
        return Evidence(self.arithmetic, (seen,), *self._largest(pairs))

    def _largest(self, pairs: Sequence[Compared]) -> tuple[dict[str, float], dict[str, float]]:
        """The largest difference of each value, and where rounding explains a larger one, that one."""
        plain: dict[str, float] = {}
        amplified: dict[str, float] = {}
        for p in pairs:
            relative = np.nan_to_num(p.relative, nan=0.0, posinf=0.0)
            small = relative <= ALLOWED[self.seen.dtype]
            plain[p.value] = max(plain.get(p.value, 0.0), _above(float(np.max(relative[small], initial=0.0))))
            if not small.all():
                amplified[p.value] = max(amplified.get(p.value, 0.0), _above(float(np.max(relative))))
        return ({}, {}) if self.wider else (plain, amplified)

    @staticmethod
    def _answers(outputs: Floats, answers: Sequence[Floats], calling: Calling) -> list[Compared]:
        (rows, steps, size), where, pairs = outputs.shape, calling.answers.where, list[Compared]()
        for answer, torchs in zip(calling.answers.each, answers, strict=True):
            every = answer.every
            wanted = (rows, *answer.steps(steps), *answer.step_shape)
            if torchs.shape != wanted and not (1 in (rows, steps) and torchs.size == np.prod(wanted)):
                raise other_shape(answer.title, wanted, torchs.shape)
            own = outputs[:, :, where[answer.name]]
            ours = own if every else answer.read_out(own)
            ours = ours if answer.stepped else ours[:, None]
            elements = np.arange(size)[where[answer.name]]
            pairs.append(Compared(answer.title, ours, torchs.reshape(ours.shape), elements, every, answer.over))
        return pairs

    def _excused(self, pairs: Sequence[Compared], probe: Probe, count: int) -> int:
        """Let pass what rounding explains in so many steps; returns in how many rows it decides what comes. Raises
        `ProofError`."""
        graph, dtype, x = self.subject.graph, self.seen.dtype, self.subject.calling.entering(probe.x[:, :count])
        names = list(dict.fromkeys(p.value for p in pairs if p.value in graph.values))
        with np.errstate(all="ignore"):
            base, loss = rounding_loss(graph, x, _UNIT[dtype], names)
            if self.subject.traced is not None:
                answer = np.concatenate([p.scale for p in pairs if is_output(p.value)], axis=2)
                loss = loss.of_answers(rounding_loss(self.subject.traced, x, _UNIT[dtype])[1], answer)
        until: Integers | None = None
        undecided: set[int] = set()
        for p in pairs:
            limits = ALLOWED[dtype] * p.scale + ROOM * _lost(p, loss)
            beyond = ~(p.difference[:, :count] <= limits)
            if not beyond.any():
                continue
            if until is None:
                with np.errstate(all="ignore"):
                    until = first_lost(base, loss)
            steps = np.arange(beyond.shape[1]) if p.every else np.array([count - 1])
            open_ = (steps[None, :] >= until[:, None])[:, :, None]
            undecided |= {int(row) for row in np.flatnonzero((beyond & open_).any(axis=(1, 2)))}
            beyond &= ~open_
            if beyond.any():
                kind = OwnArithmeticError if self.wider else DiffersError
                error = kind.between(graph, p, np.broadcast_to(limits, beyond.shape), beyond, probe)
                error.numbers += self.seen.other_calls(self.subject.checkpoints)
                self._tell(error, probe)
                raise error
        return len(undecided)

    def _tell(self, error: DiffersError, probe: Probe) -> None:
        """Name the line for which the model does something else at that step, or may do so over so many."""
        decisions, line = self.subject.decisions, None
        if decisions.recorded:
            branches = changing_branches(lambda: self.seen.answers(probe.x[:1]), error.steps)
            near = (b.line for b in branches for s in b.steps if s <= error.step <= s + NEAR)
            line = next(near, None)
        if decisions.recorded or decisions.steps:
            line = line or self.subject.numbers.near(error.step, error.steps)
            if line is not None or error.step >= RECORDED:
                error.at(line)


def _first_beyond(pairs: Sequence[Compared], allowed: float) -> int:
    """How many steps there are up to the first in which any pair differs by more: a wrong program shows there, and what
    rounding loses in all others need not be known."""
    beyond = [~(p.difference <= allowed * p.scale).all(axis=(0, 2)) for p in pairs]
    return 1 + min(int(np.argmax(own)) for own in beyond if own.any())


def _lost(p: Compared, loss: Loss) -> Floats:
    if is_output(p.value):
        lost = loss.outputs[:, :, p.elements]
    else:
        lost = (loss.record[p.value] if p.value in loss.record else loss.states[p.value])[:, :, p.elements]
    if p.every:
        return lost
    read = p.over.over(lost)
    return read if p.over.apart else read[:, None]


def _above(value: float) -> float:
    """The power of ten above a value."""
    return 0.0 if value == 0 or not np.isfinite(value) else float(f"1e{int(np.floor(np.log10(value))) + 1}")
