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


class Normalized(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.relu(x), dim=-1)


def test_a_vector_of_zeros_on_a_chip_that_divides() -> None:
    """Its length is clipped to the least that is not 0, also where a word takes fewer bits of it."""
    x = np.random.default_rng(0).normal(size=(4, 30, 3)).astype(np.float32)
    net = ltc2neuro.compile(Normalized(), x, chip="ideal")
    assert ltc2neuro.verify(net, Normalized(), x, min_sqnr=120.0).passed
