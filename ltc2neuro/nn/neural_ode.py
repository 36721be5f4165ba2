"""`NeuralODE`: the state follows a network of one layer, driven by the input."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from hw_models.arguments import check_real
from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import DrivenCell, Equation, Time
from ltc2neuro.nn.states import Bound


class NeuralODECell(DrivenCell):
    """One sample of x' = tanh(W [u; x] + b), in `steps` steps over the elapsed time times `time_scale`.

    The LTC paper's repository has rk4, six steps and 0.6 of time a sample: time_scale=0.6. There is no leak: the state
    grows by at most that time a sample, and without bound, unless `cell_clip` c limits it to -c ... c after each step.
    """

    time_scale: float
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
        super().__init__(input_size, hidden_size, solver, steps, cell_clip)
        check_real(time_scale, "time_scale")
        self.time_scale = time_scale
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)

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
