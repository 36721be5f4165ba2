"""`LIF`: leaky integrate-and-fire neurons, as Lava's own."""

from __future__ import annotations

import torch
from torch import nn

from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.spikes import spike

Pair = tuple[torch.Tensor, torch.Tensor]


class LIFCell(nn.Module):
    """One sample: current u' = (1 - du) u + W x, potential v' = (1 - dv) v + u' + bias, a spike where v' > vth.

    Where it spikes, v' is set to 0. The output is the spikes, 0 or 1: the only messages. These are the equations and
    the names of `lava.proc.lif`; a capacitor C with a resistor R has dv = 1 - exp(-dt / (R C)), du = 1 and its gain
    R dv in W. The current and the potential have no bound of their own: they follow the input.
    """

    state_names = ("u", "v")

    def __init__(self, input_size: int, hidden_size: int, du: float = 1.0, dv: float = 0.1, vth: float = 1.0) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.state_size = input_size, hidden_size, (hidden_size, hidden_size)
        self.du, self.dv, self.vth = du, dv, vth
        self.inputs = nn.Linear(input_size, hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x: torch.Tensor, states: Pair) -> tuple[torch.Tensor, Pair]:
        """Spikes and states (u, v), each (batch, hidden_size), from the input (batch, input_size)."""
        u, v = states
        u = self.inputs(x) if self.du == 1 else u * (1 - self.du) + self.inputs(x)
        v = v * (1 - self.dv) + u + self.bias
        fired = spike(v - self.vth)
        return fired, (u, torch.where(v > self.vth, 0.0, v))


class LIF(Recurrent):
    """A layer of `LIFCell`: `spikes, (u, v) = LIF(3, 8)(x)`.

    The neuron is of L. Lapicque, 1907; in discrete time as in Lava and on Loihi: M. Davies et al., IEEE Micro 38, 2018.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        du: float = 1.0,
        dv: float = 0.1,
        vth: float = 1.0,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        super().__init__(LIFCell(input_size, hidden_size, du, dv, vth), return_sequences, batch_first)
