"""Handlers of layers that are not traced line by line, by exact type: recurrent layers and what is refused.

A handler takes the recorder, the module (of a copy in eval mode) and the arguments of its call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import torch

from ltc2neuro.nn.recurrence import Recurrent, takes_time
from ltc2neuro.nn.solvers import Differential, Equation
from ltc2neuro.tracing.layers import rows, torch_rnn
from ltc2neuro.tracing.layers.recurrent import CELLS, plain_type, recurrent
from ltc2neuro.tracing.recording.recorder import Recorder

Handler = Callable[..., object]

LAYERS: dict[type[torch.nn.Module], Handler] = {Recurrent: recurrent, **torch_rnn.LAYERS}
"""The handler of each type of layer"""

EQUATIONS: dict[type[torch.nn.Module], Callable[..., Equation]] = {}
"""The differential equation of each type of cell that solves one, and does not tell it itself"""

if find_spec("ncps") is not None:
    from ltc2neuro.tracing.layers import ncps, ncps_cfc

    LAYERS.update({**ncps.LAYERS, **ncps_cfc.LAYERS})
    EQUATIONS.update(ncps.EQUATIONS)
    rows.LAYERS += [ncps.LTC, ncps_cfc.CfC]


def handler_of(module: torch.nn.Module) -> Handler | None:
    """The handler of a module, by its exact type; a subclass of a recurrent layer is refused."""
    handler = LAYERS.get(plain_type(module))
    if isinstance(module, Recurrent) and type(module).forward is Recurrent.forward:
        return recurrent  # the cells of ltc2neuro.nn: only the constructor is another
    if handler is None and isinstance(module, tuple(_loops())):
        return _changed
    return handler


def equation_of(cell: torch.nn.Module) -> Callable[..., Equation] | None:
    """The differential equation that a cell solves in steps, from the input and the elapsed time; None without."""
    if isinstance(cell, Differential):
        return cell.equation
    found = EQUATIONS.get(plain_type(cell))
    return None if found is None else partial(found, cell)


def _loops() -> list[type[torch.nn.Module]]:
    return [layer for layer in LAYERS if not issubclass(layer, tuple(CELLS))]


def _changed(recorder: Recorder, layer: torch.nn.Module, *_: object, **__: object) -> object:
    raise recorder.refusal(
        f"{type(layer).__name__} is a subclass of a recurrent layer, which may compute something else",
        "Use the layer itself, or put a cell of your own under ltc2neuro.nn.Recurrent(cell).",
    )


def timed_cells(model: torch.nn.Module) -> set[str]:
    """The paths of the cells in `model` that know the elapsed time."""
    paths = {id(module): path for path, module in model.named_modules()}
    layers = [m for m in model.modules() if handler_of(m) is not None]
    cells = [m.cell if isinstance(m, Recurrent) else getattr(m, "rnn_cell", None) for m in layers]
    return {paths[id(cell)] for cell in cells if isinstance(cell, torch.nn.Module) and takes_time(cell)}


__all__ = ["LAYERS", "Handler", "equation_of", "handler_of", "timed_cells"]
