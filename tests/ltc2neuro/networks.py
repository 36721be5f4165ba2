"""Small models that the tests of this folder compile."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP, FullyConnected

import ltc2neuro

FEATURES = 3


class Classifier(torch.nn.Module):
    """Answers at the last step, with a head of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = LTC(FEATURES, AutoNCP(8, 3, seed=2), ode_unfolds=3)
        self.head = torch.nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.rnn(x)
        return self.head(y[:, -1])


def tracker(units: int = 6, seed: int = 0) -> LTC:
    """An LTC that answers at every step."""
    torch.manual_seed(seed)
    return LTC(FEATURES, FullyConnected(units, 2), ode_unfolds=3)


def classifier() -> Classifier:
    torch.manual_seed(1)
    return Classifier()


def sequences(batch: int = 4, time: int = 9, features: int = FEATURES, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(batch, time, features)).astype(np.float32)


@cache
def tracked(chip: str = "loihi2") -> ltc2neuro.Network:
    """The tracker's network, the same for all tests: none changes it."""
    return ltc2neuro.compile(tracker(), sequences(), chip=chip)


@cache
def classified() -> ltc2neuro.Network:
    """The classifier's."""
    return ltc2neuro.compile(classifier(), sequences())
