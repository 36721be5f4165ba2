"""The LTC paper's cell, with each of its solvers."""

import numpy as np
import pytest
import torch
from cell_test import CellTest, sequences, sigmoid, solve

from hw_models.errors import InputError, TraceError
from ltc2neuro.nn import PaperLTC, Recurrent
from ltc2neuro.tracing import trace


def conductances(p, v, prefix=""):
    return p[f"{prefix}W"] * sigmoid(p[f"{prefix}sigma"] * (v[:, None] - p[f"{prefix}mu"]))


class TestSemiImplicit(CellTest):
    kind, floor = PaperLTC, 80

    def terms(self, p, x):
        sensory = conductances(p, x * p["input_w"] + p["input_b"], "sensory_")

        def terms(v):
            active = conductances(p, v)
            reversed_ = (active * p["erev"]).sum(0) + (sensory * p["sensory_erev"]).sum(0)
            return p["gleak"] * p["vleak"] + reversed_, p["gleak"] + active.sum(0) + sensory.sum(0)

        return terms

    def step(self, p, x, state, elapsed):
        (v,), terms = state, self.terms(p, x)
        for _ in range(6):
            v = (p["cm_t"] * v + terms(v)[0]) / (p["cm_t"] + terms(v)[1])
        return v, [v]


class TestExplicit(TestSemiImplicit):
    floor, solver, options = 80, "euler", {"solver": "explicit"}

    def step(self, p, x, state, elapsed):
        (v,), terms = state, self.terms(p, x)
        for _ in range(6):
            v = solve(lambda v: (terms(v)[0] - terms(v)[1] * v) / p["cm_t"], v, 0.1, self.solver)
        return v, [v]

    def moved(self, layer, seed):
        """A capacitance that the explicit solvers can stand."""
        layer = super().moved(layer, seed)
        with torch.no_grad():
            layer.cell.cm_t.clamp_(min=0.7)
        return layer


class TestRungeKutta(TestExplicit):
    floor, solver, options = 47, "rk4", {"solver": "rk4"}


def test_it_is_the_ltc_of_ncps_with_a_sixth_of_the_capacitance():
    pytest.importorskip("ncps", reason="ncps is not installed")
    from ncps.torch import LTCCell
    from ncps.wirings import FullyConnected

    torch.manual_seed(0)
    theirs, ours = LTCCell(FullyConnected(5), 3, epsilon=0.0), PaperLTC(3, 5).double()
    theirs.double()
    synaptic = [f"{prefix}{n}" for prefix in ("", "sensory_") for n in ("w", "mu", "sigma", "erev")]
    with torch.no_grad():
        for name in ("gleak", "vleak", *synaptic):
            ours.cell.get_parameter(name[:-1] + "W" if name.endswith("w") else name).copy_(theirs._params[name])
        ours.cell.cm_t.copy_(theirs._params["cm"] * 6)
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    hx = torch.zeros(2, 5, dtype=torch.float64)
    y, _ = Recurrent(theirs)(x, hx)
    assert torch.allclose(ours(x)[0], y, atol=1e-12)


def test_an_explicit_solver_is_bounded_only_where_its_step_is_small():
    layer = PaperLTC(2, 3, solver="explicit")
    with torch.no_grad():
        layer.cell.cm_t.fill_(5.0)
    assert layer.cell.state_bounds(1.0)[0] is not None
    assert not layer.cell.unbounded
    with torch.no_grad():
        layer.cell.cm_t.fill_(0.05)
    assert layer.cell.state_bounds(1.0) == [None]
    assert layer.cell.unbounded


@pytest.mark.parametrize(
    ("share", "bounded", "runs_away"), [(0.5, True, False), (1.5, False, False), (2.5, False, True)]
)
def test_the_share_of_the_way_that_a_step_goes_decides(share, bounded, runs_away):
    """0.1 of all conductances over the capacitance."""
    layer = PaperLTC(2, 3, solver="explicit")
    with torch.no_grad():
        for name, each in (("gleak", 1.0), ("W", 2.0), ("sensory_W", 1.5)):
            layer.cell.get_parameter(name).fill_(each)
        layer.cell.cm_t.fill_(0.1 * (1.0 + 3 * 2.0 + 2 * 1.5) / share)
    assert (layer.cell.state_bounds(1.0) != [None]) == bounded and layer.cell.unbounded == runs_away


def test_a_negative_conductance_is_refused():
    layer = PaperLTC(2, 3)
    with torch.no_grad():
        layer.cell.get_parameter("W")[0, 1] = -0.1
    with pytest.raises(TraceError, match="negative"):
        trace(layer, sequences(2))
    layer.cell.constrain()
    assert trace(layer, sequences(2)).graph.states[0].low is not None


def test_a_solver_that_there_is_not():
    with pytest.raises(InputError, match="no solver 'heun'"):
        PaperLTC(2, 3, solver="heun")


def test_masked_synapses_do_not_widen_the_bound():
    layer = PaperLTC(2, 3)
    with torch.no_grad():
        layer.cell.get_parameter("erev")[0, 1] = 50.0
        layer.cell.get_parameter("W")[0, 1] = 0.0
    _, high = layer.cell.state_bounds(1.0)[0]
    assert np.all(high.numpy() <= 1)
