"""`CTGRU`: the continuous-time gated recurrent unit, whose memory has several time scales."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from ltc2neuro.nn.clip import CellClip
from ltc2neuro.nn.recurrence import Recurrent, SizedCell
from ltc2neuro.nn.solvers import Time, choice_of
from ltc2neuro.nn.states import Bound

_STEP = math.log(math.sqrt(10.0))
_VARIANTS = {"corrected": False, "published": True}


class CTGRUCell(SizedCell):
    """One sample of a unit with traces e_m, one for each time scale ln tau_m = m ln sqrt(10), m = 0 ... scales - 1:

        h = sum_m e_m
        r = softmax_m(-(R [x; h] - ln tau_m)^2),  s = softmax_m(-(S [x; h] - ln tau_m)^2)
        q = tanh(Q [x; sum_m r_m e_m])
        e_m' = ((1 - s_m) e_m + s_m q) d_m,  output sum_m e_m'

    Variant "corrected" decays by d_m = exp(-dt / tau_m) with the elapsed time dt. Variant "published" does as the LTC
    paper's repository: d_m = exp(-1 / ln tau_m), whatever the elapsed time, so that the first trace is always 0.
    Weights of one variant do not work in the other. The state holds the traces of a unit side by side,
    (batch, hidden_size * scales), each in (-1, 1), where it has to start, too; `cell_clip` c limits it to -c ... c.
    """

    variant: str
    scales: int
    state_size: int
    cell_clip: CellClip
    retrieval: nn.Linear
    storage: nn.Linear
    signal: nn.Linear

    state_names: tuple[str, ...] = ("traces",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        variant: str = "corrected",
        scales: int = 8,
        cell_clip: float | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, scales=scales)
        self._published = choice_of(_VARIANTS, variant, "variant")
        self.variant, self.scales = variant, scales
        self.state_size = hidden_size * scales
        self.cell_clip = CellClip(cell_clip)
        self.retrieval, self.storage = (nn.Linear(input_size + hidden_size, self.state_size) for _ in range(2))
        self.signal = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: torch.Tensor, traces: torch.Tensor, elapsed: Time = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        """Output (batch, hidden_size) and traces from the input (batch, input_size), the traces, the elapsed time."""
        memory = traces.unflatten(-1, (self.hidden_size, self.scales))
        both = torch.cat([x, memory.sum(-1)], -1)
        # A mean of traces stays within (-1, 1): ranges do not see that the shares sum to 1, so it is said.
        retrieved = torch.clamp((self._shares(self.retrieval(both)) * memory).sum(-1), -1.0, 1.0)
        new = torch.tanh(self.signal(torch.cat([x, retrieved], -1)))
        mixed = memory + self._shares(self.storage(both)) * (new.unsqueeze(-1) - memory)
        memory = self.cell_clip(mixed * self._decay(elapsed))
        return memory.sum(-1), memory.flatten(-2)

    def _shares(self, log_scale: torch.Tensor) -> torch.Tensor:
        """How near each time scale is to the one asked for, (batch, units, scales); the shares of a unit sum to 1."""
        distance = log_scale.unflatten(-1, (self.hidden_size, self.scales)) - self._log_tau()
        return torch.softmax(-(distance * distance), -1)

    def _decay(self, elapsed: Time) -> torch.Tensor:
        if self._published:
            return torch.exp(-1 / self._log_tau())
        rate = torch.exp(-self._log_tau())
        return torch.exp(-rate * (elapsed.unsqueeze(-1) if isinstance(elapsed, torch.Tensor) else elapsed))

    def _log_tau(self) -> torch.Tensor:
        return torch.arange(self.scales, dtype=self.signal.weight.dtype, device=self.signal.weight.device) * _STEP

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """A mean of a trace, 0 and a tanh; the clip."""
        return [self.cell_clip.bound((-1.0, 1.0))]


class CTGRU(Recurrent):
    """A layer of `CTGRUCell`: `y, traces = CTGRU(3, 8)(x, timespans=spans)`.

    M. C. Mozer, D. Kazakov, R. V. Lindsey, "Discrete Event, Continuous Time RNNs", arXiv 1710.04110.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        variant: str = "corrected",
        scales: int = 8,
        cell_clip: float | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        cell = CTGRUCell(input_size, hidden_size, variant, scales, cell_clip)
        super().__init__(cell, return_sequences, batch_first)
