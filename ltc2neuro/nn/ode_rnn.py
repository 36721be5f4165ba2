"""`ODERNN`: between two samples the state follows an ODE, at a sample it takes a step of an RNN."""

from __future__ import annotations

import torch
from torch import nn

from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import SolverCell, Time


class ODERNNCell(SolverCell):
    """One sample: h follows h' = W2 tanh(W1 h + b1) + b2 for the elapsed time, then h <- tanh(W x + U h + b).

    After a sample h is within (-1, 1); on its way to the next one it may go further.
    """

    ode: nn.Sequential
    inputs: nn.Linear
    recurrent: nn.Linear

    def __init__(self, input_size: int, hidden_size: int, solver: str = "euler", steps: int = 4) -> None:
        super().__init__(input_size, hidden_size, solver, steps)
        self.ode = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.Tanh(), nn.Linear(hidden_size, hidden_size))
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: torch.Tensor, h: torch.Tensor, elapsed: Time = 1.0) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size), the state and the elapsed time."""
        h = self.integrated(self.ode, h, elapsed)
        return torch.tanh(self.inputs(x) + self.recurrent(h))


class ODERNN(Recurrent):
    """A layer of `ODERNNCell`: `y, h = ODERNN(3, 8)(x, timespans=spans)`.

    Y. Rubanova, R. T. Q. Chen, D. Duvenaud, "Latent ODEs for Irregularly-Sampled Time Series", NeurIPS 2019.
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
        super().__init__(ODERNNCell(input_size, hidden_size, solver, steps), return_sequences, batch_first)
