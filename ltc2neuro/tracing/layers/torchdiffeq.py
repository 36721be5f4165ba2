"""`torchdiffeq.odeint` in a user's model: fixed grids are traced with the library's own steps, adaptive ones refused.

The library writes its solution into a tensor, which a recording cannot follow; while a model is recorded, its loop over
the grid is replaced by one that collects. The steps are unrolled; `ltc2neuro.nn.repeat` makes one block of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import Protocol

import torch

from ltc2neuro.tracing.recording.recorder import Recorder
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbols

Tensor = torch.Tensor


class _FixedGrid(Protocol):
    """What is used of `torchdiffeq`'s FixedGridODESolver."""

    y0: Tensor
    """may be a constant where what is integrated is not: h = torch.zeros(...)"""
    interp: str
    func: Callable[[Tensor, Tensor], Tensor]
    grid_constructor: Callable[..., Tensor]

    def _step_func(
        self, func: Callable[[Tensor, Tensor], Tensor], t0: Tensor, dt: Tensor, t1: Tensor, y0: Tensor
    ) -> tuple[Tensor, Tensor]: ...

    def _linear_interp(self, t0: Tensor, t1: Tensor, y0: Tensor, y1: Tensor, t: Tensor) -> Tensor: ...


def solvers(recorder: Recorder) -> AbstractContextManager[None]:
    """While in it, torchdiffeq's solvers can be recorded, if the library is in use."""
    library = sys.modules.get("torchdiffeq._impl.odeint")
    return nullcontext() if library is None else _replaced(recorder, list(library.SOLVERS.values()))


@contextmanager
def _replaced(recorder: Recorder, classes: list[type]) -> Iterator[None]:
    from torchdiffeq._impl.solvers import FixedGridODESolver

    originals = {cls: cls.__dict__.get("integrate") for cls in dict.fromkeys(classes)}
    for cls in originals:
        cls.integrate = _recorded(recorder, cls.integrate, issubclass(cls, FixedGridODESolver))
    try:
        yield
    finally:
        for cls, original in originals.items():
            if original is None:
                del cls.integrate
            else:
                cls.integrate = original


def _recorded(recorder: Recorder, original: Callable[..., Tensor], fixed: bool) -> Callable[..., Tensor]:
    def integrate(solver: _FixedGrid, t: Tensor) -> Tensor:
        if symbols(t):
            raise recorder.refusal(
                "the time grid of odeint is computed from the model's input",
                "A chip's program has a fixed number of steps: integrate from 0 to 1 and multiply the right-hand side "
                "by the elapsed time.",
            )
        if not isinstance(solver.y0, Symbolic) and not symbols(solver.func(t[0], solver.y0)):
            return original(solver, t)
        if not fixed:
            raise recorder.refusal(
                f"odeint with the adaptive method {type(solver).__name__} is not supported",
                "It takes as many steps as its error estimate asks for, for all rows together; a chip's program has a "
                "fixed number. Use method='rk4' with options=dict(step_size=...), and check the difference.",
            )
        if getattr(solver, "implicit", False):  # the Adams methods alone have it
            raise recorder.refusal(
                f"odeint with the implicit method {type(solver).__name__} is not supported",
                "It iterates until all rows together have converged; a chip's program has a fixed number of steps. Use "
                "method='rk4' or 'explicit_adams' with options=dict(step_size=...), and check the difference.",
            )
        if solver.interp != "linear":
            raise recorder.refusal(f"odeint interpolates {solver.interp}", "Leave interp at 'linear'.")
        return _over_grid(solver, t)

    return integrate


def _over_grid(solver: _FixedGrid, t: Tensor) -> Tensor:
    """FixedGridODESolver.integrate, collecting what that writes into a tensor."""
    grid = solver.grid_constructor(solver.func, solver.y0, t)
    y, solution = solver.y0, [solver.y0]
    for t0, t1 in pairwise(grid):
        change, _ = solver._step_func(solver.func, t0, t1 - t0, t1, y)
        after = y + change
        while len(solution) < len(t) and t1 >= t[len(solution)]:
            solution.append(solver._linear_interp(t0, t1, y, after, t[len(solution)]))
        y = after
    return torch.stack(solution)
