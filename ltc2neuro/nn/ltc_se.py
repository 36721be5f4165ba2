"""`LTCSE`: the cell that the code of LTC-SE computes, and its usable form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from hw_models.errors import InputError
from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.solvers import chosen
from ltc2neuro.nn.states import Bound

_Update = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]


def _leaky(h: torch.Tensor, n: torch.Tensor, alpha: float) -> torch.Tensor:
    return h + (torch.tanh(n) - h) * alpha


def _explicit(h: torch.Tensor, n: torch.Tensor, alpha: float) -> torch.Tensor:
    return h + torch.tanh(n) * alpha


def _rk4(h: torch.Tensor, n: torch.Tensor, alpha: float) -> torch.Tensor:
    step = 1 / alpha
    first = torch.tanh(n)
    second = torch.tanh(n + first * (step / 2))
    third = torch.tanh(n + second * (step / 2))
    fourth = torch.tanh(n + third * step)
    return h + (first + (second + third) * 2 + fourth) * (step / 6)


_SOLVERS: dict[str, _Update] = {"semi-implicit": _leaky, "explicit": _explicit, "rk4": _rk4}
_VARIANTS = {"2023": True, "2024": False}


class LTCSECell(nn.Module):
    """One sample of LTC-SE: n = W x + U h + b, and then

    - variant "2023": h' = tanh(n), whatever the solver
    - variant "2024", solver "semi-implicit": h' = h + alpha (tanh(n) - h)
    - "explicit": h' = h + alpha tanh(n)
    - "rk4": h' = h + d / 6 (k1 + 2 k2 + 2 k3 + k4) with d = 1 / alpha, k1 = tanh(n), k2 = tanh(n + d k1 / 2),
      k3 = tanh(n + d k2 / 2), k4 = tanh(n + d k3).

    `alpha` is what the code calls ode_unfolds: a gain, 6 as published. Only the semi-implicit form with
    0 < alpha <= 1 keeps the state bounded, in the hull of its start and (-1, 1). Where the contraction is lost
    (alpha >= 2, or a solver without a leak) the constructor raises `InputError`, unless `allow_growth` is set.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "semi-implicit",
        alpha: float = 1.0,
        variant: str = "2024",
        allow_growth: bool = False,
    ) -> None:
        super().__init__()
        self._update = chosen(_SOLVERS, solver, "solver")
        self._elman = chosen(_VARIANTS, variant, "variant")
        if not alpha > 0:
            raise InputError("alpha must be above 0", numbers=f"alpha = {alpha}")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.solver, self.alpha, self.variant = solver, float(alpha), variant
        if self.unbounded and (solver != "semi-implicit" or alpha >= 2) and not allow_growth:
            raise InputError(
                "contraction lost: the state of this LTC-SE cell grows without bound",
                numbers=f"solver {solver!r}, |1 - alpha| = {abs(1 - alpha):g}, must be below 1 with a leak",
                advice="Use the semi-implicit form with 0 < alpha <= 1, or, to import such a model nevertheless, "
                "allow_growth=True.",
            )
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size) and the state."""
        n = self.inputs(x) + self.recurrent(h)
        return torch.tanh(n) if self._elman else self._update(h, n, self.alpha)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """A mean of the state and a tanh, where alpha <= 1."""
        return [None if self.unbounded else (-1.0, 1.0)]

    @property
    def unbounded(self) -> bool:
        """Whether nothing keeps the state bounded for each choice of weights."""
        return not self._elman and (self.solver != "semi-implicit" or self.alpha > 1)


class LTCSE(Recurrent):
    """A layer of `LTCSECell`: `y, h = LTCSE(3, 8, alpha=0.5)(x)`.

    M. Bidollahkhani, F. Atasoy, H. Abdellatef, "LTC-SE: Expanding the Potential of Liquid Time-Constant Neural Networks
    for Scalable AI and Embedded Systems", arXiv 2304.08691; the equations are those of its code.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "semi-implicit",
        alpha: float = 1.0,
        variant: str = "2024",
        allow_growth: bool = False,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        cell = LTCSECell(input_size, hidden_size, solver, alpha, variant, allow_growth)
        super().__init__(cell, return_sequences, batch_first)
