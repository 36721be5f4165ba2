"""Models that mix steps: recorded over several samples as over one, from which the program of one step is found.

Such are loops over the steps in a model's own `forward`, differences, shifts, sums and convolutions over time. What is
found is proved against torch as all else is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from compiler.graph.graph import Graph
from compiler.steps.infer import inferred
from compiler.steps.same import table
from hw_models.errors import Ltc2NeuroError, TraceError
from ltc2neuro.compiled.answers import alone
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing.calling.answering import at_places
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed
from ltc2neuro.tracing.record import Traced, record
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.recorder import Clock

STEPS = (6, 12, 24, 48)
"""Two of these must give the same program"""
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
        lengths = range(1, x.shape[1] + 1)
        return torch.cat([_flat(at_places(self.model(x[:, :n]), ())[0]) for n in lengths], 1), h


def _flat(y: torch.Tensor) -> torch.Tensor:
    return y.reshape(len(y), -1)


def record_unrolled(model: torch.nn.Module, sample_shape: tuple[int, ...], clock: Clock, dtype: torch.dtype) -> Traced:
    """Record a model that reads (batch, time, *sample_shape), as `record` does. Raises `TraceError`."""
    every, step_shape = _answer(model, sample_shape, dtype)
    layer = Recurrent(_AllAtOnce(model, every=every))
    features, found = torch.Size(sample_shape).numel(), list[Graph]()
    for steps in STEPS:
        traced = record(layer, (steps, *sample_shape), clock, dtype, time_first=False, fills=True)
        found.append(inferred(traced.graph, features, steps, _own_name))
        if len(found) > 1 and table(found[-1]) == table(found[-2]):
            return replace(
                traced,
                answers=alone("every" if every else "last", step_shape),
                places=(),
                graph=found[-1],
                growing=(),
                checkpoints=(),
                sample_shape=sample_shape,
            )
    raise TraceError(
        "the model does not do the same at every step, or looks further back than was tried",
        numbers=f"recorded over {', '.join(map(str, STEPS))} steps, no two gave the same program",
        advice="A sum or mean over all samples so far is a state, as in cumsum; a window must be shorter.",
    )


def _own_name(name: str) -> str:
    """A name as the model's own, which was recorded within a wrapper, call by call; torch's cells call h `ret`."""
    own = _WRAPPED.sub("", name) or name
    return f"{own.removesuffix('ret')}h" if own.endswith(".ret") else own


def _answer(model: torch.nn.Module, sample_shape: tuple[int, ...], dtype: torch.dtype) -> tuple[bool, tuple[int, ...]]:
    """Whether the model answers at every step, and the shape of one answer. Raises `TraceError` where it fails."""
    shapes = []
    with undisturbed():
        clone = instrumented(model, lambda path, module, forward: forward, dtype)
        for steps in (axes.STEPS, axes.STEPS + 1):
            shapes.append(_shape(clone, (axes.ROWS, steps, *sample_shape), dtype))
        every = all(len(shape) > 1 and shape[1] == steps for steps, shape in enumerate(shapes, axes.STEPS))
        if not every:
            _shape(clone, (axes.ROWS, 1, *sample_shape), dtype)
    rest = [shape[2 if every else 1 :] for shape in shapes]
    if rest[0] != rest[1] or any(shape[0] != axes.ROWS for shape in shapes):
        raise TraceError(
            "the model's answer is neither one per step nor one for the last step",
            numbers=f"{axes.STEPS} steps give {shapes[0]}, {axes.STEPS + 1} give {shapes[1]}",
        )
    return every, rest[0]


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
