"""`ODELSTM`: an LSTM whose hidden state follows an ODE after each sample."""

from __future__ import annotations

import torch
from torch import nn

from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import SolverCell, Time

Pair = tuple[torch.Tensor, torch.Tensor]


class ODELSTMCell(SolverCell):
    """One sample: (h, c) <- LSTM(x, (h, c)), then h follows h' = W2 tanh(W0 h + b0) + b2 for the elapsed time.

    The cell state c does not evolve with time; h has no leak, and neither has a bound. The parameters have the names of
    mlech26l/ode-lstms (`lstm`, `f_node.0`, `f_node.2`), whose solvers are fixed_euler, fixed_heun and fixed_rk4.
    """

    state_size: tuple[int, int]
    lstm: nn.LSTMCell
    f_node: nn.Sequential

    state_names: tuple[str, ...] = ("h", "c")
    unbounded = True

    def __init__(self, input_size: int, hidden_size: int, solver: str = "euler", steps: int = 3) -> None:
        super().__init__(input_size, hidden_size, solver, steps)
        self.state_size = (hidden_size, hidden_size)
        self.lstm = nn.LSTMCell(input_size, hidden_size)
        self.f_node = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.Tanh(), nn.Linear(hidden_size, hidden_size))

    def forward(self, x: torch.Tensor, states: Pair, elapsed: Time = 1.0) -> tuple[torch.Tensor, Pair]:
        """Output h and states (h, c), each (batch, hidden_size), from the input (batch, input_size)."""
        h, c = self.lstm(x, states)
        h = self.integrated(self.f_node, h, elapsed)
        return h, (h, c)


class ODELSTM(Recurrent):
    """A layer of `ODELSTMCell`: `y, (h, c) = ODELSTM(3, 8)(x, timespans=spans)`.

    M. Lechner, R. Hasani, "Learning Long-Term Dependencies in Irregularly-Sampled Time Series", arXiv 2006.04418.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "euler",
        steps: int = 3,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        super().__init__(ODELSTMCell(input_size, hidden_size, solver, steps), return_sequences, batch_first)
