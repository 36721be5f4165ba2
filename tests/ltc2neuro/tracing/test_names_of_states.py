"""States that were found are called as the model calls them, and have the line where it computes, or reads, them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import ltc2neuro
from compiler.graph.ops import StateRead
from ltc2neuro.tracing import trace

X = np.random.default_rng(0).normal(size=(4, 20, 3))


class Net(nn.Module):
    """A model whose `forward` is given."""

    def __init__(self, forward) -> None:
        super().__init__()
        torch.manual_seed(0)
        self._forward, self.inner, self.out = forward, nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self._forward(self, x)


class Layer(nn.Module):
    def __init__(self, features) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(features, 4), nn.Linear(4, 4)

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 4), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.w(x[:, t]) + self.u(h))
            answers.append(h)
        return torch.stack(answers, 1)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 2)

    def forward(self, x):
        return x + torch.tanh(self.conv(F.pad(x.transpose(1, 2), (1, 0)))).transpose(1, 2)


def spiking(net, x):
    mem = spk = x.new_zeros(len(x), 4)
    answers = []
    for t in range(x.shape[1]):
        mem = 0.9 * mem * (1 - spk) + net.inner(x[:, t]); spk = (mem > 1.0).to(x.dtype)  # fmt: skip  # noqa: E702
        answers.append(spk)
    return torch.stack(answers, 1)


def delayed(net, x):
    return F.pad(net.out(torch.tanh(net.inner(x))), (0, 0, 2, 0))[:, :-2]


def summed(net, x):
    return net.inner(x.cumsum(1) * 0.01)


def difference(net, x):
    return net.inner(torch.diff(x, dim=1, prepend=x[:, :1]))


def from_the_first(net, x):
    return torch.tanh(net.inner(x - x[:, :1]))


def stacked():
    return nn.Sequential(Layer(3), Layer(4), nn.Linear(4, 2))


def residuals():
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(Residual(), Residual()))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (lambda: Net(spiking), {"mem" if sys.version_info >= (3, 11) else "mul": "mem = 0.9"}),
        (lambda: Net(delayed), {"out": "net.out(", "out.2_ago": "net.out("}),
        (lambda: Net(summed), {"cumsum": "cumsum"}),
        (lambda: Net(difference), {"started.1": None, "x.1_ago": "torch.diff"}),
        (lambda: Net(from_the_first), {"x.first": "x[:, :1]", "started.1": None}),
        (stacked, {"0.h": "h = torch.tanh", "1.h": "h = torch.tanh"}),
        (residuals, {"1.0.x": None, "1.1.x": "return x + torch.tanh"}),
    ],
    ids=["a line of two statements", "an expression", "a function", "the input", "the first sample", "layers",
         "residuals"],
)  # fmt: skip
def test_a_state_is_called_as_the_model_calls_it(model, names):
    torch.manual_seed(0)
    graph = trace(model().eval(), X).graph
    assert sorted(state.name for state in graph.states) == sorted(names)
    reads = {op.state: graph.values[op.out] for _, op in graph.ops() if isinstance(op, StateRead)}
    code = Path(__file__).read_text("utf-8").splitlines()
    for state, word in names.items():
        lines = [int(line.partition("test_names_of_states.py:")[2]) for line in reads[state].lines]
        assert word is None or any(word in code[n - 1] for n in lines), (state, lines)


def test_steps_of_a_delay_are_a_line_of_what_is_printed():
    text = str(ltc2neuro.compile(Net(delayed).eval(), X))
    assert re.search(r"\n  out +up to 2 steps ago, 4 values; test_names_of_states\.py:\d+", text)
    net = ltc2neuro.compile(Net(lambda net, x: F.pad(net.inner(x), (0, 0, 9, 0))[:, :-9]).eval(), X)
    text = str(net)
    assert re.search(r"\n  inner\.2_ago \.\.\. inner\.9_ago +\[.*\], \d+ bits", text) and "inner.3_ago" not in text
    assert "states that were found in forward (36 values" in text
