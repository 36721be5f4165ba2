"""GRU-D: the state decays exponentially between samples."""

import numpy as np
import torch
from cell_test import CellTest, sigmoid

from ltc2neuro.nn import GRUD


class TestGRUD(CellTest):
    kind, floor = GRUD, 56

    def step(self, p, x, state, elapsed):
        def gate(name, h):
            return p[f"{name}_inputs.weight"] @ x + p[f"{name}_inputs.bias"] + p[f"{name}_recurrent.weight"] @ h

        h = state[0] * np.exp(-np.maximum(p["decay_w"] * elapsed + p["decay_b"], 0))
        g = np.tanh(gate("g", sigmoid(gate("r", h)) * h))
        z = sigmoid(gate("z", h))
        h = z * h + (1 - z) * g
        return h, [h]


def test_a_long_gap_forgets():
    layer = GRUD(2, 4)
    with torch.no_grad():
        layer.cell.decay_w.fill_(1.0)
        x, gap = torch.randn(1, 1, 2), torch.full((1, 1), 100.0)
        assert torch.allclose(layer(x, torch.rand(1, 4), gap)[0], layer(x)[0], atol=1e-6)
