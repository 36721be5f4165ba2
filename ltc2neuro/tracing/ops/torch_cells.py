"""One step of torch's own recurrent cells, which torch computes in fused kernels: their equations, once.

Arguments are named as torch names them: `input` (batch, features), `hx` the state, weights (outputs, inputs).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import linear

Tensor = torch.Tensor


def lstm_cell(
    input: Tensor,
    hx: tuple[Tensor, Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    w_hr: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """c' = f c + i g, h' = o tanh(c'), the rows of the weights in the order i, f, g, o; `w_hr` projects h'."""
    h, c = hx
    i, f, g, o = (
        linear(input, w, b) + linear(h, u, d)
        for w, u, b, d in zip(w_ih.chunk(4), w_hh.chunk(4), _rows(b_ih, 4), _rows(b_hh, 4), strict=True)
    )
    cell = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    hidden = torch.sigmoid(o) * torch.tanh(cell)
    return (hidden if w_hr is None else linear(hidden, w_hr)), cell


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """n = tanh(W x + r (U h + b)), h' = (1 - z) n + z h, the rows of the weights in the order r, z, n."""
    parts = zip(w_ih.chunk(3), w_hh.chunk(3), _rows(b_ih, 3), _rows(b_hh, 3), strict=True)
    (r, from_r), (z, from_z), (n, from_n) = ((linear(input, w, b), linear(hx, u, d)) for w, u, b, d in parts)
    z = torch.sigmoid(z + from_z)
    new = torch.tanh(n + torch.sigmoid(r + from_r) * from_n)
    return new * (1.0 - z) + hx * z


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """h' = tanh(W x + U h + b)."""
    return torch.tanh(linear(input, w_ih, b_ih) + linear(hx, w_hh, b_hh))


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """h' = max(W x + U h + b, 0)."""
    return torch.relu(linear(input, w_ih, b_ih) + linear(hx, w_hh, b_hh))


def _rows(bias: Tensor | None, gates: int) -> Sequence[Tensor | None]:
    """A bias gate by gate, as the weights: each gate is its own sum, and no neuron only hands on."""
    return (None,) * gates if bias is None else bias.chunk(gates)
