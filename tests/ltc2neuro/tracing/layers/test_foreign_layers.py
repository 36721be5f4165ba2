"""Layers of other packages, all alike: executors agree for any size, and long runs stay as good as short ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_agreement import agrees, drifting, runs_alike, scrambled, steady
from torch import nn

pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed")
pytest.importorskip("ncps", reason="ncps is not installed")
import torchdiffeq
from ncps.torch import LTC, CfC
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random

import ltc2neuro
from compiler.interpreters.float64 import run_float
from ltc2neuro.nn import Recurrent

FEATURES = 3
DRIFT = 6.0
"""how many dB the end of long sequences may be worse than their beginning"""


class Solved(nn.Module):
    """A neural ODE that torchdiffeq solves on a fixed grid, pulled back to its input."""

    def __init__(self, features, size, method):
        super().__init__()
        self.field, self.inputs = (
            nn.Sequential(nn.Linear(size, 5), nn.Tanh(), nn.Linear(5, size)),
            nn.Linear(features, size),
        )
        self.hidden_size, self.method = size, method

    def forward(self, x, h):
        start = torch.tanh(self.inputs(x) + h)
        times = torch.tensor([0.0, 1.0], dtype=x.dtype)
        return torchdiffeq.odeint(lambda t, h: self.field(h), start, times, method=self.method)[-1]


LAYERS = {
    "LTC": lambda n, size: LTC(n, size),
    "LTC, NCP": lambda n, size: LTC(n, NCP(size, 2, 2, 2, 2, 1, 2), ode_unfolds=3),
    "LTC, mixed memory": lambda n, size: LTC(n, size, mixed_memory=True, ode_unfolds=2),
    "CfC, default": lambda n, size: CfC(n, size, backbone_units=8),
    "CfC, no gate": lambda n, size: CfC(n, size, mode="no_gate", backbone_layers=0),
    "CfC, pure": lambda n, size: CfC(n, size, mode="pure", backbone_units=8, backbone_layers=2, activation="relu"),
    "CfC, projected": lambda n, size: CfC(n, size, proj_size=2, backbone_units=8, backbone_layers=3, activation="gelu"),
    "CfC, mixed memory": lambda n, size: CfC(n, size, mixed_memory=True, backbone_units=8, activation="silu"),
    "CfC, AutoNCP": lambda n, size: CfC(n, AutoNCP(size + 4, 2)),
    "CfC, FullyConnected": lambda n, size: CfC(n, FullyConnected(size)),
    "CfC, Random": lambda n, size: CfC(n, Random(size + 1, sparsity_level=0.5)),
    "RNN": lambda n, size: nn.RNN(n, size, batch_first=True),
    "RNN, relu": lambda n, size: nn.RNN(n, size, nonlinearity="relu", batch_first=True),
    "LSTM": lambda n, size: nn.LSTM(n, size, 2, batch_first=True),
    "GRU": lambda n, size: nn.GRU(n, size, bias=False, batch_first=True),
    "torchdiffeq, euler": lambda n, size: Recurrent(Solved(n, size, "euler")),
    "torchdiffeq, rk4": lambda n, size: Recurrent(Solved(n, size, "rk4")),
}

LONGEST = ("LTC", "CfC, default", "LSTM", "torchdiffeq, euler")
"""One of each package runs over a thousand samples, and its kin over fewer."""

names = pytest.mark.parametrize("name", LAYERS)


@names
@settings(deadline=None, max_examples=2)
@given(features=st.integers(1, 4), size=st.integers(2, 6), seed=st.integers(0, 1000))
def test_any_size_on_the_mapped_machine(name, features, size, seed):
    torch.manual_seed(seed)
    model = scrambled(LAYERS[name](features, size), seed, 0.1).eval()
    agrees(model, features)
    x = drifting(features, batch=2, steps=6, seed=seed)
    runs_alike(ltc2neuro.compile(model, x), x)


def together(exact, found):
    """SQNR of all channels together, their means included: how it changes tells whether errors gather."""
    return 10 * np.log10(np.sum(exact**2) / np.sum((found - exact) ** 2))


@pytest.mark.parametrize(("name", "steps"), [(name, 1000 if name in LONGEST else 300) for name in LAYERS])
def test_long_sequences(name, steps):
    torch.manual_seed(0)
    model, x = LAYERS[name](FEATURES, 4).eval(), steady(FEATURES, steps)
    net = ltc2neuro.compile(model, x.reshape(-1, 100, FEATURES))
    run, real = net.run(x), run_float(net.float_graph, x)
    graph = net.float_graph
    for state in graph.states:
        reached = run.states[state.name] * net.state_lsb(state.name)
        if state.low is not None and state.high is not None:
            low, high = graph.constants[state.low], graph.constants[state.high]
            room = 2.0**-11 * max(np.abs(low).max(), np.abs(high).max())
            assert np.all(reached >= low - room) and np.all(reached <= high + room)
    begin, end = (together(real.outputs[:, part], run.outputs[:, part]) for part in (slice(100), slice(-100, None)))
    assert end >= begin - DRIFT
