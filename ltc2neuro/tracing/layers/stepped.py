"""Cells that a model steps by hand: their states keep their names and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from ltc2neuro.nn.recurrence import output_and_state
from ltc2neuro.nn.states import Bounded, NamedStates
from ltc2neuro.tracing.layers.recurrent import CELLS, own_step, plain_type
from ltc2neuro.tracing.layers.scan import note
from ltc2neuro.tracing.recording.recorder import Recorder, Times


def note_stepped(
    recorder: Recorder,
    cell: torch.nn.Module,
    args: Sequence[object],
    named: Mapping[str, object],
    result: object,
) -> None:
    """Note the states of a `cell` that was called with these arguments, if it is one."""
    ours = isinstance(cell, (NamedStates, Bounded))
    own = ours and bool(getattr(cell, "state_size", getattr(cell, "hidden_size", 0)))
    if plain_type(cell) not in CELLS and not own:
        return
    given = [*args, *named.values(), None, None][:3]
    elapsed = given[2]
    times = recorder.times(None) if elapsed is None else Times(0.0, math.inf)
    if isinstance(elapsed, (int, float)):
        times = Times(float(elapsed), float(elapsed))
    variables = CELLS.get(plain_type(cell), own_step)(recorder, cell, times).variables
    before, (_, after) = given[1], output_and_state(result, cell)
    note(
        recorder,
        variables,
        before if isinstance(before, (tuple, list)) else (before,),
        after if isinstance(after, tuple) else (after,),
    )
