"""Solvers of differential equations with a fixed step: explicit Euler, Heun, Runge-Kutta of order 4.

One step of length h of x' = rate (target - x), where 0 <= h rate <= 1, is in all three a mean of x and of the targets
met on the way, with weights >= 0: x stays within the hull of its start and the targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import torch

from hw_models.arguments import check_choice
from hw_models.errors import InputError
from ltc2neuro.nn.clip import CellClip
from ltc2neuro.nn.recurrence import SizedCell, repeat

Slope: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
Time: TypeAlias = "torch.Tensor | float"
Solver: TypeAlias = Callable[[Slope, torch.Tensor, Time], torch.Tensor]
Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Equation:
    """x' = slope(x), for the time of a sample."""

    slope: Slope
    time: Time


@runtime_checkable
class Differential(Protocol):
    """A cell whose state follows a differential equation between samples, which it solves in steps."""

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """Of a sample's input (batch, input_size), which is held, and the elapsed time."""
        ...


def euler(slope: Slope, x: torch.Tensor, h: Time) -> torch.Tensor:
    """x + h f(x)."""
    return x + slope(x) * h


def heun(slope: Slope, x: torch.Tensor, h: Time) -> torch.Tensor:
    """The mean of the slopes at both ends."""
    first = slope(x)
    return x + (first + slope(x + first * h)) * (h / 2)


def rk4_change(slope: Slope, x: torch.Tensor, h: Time) -> torch.Tensor:
    """What the classical method of Runge and Kutta adds to x."""
    first = slope(x)
    second = slope(x + first * (h / 2))
    third = slope(x + second * (h / 2))
    fourth = slope(x + third * h)
    return (first + (second + third) * 2 + fourth) * (h / 6)


def rk4(slope: Slope, x: torch.Tensor, h: Time) -> torch.Tensor:
    """The classical method of Runge and Kutta."""
    return x + rk4_change(slope, x, h)


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun, "rk4": rk4}
"""The solvers by the names that the cells take"""
_ADAPTIVE = ("dopri5", "dopri8", "bosh3", "fehlberg2", "adaptive_heun", "tsit5")

_NO_CLIP = CellClip(None)


def integrate(
    slope: Slope, x: torch.Tensor, elapsed: Time, steps: int, solver: Solver, clip: CellClip = _NO_CLIP
) -> torch.Tensor:
    """Follow `slope` for the time `elapsed` in `steps` equal steps, with the state clipped after each.

    >>> integrate(lambda x: -x, torch.ones(1), 1.0, 4, euler)
    tensor([0.3164])
    """
    return repeat(lambda state: clip(solver(slope, state, elapsed / steps)), x, steps)


class SolverCell(SizedCell):
    """Base of the cells that solve a differential equation in `steps` equal steps over the time of a sample."""

    steps: int
    cell_clip: CellClip

    def __init__(
        self, input_size: int, hidden_size: int, solver: str, steps: int, cell_clip: float | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, steps=steps)
        self._solver = choice_of(SOLVERS, solver, "solver")
        self.steps = steps
        self.cell_clip = CellClip(cell_clip)

    def integrated(self, slope: Slope, x: torch.Tensor, elapsed: Time) -> torch.Tensor:
        """The state x after it has followed `slope`."""
        return integrate(slope, x, elapsed, self.steps, self._solver, self.cell_clip)


class DrivenCell(SolverCell):
    """Base of those whose whole state follows one `equation`, driven by the sample."""

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """That of the state, for the input `u` (batch, input_size) and the elapsed time."""
        raise NotImplementedError

    def forward(self, u: torch.Tensor, x: torch.Tensor, elapsed: Time = 1.0) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input `u` (batch, input_size), the state `x` and the elapsed
        time."""
        equation = self.equation(u, elapsed)
        return self.integrated(equation.slope, x, equation.time)


def choice_of(table: Mapping[str, Choice], name: str, what: str) -> Choice:
    """`table[name]`; raises `InputError` with the choices where there is no such `what`."""
    if isinstance(name, str) and name in _ADAPTIVE and name not in table:
        raise InputError(
            f"the {what} {name!r} takes as many steps as its error estimate asks for, for all rows together",
            advice=f"A chip's program has a fixed number. Use one of {', '.join(map(repr, table))}, and train again or "
            "look at the difference.",
        )
    return table[check_choice(name, table, what)]
