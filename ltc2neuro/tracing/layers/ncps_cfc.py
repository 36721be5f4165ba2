"""The handler of ncps's CfC, of all modes and with a wiring: its own cell is traced; bounds come from the mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from ncps.torch import CfC, CfCCell, WiredCfCCell

from compiler.steps.variables import StateBound, bound_between
from hw_models.arrays import Floats
from hw_models.errors import TraceError
from ltc2neuro.tracing.layers.ncps import over
from ltc2neuro.tracing.layers.recurrent import CELLS, own_step
from ltc2neuro.tracing.layers.scan import CellStep
from ltc2neuro.tracing.recording.recorder import Recorder, Times


def cfc(
    recorder: Recorder,
    layer: CfC,
    input: torch.Tensor,  # ncps's name
    hx: object = None,
    timespans: object = None,
) -> tuple[torch.Tensor, object]:
    """The handler of `ncps.torch.CfC`. The projection acts on the output alone."""
    step = cfc_step(recorder, layer.rnn_cell, recorder.times(timespans))
    y, state = over(recorder, layer, step, (input, hx, timespans))
    return layer.fc(y), state


def cfc_step(recorder: Recorder, cell: torch.nn.Module, times: Times) -> CellStep:
    """One step of a CfC cell, wired or not."""
    step = own_step(recorder, cell, times)
    if isinstance(cell, WiredCfCCell):
        _refuse_stale(recorder, cell)
    layers = [m for m in (cell, *cell.children()) if isinstance(m, CfCCell)]
    bound = _side_by_side([_bound(layer, times.shortest) for layer in layers], [layer.hidden_size for layer in layers])
    (h,) = step.variables
    return replace(step, variables=(replace(h, bound=bound),))


CELLS[CfCCell] = CELLS[WiredCfCCell] = cfc_step
LAYERS: dict[type[torch.nn.Module], Callable[..., object]] = {CfC: cfc}


def _bound(cell: CfCCell, dt: float) -> StateBound | None:
    """Where the next state lies, whatever the input and the state.

    default: a mean of two tanh. no_gate: a tanh and a share of another. pure: A - A f exp(-dt (|w| + |f|)), in which
    |f| exp(-dt |f|) is at most 1 / (e dt), the more the shorter dt is: there is no bound for each dt.
    """
    if cell.mode != "pure":
        most = 1.0 if cell.mode == "default" else 2.0
        return bound_between(-most, most)
    if dt == 0:
        return None
    asymptote = cell.A.detach().double().numpy()[0]
    away = np.abs(asymptote) * np.exp(-dt * np.abs(cell.w_tau.detach().double().numpy()[0])) / (np.e * dt)
    return bound_between(asymptote - away, asymptote + away)


def _side_by_side(bounds: list[StateBound | None], sizes: list[int]) -> StateBound | None:
    """The bound of a state that is made of the layers' states in turn."""
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds):
        return None

    def joined(initial: Floats) -> tuple[Floats, Floats]:
        parts = np.split(initial, np.cumsum(sizes)[:-1])
        ends = [bound(part) for bound, part in zip(known, parts, strict=True)]
        return np.concatenate([low for low, _ in ends]), np.concatenate([high for _, high in ends])

    return joined


def _refuse_stale(recorder: Recorder, cell: WiredCfCCell) -> None:
    stale = [n for n, layer in enumerate(cell._layers) if layer is not getattr(cell, f"layer_{n}", None)]
    if stale:
        raise TraceError(
            "the layers that the cell computes with are not those it shows",
            where=f"{recorder.path_of(cell)}.layer_{stale[0]}",
            numbers=f"{len(stale)} of {len(cell._layers)} layers",
            advice="ncps keeps its layers in cell._layers, too: copy weights into the layers, do not replace them.",
        )
