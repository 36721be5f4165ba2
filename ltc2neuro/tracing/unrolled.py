"""Models that mix steps: recorded over several samples as over one, from which the program of one step is found.

Such are loops over the steps in a model's own `forward`, differences, shifts, sums and convolutions over time. What is
found is proved against torch as all else is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch

from compiler.executors.float64 import run_float
from compiler.graph.graph import Graph
from compiler.graph.work import work
from compiler.steps.infer import inferred
from compiler.steps.shift import StartsLateError
from hw_models.arrays import Floats
from hw_models.errors import Ltc2NeuroError, TraceError
from ltc2neuro.compiled.answers import Answer, alone
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing.calling.answering import at_places
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed
from ltc2neuro.tracing.host_readouts import without
from ltc2neuro.tracing.record import Traced, record
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import Place
from ltc2neuro.tracing.recording.recorder import Clock
from ltc2neuro.tracing.time_places import time_places

STEPS = (6, 24, 72, 144)
"""So many are recorded, until what is found does the same as the model over more"""
LONG, BUDGET = 200, 1e8
"""Steps, and elements that are computed in them"""
NEAR = {torch.float64: 1e-8, torch.float32: 1e-3}
_WRAPPED = re.compile(r"^cell\.model\.?|#\d+")


class _AllAtOnce(torch.nn.Module):
    """The model as a function of one sample, which holds all steps: it answers for each of them."""

    state_size = 1

    def __init__(self, model: torch.nn.Module, *, every: bool) -> None:
        super().__init__()
        self.model, self.every = model, every

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`x` (rows, steps, *sample_shape) -> (rows, steps * outputs)."""
        if self.every:
            y = at_places(self.model(x), ())[0]
            return y.reshape(len(y), -1), h
        lengths = [step + 1 for step in _answered(x.shape[1], every=False)]
        return torch.cat([_flat(at_places(self.model(x[:, :n]), ())[0]) for n in lengths], 1), h


def _answered(steps: int, *, every: bool) -> Sequence[int]:
    """The steps of which answers are recorded."""
    return range(steps) if every or steps == STEPS[0] else (steps - 2, steps - 1)


def _flat(y: torch.Tensor) -> torch.Tensor:
    return y.reshape(len(y), -1)


def record_unrolled(model: torch.nn.Module, sample_shape: tuple[int, ...], clock: Clock, dtype: torch.dtype) -> Traced:
    """Record a model that reads (batch, time, *sample_shape), as `record` does. Raises `TraceError`."""
    every, step_shape, places = _answer(model, sample_shape, dtype)
    layer, seen = Recurrent(_AllAtOnce(model, every=every)), _Seen(model, sample_shape, dtype, every)
    features = torch.Size(sample_shape).numel()
    for steps in STEPS:
        traced = record(layer, (steps, *sample_shape), clock, dtype, time_first=False, fills=True, places=places)
        whole = traced.answers.each[0]
        readout = "every" if every else "last" if whole.every else whole.readout
        answers = alone(readout, step_shape, added=whole.added[-prod(step_shape) :])
        try:
            graph = inferred(traced.graph, features, _answered(steps, every=every), _own_name, traced.variables)
        except StartsLateError:
            if steps == STEPS[-1]:
                raise
            continue
        graph = without(graph, answers)
        if seen.by(graph, steps, answers.each[0]):
            growing = {_own_name(v.name) for v in traced.variables if v.grows}
            return replace(
                traced,
                answers=answers,
                places=(),
                graph=graph,
                growing=tuple(state.name for state in graph.states if state.name in growing),
                checkpoints=(),
                sample_shape=sample_shape,
            )
    raise TraceError(
        "the model does not do the same at every step, or looks further back than was tried",
        numbers=f"what it does over {', '.join(map(str, STEPS))} steps is not what it does over more",
        advice="A sum or mean over all samples so far is a state, as in cumsum; a window must be shorter.",
    )


