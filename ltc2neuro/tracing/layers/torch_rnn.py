"""The handlers of `torch.nn.RNN`, `LSTM` and `GRU`, layer by layer, and the bounds of their cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from compiler.steps.variables import within_one
from ltc2neuro.tracing.layers.recurrent import CELLS, own_step
from ltc2neuro.tracing.layers.scan import CellStates, CellStep, Elapsed, Scan, StateVariable, given_states
from ltc2neuro.tracing.ops import torch_cells
from ltc2neuro.tracing.recording.recorder import Recorder, Times

_PLAIN = {"tanh": torch_cells.rnn_tanh_cell, "relu": torch_cells.rnn_relu_cell}


def rnn(
    recorder: Recorder,
    layer: nn.RNNBase,
    input: torch.Tensor,
    hx: object = None,  # torch's names
) -> tuple[torch.Tensor, object]:
    """The handler of all three: each of the `num_layers` is a layer of its own in the graph."""
    if layer.bidirectional:
        raise recorder.refusal(
            "a bidirectional layer is not supported",
            "It reads the end of a sequence before it answers the start; a chip answers sample by sample. Train it "
            "with bidirectional=False.",
        )
    start = given_states(recorder, hx)
    for state in start or ():
        if state.dim() != 3 or len(state) != layer.num_layers:
            raise recorder.refusal(
                "a layer of torch starts from a state of the wrong shape",
                "Give (layers, batch, hidden), the layers first even if batch_first is set.",
                f"{tuple(state.shape)} for {layer.num_layers} layers",
            )
    last: list[CellStates] = []
    y = input
    for number in range(layer.num_layers):
        own = None if start is None else tuple(s[number] for s in start)
        y, states = Scan(recorder, layer.batch_first).over(_step(layer, number), y, own)
        last.append(states)
    stacked = [torch.stack([states[n] for states in last]) for n in range(len(last[0]))]
    return y, stacked[0] if len(stacked) == 1 else tuple(stacked)


def _step(layer: nn.RNNBase, number: int) -> CellStep:
    """One step of the layer's `number`-th layer. Torch's kernel shows its states nowhere."""
    suffix = f"_l{number}" if layer.num_layers > 1 else ""
    weights = layer.all_weights[number]
    if isinstance(layer, nn.LSTM):
        own = weights[:-1] if layer.proj_size else weights
        project = weights[-1] if layer.proj_size else None

        def lstm(x: torch.Tensor, states: CellStates, _: Elapsed) -> tuple[torch.Tensor, CellStates]:
            h, c = torch_cells.lstm_cell(x, (states[0], states[1]), *own, w_hr=project)
            return h, (h, c)

        bound = None if layer.proj_size else within_one
        h = StateVariable(f"h{suffix}", (layer.proj_size or layer.hidden_size,), bound)
        return CellStep((h, StateVariable(f"c{suffix}", (layer.hidden_size,))), lstm)
    cell = torch_cells.gru_cell if isinstance(layer, nn.GRU) else _PLAIN[str(layer.nonlinearity)]

    def plain(x: torch.Tensor, states: CellStates, _: Elapsed) -> tuple[torch.Tensor, CellStates]:
        h = cell(x, states[0], *weights)
        return h, (h,)

    bound = None if cell is torch_cells.rnn_relu_cell else within_one
    return CellStep((StateVariable(f"h{suffix}", (layer.hidden_size,), bound),), plain)


def cell_step(recorder: Recorder, cell: torch.nn.Module, times: Times) -> CellStep:
    """One step of a cell of torch's under `ltc2neuro.nn.Recurrent`."""
    step = own_step(recorder, cell, times)
    bounded = not (isinstance(cell, nn.RNNCell) and cell.nonlinearity == "relu")
    first = replace(step.variables[0], name="h", bound=within_one if bounded else None)
    return replace(step, variables=(first, *(replace(v, name="c") for v in step.variables[1:])))


CELLS.update({nn.RNNCell: cell_step, nn.LSTMCell: cell_step, nn.GRUCell: cell_step})
LAYERS: dict[type[torch.nn.Module], Callable[..., object]] = {nn.RNN: rnn, nn.LSTM: rnn, nn.GRU: rnn}
