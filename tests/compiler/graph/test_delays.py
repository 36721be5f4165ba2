"""Which states are places of a delay line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import ltc2neuro
from compiler.graph.delays import delayed
from ltc2neuro.tracing import trace

X = np.random.default_rng(1).normal(size=(4, 40, 3)).cumsum(1) / 5


class Delayed(nn.Module):
    """An average that forgets slowly, or a layer, and what that was some steps before."""

    def __init__(self, steps, *, layer: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.out, self.steps, self.layer = nn.Linear(3, 4), nn.Linear(4, 2), steps, layer

    def forward(self, x):
        if self.layer:
            return self.out(F.pad(torch.relu(self.inner(x)), (0, 0, self.steps, 0))[:, : -self.steps])
        h, past, answers = x.new_zeros(len(x), 4), [], []
        for t in range(x.shape[1]):
            old = past[t - self.steps] if t >= self.steps else torch.zeros_like(h)
            h = 0.9995 * h + 0.0005 * self.inner(x[:, t]) + 0.0001 * old
            past.append(h)
            answers.append(self.out(h))
        return torch.stack(answers, 1)


def test_places_of_a_delay_but_the_first_take_what_another_held():
    graph = trace(Delayed(3).eval(), X).graph
    assert [s.name for s in graph.states] == ["h", "h.2_ago", "h.3_ago"]
    assert delayed(graph) == {"h.2_ago", "h.3_ago"}


@pytest.mark.parametrize(
    ("model", "said"), [(Delayed(16), "the state h still grows"), (Delayed(70, layer=True), "output channels")]
)
def test_they_are_not_warned_of_one_by_one(model, said):
    """The last places of the longer one hold nothing but zeros in the calibration."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ltc2neuro.compile(model.eval(), X)
    assert [str(one.message).startswith(said) for one in found] == [True], [str(one.message) for one in found]
