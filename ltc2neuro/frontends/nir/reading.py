"""`from_nir`: a NIR graph as a torch module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hw_models.arguments import check_choice, check_path, check_real
from ltc2neuro.extras import NIR, TORCH

if TYPE_CHECKING:
    import nir
    import torch

RESETS = ("value", "subtract")


def from_nir(graph: nir.NIRGraph | str | Path, dt: float, *, reset: str | None = None) -> torch.nn.Module:
    """The torch module of a NIR graph, or of a file of one, at a time step of `dt` seconds: docs/nir.md.

    `y, states = module(x)` takes and returns (batch, time, *shape of the graph's input and output), and compiles as any
    other module. A graph without neurons returns y alone. NIR's equations are those of continuous time: a step of
    Euler is taken, so `dt` must be the one of the simulator that the graph is from. A cycle hands on what was there a
    sample ago.

    `reset`: "value" where neurons that spike are set to `v_reset`, as NIR has it; "subtract" where snntorch's default,
    reset by subtraction, was written: NIR cannot say so, so a graph that looks like one of snntorch's needs an answer.

    Raises `MissingExtraError` where nir or torch is not installed, `InputError` for what cannot be read or computed.
    """
    NIR.require()
    TORCH.require()
    from ltc2neuro.frontends.nir.building import build, read
    from ltc2neuro.frontends.nir.cell import PerSample
    from ltc2neuro.nn.recurrence import Recurrent

    dt = check_real(dt, "dt", above=0)
    if reset is not None:
        reset = check_choice(reset, RESETS, "reset")
    if isinstance(graph, (str, Path)):
        graph = read(check_path(graph))
    cell = build(graph, dt, reset)
    return Recurrent(cell) if cell.states else PerSample(cell)
