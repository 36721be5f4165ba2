"""What looks like a model's parameters and is not: each trap of ncps 1.0.1, and what the graph holds instead."""

import numpy as np
import pytest
import torch
from layer_agreement import agrees, scrambled, sequences
from torch import nn
from torch.nn.utils import parametrize, prune

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, CfC
from ncps.wirings import NCP, AutoNCP, Random

from compiler.graph.ops import Apply
from hw_models.errors import TraceError
from ltc2neuro.tracing import trace


def synapses(graph):
    """(repeats, elements) of the populations of synapses."""
    return [(block.repeat, graph.size(op.out)) for block, op in graph.ops() if isinstance(op, Apply)]


def test_a_wiring_that_a_second_model_has_built_again():
    """The wiring object has then more synapses than the first model; its masks are what counts."""
    wiring = NCP(4, 3, 2, 3, 2, 2, 2, seed=1)
    first = LTC(4, wiring)
    masks = [int(m.sum()) for m in (first.rnn_cell.sensory_sparsity_mask, first.rnn_cell.sparsity_mask)]
    LTC(4, wiring)
    assert wiring.sensory_synapse_count != masks[0]
    _, graph = agrees(first, 4)
    assert synapses(graph) == [(1, masks[0]), (6, masks[1])]


def test_raw_weights_of_masked_synapses_have_no_effect():
    model = LTC(3, AutoNCP(8, 2))
    _, before = agrees(model, 3)
    cell = model.rnn_cell
    with torch.no_grad():
        for name in ("w", "mu", "sigma", "erev"):
            getattr(cell, name)[cell.sparsity_mask == 0] = 1e6
            getattr(cell, f"sensory_{name}")[cell.sensory_sparsity_mask == 0] = -1e6 if name != "w" else 1e6
    _, after = agrees(model, 3)
    assert synapses(before) == synapses(after)
    assert all(np.array_equal(c, after.constants[n]) for n, c in before.constants.items())


class Halved(nn.Module):
    def forward(self, w):
        return w * 0.5


def test_a_parametrized_ltc_is_refused():
    model = LTC(3, 4)
    parametrize.register_parametrization(model.rnn_cell, "w", Halved())
    with pytest.raises(TraceError):
        trace(model, sequences(3))


@pytest.mark.parametrize("change", ["prune", "parametrize", "assign"])
def test_a_cfc_is_a_normal_module(change):
    torch.manual_seed(0)
    model = CfC(3, 4, backbone_units=5)
    if change == "prune":
        prune.l1_unstructured(model.rnn_cell.ff1, "weight", amount=0.5)
    elif change == "parametrize":
        parametrize.register_parametrization(model.rnn_cell.ff1, "weight", Halved())
    else:
        model.load_state_dict({k: v * 2 for k, v in model.state_dict().items()}, assign=True)
    agrees(model, 3)


@pytest.mark.parametrize("form", ["to_sparse", "to_sparse_csr"])
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_sparse_weights_are_dense_ones(form):
    """A reservoir, as echo state networks have it."""

    class Reservoir(torch.nn.Module):
        def __init__(self):
            super().__init__()
            weight = torch.randn(6, 6) * (torch.rand(6, 6) < 0.4) * 0.5
            self.register_buffer("weight", getattr(weight, form)())
            self.inputs = torch.nn.Linear(3, 6)

        def forward(self, x):
            h, answers = x.new_zeros(len(x), 6), []
            for x_t in x.unbind(1):
                h = torch.tanh(self.inputs(x_t) + torch.sparse.mm(self.weight, h.T).T + 0.1 * (self.weight @ h.T).T)
                answers.append(h)
            return torch.stack(answers, 1)

    torch.manual_seed(0)
    model = Reservoir()
    agrees(model, 3)
    assert model.weight.layout != torch.strided


def test_mode_and_activation_come_from_the_module():
    """The state dicts of default and no_gate, and of all activations, have the same names."""
    torch.manual_seed(0)
    weights = scrambled(CfC(3, 4, backbone_units=5), 0).state_dict()
    for options in ({"mode": "no_gate"}, {"activation": "silu"}, {"mode": "no_gate", "activation": "relu"}):
        model = CfC(3, 4, backbone_units=5, **options)
        model.load_state_dict(weights)
        agrees(model, 3)


def test_units_without_any_input_stay():
    for seed in range(20):
        torch.manual_seed(seed)
        model = LTC(2, Random(12, 12, sparsity_level=0.9, random_seed=seed))
        cell = model.rnn_cell
        inputs = cell.sparsity_mask.sum(0) + cell.sensory_sparsity_mask.sum(0)
        if (inputs == 0).any():
            _, graph = agrees(model, 2)
            assert graph.states[0].size == 12
            return
    raise AssertionError("no wiring left a unit without input")


def test_states_of_a_wired_cfc_are_in_the_order_of_its_layers():
    """inter, command, motor: an LTC has motor first."""
    torch.manual_seed(0)
    model = CfC(4, AutoNCP(9, 2))
    traced, graph = agrees(model, 4)
    assert traced.step_shape == (2,)
    assert [s.size for s in graph.states] == model.rnn_cell.layer_sizes
