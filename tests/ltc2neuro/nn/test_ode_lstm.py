"""The ODE-LSTM of mlech26l/ode-lstms, with its fixed solvers."""

import numpy as np
from cell_test import CellTest, sigmoid, solve

from ltc2neuro.nn import ODELSTM


class TestEuler(CellTest):
    kind, floor, solver, steps = ODELSTM, 57, "euler", 3

    def step(self, p, x, state, elapsed):
        h, c = state
        gates = p["lstm.weight_ih"] @ x + p["lstm.bias_ih"] + p["lstm.weight_hh"] @ h + p["lstm.bias_hh"]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)

        def slope(h):
            return p["f_node.2.weight"] @ np.tanh(p["f_node.0.weight"] @ h + p["f_node.0.bias"]) + p["f_node.2.bias"]

        for _ in range(self.steps):
            h = solve(slope, h, elapsed / self.steps, self.solver)
        return h, [h, c]


class TestHeun(TestEuler):
    options, solver, steps = {"solver": "heun", "steps": 2}, "heun", 2


class TestRungeKutta(TestEuler):
    options, solver, steps = {"solver": "rk4", "steps": 2}, "rk4", 2
