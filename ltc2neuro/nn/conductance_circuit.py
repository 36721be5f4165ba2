"""`ConductanceCircuit`: the non-spiking neuron of C. elegans, alone or several with synapses between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hw_models.errors import InputError
from ltc2neuro.inputs.arrays import as_array, check_numbers
from ltc2neuro.nn.recurrence import Recurrent, SizedCell, repeat
from ltc2neuro.nn.solvers import Equation, Time, choice_of
from ltc2neuro.nn.states import Bound

SynapseMask: TypeAlias = "torch.Tensor | npt.NDArray[np.generic] | Sequence[Sequence[float]]"
"""Which synapses there are: those that are not 0"""
_SOLVERS = {"semi-implicit": False, "exact": True}


def _numbers(pattern: SynapseMask, what: str) -> np.ndarray:
    array = as_array(pattern)
    check_numbers(array, what)
    return array


class ConductanceCircuitCell(SizedCell):
    """One sample of C_j V_j' = -leak_j V_j + sum_i G_ij (A_ij - V_j), G_ij = w_ij sigmoid(gamma_ij (I_i + mu_ij)).

    The sources I_i are the inputs (parameters `sensory_...`) and the cells' own potentials. `synapses` (cells, cells)
    and `sensory_synapses` (input_size, cells) are 1 where there is a synapse from row to column; all by default. In
    each of `steps` steps of the elapsed time the conductances are held, and

    - solver "semi-implicit": V <- (C/h V + sum G A) / (C/h + leak + sum G)
    - solver "exact": V <- V_inf + (V - V_inf) exp(-(leak + sum G) h / C), V_inf = sum G A / (leak + sum G).

    Capacitance, leak (1/R) and weights are exp of what is trained, so that they stay positive. The potentials stay in
    the hull of their start, 0 and the reversal potentials A. Beware: mu has the other sign than in an LTC.
    """

    steps: int
    log_capacitance: nn.Parameter
    log_leak: nn.Parameter

    state_names: tuple[str, ...] = ("v",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        synapses: SynapseMask | None = None,
        sensory_synapses: SynapseMask | None = None,
        solver: str = "semi-implicit",
        steps: int = 6,
    ) -> None:
        super().__init__(input_size, hidden_size, steps=steps)
        self._exact = choice_of(_SOLVERS, solver, "solver")
        self.steps = steps
        self.log_capacitance = nn.Parameter(torch.zeros(hidden_size))
        self.log_leak = nn.Parameter(torch.zeros(hidden_size))
        given = (("", hidden_size, synapses), ("sensory_", input_size, sensory_synapses))
        for prefix, sources, pattern in given:
            shape = (sources, hidden_size)
            mask = None if pattern is None else torch.as_tensor(_numbers(pattern, f"{prefix}synapses"))
            if mask is not None and tuple(mask.shape) != shape:
                raise InputError(
                    f"{prefix}synapses has the wrong shape",
                    numbers=f"{tuple(mask.shape)}, not {shape}",
                    advice="Give a row for each source and a column for each cell.",
                )
            self.register_buffer(f"{prefix}synapses", torch.ones(shape) if mask is None else (mask != 0).float())
            self.register_parameter(f"{prefix}log_w", nn.Parameter(torch.empty(shape).uniform_(-3.0, 0.0)))
            self.register_parameter(f"{prefix}gamma", nn.Parameter(torch.empty(shape).uniform_(3.0, 8.0)))
            self.register_parameter(f"{prefix}mu", nn.Parameter(torch.empty(shape).uniform_(-0.5, 0.5)))
            self.register_parameter(f"{prefix}reversal", nn.Parameter(torch.randint(0, 2, shape) * 2.0 - 1.0))

    def forward(self, x: torch.Tensor, v: torch.Tensor, elapsed: Time = 1.0) -> torch.Tensor:
        """The potentials (batch, hidden_size) from the input (batch, input_size), the last ones, the elapsed time."""
        sums, capacitance = self._sums(x), torch.exp(self.log_capacitance)

        def step(v: torch.Tensor) -> torch.Tensor:
            total, drive = sums(v)
            if self._exact:
                settled = drive / total
                return settled + (v - settled) * torch.exp(-total * (elapsed / self.steps / capacitance))
            held = capacitance / (elapsed / self.steps)
            return (held * v + drive) / (held + total)

        return repeat(step, v, self.steps)

    def equation(self, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
        """That of the potentials, for the input and the elapsed time."""
        sums, capacitance = self._sums(u), torch.exp(self.log_capacitance)

        def slope(v: torch.Tensor) -> torch.Tensor:
            total, drive = sums(v)
            return (drive - total * v) / capacitance

        return Equation(slope, elapsed)

    def _sums(self, x: torch.Tensor) -> Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        """For potentials the total conductance and what drives them, with an input held."""
        sensory = self._conductance(x, "sensory_")
        sensory_sum, sensory_drive = sensory.sum(1), (sensory * self.get_parameter("sensory_reversal")).sum(1)
        leak = torch.exp(self.log_leak)

        def sums(v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            active = self._conductance(v, "")
            total = leak + active.sum(1) + sensory_sum
            drive = (active * self.get_parameter("reversal")).sum(1) + sensory_drive
            return total, drive

        return sums

    def _conductance(self, source: torch.Tensor, prefix: str) -> torch.Tensor:
        """(batch, sources, cells)."""
        weight = torch.exp(self.get_parameter(f"{prefix}log_w")) * self.get_buffer(f"{prefix}synapses")
        argument = source.unsqueeze(-1) + self.get_parameter(f"{prefix}mu")
        return weight * torch.sigmoid(self.get_parameter(f"{prefix}gamma") * argument)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """The hull of 0 and the reversal potentials of each cell's synapses."""
        levels = [
            self.get_parameter(f"{prefix}reversal").detach() * self.get_buffer(f"{prefix}synapses")
            for prefix in ("", "sensory_")
        ]
        stacked = torch.cat([*levels, torch.zeros(1, self.hidden_size, dtype=levels[0].dtype)])
        return [(stacked.amin(0), stacked.amax(0))]


class ConductanceCircuit(Recurrent):
    """A layer of `ConductanceCircuitCell`: `y, v = ConductanceCircuit(1, 4)(stimulus)`.

    S. R. Wicks, C. J. Roehrig, C. H. Rankin, "A Dynamic Network Simulation of the Nematode Tap Withdrawal Circuit",
    Journal of Neuroscience 16, 1996; as a trained circuit M. Lechner, R. Hasani, R. Grosu, arXiv 1803.08554.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        synapses: SynapseMask | None = None,
        sensory_synapses: SynapseMask | None = None,
        solver: str = "semi-implicit",
        steps: int = 6,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        cell = ConductanceCircuitCell(input_size, hidden_size, synapses, sensory_synapses, solver, steps)
        super().__init__(cell, return_sequences, batch_first)
