"""`PaperLTC`: the liquid time-constant cell of the paper's own repository, with its three solvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import nn

from hw_models.errors import TraceError
from ltc2neuro.nn.recurrence import Recurrent, SizedCell, repeat
from ltc2neuro.nn.solvers import SOLVERS, Equation, Slope, Time, choice_of
from ltc2neuro.nn.states import Bound

_SynapseSums: TypeAlias = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

STEPS = 6
STEP = 0.1
"""Sub-steps of a sample, and the length of one where the solver is explicit"""
_SMALLEST, _LARGEST = 1e-5, 1000.0
_EXPLICIT = {"explicit": SOLVERS["euler"], "rk4": SOLVERS["rk4"]}
_STABLE = {"explicit": 2.0, "rk4": 2.785}
"""The product of rate and step from which on a solver diverges"""


class PaperLTCCell(SizedCell):
    """One sample of an LTC: six steps of one solver, with the input held.

    Each pair of units has a conductance a_ij = W_ij sigmoid(sigma_ij (v_i - mu_ij)) with the reversal potential
    erev_ij, and so has each pair of input and unit. With N_j = sum a_ij erev_ij and D_j = sum a_ij over both:

    - solver "semi-implicit": v <- (cm_t v + gleak vleak + N) / (cm_t + gleak + D). Here cm_t is the capacitance over
      the length of a step.
    - "explicit" and "rk4": a step of length 0.1 of v' = (gleak (vleak - v) + N - D v) / cm_t. Here cm_t is the
      capacitance itself.

    The same weights mean something else under another solver. The state is v, which is also the output; it stays in the
    hull of its start, vleak, the reversals and 0, for the explicit solvers where 0.1 (gleak + D) / cm_t <= 1.
    """

    solver: str
    input_w: nn.Parameter
    input_b: nn.Parameter
    cm_t: nn.Parameter
    gleak: nn.Parameter
    vleak: nn.Parameter

    state_names: tuple[str, ...] = ("v",)

    def __init__(self, input_size: int, hidden_size: int, solver: str = "semi-implicit") -> None:
        super().__init__(input_size, hidden_size)
        self._explicit = choice_of({"semi-implicit": None, **_EXPLICIT}, solver, "solver")
        self.solver = solver
        self.input_w = nn.Parameter(torch.ones(input_size))
        self.input_b = nn.Parameter(torch.zeros(input_size))
        self.cm_t = nn.Parameter(torch.full((hidden_size,), 0.5))
        self.gleak = nn.Parameter(torch.ones(hidden_size))
        self.vleak = nn.Parameter(torch.empty(hidden_size).uniform_(-0.2, 0.2))
        for prefix, sources in (("", hidden_size), ("sensory_", input_size)):
            shape = (sources, hidden_size)
            self.register_parameter(f"{prefix}W", nn.Parameter(torch.empty(shape).uniform_(0.01, 1.0)))
            self.register_parameter(f"{prefix}mu", nn.Parameter(torch.empty(shape).uniform_(0.3, 0.8)))
            self.register_parameter(f"{prefix}sigma", nn.Parameter(torch.empty(shape).uniform_(3.0, 8.0)))
            self.register_parameter(f"{prefix}erev", nn.Parameter(torch.randint(0, 2, shape) * 2.0 - 1.0))

    def forward(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size) and the state."""
        sums, explicit = self._sums(x), self._explicit
        slope = self._slope(sums)

        def implicit(v: torch.Tensor) -> torch.Tensor:
            numerator, denominator = sums(v)
            numerator = self.cm_t * v + self.gleak * self.vleak + numerator
            return numerator / (self.cm_t + self.gleak + denominator)

        step = implicit if explicit is None else lambda v: explicit(slope, v, STEP)
        return repeat(step, v, STEPS)

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """That of the state, for the input; a step of the semi-implicit solver is one unit of time."""
        return Equation(self._slope(self._sums(u)), STEPS * (1.0 if self._explicit is None else STEP))

    def _sums(self, x: torch.Tensor) -> _SynapseSums:
        """For a state N and D, with an input held."""
        sensory = self._activation(x * self.input_w + self.input_b, "sensory_")
        sensory_n = (sensory * self._weight("sensory_erev")).sum(1)
        sensory_d = sensory.sum(1)

        def sums(v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            active = self._activation(v, "")
            return (active * self._weight("erev")).sum(1) + sensory_n, active.sum(1) + sensory_d

        return sums

    def _slope(self, sums: _SynapseSums) -> Slope:
        def slope(v: torch.Tensor) -> torch.Tensor:
            numerator, denominator = sums(v)
            return (self.gleak * self.vleak + numerator - (self.gleak + denominator) * v) / self.cm_t

        return slope

    def _weight(self, name: str) -> torch.Tensor:
        return self.get_parameter(name)

    def _activation(self, v: torch.Tensor, prefix: str) -> torch.Tensor:
        """Conductances (batch, sources, units)."""
        argument = self._weight(f"{prefix}sigma") * (v.unsqueeze(-1) - self._weight(f"{prefix}mu"))
        return self._weight(f"{prefix}W") * torch.sigmoid(argument)

    @torch.no_grad()
    def constrain(self) -> None:
        """Clip conductances and capacitances to what is physical: to be called after each update, as in the paper."""
        for name in ("W", "sensory_W", "gleak"):
            self._weight(name).clamp_(_SMALLEST, _LARGEST)
        self.cm_t.clamp_(1e-6, _LARGEST)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """The hull of 0, vleak and the reversals of each unit's synapses."""
        negative = [n for n in ("W", "sensory_W", "gleak", "cm_t") if bool((self._weight(n) < 0).any())]
        if negative:
            raise TraceError(
                "a conductance or capacitance is negative",
                where=", ".join(negative),
                advice="Call constrain() after each training step, or once now and verify again.",
            )
        if self._explicit is not None and self._step_of_rate() > 1:
            return [None]
        levels = [torch.zeros_like(self.vleak), self.vleak]
        for prefix in ("", "sensory_"):
            reversals = torch.where(self._weight(f"{prefix}W") != 0, self._weight(f"{prefix}erev"), 0.0)
            levels += list(reversals.unbind(0))
        stacked = torch.stack(levels).detach()
        return [(stacked.amin(0), stacked.amax(0))]

    @property
    def unbounded(self) -> bool:
        """Whether an explicit solver may run away."""
        return self._explicit is not None and self._step_of_rate() >= _STABLE[self.solver]

    def _step_of_rate(self) -> float:
        """The largest share of the way to its target that a unit may go in an explicit step."""
        total = self.gleak + self._weight("W").sum(0) + self._weight("sensory_W").sum(0)
        return (STEP * total / self.cm_t).max().item()


class PaperLTC(Recurrent):
    """A layer of `PaperLTCCell`: `y, v = PaperLTC(3, 8)(x)`.

    R. Hasani, M. Lechner, A. Amini, D. Rus, R. Grosu, "Liquid Time-constant Networks", AAAI 2021.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "semi-implicit",
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        super().__init__(PaperLTCCell(input_size, hidden_size, solver), return_sequences, batch_first)