@dataclass(frozen=True)
class _Seen:
    """What the model does over more steps than are recorded."""

    model: torch.nn.Module
    sample_shape: tuple[int, ...]
    dtype: torch.dtype
    every: bool

    def by(self, graph: Graph, recorded: int, answer: Answer) -> bool:
        """Whether a program does it, too. The proof of the trace decides about the last bits."""
        long = max(2 * recorded, min(LONG, int(BUDGET / work(graph).elements)))
        lengths = (1, 2, 3, recorded, long)
        x, y = self._run(long, lengths)
        found = run_float(graph, x.reshape(*x.shape[:2], -1)).outputs
        ours = found if self.every else np.stack([answer.read_out(found[:, :n]) for n in lengths], 1)
        ours = ours.reshape(y.shape)
        finite = np.isfinite(y)
        return bool(np.all(np.abs(ours - y)[finite] <= NEAR[self.dtype] * (1 + np.abs(y[finite]).max(initial=0))))

    def _run(self, long: int, lengths: Sequence[int]) -> tuple[Floats, Floats]:
        x = np.random.default_rng(0).normal(size=(1, long, *self.sample_shape))
        clone = instrumented(self.model, lambda path, module, forward: forward, self.dtype)
        given = torch.tensor(x, dtype=self.dtype)
        with undisturbed():
            found = [at_places(clone(given[:, :n]), ())[0] for n in ((long,) if self.every else lengths)]
        return given.double().numpy(), torch.cat([_flat(y) for y in found], 1).double().numpy()


def _own_name(name: str) -> str:
    """A name as the model's own, which was recorded within a wrapper, call by call; torch's cells call h `ret`."""
    own = _WRAPPED.sub("", name) or name
    return f"{own.removesuffix('ret')}h" if own.endswith(".ret") else own


def _answer(
    model: torch.nn.Module, sample_shape: tuple[int, ...], dtype: torch.dtype
) -> tuple[bool, tuple[int, ...], frozenset[Place]]:
    """Whether the model answers at every step, the shape of one answer, and where it joins all steps to answer once.

    Raises `TraceError` where it fails.
    """
    shapes, places = [], frozenset[Place]()
    with undisturbed():
        clone = instrumented(model, lambda path, module, forward: forward, dtype)
        for steps in (axes.STEPS, axes.STEPS + 1):
            shapes.append(_shape(clone, (axes.ROWS, steps, *sample_shape), dtype))
        every = all(len(shape) > 1 and shape[1] == steps for steps, shape in enumerate(shapes, axes.STEPS))
        if not every:
            _shape(clone, (axes.ROWS, 1, *sample_shape), dtype)
            places = time_places(clone, sample_shape, dtype)
    rest = [shape[2 if every else 1 :] for shape in shapes]
    if rest[0] != rest[1] or any(shape[0] != axes.ROWS for shape in shapes):
        raise TraceError(
            "the model's answer is neither one per step nor one for the last step",
            numbers=f"{axes.STEPS} steps give {shapes[0]}, {axes.STEPS + 1} give {shapes[1]}",
        )
    return every, rest[0], places


def _shape(model: torch.nn.Module, shape: Sequence[int], dtype: torch.dtype) -> tuple[int, ...]:
    try:
        result = model(torch.zeros(tuple(shape), dtype=dtype))
    except Ltc2NeuroError:
        raise
    except Exception as error:
        raise TraceError(
            f"the model fails on {shape[1]} step{'s' * (shape[1] > 1)}",
            numbers=f"{tuple(shape)}: {type(error).__name__}: {error}",
            advice="A network answers from its first sample on: pad what it looks back at, as F.pad does on the left.",
        ) from error
    found = result[0] if isinstance(result, tuple) and result else result
    if not isinstance(found, torch.Tensor):
        raise TraceError(
            "a model that mixes steps has one answer: a tensor, or the first of a tuple",
            numbers=f"it returns {type(result).__name__}",
            advice="Answers of all steps are one tensor: torch.stack(answers, 1).",
        )
    return tuple(found.shape)
