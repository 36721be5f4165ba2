"""What torch shows of a run besides its answer, next to what the graph has: modules' results, states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from compiler.interpreters.execution import Execution
from hw_models.arrays import Floats, Integers
from ltc2neuro.compiled.readouts import READOUTS, Readout
from ltc2neuro.nn.recurrence import output_and_state
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.forward import forward, with_time
from ltc2neuro.tracing.calling.modules import Forward, instrumented
from ltc2neuro.tracing.recording.checkpoints import Checkpoint


@dataclass(frozen=True)
class Compared:
    """A value of the graph and torch's own: (rows, steps, n), or (rows, 1, n) where torch has it once a sequence."""

    value: str
    ours: Floats
    torchs: Floats
    elements: Integers
    """of the value in the graph, in the order of the arrays' last axis"""
    every: bool
    """whether it is there at every step"""
    over: Readout = READOUTS["last"]
    """else, of all steps"""

    @cached_property
    def difference(self) -> Floats:
        """How far both are apart."""
        with np.errstate(all="ignore"):
            return np.abs(self.ours - self.torchs)

    @cached_property
    def scale(self) -> Floats:
        """The largest that each row and channel has, (rows, 1, n)."""
        return np.max(np.abs(self.torchs), axis=1, keepdims=True, initial=0.0)

    @property
    def relative(self) -> Floats:
        """The difference as a part of the scale; NaN and infinite where that is 0."""
        with np.errstate(all="ignore"):
            return self.difference / self.scale


@dataclass(frozen=True)
class SeenModel:
    """A copy of the model that remembers what its modules return."""

    clone: torch.nn.Module
    dtype: torch.dtype
    calling: Calling
    returned: defaultdict[str, list[object]] = field(default_factory=lambda: defaultdict(list))

    def answers(self, x: Floats, *, together: bool = False) -> list[Floats]:
        """The model's answers to `x`; what its modules returned before is forgotten."""
        self.returned.clear()
        return forward(self.clone, x, self.dtype, self.calling, together=together)

    def show(
        self, x: Floats, run: Execution, checkpoints: Sequence[Checkpoint], *, together: bool = False
    ) -> tuple[list[Floats], list[Compared]]:
        """The model's answers to `x`, and what the graph's `run` and torch have for each checkpoint.

        Values that cannot be set side by side are left out. With time spans each row runs alone, if not `together`.
        """
        if not self.calling.timed or len(x) == 1 or together:
            return self.answers(x, together=together), self._pairs(run, x.shape[1], checkpoints)
        shown = [self.show(x[n : n + 1], run.row(n), checkpoints) for n in range(len(x))]
        answers = [np.concatenate(rows) for rows in zip(*(found for found, _ in shown), strict=True)]
        return answers, _stacked([pairs for _, pairs in shown])

    def other_calls(self, checkpoints: Sequence[Checkpoint]) -> str:
        """How often torch called a module, where the trace did another number of times: chunks, windows."""
        traced: dict[str, int] = {}
        for checkpoint in checkpoints:
            if not checkpoint.is_state and checkpoint.layout is not None:
                traced[checkpoint.module] = max(traced.get(checkpoint.module, 0), checkpoint.call)
        for module, count in traced.items():
            torchs = len(self.returned.get(module, []))
            if torchs not in (0, count):
                return f"; the module {module!r} was called {torchs} times, {count} in the trace"
        return ""

    def _pairs(self, run: Execution, steps: int, checkpoints: Sequence[Checkpoint]) -> list[Compared]:
        found = (self._state(w, run, steps) if w.is_state else self._value(w, run, checkpoints) for w in checkpoints)
        return [pair for pair in found if pair is not None]

    def _value(self, checkpoint: Checkpoint, run: Execution, checkpoints: Sequence[Checkpoint]) -> Compared | None:
        assert checkpoint.codes is not None
        layout = checkpoint.layout
        calls = max((w.call for w in checkpoints if not w.is_state and w.module == checkpoint.module), default=0)
        results = self.returned.get(checkpoint.module, [])
        if layout is None or len(results) != calls:
            return None
        result = results[checkpoint.call - 1]
        first = result[0] if isinstance(result, tuple) else result
        if not isinstance(first, torch.Tensor):
            return None
        elements = layout.sample(checkpoint.codes).reshape(-1).numpy()
        ours = run.record[checkpoint.value][:, :, elements]
        torchs = (first.transpose(0, 1) if layout.time_first else first).double().numpy()
        if not layout.every:
            ours, torchs = ours[:, :1] if layout.first else ours[:, -1:], torchs[:, None]
        if torchs.shape[:2] != ours.shape[:2] or torchs[0, 0].size != len(elements):
            return None
        mine, over = ours.astype(np.float64), READOUTS[layout.readout]
        return Compared(checkpoint.value, mine, torchs.reshape(ours.shape), elements, layout.every, over)

    def _state(self, checkpoint: Checkpoint, run: Execution, steps: int) -> Compared | None:
        results = self.returned.get(checkpoint.module, [])
        start = (checkpoint.call - 1) * steps
        if len(results) < start + steps or len(results) % steps:
            return None
        cell = self.clone.get_submodule(checkpoint.module)
        states: list[torch.Tensor] = []
        for result in results[start : start + steps]:
            _, state = output_and_state(result, cell)
            states.append(state[checkpoint.position] if isinstance(state, tuple) else state)
        ours = run.states[checkpoint.value].astype(np.float64)
        torchs = torch.stack(states, 1).double().numpy()
        return Compared(checkpoint.value, ours, torchs.reshape(ours.shape), np.arange(ours.shape[2]), True)


def _stacked(rows: Sequence[Sequence[Compared]]) -> list[Compared]:
    """The pairs of all rows, where all have the same."""
    if len({tuple(p.value for p in pairs) for pairs in rows}) > 1:
        return []
    return [
        replace(same[0], ours=np.concatenate([p.ours for p in same]), torchs=np.concatenate([p.torchs for p in same]))
        for same in zip(*rows, strict=True)
    ]


def seen_model(model: torch.nn.Module, calling: Calling, dtype: torch.dtype, *, remember: bool = True) -> SeenModel:
    """A copy of the model that computes in `dtype` and, if asked to, remembers what its modules return."""
    returned: defaultdict[str, list[object]] = defaultdict(list)
    timed = with_time(model, calling.dt)

    def wrap(path: str, module: torch.nn.Module, original: Forward) -> Forward:
        inner = timed(path, module, original)

        def seen(*args: object, **kwargs: object) -> object:
            result = inner(*args, **kwargs)
            returned[path].append(_kept(result))
            return result

        return seen if remember else inner

    return SeenModel(instrumented(model, wrap, dtype), dtype, calling, returned)


def _kept(result: object) -> object:
    """A copy: an in-place operation may follow."""
    if isinstance(result, torch.Tensor):
        return result.detach().clone()
    return tuple(_kept(item) for item in result) if isinstance(result, tuple) else result
