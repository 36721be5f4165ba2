"""Neurons of C. elegans, and circuits of them."""

import numpy as np
import pytest
import torch
from cell_test import CellTest, sigmoid

from hw_models.errors import InputError
from ltc2neuro.nn import ConductanceCircuit
from ltc2neuro.tracing import trace


class TestSemiImplicit(CellTest):
    kind, floor, steps = ConductanceCircuit, 85, 6

    def step(self, p, x, state, elapsed):
        def conductance(prefix, source):
            weight = np.exp(p[f"{prefix}log_w"]) * p[f"{prefix}synapses"]
            return weight * sigmoid(p[f"{prefix}gamma"] * (source[:, None] + p[f"{prefix}mu"]))

        c, leak, h = np.exp(p["log_capacitance"]), np.exp(p["log_leak"]), elapsed / self.steps
        sensory = conductance("sensory_", x)
        (v,) = state
        for _ in range(self.steps):
            active = conductance("", v)
            total = leak + active.sum(0) + sensory.sum(0)
            drive = (active * p["reversal"]).sum(0) + (sensory * p["sensory_reversal"]).sum(0)
            v = self.advance(v, c, total, drive, h)
        return v, [v]

    def advance(self, v, c, total, drive, h):
        return (c / h * v + drive) / (c / h + total)


class TestExact(TestSemiImplicit):
    floor, steps, options = 82, 2, {"solver": "exact", "steps": 2}

    def advance(self, v, c, total, drive, h):
        return drive / total + (v - drive / total) * np.exp(-total * h / c)


def test_one_neuron_settles_where_leak_and_synapse_balance():
    layer = ConductanceCircuit(1, 1, synapses=torch.zeros(1, 1), solver="exact", steps=1)
    cell = layer.cell
    x = torch.full((1, 200, 1), 0.7)
    with torch.no_grad():
        conductance = torch.exp(cell.sensory_log_w) * torch.sigmoid(cell.sensory_gamma * (0.7 + cell.sensory_mu))
        settled = conductance * cell.sensory_reversal / (1 + conductance)
        assert torch.allclose(layer(x)[0][:, -1], settled, atol=1e-6)


def test_only_the_synapses_that_there_are_reach_the_graph():
    synapses = torch.tensor([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    layer = ConductanceCircuit(2, 3, synapses, torch.tensor([[1, 0, 0], [0, 0, 0]]))
    with torch.no_grad():
        layer.cell.reversal.copy_(torch.arange(9.0).reshape(3, 3))
        layer.cell.sensory_reversal.fill_(-2.0)
    graph = trace(layer, [np.random.default_rng(0).normal(size=(6, 2))]).graph
    state = graph.states[0]
    assert graph.constants[state.high].tolist() == [0, 1, 5]
    assert graph.constants[state.low].tolist() == [-2, 0, 0]


def test_masks_of_the_wrong_shape():
    with pytest.raises(InputError, match="synapses has the wrong shape"):
        ConductanceCircuit(2, 3, torch.ones(2, 3))


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list])
def test_masks_of_several_kinds(kind):
    given = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert ConductanceCircuit(2, 3, kind(given)).cell.synapses.tolist() == given
