"""Liquid integrate-and-fire neurons."""

import numpy as np
from cell_test import CellTest, sigmoid

from ltc2neuro.nn import LiquidLIF


class TestLiquidLIF(CellTest):
    kind, floor, learns = LiquidLIF, 15, 0.95

    def start(self, rng, shapes):
        """The last spike is one or none, and the adaptation a mean of such."""
        v, eta, s = super().start(rng, shapes)
        return [v, sigmoid(eta), (s > 0).astype(float)]

    def step(self, p, x, state, elapsed):
        def through(name, *parts):
            return p[f"{name}.weight"] @ np.concatenate(parts) + p[f"{name}.bias"]

        v, eta, s = state
        u = through("drive", x, s)
        alpha, rho = sigmoid(through("membrane", u, v)), sigmoid(through("adaptation", u, eta))
        eta = rho * eta + (1 - rho) * s
        v = v + alpha * (u - v)
        s = v > 0.1 + 1.8 * eta
        return s.astype(float), [np.where(s, 0.0, v), eta, s.astype(float)]
