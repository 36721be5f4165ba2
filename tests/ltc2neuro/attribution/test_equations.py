"""Cells against their differential equations: nearer with more steps, at the solver's order; what is not compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("scipy", reason="needs the extra simulator")

import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from networks import sequences

import ltc2neuro
from ltc2neuro import nn
from ltc2neuro.attribution.attribution import Solved
from ltc2neuro.attribution.equations import solved
from ltc2neuro.inputs.arrays import Sequences

X = sequences(2, 6)
RECORD = ltc2neuro.compile(torch.nn.Linear(3, 2), X)  # of which only dt and shapes matter here


def against(model: torch.nn.Module) -> Solved:
    torch.manual_seed(0)
    (found,) = solved(model.double(), RECORD, Sequences(tuple(X.astype(np.float64)), ragged=False))
    return found


def layer(kind: Callable[..., nn.Recurrent], **more: object) -> Callable[[int], torch.nn.Module]:
    def build(steps: int) -> torch.nn.Module:
        torch.manual_seed(0)
        return kind(3, 5, steps=steps, **more)

    return build


def ltc(steps: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return LTC(3, AutoNCP(8, 2, seed=1), ode_unfolds=steps)


@pytest.mark.parametrize(
    ("build", "order"),
    [
        (ltc, 1),
        (layer(nn.ConductanceCircuit), 1),
        (layer(nn.ConductanceCircuit, solver="exact"), 1),
        (layer(nn.CTRNN), 1),
        (layer(nn.GRUODE, solver="heun"), 2),
        (layer(nn.NeuralODE, solver="rk4", time_scale=0.6), 4),
    ],
)
def test_four_times_the_steps_are_nearer_by_the_order_of_the_solver(build, order):
    few, many = (against(build(steps // order)) for steps in (8, 32))
    expected = order * 20 * np.log10(4)
    assert not few.note and few.decibels > 5
    assert many.decibels - few.decibels == pytest.approx(expected, rel=0.25)
    assert many.one_step - few.one_step == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize("solver", ["semi-implicit", "explicit", "rk4"])
def test_a_paper_ltc_solves_its_equation(solver):
    torch.manual_seed(0)
    cell = nn.PaperLTC(3, 5, solver=solver)
    torch.nn.init.constant_(cell.cell.cm_t, 60.0 if solver == "semi-implicit" else 10.0)  # so slow that six steps do
    assert against(cell).decibels > 25


def test_what_has_no_equation_and_what_is_clipped():
    assert solved(CfC(3, 5), RECORD, Sequences(tuple(X.astype(np.float64)), ragged=False)) == []
    found = against(nn.NeuralODE(3, 5, cell_clip=1.0))
    assert "clipped after each step" in str(found) and np.isnan(found.decibels)


def test_beside_a_memory_in_float32():
    torch.manual_seed(0)
    model = LTC(3, AutoNCP(8, 2, seed=1), mixed_memory=True)
    (found,) = solved(model, RECORD, Sequences(tuple(X.astype(np.float64)), ragged=False))
    assert not found.note and np.isnan(found.decibels) and 5 < found.one_step < 40
    assert "others change its state" in str(found)


def test_the_report_begins_with_it():
    model = ltc(3)
    net = ltc2neuro.compile(model, X)
    found = ltc2neuro.attribute(net, X, model=model)
    assert found.equations[0].kind == "LTCCell" and str(found).startswith("rnn_cell (LTCCell): torch's steps are ")
    assert found.equations[0].decibels < found.wholes[0].decibels  # the solver's steps, not the integers
    with pytest.raises(ltc2neuro.errors.InputError, match=r"not the one that was compiled.*\n.*model\n"):
        ltc2neuro.attribute(net, X, model=ltc(4))
    with pytest.raises(ltc2neuro.errors.InputError, match="does not answer as the one that was compiled"):
        ltc2neuro.attribute(net, X, model=LTC(3, AutoNCP(8, 3, seed=1)))
