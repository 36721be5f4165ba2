"""Handlers of layers that are not traced line by line, by exact type: recurrent layers and what is refused.

A handler takes the recorder, the module (of a copy in eval mode) and the arguments of its call.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from ltc2neuro.nn.recurrence import Recurrent, takes_time
from ltc2neuro.tracing.layers.recurrent import recurrent
from ltc2neuro.tracing.recorder import Recorder

Handler = Callable[..., object]

LAYERS: dict[type[torch.nn.Module], Handler] = {Recurrent: recurrent}
"""The handler of each type of layer"""

if find_spec("ncps") is not None:
    from ltc2neuro.tracing.layers import ncps

    LAYERS.update(ncps.LAYERS)


def timed_cells(model: torch.nn.Module) -> set[str]:
    """The paths of the cells in `model` whose forward takes the elapsed time as its third argument."""
    paths = {id(module): path for path, module in model.named_modules()}
    layers = [m for m in model.modules() if type(m) in LAYERS]
    cells = [m.cell if isinstance(m, Recurrent) else getattr(m, "rnn_cell", None) for m in layers]
    return {paths[id(cell)] for cell in cells if isinstance(cell, torch.nn.Module) and takes_time(cell)}


__all__ = ["LAYERS", "Handler", "Recorder", "timed_cells"]
