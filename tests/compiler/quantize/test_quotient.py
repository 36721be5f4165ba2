"""Quotients whose numbers leave the middle of a word."""

import numpy as np
import pytest
import torch

import ltc2neuro


class OverLargeNumbers(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.75 / (x * x + 5000.0)


@pytest.mark.parametrize("chip", ["spinnaker2", "loihi2", "ideal"])
def test_a_constant_over_large_numbers_is_a_word(chip: str) -> None:
    """The small quotient wants more fraction bits of the constant than a word has."""
    x = np.random.default_rng(0).uniform(-40, 40, (4, 30, 3)).astype(np.float32)
    net = ltc2neuro.compile(OverLargeNumbers(), x, chip=chip)
    assert ltc2neuro.verify(net, OverLargeNumbers(), x, min_sqnr=60.0).passed
