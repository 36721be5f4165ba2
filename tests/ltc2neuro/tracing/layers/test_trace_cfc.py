"""ncps's CfC in every variant, and mixed memory: the graph computes what torch does, within the proven bound."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from layer_agreement import agrees, drifting, executors_agree, scrambled, sequences

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, CfC, CfCCell, WiredCfCCell
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random

import ltc2neuro
from compiler.graph.ops import MatVec
from hw_models.errors import TraceError
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing import trace

MODES = ["default", "no_gate", "pure"]
WIRINGS = {
    "full": lambda: FullyConnected(5, 3),
    "random": lambda: Random(8, 3, sparsity_level=0.8),
    "auto": lambda: AutoNCP(9, 2),
    "ncp": lambda: NCP(4, 3, 2, 3, 2, 2, 2),
}


@settings(deadline=None, max_examples=6)
@example("default", "silu", 1, 0.3, None, False, True, True, True, 0.25, 1)
@example("no_gate", "relu", 2, 0.0, 2, True, False, True, False, 1.0, 2)
@example("pure", "tanh", 3, 0.0, None, False, True, False, False, 3.0, 3)
@example("default", "gelu", 2, 0.3, 2, False, False, False, True, 1.0, 4)
@example("pure", "lecun_tanh", 1, 0.0, 2, True, True, True, False, 1.0, 5)
@given(
    mode=st.sampled_from(MODES),
    activation=st.sampled_from(["silu", "relu", "tanh", "gelu", "lecun_tanh"]),
    backbone=st.integers(0, 3),
    dropout=st.sampled_from([0.0, 0.3]),
    projection=st.sampled_from([None, 2]),
    mixed=st.booleans(),
    sequences_out=st.booleans(),
    batch_first=st.booleans(),
    double=st.booleans(),
    dt=st.sampled_from([1.0, 0.25, 3.0]),
    seed=st.integers(0, 1000),
)
def test_any_cfc(mode, activation, backbone, dropout, projection, mixed, sequences_out, batch_first, double, dt, seed):
    torch.manual_seed(seed)
    model = CfC(
        3, 5, projection, sequences_out, batch_first, mixed, mode, activation, 4, backbone, dropout,
    )  # fmt: skip
    model = scrambled(model, seed)
    if double and not mixed:  # ncps starts mixed memory in torch's default type
        model = model.double()
    traced, graph = agrees(model, 3, dt)
    assert traced.readout == ("every" if sequences_out else "last")
    assert [s.name for s in graph.states] == (["h", "c"] if mixed else ["h"])
    assert graph.state("h").low is not None


@settings(deadline=None, max_examples=4)
@example("full", "default", False, None, 1.0, 1)
@example("random", "no_gate", True, None, 0.5, 2)
@example("auto", "pure", False, 2, 1.0, 3)
@example("ncp", "default", True, 2, 0.5, 4)
@example("ncp", "no_gate", False, None, 1.0, 5)
@given(
    wiring=st.sampled_from(sorted(WIRINGS)),
    mode=st.sampled_from(MODES),
    mixed=st.booleans(),
    projection=st.sampled_from([None, 2]),
    dt=st.sampled_from([1.0, 0.5]),
    seed=st.integers(0, 1000),
)
def test_any_wired_cfc(wiring, mode, mixed, projection, dt, seed):
    torch.manual_seed(seed)
    if wiring in ("full", "random"):
        projection = None  # ncps takes all units as the output, but makes the projection for output_dim
    model = scrambled(CfC(4, WIRINGS[wiring](), projection, mode=mode, mixed_memory=mixed), seed)
    agrees(model, 4, dt)


@settings(deadline=None, max_examples=3)
@example("units", True, 6, 1.0, 1)
@example("auto", False, 2, 0.3, 2)
@example("full", True, 1, 1.0, 3)
@given(
    kind=st.sampled_from(["units", "auto", "full"]),
    batch_first=st.booleans(),
    unfolds=st.integers(1, 6),
    dt=st.sampled_from([1.0, 0.3]),
    seed=st.integers(0, 1000),
)
def test_ltc_with_mixed_memory(kind, batch_first, unfolds, dt, seed):
    torch.manual_seed(seed)
    wiring = 5 if kind == "units" else WIRINGS[kind]()
    model = scrambled(LTC(4, wiring, mixed_memory=True, batch_first=batch_first, ode_unfolds=unfolds), seed, 0.1)
    traced, graph = agrees(model, 4, dt)
    assert sorted(s.name for s in graph.states) == ["c", "v"]
    assert [b.repeat for b in traced.graph.blocks] == [1, unfolds, 1]
    assert [(t.state, t.repeat) for t in graph.time_constants] == [("v", unfolds)]
    low, high = (graph.constants[name] for name in (graph.state("v").low, graph.state("v").high))
    assert np.all(low <= -1) and np.all(high >= 1)


def test_ltc_with_mixed_memory_bounds_what_a_huge_lstm_does():
    model = LTC(2, 4, mixed_memory=True)
    with torch.no_grad():
        model.rnn_cell.erev.mul_(0.01)
        model.rnn_cell.sensory_erev.mul_(0.01)
        model.rnn_cell.gleak.fill_(-50.0)
        model.lstm.input_map.bias.fill_(50.0)
    graph = trace(model, sequences(2)).graph
    _, (v, _) = model(torch.zeros(1, 1, 2))
    assert float(v.detach().abs().max()) > 0.05  # beyond the hull of the reversals
    assert np.all(graph.constants[graph.state("v").high] >= 1)


@settings(deadline=None, max_examples=5)
@example("default", "none", 10.0, 100.0, 1)
@example("no_gate", "full", 0.1, 3.0, 2)
@example("pure", "random", 1.0, 100.0, 3)
@example("pure", "auto", 10.0, 0.1, 4)
@example("default", "ncp", 0.1, 3.0, 5)
@example("no_gate", "none", 10.0, 100.0, 6)
@given(
    mode=st.sampled_from(MODES),
    wiring=st.sampled_from(["none", *sorted(WIRINGS)]),
    dt=st.sampled_from([0.1, 1.0, 10.0]),
    scale=st.sampled_from([0.1, 3.0, 100.0]),
    seed=st.integers(0, 1000),
)
def test_the_bound_of_the_state_holds(mode, wiring, dt, scale, seed):
    torch.manual_seed(seed)
    units = 5 if wiring == "none" else WIRINGS[wiring]()
    model = scrambled(CfC(3, units, mode=mode).double(), seed, 1.0)
    graph = trace(model, sequences(3), dt=dt).graph
    state = graph.state("h")
    low, high = graph.constants[state.low], graph.constants[state.high]
    h = torch.zeros(16, model.state_size, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(20):
            _, h = model.rnn_cell(torch.randn(16, 3, dtype=torch.float64) * scale, h, dt)
            slack = 1e-12 * (1 + np.abs(low) + np.abs(high))
            assert np.all(h.numpy() >= low - slack) and np.all(h.numpy() <= high + slack)


@pytest.mark.parametrize("wired", [True, False])
def test_a_cell_under_recurrent_is_the_layer(wired):
    torch.manual_seed(0)
    layer = CfC(3, AutoNCP(8, 2)) if wired else CfC(3, 5)
    cell = layer.rnn_cell
    assert isinstance(cell, WiredCfCCell if wired else CfCCell)
    x = torch.randn(2, 6, 3)
    for theirs, mine in zip(layer(x), Recurrent(cell)(x), strict=True):
        assert torch.equal(theirs, mine)
    _, graph = agrees(Recurrent(cell), 3, dt=0.5)
    assert all(s.low is not None for s in graph.states)


def test_a_constant_time_needs_three_maps_not_four():
    _, graph = agrees(CfC(3, 5, backbone_layers=0), 3)
    assert sum(isinstance(op, MatVec) for _, op in graph.ops()) == 3


def test_a_masked_synapse_has_no_weight():
    model = CfC(4, AutoNCP(9, 2))
    _, graph = agrees(model, 4)
    first = model.rnn_cell.layer_0
    live = int((first.sparsity_mask != 0).sum())
    sizes = [np.count_nonzero(graph.constants[op.matrix]) for _, op in graph.ops() if isinstance(op, MatVec)]
    assert live < first.sparsity_mask.numel() and sizes.count(live) >= 1


def test_a_replaced_layer_of_a_wired_cell_is_refused():
    model = CfC(4, AutoNCP(9, 2))
    old = model.rnn_cell.layer_1
    model.rnn_cell.layer_1 = CfCCell(old.input_size, old.hidden_size, backbone_layers=0)
    with pytest.raises(TraceError, match="not those it shows") as caught:
        trace(model, sequences(4))
    assert caught.value.where == "rnn_cell.layer_1"


def test_a_subclass_is_refused():
    class Own(CfC):
        pass

    with pytest.raises(TraceError, match="subclass"):
        trace(Own(3, 4), sequences(3))


@pytest.mark.parametrize(
    ("make", "floor"),
    [
        (lambda: CfC(3, 12, backbone_units=16), 40),
        (lambda: CfC(3, 12, mode="no_gate", backbone_layers=0), 35),
        (lambda: CfC(3, 12, mode="pure", backbone_units=16, backbone_layers=2, activation="silu"), 33),
        (lambda: CfC(3, AutoNCP(12, 2), proj_size=2), 45),
        (lambda: CfC(3, 10, mixed_memory=True, backbone_units=16), 40),
        (lambda: LTC(3, AutoNCP(12, 2), mixed_memory=True), 45),
    ],
    ids=["default", "no gate", "pure", "wired", "mixed", "ltc mixed"],
)
def test_integers(make, floor):
    torch.manual_seed(0)
    assert executors_agree(make(), drifting(3)) >= floor


@pytest.mark.parametrize("kind", [CfC, LTC])
def test_the_gates_of_mixed_memory_are_computed_where_they_are_used(kind):
    net = ltc2neuro.compile(kind(3, 5, mixed_memory=True), drifting(3))
    assert not [p.name for p in net.mapped().populations if p.name.startswith("lstm")]
