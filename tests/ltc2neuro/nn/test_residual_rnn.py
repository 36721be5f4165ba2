"""The recurrent residual network."""

import numpy as np
from cell_test import CellTest

from ltc2neuro.nn import ResidualRNN


class TestResidualRNN(CellTest):
    kind, floor = ResidualRNN, 44

    def step(self, p, x, state, elapsed):
        n = p["inputs.weight"] @ x + p["inputs.bias"] + p["recurrent.weight"] @ state[0]
        h = state[0] + p["residual.weight"] @ np.tanh(n)
        return h, [h]
