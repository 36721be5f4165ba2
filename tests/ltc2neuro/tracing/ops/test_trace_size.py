"""Nothing that is recorded grows with the square of a sample's elements."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from compiler.graph.ops import MatVec
from ltc2neuro.tracing import trace
from ltc2neuro.tracing.ops import convolution, linear


class Tokens(nn.Module):
    """One matrix for each of a sample's tokens."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.each(x.unflatten(-1, (9, 2)))).flatten(2))

    def __init__(self) -> None:
        super().__init__()
        self.each, self.head = nn.Linear(2, 3), nn.Linear(27, 2)


class Picture(nn.Module):
    """A kernel as large as the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Conv2d(1, 2, (3, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.seen(x.reshape(-1, 1, 3, 6))).reshape(*x.shape[:2], 2)


@pytest.fixture
def calibration() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(5, 18)) for _ in range(3)]


def test_a_matrix_of_many_tokens_is_kept_once(monkeypatch, calibration):
    """The proof that `trace` ends with holds either way."""
    torch.manual_seed(0)
    model = Tokens().double()
    written = trace(model, calibration).graph
    monkeypatch.setattr(linear, "DENSE_MATRIX", 0)
    once = trace(model, calibration).graph
    first = [next(op for _, op in g.ops() if isinstance(op, MatVec)) for g in (written, once)]
    assert [written.constants[first[0].matrix].shape, once.constants[first[1].matrix].shape] == [(27, 18), (3, 2)]
    assert first[1].places is not None and once.constants[first[1].places].shape == (9, 2)


def test_few_outputs_of_many_elements_are_found_by_output(monkeypatch, calibration):
    torch.manual_seed(0)
    model = Picture().double()
    by_unit = trace(model, calibration).graph
    monkeypatch.setattr(convolution, "BASIS", 0)
    by_output = trace(model, calibration).graph
    ops = [next(op for _, op in g.ops() if isinstance(op, MatVec)) for g in (by_unit, by_output)]
    assert np.array_equal(by_unit.constants[ops[0].matrix], by_output.constants[ops[1].matrix])
