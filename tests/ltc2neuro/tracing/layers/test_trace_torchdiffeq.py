"""A user's `torchdiffeq.odeint`: fixed grids compile, adaptive steps are refused with the reason."""

from functools import partial

import pytest
import torch
from layer_agreement import agrees, drifting, executors_agree, sequences
from torch import nn

torchdiffeq = pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed")

from hw_models.errors import TraceError  # noqa: E402
from ltc2neuro.nn import Recurrent  # noqa: E402
from ltc2neuro.tracing import trace  # noqa: E402


class Cell(nn.Module):
    """A neural ODE from sample to sample."""

    def __init__(self, method, options=None, times=(0.0, 0.4, 1.0)):
        super().__init__()
        self.field, self.inputs = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 4)), nn.Linear(3, 4)
        self.hidden_size, self.method, self.options, self.times = 4, method, options, times

    def forward(self, x, h):
        start = torch.tanh(self.inputs(x) + h)
        times = torch.tensor(self.times, dtype=x.dtype)
        path = torchdiffeq.odeint(
            lambda t, v: self.field(v) * torch.cos(t) - v, start, times, method=self.method, options=self.options
        )
        return path[1] + path[-1], path[-1]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("euler", None), ("euler", {"step_size": 0.3}), ("midpoint", None), ("heun2", None), ("heun3", None),
        ("rk4", {"step_size": 0.5}), ("explicit_adams", {"step_size": 0.1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("double", [True, False])
def test_fixed_grids(method, options, double):
    torch.manual_seed(0)
    integrate = torchdiffeq._impl.solvers.FixedGridODESolver.integrate
    model = Recurrent(Cell(method, options))
    agrees(model.double() if double else model, 3)
    assert torchdiffeq._impl.solvers.FixedGridODESolver.integrate is integrate
    assert "integrate" not in vars(torchdiffeq._impl.fixed_grid.Euler)


def test_a_state_out_of_a_path_is_no_answer():
    assert not trace(Recurrent(Cell("rk4", {"step_size": 0.5})), sequences(3)).dropped


def test_integers():
    torch.manual_seed(0)
    assert executors_agree(Recurrent(Cell("rk4", {"step_size": 0.5})), drifting(3)) >= 35


@pytest.mark.parametrize("method", ["dopri5", "bosh3", "adaptive_heun", None])
def test_adaptive_steps_are_refused(method):
    with pytest.raises(TraceError, match="adaptive method") as caught:
        trace(Recurrent(Cell(method)), sequences(3))
    assert "error estimate" in caught.value.advice and "test_trace_torchdiffeq.py" in caught.value.where


class Loop(nn.Module):
    """An ODE-RNN, whose state begins as zeros."""

    def __init__(self, method):
        super().__init__()
        self.inputs, self.field, self.method = nn.Linear(3, 4), nn.Linear(4, 4), method

    def change(self, u, t, v):
        return torch.tanh(self.inputs(u) + self.field(v)) - v

    def forward(self, x):
        h, times, answers = x.new_zeros(len(x), 4), torch.tensor([0.0, 1.0], dtype=x.dtype), []
        options = {"step_size": 0.5} if self.method else None
        for u in x.unbind(1):
            driven = partial(self.change, u)
            h = torchdiffeq.odeint(driven, h, times, method=self.method, options=options)[-1]
            answers.append(h)
        return torch.stack(answers, 1)


def test_a_state_that_begins_as_zeros():
    torch.manual_seed(0)
    agrees(Loop("rk4"), 3)
    with pytest.raises(TraceError, match="adaptive method") as caught:
        trace(Loop(None), sequences(3))
    assert "odeint(" in caught.value.where


@pytest.mark.parametrize("method", ["implicit_adams", "fixed_adams"])
def test_implicit_steps_are_refused(method):
    with pytest.raises(TraceError, match="implicit method"):
        trace(Recurrent(Cell(method, {"step_size": 0.1})), sequences(3))


def test_another_interpolation_is_refused():
    with pytest.raises(TraceError, match="interpolates cubic"):
        trace(Recurrent(Cell("rk4", {"interp": "cubic", "step_size": 0.3})), sequences(3))
