"""Differential equations of a model's cells: how far torch's steps are from what they solve.

These decibels are the solver's. They are lost before any integer is there, and more integers do not bring them back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from hw_models.arrays import Floats
from hw_models.errors import Ltc2NeuroError
from ltc2neuro import metrics
from ltc2neuro.attribution.attribution import Solved
from ltc2neuro.attribution.measuring import MeasuredTargets
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.extras import SOLVING
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.nn.clip import CellClip
from ltc2neuro.nn.recurrence import output_and_state
from ltc2neuro.nn.solvers import Equation
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.forward import forward, with_time
from ltc2neuro.tracing.calling.modules import Forward, instrumented, undisturbed
from ltc2neuro.tracing.layers import equation_of
from ltc2neuro.tracing.model import calling_like

TIGHT = 1e-9
"""Relative tolerance of the solver that is compared with"""
ROWS, STEPS = 8, 100
"""Sequences that are looked at, and their first samples"""
MOST = 20_000
"""Slopes of a sample after which an equation is too stiff"""

Tensor = torch.Tensor


class _StiffError(Exception):
    """An equation takes too many slopes."""


@dataclass
class _Heard:
    """What a cell was called with: inputs, elapsed times, and its states before and after, call by call."""

    inputs: list[Tensor] = field(default_factory=list)
    elapsed: list[Tensor | float] = field(default_factory=list)
    before: list[Tensor] = field(default_factory=list)
    after: list[Tensor] = field(default_factory=list)

    @property
    def alone(self) -> bool:
        """Whether nobody else changes its state between two samples."""
        return all(torch.equal(a, b) for a, b in zip(self.after[:-1], self.before[1:], strict=True))

    def of(self, cell: torch.nn.Module, forward: Forward) -> Forward:
        """The cell's forward, listened to."""

        def hearing(u: Tensor, before: object, *elapsed: Tensor | float) -> object:
            result = forward(u, before, *elapsed)
            after = output_and_state(result, cell)[1]
            if isinstance(before, Tensor) and isinstance(after, Tensor):
                self.inputs.append(u.double())
                self.elapsed.append(elapsed[0] if elapsed else 1.0)
                self.before.append(before.double())
                self.after.append(after.double())
            return result

        return hearing


def solved(model: torch.nn.Module, record: BaseRecord, x: Sequences) -> list[Solved]:
    """Of each cell with a differential equation, how far torch is from SciPy's solution of it.

    Raises `MissingExtraError` where SciPy is not installed, `InputError` where the model fails.
    """
    if not any(equation_of(cell) is not None for cell in model.modules()):
        return []
    SOLVING.require()
    group = x.groups()[0][: 1 if record.timed else ROWS]  # with time spans, rows run one after the other
    arrays = [x.arrays[i][:STEPS] for i in group]
    calling = calling_like(record, model, arrays)
    heard: dict[str, tuple[torch.nn.Module, _Heard]] = {}
    timed = with_time(model, record.dt)

    def wrap(path: str, cell: torch.nn.Module, run: Forward) -> Forward:
        if equation_of(cell) is None:
            return run
        heard[path] = cell, _Heard()
        return timed(path, cell, heard[path][1].of(cell, run))

    with undisturbed():
        own = instrumented(model, wrap)
        forward(own, np.stack(arrays), model_dtype(own), calling)
    return [_compared(path, cell, own) for path, (cell, own) in heard.items()]


def _compared(path: str, cell: torch.nn.Module, heard: _Heard) -> Solved:
    kind, equation = type(cell).__name__, equation_of(copy.deepcopy(cell).double())
    clip = getattr(cell, "cell_clip", None)
    if isinstance(clip, CellClip) and clip.limit is not None:
        return Solved(path, kind, note="for its state is clipped after each step")
    if equation is None or not heard.after:
        return Solved(path, kind, note="for it was not called with a single state")
    try:
        with torch.no_grad():
            one = [_follow(equation, *call) for call in zip(heard.inputs, heard.elapsed, heard.before, strict=True)]
            free = _followed(equation, heard) if heard.alone else []
    except _StiffError:
        return Solved(path, kind, note=f"for it is too stiff: more than {MOST:,} slopes in a sample")
    return Solved(path, kind, _level(free, heard.after), _level(one, heard.after))


def _followed(equation: Callable[..., Equation], heard: _Heard) -> list[Tensor]:
    """The states after each sample, from the first one on."""
    found, state = [], heard.before[0]
    for u, elapsed in zip(heard.inputs, heard.elapsed, strict=True):
        state = _follow(equation, u, elapsed, state)
        found.append(state)
    return found


def _level(exact: list[Tensor], after: list[Tensor]) -> float:
    """SQNR over all channels; NaN of none."""
    if not exact:
        return float("nan")
    solution, steps = (np.concatenate([s.numpy() for s in states]) for states in (exact, after))
    return MeasuredTargets((metrics.channel_sqnr([solution], [steps]),)).at(0)


def _follow(equation: Callable[..., Equation], u: Tensor, elapsed: Tensor | float, start: Tensor) -> Tensor:
    """The state at the end of a sample, for rows side by side."""
    from scipy.integrate import solve_ivp

    found, count = equation(u, elapsed), 0

    def slope(_: float, flat: Floats) -> Floats:
        nonlocal count
        count += 1
        if count > MOST:
            raise _StiffError
        state = torch.from_numpy(flat).reshape(start.shape)
        return (found.slope(state) * found.time).reshape(-1).numpy()

    end = solve_ivp(slope, (0.0, 1.0), start.reshape(-1).numpy(), method="LSODA", rtol=TIGHT, atol=TIGHT * 1e-3)
    if not end.success:
        raise Ltc2NeuroError("SciPy does not solve a cell's differential equation", numbers=end.message)
    return torch.from_numpy(np.ascontiguousarray(end.y[:, -1])).reshape(start.shape)
