"""What delays can be that are longer than the calibration's sequences: their source, not the start alone."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import ltc2neuro
from compiler.ranges.observed import Observed
from compiler.ranges.state_intervals import state_interval
from ltc2neuro.metrics import sqnr
from ltc2neuro.tracing import trace

LONG = np.random.default_rng(1).normal(size=(4, 100, 3)).astype(np.float32)


class Delay(nn.Module):
    """A convolution that reads its input as it was 28 samples ago, which starts with ones."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv1d(4, 2, 2, dilation=28), nn.Linear(3, 4)

    def forward(self, x):
        return self.conv(F.pad(torch.tanh(self.linear(x)).transpose(1, 2), (28, 0), value=1.0)).transpose(1, 2)


class Residual(nn.Module):
    """Blocks of receptive field 2, 4, 8: what each adds is read later, under names that values have, too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv1d(3, 4, 1), nn.Linear(4, 2)
        self.convs = nn.ModuleList(nn.Conv1d(4, 4, 2, dilation=2**k) for k in range(4))

    def forward(self, x):
        y = self.first(x.transpose(1, 2))
        for k, conv in enumerate(self.convs):
            y = y + torch.relu(conv(F.pad(y, (2**k, 0))))
        return self.last(y.transpose(1, 2))


def test_a_delay_longer_than_the_calibration_has_the_range_of_its_source():
    torch.manual_seed(0)
    model = Delay().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a delay does not grow
        net = ltc2neuro.compile(model, LONG[:, :24])
        answers = net(LONG)
    observed = Observed(net.float_graph, list(LONG[:, :24].astype(np.float64)))
    reach = [state_interval(net.float_graph, s.name, observed, 1.0).common for s in net.float_graph.states]
    assert len(reach) == 28
    assert {(r.low[0], r.high[0]) for r in reach} == {(reach[0].low[0], 1.0)}
    assert sqnr([model(torch.as_tensor(LONG)).detach().numpy()], [answers]) > 50


def test_states_have_names_of_their_own():
    torch.manual_seed(0)
    graph = trace(Residual().eval(), list(LONG[:, :24])).graph
    assert len(graph.states) == 15
    assert not {s.name for s in graph.states} & {*graph.values}
