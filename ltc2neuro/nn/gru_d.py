"""`GRUD`: a gated recurrent unit whose state decays between samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ltc2neuro.nn.recurrence import Recurrent, SizedCell
from ltc2neuro.nn.solvers import Time
from ltc2neuro.nn.states import Bound


class GRUDCell(SizedCell):
    """One sample: h <- h exp(-max(wd dt + bd, 0)) with the elapsed time dt, then a GRU.

    z = sigmoid(Wz [x; h] + bz), r = sigmoid(Wr [x; h] + br), g = tanh(Wg [x; r h] + bg), h' = z h + (1 - z) g: here z
    weights the old state. The state stays in the hull of its start and (-1, 1).

    Of GRU-D this is the decay of the state, as in mlech26l/ode-lstms. Filling in missing inputs is left to the host.
    """

    decay_w: nn.Parameter
    decay_b: nn.Parameter
    z_inputs: nn.Linear
    r_inputs: nn.Linear
    g_inputs: nn.Linear
    z_recurrent: nn.Linear
    r_recurrent: nn.Linear
    g_recurrent: nn.Linear

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.decay_w = nn.Parameter(torch.empty(hidden_size).uniform_(0.0, 0.5))
        self.decay_b = nn.Parameter(torch.zeros(hidden_size))
        self.z_inputs, self.r_inputs, self.g_inputs = (nn.Linear(input_size, hidden_size) for _ in range(3))
        self.z_recurrent, self.r_recurrent, self.g_recurrent = (
            nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(3)
        )

    def forward(self, x: torch.Tensor, h: torch.Tensor, elapsed: Time = 1.0) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size), the state and the elapsed time."""
        h = h * torch.exp(-torch.relu(self.decay_w * elapsed + self.decay_b))
        z = torch.sigmoid(self.z_inputs(x) + self.z_recurrent(h))
        r = torch.sigmoid(self.r_inputs(x) + self.r_recurrent(h))
        g = torch.tanh(self.g_inputs(x) + self.g_recurrent(r * h))
        return g + z * (h - g)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """A mean of the state, 0 and a tanh."""
        return [(-1.0, 1.0)]


class GRUD(Recurrent):
    """A layer of `GRUDCell`: `y, h = GRUD(3, 8)(x, timespans=spans)`.

    Z. Che, S. Purushotham, K. Cho, D. Sontag, Y. Liu, "Recurrent Neural Networks for Multivariate Time Series with
    Missing Values", Scientific Reports 8, 2018.
    """

    def __init__(
        self, input_size: int, hidden_size: int, return_sequences: bool = True, batch_first: bool = True
    ) -> None:
        super().__init__(GRUDCell(input_size, hidden_size), return_sequences, batch_first)
