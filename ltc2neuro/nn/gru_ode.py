"""`GRUODE`: the gated recurrent unit as a differential equation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import DrivenCell, Equation, Time
from ltc2neuro.nn.states import Bound


class GRUODECell(DrivenCell):
    """One sample of h' = (1 - z) (g - h), in `steps` steps over the elapsed time.

    z = sigmoid(Wz [u; h] + bz), r = sigmoid(Wr [u; h] + br), g = tanh(Wg [u; r h] + bg), of the input u and the state
    h. While elapsed / steps <= 1 the state stays in the hull of its start and (-1, 1).
    """

    z_inputs: nn.Linear
    r_inputs: nn.Linear
    g_inputs: nn.Linear
    z_recurrent: nn.Linear
    r_recurrent: nn.Linear
    g_recurrent: nn.Linear

    def __init__(self, input_size: int, hidden_size: int, solver: str = "euler", steps: int = 4) -> None:
        super().__init__(input_size, hidden_size, solver, steps)
        self.z_inputs, self.r_inputs, self.g_inputs = (nn.Linear(input_size, hidden_size) for _ in range(3))
        self.z_recurrent, self.r_recurrent, self.g_recurrent = (
            nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(3)
        )

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """That of the state, for the input and the elapsed time."""
        z_drive, r_drive, g_drive = self.z_inputs(u), self.r_inputs(u), self.g_inputs(u)

        def slope(h: torch.Tensor) -> torch.Tensor:
            z = torch.sigmoid(z_drive + self.z_recurrent(h))
            r = torch.sigmoid(r_drive + self.r_recurrent(h))
            g = torch.tanh(g_drive + self.g_recurrent(r * h))
            return (1 - z) * (g - h)

        return Equation(slope, elapsed)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """(-1, 1) where a step is at most 1 long."""
        return [(-1.0, 1.0) if elapsed / self.steps <= 1 else None]


class GRUODE(Recurrent):
    """A layer of `GRUODECell`: `y, h = GRUODE(3, 8)(x, timespans=spans)`.

    E. De Brouwer, J. Simm, A. Arany, Y. Moreau, "GRU-ODE-Bayes", NeurIPS 2019, without the Bayesian part; with four
    steps of Euler as in mlech26l/ode-lstms.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "euler",
        steps: int = 4,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        super().__init__(GRUODECell(input_size, hidden_size, solver, steps), return_sequences, batch_first)
