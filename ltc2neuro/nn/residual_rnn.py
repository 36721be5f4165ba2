"""`ResidualRNN`: the recurrent residual network."""

from __future__ import annotations

import torch
from torch import nn

from ltc2neuro.nn.recurrence import Recurrent, SizedCell


class ResidualRNNCell(SizedCell):
    """One sample: h' = h + V tanh(W x + U h + b).

    It is a step of Euler without a leak: nothing but what V has learnt keeps the state from growing.
    """

    inputs: nn.Linear
    recurrent: nn.Linear
    residual: nn.Linear

    unbounded = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)
        self.residual = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size) and the state."""
        return h + self.residual(torch.tanh(self.inputs(x) + self.recurrent(h)))


class ResidualRNN(Recurrent):
    """A layer of `ResidualRNNCell`: `y, h = ResidualRNN(3, 8)(x)`.

    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, with its layers shared
    and read as time: Q. Liao, T. Poggio, arXiv 1604.03640.
    """

    def __init__(
        self, input_size: int, hidden_size: int, return_sequences: bool = True, batch_first: bool = True
    ) -> None:
        super().__init__(ResidualRNNCell(input_size, hidden_size), return_sequences, batch_first)
