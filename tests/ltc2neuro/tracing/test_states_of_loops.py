"""States of loops that are written by hand: those that their variables hold, and no other values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

N = 4
X = np.random.default_rng(0).normal(size=(3, 12, 3))


class Loop(nn.Module):
    """What `stepped` makes, over the steps of x, of layers and parameters that it finds here."""

    def __init__(self, looped) -> None:
        super().__init__()
        self.drive, self.gates = nn.Linear(3, N), nn.Linear(3, 4 * N)
        self.own, self.own_gates = nn.Linear(N, N), nn.Linear(N, 4 * N)
        self.below, self.above = nn.Linear(N, 2), nn.Linear(2, N)
        self.leak, self.rest, self.size = (nn.Parameter(torch.rand(N) + 0.5) for _ in range(3))
        self.synapses = nn.ParameterList([torch.rand(N, N), torch.rand(N, N) + 3, torch.randn(N, N)])
        self.looped = looped

    def forward(self, x):
        return torch.stack(list(self.looped(self, x, x.new_zeros(len(x), N))), 1)

    def synaptic(self, v):
        """The weight of all synapses and their current."""
        weight, slope, reversal = self.synapses
        open_ = weight * torch.sigmoid(slope * (v.unsqueeze(2) - 0.3))
        return open_.sum(1), (open_ * reversal).sum(1)


def lstm(net, x, h):
    c = torch.zeros_like(h)
    for x_t in x.unbind(1):
        i, f, g, o = (net.gates(x_t) + net.own_gates(h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        yield h


def slstm(net, x, h):
    c, n, m = torch.zeros_like(h), torch.ones_like(h), torch.zeros_like(h)
    for x_t in x.unbind(1):
        z, i, f, o = (net.gates(x_t) + net.own_gates(h)).chunk(4, -1)
        keep, most = nn.functional.logsigmoid(f) + m, torch.maximum(nn.functional.logsigmoid(f) + m, i)
        i, f, m = torch.exp(i - most), torch.exp(keep - most), most
        c, n = f * c + i * torch.tanh(z), f * n + i
        h = torch.sigmoid(o) * c / n
        yield h


def ltc(net, x, v):
    for x_t in x.unbind(1):
        current = net.drive(x_t)
        for _ in range(2):
            den, num = net.synaptic(v)
            v = (net.size * v + net.leak * net.rest + num + current) / (net.size + net.leak + den)
        yield v


def ltc_from_rest(net, x, h):
    v = net.rest.expand_as(h)
    for x_t in x.unbind(1):
        den, num = net.synaptic(v)
        v = v + 0.1 * (net.leak * (net.rest - v) + num - den * v + net.drive(x_t)) / net.size
        yield v


def spikes(net, x, v):
    for x_t in x.unbind(1):
        v = 0.8 * v + net.drive(x_t)
        spike = (v > 0.3).to(v.dtype)
        v = v * (1 - spike)
        yield spike


def adaptive(net, x, v):
    b = z = torch.zeros_like(v)
    for x_t in x.unbind(1):
        b = 0.95 * b + 0.05 * z
        v = 0.8 * v + net.drive(x_t) - z * (0.3 + b)
        z = (v > 0.3 + b).to(v.dtype)
        yield z


def normalised(net, x, h):
    mean, var = x.new_zeros(len(x), 3), x.new_ones(len(x), 3)
    for x_t in x.unbind(1):
        yield (x_t - mean) / (var.sqrt() + 0.1)
        mean = 0.9 * mean + 0.1 * x_t
        var = 0.9 * var + 0.1 * (x_t - mean) ** 2


def populations(net, x, e):
    """Each reads the other as it was."""
    i = x.new_zeros(len(x), 2)
    for x_t in x.unbind(1):
        drive = net.drive(x_t) + net.own(e) - net.above(i)
        e, i = 0.8 * e + 0.2 * torch.tanh(drive), 0.7 * i + 0.3 * torch.sigmoid(net.below(e))
        yield e


def momentum(net, x, h):
    m = torch.zeros_like(h)
    for x_t in x.unbind(1):
        m = 0.6 * m + net.drive(x_t)
        h = torch.tanh(net.own(h) + m)
        yield h


def fitzhugh_nagumo(net, x, h):
    kept = {"v": h, "w": h}
    for x_t in x.unbind(1):
        v, w = kept["v"], kept["w"]
        dv, dw = v - v**3 / 3 - w + net.drive(x_t), 0.08 * (v + 0.7 - 0.8 * w)
        kept = {"v": v + 0.1 * dv, "w": w + 0.1 * dw}
        yield kept["v"]


def answered_late(net, x, h):
    """With h of the step before."""
    for x_t in x.unbind(1):
        yield h
        z = net.drive(x_t) + net.own(h)
        h = torch.tanh(z)


def from_ones(net, x, h):
    h = torch.ones_like(h)
    for x_t in x.unbind(1):
        h = torch.tanh(net.drive(x_t) + net.own(h))
        yield h


def listed(net, x, h):
    hs = [h]
    for x_t in x.unbind(1):
        hs.append(torch.tanh(net.drive(x_t) + net.own(hs[-1])))
        yield hs[-1]


def layers(net, x, h):
    h = [h] * 6
    for x_t in x.unbind(1):
        z = net.drive(x_t)
        for level in range(6):
            z = h[level] = torch.tanh(z + net.own(h[level]))
        yield z


@pytest.mark.parametrize(
    ("looped", "names"),
    [
        (lstm, "h c"),
        (slstm, "h c n m"),
        (ltc, "v"),
        (ltc_from_rest, "v"),
        (spikes, "v"),
        (adaptive, "v b z"),
        (normalised, "mean var"),
        (populations, "e i"),
        (momentum, "h m"),
        (fitzhugh_nagumo, "v w"),
        (answered_late, "h"),
        (from_ones, "h"),
        (listed, "hs"),
        (layers, "h_0 h_1 h_2 h_3 h_4 h_5"),
    ],
)
def test_states_are_the_variables(looped, names):
    torch.manual_seed(0)
    graph = over_many_steps(Loop(looped), X, 100).graph
    sizes = {"mean": 3, "var": 3, "i": 2}
    assert {s.name: s.size for s in graph.states} == {name: sizes.get(name, N) for name in names.split()}
