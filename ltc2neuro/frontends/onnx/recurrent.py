"""ONNX's recurrent layers as those of torch, and steps that run over a sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.cells import StepCell
from ltc2neuro.frontends.onnx.ops.graph import Array, Layer, Node, Over
from ltc2neuro.frontends.onnx.ops.rule import one_row
from ltc2neuro.nn.recurrence import Recurrent
from ltc2neuro.nn.states import Bound

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where torch's gates are among ONNX's: i o f c become i f c o, z r h become r z h"""
_USUAL = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


class Layered(nn.Module):
    """`LSTM`, `GRU` or `RNN`: all answers with an axis of directions, and the last states."""

    rnn: nn.LSTM | nn.GRU | nn.RNN | Recurrent

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        node = layer.node
        self._last_axis, self._axis = (1, 2) if node.whole("layout", 0) else (0, 1)
        self.rnn = _torch_layer(node, layer.weights)

    def forward(self, x: Tensor, *first: Tensor | None) -> tuple[Tensor, ...]:
        """`first` are the states to start from, None where they are 0."""
        batch = x.shape[0 if self.rnn.batch_first else 1]
        known = next((h for h in first if h is not None), None)
        given = [torch.zeros_like(known) if h is None else h for h in first] if known is not None else [None, None]
        h, c = (s if s is None else _for_batch(s.movedim(self._last_axis, 0), batch).to(x.dtype) for s in given)
        if isinstance(self.rnn, Recurrent):
            y, last = self.rnn(x, h if h is None else h[0])
            return y.unsqueeze(self._axis), last.unsqueeze(self._last_axis)
        y, last = self.rnn(x, (h, c) if isinstance(self.rnn, nn.LSTM) and known is not None else h)
        ends = last if isinstance(last, tuple) else (last,)
        return y.unsqueeze(self._axis), *(h.movedim(0, self._last_axis) for h in ends)


def _for_batch(h: Tensor, batch: int) -> Tensor:
    """First states (1, batch, size). Those that were exported for one batch size are taken for each row, if equal."""
    return h if h.shape[1] == batch else one_row(h, 1).expand(-1, batch, -1)


def _torch_layer(node: Node, arrays: Sequence[Array]) -> nn.LSTM | nn.GRU | nn.RNN | Recurrent:
    _check(node)
    weights = [torch.from_numpy(np.array(array[0])) for array in arrays]
    w, r = (_reordered(weight, node) for weight in weights[:2])
    size, inputs = r.shape[1], w.shape[1]
    both = weights[2] if len(weights) > 2 else torch.zeros(2 * len(w), dtype=w.dtype)
    biases = [_reordered(bias, node) for bias in both.chunk(2)]
    first, kind = bool(node.whole("layout", 0)), node.op
    if kind == "GRU" and not node.whole("linear_before_reset", 0):
        return Recurrent(ResetFirstGRUCell(w, r, *biases), batch_first=first)
    if kind == "RNN":
        activation = (node.texts("activations") or ("Tanh",))[0].lower()
        layer = nn.RNN(inputs, size, nonlinearity=activation, batch_first=first)
    else:
        layer = (nn.LSTM if kind == "LSTM" else nn.GRU)(inputs, size, batch_first=first)
    layer = layer.to(w.dtype)
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), (w, r, *biases), strict=True):
            parameter.copy_(value)
    return layer


def _reordered(weight: Tensor, node: Node) -> Tensor:
    parts = weight.chunk(len(_GATES[node.op]))
    return torch.cat([parts[place] for place in _GATES[node.op]])


def _check(node: Node) -> None:
    """Refuse what torch's layers cannot do."""
    activations = node.texts("activations") or _USUAL[node.op]
    problem, instead = "", ", or export the step of its cell: from_onnx(path, states=...)"
    if node.text("direction", "forward") != "forward":
        problem = f"is {node.text('direction', '')}: it reads the end of a sequence before it answers the start"
        instead = ": a chip answers sample by sample"
    elif activations != _USUAL[node.op] and not (node.op == "RNN" and activations == ("Relu",)):
        problem = f"has the activations {', '.join(activations)} in place of {', '.join(_USUAL[node.op])}"
    elif "clip" in node.attributes:
        problem = "clips what goes into its activations"
    elif node.whole("input_forget", 0):
        problem = "has one gate for input and forgetting"
    if problem:
        raise InputError(
            f"the node {node.op} {problem}",
            where=node.name,
            advice=f"Train the layer without it{instead}.",
        )


class ResetFirstGRUCell(nn.Module):
    """A GRU that resets the state before its matrix, as ONNX's `linear_before_reset=0` and Keras's reset_after=False:
    n = tanh(Wn x + bn + Un (r * h) + dn), h' = (1 - z) n + z h."""

    input_size: int
    hidden_size: int
    w: nn.Parameter
    r: nn.Parameter
    b: nn.Parameter
    d: nn.Parameter

    def __init__(self, w: Tensor, r: Tensor, b: Tensor, d: Tensor) -> None:
        super().__init__()
        self.input_size, self.hidden_size = w.shape[1], r.shape[1]
        self.w, self.r, self.b, self.d = (nn.Parameter(tensor.clone()) for tensor in (w, r, b, d))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """The new state (batch, size)."""
        (wr, wz, wn), (ur, uz, un) = self.w.chunk(3), self.r.chunk(3)
        (br, bz, bn), (dr, dz, dn) = self.b.chunk(3), self.d.chunk(3)
        reset = torch.sigmoid(linear(x, wr, br) + linear(h, ur, dr))
        z = torch.sigmoid(linear(x, wz, bz) + linear(h, uz, dz))
        n = torch.tanh(linear(x, wn, bn) + linear(reset * h, un, dn))
        return n * (1.0 - z) + h * z

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """A mean of the state and a tanh."""
        return [(-1.0, 1.0)]


class Scanned(nn.Module):
    """`Scan`: a step runs over a sequence."""

    rnn: Recurrent

    def __init__(self, node: Over, cell: StepCell) -> None:
        super().__init__()
        self._input_axis, self._output_axis = node.input_axis, node.output_axis
        self.rnn = Recurrent(cell, batch_first=node.input_axis != 0)

    def forward(self, x: Tensor, *first: Tensor) -> tuple[Tensor, ...]:
        """The answers at every step, and the last states."""
        batch = x.shape[0 if self.rnn.batch_first else 1]
        given = [_for_batch(h.unsqueeze(0), batch)[0].to(x.dtype) for h in first]
        y, last = self.rnn(x, given[0] if len(given) == 1 else tuple(given))
        y = y if self._input_axis == self._output_axis else y.transpose(0, 1)
        return y, *((last,) if isinstance(last, Tensor) else last)
