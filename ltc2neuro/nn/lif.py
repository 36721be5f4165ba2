"""`LIF`: leaky integrate-and-fire neurons, like Lava's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from hw_models.arguments import check_real
from hw_models.errors import InputError
from ltc2neuro.nn.recurrence import Recurrent, SizedCell
from ltc2neuro.nn.spikes import spike

Pair = tuple[torch.Tensor, torch.Tensor]


class LIFCell(SizedCell):
    """One sample: current u' = (1 - du) u + W x, potential v' = (1 - dv) v + u' + bias, a spike where v' > vth.

    Where it spikes, v' is set to 0. The output is the spikes, 0 or 1: the only messages. These are the equations and
    the names of `lava.proc.lif`; a capacitor C with a resistor R has dv = 1 - exp(-dt / (R C)), du = 1 and its gain
    R dv in W. `du` and `dv` lie within 0 ... 1. The current and the potential have no bound of their own: they follow
    the input, and without a leak they gather it.
    """

    state_size: tuple[int, int]
    du: float
    dv: float
    vth: float
    inputs: nn.Linear
    bias: nn.Parameter

    state_names: tuple[str, ...] = ("u", "v")

    def __init__(self, input_size: int, hidden_size: int, du: float = 1.0, dv: float = 0.1, vth: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        for name, value in (("du", du), ("dv", dv), ("vth", vth)):
            check_real(value, name)
        if not (0 <= du <= 1 and 0 <= dv <= 1):
            raise InputError(
                "the leaks of a neuron lie within 0 ... 1",
                numbers=f"du = {du}, dv = {dv}",
                advice="1 forgets at once, 0 never; a capacitor with a resistor has dv = 1 - exp(-dt / (R C)).",
            )
        self.state_size = hidden_size, hidden_size
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

    @property
    def unbounded(self) -> Sequence[str]:
        """What does not leak; the potential follows the current."""
        return [name for name, leak in (("u", self.du), ("v", self.du * self.dv)) if leak == 0]


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
