"""`CTRNN`: the continuous-time recurrent network, with trained time constants or as the LTC paper has it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from hw_models.arguments import check_flag
from hw_models.errors import InputError
from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import DrivenCell, Equation, Time, choice_of
from ltc2neuro.nn.states import Bound

_PAPER_TIME = 0.6
"""What the LTC paper's repository integrates over for a sample: six steps of 0.1"""
_VARIANTS = {"1993": 1.0, "paper": _PAPER_TIME}


class CTRNNCell(DrivenCell):
    """One sample of x' = -x / tau + tanh(W [u; x] + b), in `steps` steps over the elapsed time.

    Variant "1993" has a time constant tau = exp(log_tau) for each unit, trained. Variant "paper" is that of the LTC
    paper's repository: tau = 1, and a sample lasts 0.6; without `feedback` x is not among the inputs of W.
    `cell_clip` c limits the state to -c ... c after each step.
    While elapsed / steps <= tau the state stays in the hull of its start and (-tau, tau).
    """

    inputs: nn.Linear
    recurrent: nn.Linear | None
    log_tau: nn.Parameter

    state_names: tuple[str, ...] = ("x",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "euler",
        steps: int = 6,
        variant: str = "1993",
        feedback: bool = True,
        cell_clip: float | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, solver, steps, cell_clip)
        self._time = choice_of(_VARIANTS, variant, "variant")
        check_flag(feedback, "feedback")
        if variant == "1993" and not feedback:
            raise InputError("a CT-RNN without feedback exists only in variant 'paper'", advice="Use variant='paper'.")
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False) if feedback else None
        self.log_tau = nn.Parameter(torch.zeros(hidden_size), requires_grad=variant == "1993")

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """That of the state, for the input and the elapsed time."""
        drive, rate = self.inputs(u), torch.exp(-self.log_tau)
        recurrent = self.recurrent

        def slope(x: torch.Tensor) -> torch.Tensor:
            argument = drive if recurrent is None else drive + recurrent(x)
            return torch.tanh(argument) - x * rate

        return Equation(slope, elapsed * self._time)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """(-tau, tau) where a step is not longer than the shortest tau; the clip."""
        tau = torch.exp(self.log_tau.detach())
        return [self.cell_clip.bound((-tau, tau) if elapsed * self._time / self.steps <= float(tau.min()) else None)]


class CTRNN(Recurrent):
    """A layer of `CTRNNCell`: `y, x = CTRNN(3, 8)(u, timespans=spans)`.

    K. Funahashi, Y. Nakamura, "Approximation of dynamical systems by continuous time recurrent neural networks",
    Neural Networks 6, 1993.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "euler",
        steps: int = 6,
        variant: str = "1993",
        feedback: bool = True,
        cell_clip: float | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        cell = CTRNNCell(input_size, hidden_size, solver, steps, variant, feedback, cell_clip)
        super().__init__(cell, return_sequences, batch_first)
