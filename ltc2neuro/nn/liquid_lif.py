"""`LiquidLIF`: spiking neurons whose time constants are computed from their input and state."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from hw_models.arguments import check_real
from ltc2neuro.nn.recurrence import Recurrent, SizedCell
from ltc2neuro.nn.spikes import spike
from ltc2neuro.nn.states import Bound

_ADAPTATION = 1.8
Triple = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class LiquidLIFCell(SizedCell):
    """One sample of a neuron with potential v, threshold adaptation eta and last spike s:

        u = W [x; s] + b,  alpha = sigmoid(Wm [u; v] + bm),  rho = sigmoid(Wa [u; eta] + ba)
        eta' = rho eta + (1 - rho) s,  theta = theta_0 + 1.8 eta'
        v' = v + alpha (u - v),  s' = [v' > theta],  v' = 0 where it spikes.

    The output is the spikes, 0 or 1; v and eta travel as graded messages, since alpha and rho read those of all
    neurons. eta stays within (0, 1), v within what u has been.
    """

    theta: float
    state_size: tuple[int, int, int]
    drive: nn.Linear
    membrane: nn.Linear
    adaptation: nn.Linear

    state_names: tuple[str, ...] = ("v", "eta", "s")

    def __init__(self, input_size: int, hidden_size: int, theta: float = 0.1) -> None:
        super().__init__(input_size, hidden_size)
        check_real(theta, "theta")
        self.theta = theta
        self.state_size = (hidden_size, hidden_size, hidden_size)
        self.drive = nn.Linear(input_size + hidden_size, hidden_size)
        self.membrane = nn.Linear(2 * hidden_size, hidden_size)
        self.adaptation = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, x: torch.Tensor, states: Triple) -> tuple[torch.Tensor, Triple]:
        """Spikes and states (v, eta, s), each (batch, hidden_size), from the input (batch, input_size)."""
        v, eta, s = states
        u = self.drive(torch.cat([x, s], -1))
        alpha = torch.sigmoid(self.membrane(torch.cat([u, v], -1)))
        rho = torch.sigmoid(self.adaptation(torch.cat([u, eta], -1)))
        eta = s + rho * (eta - s)
        threshold = eta * _ADAPTATION + self.theta
        v = v + alpha * (u - v)
        s = spike(v - threshold)
        return s, (torch.where(v > threshold, 0.0, v), eta, s)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """Means of spikes, and spikes; the potential follows the input."""
        return [None, (0.0, 1.0), (0.0, 1.0)]


class LiquidLIF(Recurrent):
    """A layer of `LiquidLIFCell`: `spikes, (v, eta, s) = LiquidLIF(3, 8)(x)`.

    B. Yin, F. Corradi, S. M. Bohte, "Accurate online training of dynamical spiking neural networks through Forward
    Propagation Through Time", arXiv 2112.11231, without its batch norms; the equations are those of its code.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        theta: float = 0.1,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        super().__init__(LiquidLIFCell(input_size, hidden_size, theta), return_sequences, batch_first)
