"""The recurrent residual network."""

import numpy as np
from cell_test import CellTest

from ltc2neuro.nn import ResidualRNN


class TestResidualRNN(CellTest):
    # It grows from sample to sample, and what a row of weights is off adds up: the nearest weights have 44 dB here,
    # those rounded over the calibration 42. Of 8 other seeds these have 40.4 dB in the mean, the nearest 38.7.
    kind, floor = ResidualRNN, 41

    def step(self, p, x, state, elapsed):
        n = p["inputs.weight"] @ x + p["inputs.bias"] + p["recurrent.weight"] @ state[0]
        h = state[0] + p["residual.weight"] @ np.tanh(n)
        return h, [h]
