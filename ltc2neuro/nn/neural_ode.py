"""`NeuralODE`: the state follows a network of one layer, driven by the input."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from hw_models.arguments import check_counts, check_real
from ltc2neuro.nn.clip import CellClip
from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import SOLVERS, Equation, Time, chosen, integrate
from ltc2neuro.nn.states import Bound


class NeuralODECell(nn.Module):
    """One sample of x' = tanh(W [u; x] + b), in `steps` steps over the elapsed time times `time_scale`.

    The LTC paper's repository has rk4, six steps and 0.6 of time a sample: time_scale=0.6. There is no leak: the state
    grows by at most that time a sample, and without bound, unless `cell_clip` c limits it to -c ... c after each step.
    """

    input_size: int
    hidden_size: int
    steps: int
    time_scale: float
    cell_clip: CellClip
    inputs: nn.Linear
    recurrent: nn.Linear

    state_names: tuple[str, ...] = ("x",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "rk4",
        steps: int = 6,
        time_scale: float = 1.0,
        cell_clip: float | None = None,
    ) -> None:
        super().__init__()
        check_counts(input_size=input_size, hidden_size=hidden_size, steps=steps)
        check_real(time_scale, "time_scale")
        self._solver = chosen(SOLVERS, solver, "solver")
        self.input_size, self.hidden_size, self.steps, self.time_scale = input_size, hidden_size, steps, time_scale
        self.cell_clip = CellClip(cell_clip)
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, u: torch.Tensor, x: torch.Tensor, elapsed: Time = 1.0) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size), the state and the elapsed time."""
        equation = self.equation(u, elapsed)
        return integrate(equation.slope, x, equation.time, self.steps, self._solver, self.cell_clip)

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """That of the state, for the input and the elapsed time."""
        drive = self.inputs(u)

        def slope(x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(drive + self.recurrent(x))

        return Equation(slope, elapsed * self.time_scale)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """The clip."""
        return [self.cell_clip.bound(None)]

    @property
    def unbounded(self) -> bool:
        """Whether nothing clips it."""
        return self.cell_clip.limit is None


class NeuralODE(Recurrent):
    """A layer of `NeuralODECell`: `y, x = NeuralODE(3, 8)(u, timespans=spans)`.

    R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, "Neural Ordinary Differential Equations", NeurIPS 2018.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "rk4",
        steps: int = 6,
        time_scale: float = 1.0,
        cell_clip: float | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        cell = NeuralODECell(input_size, hidden_size, solver, steps, time_scale, cell_clip)
        super().__init__(cell, return_sequences, batch_first)
