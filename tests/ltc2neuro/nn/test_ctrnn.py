"""The continuous-time recurrent network, of 1993 and of the LTC paper's repository."""

import numpy as np
import pytest
import torch
from cell_test import CellTest, solve

from hw_models.errors import InputError
from ltc2neuro.nn import CTRNN


class TestEuler(CellTest):
    kind, floor, solver, steps, time, recurrent = CTRNN, 52, "euler", 6, 1.0, True
    clip = np.inf

    def step(self, p, x, state, elapsed):
        drive = p["inputs.weight"] @ x + p["inputs.bias"]
        weight = p["recurrent.weight"] if self.recurrent else 0.0 * np.eye(len(drive))
        tau, h = np.exp(p["log_tau"]), elapsed * self.time / self.steps
        (v,) = state
        for _ in range(self.steps):
            v = solve(lambda v: -v / tau + np.tanh(weight @ v + drive), v, h, self.solver)
            v = np.clip(v, -self.clip, self.clip)
        return v, [v]


class TestHeun(TestEuler):
    options, solver, steps = {"solver": "heun", "steps": 2}, "heun", 2


class TestRungeKutta(TestEuler):
    options, solver, steps = {"solver": "rk4", "steps": 2}, "rk4", 2


class TestPaper(TestEuler):
    options, time = {"variant": "paper"}, 0.6


class TestPaperWithoutFeedback(TestPaper):
    options, recurrent = {"variant": "paper", "feedback": False}, False


class TestPaperClipped(TestPaper):
    options, clip = {"variant": "paper", "cell_clip": 0.3}, 0.3


def test_the_paper_has_six_steps_of_a_tenth():
    layer = CTRNN(1, 2, variant="paper", feedback=False)
    x = torch.randn(1, 1, 1)
    with torch.no_grad():
        target = torch.tanh(layer.cell.inputs(x[:, 0]))
        assert torch.allclose(layer(x)[0][:, 0], (1 - 0.9**6) * target, atol=1e-6)


def test_the_bound_needs_steps_shorter_than_tau():
    layer = CTRNN(1, 2, steps=4)
    with torch.no_grad():
        layer.cell.log_tau.copy_(torch.log(torch.tensor([0.5, 0.3])))
    assert layer.cell.state_bounds(1.0)[0] is not None
    assert layer.cell.state_bounds(1.3) == [None]


def test_without_feedback_it_is_the_papers():
    with pytest.raises(InputError, match="paper"):
        CTRNN(1, 2, feedback=False)
