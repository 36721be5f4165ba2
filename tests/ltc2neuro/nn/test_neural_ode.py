"""The neural ODE, whose state may grow."""

import numpy as np
import pytest
from cell_test import CellTest, drifting, solve

import ltc2neuro
from hw_models.errors import InputError
from ltc2neuro.nn import GRUODE, ODELSTM, ODERNN, NeuralODE


class TestRungeKutta(CellTest):
    kind, floor, solver, steps, time = NeuralODE, 47, "rk4", 6, 0.6
    clip = np.inf
    options = {"time_scale": 0.6}  # noqa: RUF012  # the LTC paper's repository

    def step(self, p, x, state, elapsed):
        drive = p["inputs.weight"] @ x + p["inputs.bias"]
        (v,) = state
        for _ in range(self.steps):
            h = elapsed * self.time / self.steps
            v = solve(lambda v: np.tanh(p["recurrent.weight"] @ v + drive), v, h, self.solver)
            v = np.clip(v, -self.clip, self.clip)
        return v, [v]


class TestEuler(TestRungeKutta):
    options, solver, steps, time = {"solver": "euler", "steps": 2}, "euler", 2, 1.0


class TestHeun(TestRungeKutta):
    options, solver, steps, time = {"solver": "heun", "steps": 3}, "heun", 3, 1.0


class TestClipped(TestEuler):
    options = {"solver": "euler", "steps": 2, "cell_clip": 0.1}  # noqa: RUF012
    clip = 0.1


def test_growth_is_warned_of_with_the_largest_value_and_saturates():
    layer = NeuralODE(3, 4)
    x = drifting(3, batch=1, steps=20)
    with pytest.warns(UserWarning, match=r"state x may grow without bound: \d"):
        net = ltc2neuro.compile(layer, x)
    run = net.run(np.full((1, 400, 3), x.max()))
    assert sum(run.saturations.values()) > 0
    form = net.graph.states[0].format
    assert run.states["x"].max() <= form.high


def test_solvers_that_choose_their_steps_are_refused_with_the_reason():
    for layer in (NeuralODE, ODELSTM, ODERNN, GRUODE):
        with pytest.raises(InputError, match="as many steps as its error estimate asks for") as caught:
            layer(3, 4, solver="dopri5")
        assert "'rk4'" in caught.value.advice
