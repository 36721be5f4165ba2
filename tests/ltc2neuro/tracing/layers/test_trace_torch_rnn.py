"""Torch's own recurrent layers and cells, whose kernels are fused: their equations are those of torch."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from layer_agreement import agrees, drifting, executors_agree, scrambled, sequences
from torch import nn

from hw_models.errors import TraceError
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing import trace

LAYERS = {
    "tanh": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
CELLS = {
    "tanh": nn.RNNCell,
    "relu": lambda *sizes, **options: nn.RNNCell(*sizes, nonlinearity="relu", **options),
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
}


class Last(nn.Module):
    """A layer, and a linear readout of its last state."""

    def __init__(self, rnn, size):
        super().__init__()
        self.rnn, self.head = rnn, nn.Linear(size, 2)

    def forward(self, x):
        _, hx = self.rnn(x)
        return self.head((hx[0] if isinstance(hx, tuple) else hx)[-1])


@settings(deadline=None, max_examples=5)
@example("tanh", 1, 6, 1, True, True, False, False, 1)
@example("relu", 4, 3, 2, False, False, True, True, 2)
@example("lstm", 3, 4, 3, True, False, True, False, 3)
@example("lstm", 2, 1, 1, False, True, False, True, 4)
@example("gru", 2, 5, 2, True, True, True, True, 5)
@example("gru", 3, 2, 3, False, False, False, False, 6)
@given(
    kind=st.sampled_from(sorted(LAYERS)),
    features=st.integers(1, 4),
    size=st.integers(1, 6),
    layers=st.integers(1, 3),
    bias=st.booleans(),
    batch_first=st.booleans(),
    last=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_layers(kind, features, size, layers, bias, batch_first, last, double, seed):
    torch.manual_seed(seed)
    model = LAYERS[kind](features, size, num_layers=layers, bias=bias, batch_first=batch_first)
    model = Last(model, size) if last else model
    traced, graph = agrees(scrambled(model.double() if double else model, seed), features)
    assert traced.readout == ("last" if last else "every")
    assert len(graph.states) == layers * (2 if kind == "lstm" else 1)


@settings(deadline=None, max_examples=3)
@example("tanh", 6, True, 1)
@example("relu", 4, False, 2)
@example("lstm", 5, True, 3)
@example("lstm", 1, False, 4)
@example("gru", 3, True, 5)
@example("gru", 2, False, 6)
@given(kind=st.sampled_from(sorted(CELLS)), size=st.integers(1, 6), bias=st.booleans(), seed=st.integers(0, 1000))
def test_cells_under_recurrent(kind, size, bias, seed):
    torch.manual_seed(seed)
    cell = scrambled(CELLS[kind](3, size, bias=bias), seed)
    _, graph = agrees(Recurrent(cell), 3)
    assert [s.name for s in graph.states] == (["h", "c"] if kind == "lstm" else ["h"])


@pytest.mark.parametrize(("kind", "returned"), [("lstm", 2), ("gru", 1)])
def test_a_cell_under_recurrent_is_the_layer(kind, returned):
    layer, cell = LAYERS[kind](3, 4, batch_first=True), CELLS[kind](3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in layer.state_dict().items()})
    x = torch.randn(2, 5, 3)
    (y, hx), (ours, state) = layer(x), Recurrent(cell)(x)
    assert torch.allclose(y, ours, atol=1e-6)
    pairs = zip(hx, state, strict=True) if returned == 2 else [(hx, state)]
    assert all(torch.allclose(theirs[0], mine, atol=1e-6) for theirs, mine in pairs)


def test_projected_lstm_and_a_constant_start():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 5, num_layers=2, proj_size=2, batch_first=True)
            self.start = nn.Parameter(torch.tensor([0.3, -3.0]))

        def forward(self, x):
            h = self.start.expand(2, x.shape[0], -1)
            return self.rnn(x, (h, torch.zeros(2, x.shape[0], 5)))[0]

    traced, _ = agrees(scrambled(Net(), 0), 3)
    state = traced.graph.state("rnn.h_l1")
    assert np.allclose(traced.graph.constants[state.initial], traced.graph.constants["rnn.h_l0.initial"])
    assert state.low is None


@pytest.mark.parametrize(("kind", "proven"), [("tanh", True), ("relu", False), ("gru", True), ("lstm", True)])
@pytest.mark.parametrize("as_cell", [True, False])
def test_the_bound_of_the_state(kind, proven, as_cell):
    model = Recurrent(CELLS[kind](2, 3)) if as_cell else LAYERS[kind](2, 3, batch_first=True)
    states = trace(scrambled(model, 1, 3.0), sequences(2)).graph.states
    assert (states[0].low is not None) == proven
    assert all(s.low is None for s in states[1:])


def test_no_neuron_only_hands_on():
    _, graph = agrees(nn.LSTM(3, 7, batch_first=True), 3)
    assert {v.size for v in graph.values.values()} == {3, 7}


def test_bidirectional_is_refused():
    with pytest.raises(TraceError, match="bidirectional") as caught:
        trace(nn.GRU(3, 4, bidirectional=True), sequences(3))
    assert "end of a sequence" in caught.value.advice


def test_a_subclass_is_refused():
    class Own(nn.LSTM):
        pass

    with pytest.raises(TraceError, match="subclass"):
        trace(Own(3, 4), sequences(3))


@pytest.mark.parametrize(("kind", "floor"), [("tanh", 30), ("relu", 30), ("lstm", 30), ("gru", 30)])
def test_integers(kind, floor):
    torch.manual_seed(0)
    model = LAYERS[kind](3, 12, num_layers=2, batch_first=True)
    assert executors_agree(model, drifting(3)) >= floor
