"""The ODE-RNN: an ODE between samples, a step of an RNN at each."""

import numpy as np
from cell_test import CellTest, solve

from ltc2neuro.nn import ODERNN


class TestEuler(CellTest):
    kind, floor, solver, steps = ODERNN, 51, "euler", 4

    def step(self, p, x, state, elapsed):
        def slope(h):
            return p["ode.2.weight"] @ np.tanh(p["ode.0.weight"] @ h + p["ode.0.bias"]) + p["ode.2.bias"]

        (h,) = state
        for _ in range(self.steps):
            h = solve(slope, h, elapsed / self.steps, self.solver)
        h = np.tanh(p["inputs.weight"] @ x + p["inputs.bias"] + p["recurrent.weight"] @ h)
        return h, [h]


class TestHeun(TestEuler):
    options, solver, steps = {"solver": "heun", "steps": 2}, "heun", 2


class TestRungeKutta(TestEuler):
    options, solver, steps = {"solver": "rk4", "steps": 1}, "rk4", 1
