"""Several states that one loop steps, each of which reads others as they are, or as they were."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from layer_agreement import executors_agree, over_many_steps
from torch import nn

from ltc2neuro.nn import repeat
from ltc2neuro.tracing import Traced

X = np.random.default_rng(0).normal(size=(3, 12, 3))


class Populations(nn.Module):
    """`count` states of four, each stepped by a linear layer of its own; `stepped` makes new ones of them."""

    def __init__(self, stepped, count: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3 + 4 * count, 4) for _ in range(count)])
        self.stepped = stepped

    def drive(self, number: int, x: torch.Tensor, *states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.layers[number](torch.cat([x, *states], -1)))

    def forward(self, x):
        states, answers = tuple(x.new_zeros(len(x), 4) for _ in self.layers), []
        for x_t in x.unbind(1):
            states = self.stepped(self, x_t, *states)
            answers.append(states[-1])
        return torch.stack(answers, 1)


def _at_once(net, x, a, b):
    a, b = net.drive(0, x, a, b), net.drive(1, x, b, a)
    return a, b


def _in_turn(net, x, a, b):
    a = net.drive(0, x, a, b)
    b = net.drive(1, x, b, a)
    return a, b


def _excited_and_inhibited(net, x, e, i):
    de = -e + (1 - e) * torch.sigmoid(4 * net.drive(0, x, e, -i))
    di = -i + (1 - i) * torch.sigmoid(4 * net.drive(1, x, e, i))
    return e + 0.1 * de, i + 0.1 * di


def _in_a_ring(net, x, a, b, c):
    """The sample reaches b after a step, and c after two."""
    return net.drive(0, x, a, c, c), net.drive(1, 0 * x, a, b, b), net.drive(2, 0 * x, b, c, c)


def _sub_steps(net, x, a, b):
    def stepped(states):
        a, b = states
        return a + 0.1 * (net.drive(0, x, a, b) - a), b + 0.1 * (net.drive(1, x, b, a) - b)

    return repeat(stepped, (a, b), 4)


def _fast_and_slow(net, x, a, b):
    fast = repeat(lambda a: a + 0.1 * (net.drive(0, x, a, b) - a), a, 4)
    return fast, b + 0.2 * (net.drive(1, x, b, a) - b)


def _each_with_sub_steps(net, x, a, b):
    a = repeat(lambda a: a + 0.1 * (net.drive(0, x, a, b) - a), a, 4)
    b = repeat(lambda b: b + 0.1 * (net.drive(1, x, b, a) - b), b, 3)
    return a, b


MODELS = {
    "at once": (_at_once, 2),
    "in turn": (_in_turn, 2),
    "excited and inhibited": (_excited_and_inhibited, 2),
    "in a ring": (_in_a_ring, 3),
    "sub-steps of both": (_sub_steps, 2),
    "fast and slow": (_fast_and_slow, 2),
    "each with sub-steps": (_each_with_sub_steps, 2),
}


@cache
def traced(name: str) -> Traced:
    torch.manual_seed(0)
    return over_many_steps(Populations(*MODELS[name]), X, 1000 if name == "in a ring" else 100)


@pytest.mark.parametrize("name", MODELS)
def test_one_program_equals_torch_over_many_steps(name):
    traced(name)


@pytest.mark.parametrize("name", ["in a ring", "each with sub-steps"])
def test_every_executor_runs_them(name):
    torch.manual_seed(0)
    assert executors_agree(Populations(*MODELS[name]).eval(), X, ["native", "onnx"]) > 35


def test_sub_steps_stay_blocks():
    """They read one step of the sample, not the sequence."""
    repeats = {name: [b.repeat for b in traced(name).graph.blocks if b.repeat > 1] for name in MODELS}
    assert repeats["sub-steps of both"] == [4] and repeats["each with sub-steps"] == [4, 3]
    assert repeats["in a ring"] == []
