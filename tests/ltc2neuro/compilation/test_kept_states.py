"""Models that keep a state from call to call: a network starts anew, and that is said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import ltc2neuro

X = np.random.default_rng(0).normal(size=(2, 12, 3))


class Keeps(nn.Module):
    """A layer that goes on from its last state, if it `uses` that."""

    def __init__(self, *, uses: bool) -> None:
        super().__init__()
        self.layer, self.uses, self.h = nn.GRU(3, 4, batch_first=True), uses, None
        self.seen = []

    def forward(self, x):
        y, self.h = self.layer(x, self.h if self.uses else None)
        self.seen.append(len(x))
        return y


def test_a_state_that_is_kept_is_said():
    torch.manual_seed(0)
    model = Keeps(uses=True).eval()
    with pytest.warns(UserWarning, match=r"keeps self\.h, self\.seen from call to call.*starts each sequence"):
        net = ltc2neuro.compile(model, X)
    assert model.h is None and model.seen == []
    with torch.no_grad():
        first = model(torch.tensor(X, dtype=torch.float32)).numpy()
    assert np.abs(net(X) - first).max() < 0.02
    assert np.array_equal(net(X), net(X))


def test_what_is_kept_and_not_read_is_not_said():
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ltc2neuro.compile(Keeps(uses=False).eval(), X)
    assert not [w for w in said if "call to call" in str(w.message)]
