"""The gated recurrent unit as an ODE."""

import numpy as np
from cell_test import CellTest, sigmoid, solve

from ltc2neuro.nn import GRUODE


class TestEuler(CellTest):
    kind, floor, solver, steps = GRUODE, 53, "euler", 4

    def step(self, p, x, state, elapsed):
        def gate(name, h):
            return p[f"{name}_inputs.weight"] @ x + p[f"{name}_inputs.bias"] + p[f"{name}_recurrent.weight"] @ h

        def slope(h):
            g = np.tanh(gate("g", sigmoid(gate("r", h)) * h))
            return (1 - sigmoid(gate("z", h))) * (g - h)

        (h,) = state
        for _ in range(self.steps):
            h = solve(slope, h, elapsed / self.steps, self.solver)
        return h, [h]


class TestHeun(TestEuler):
    options, solver, steps = {"solver": "heun", "steps": 2}, "heun", 2


class TestRungeKutta(TestEuler):
    options, solver, steps = {"solver": "rk4", "steps": 2}, "rk4", 2


def test_the_bound_needs_short_steps():
    cell = GRUODE(1, 2, steps=4).cell
    assert cell.state_bounds(4.0) == [(-1.0, 1.0)]
    assert cell.state_bounds(4.1) == [None]
