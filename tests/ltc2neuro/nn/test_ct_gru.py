"""CT-GRU: corrected, and as published with the bug in its decay."""

import numpy as np
import pytest
import torch
from cell_test import CellTest

from hw_models.errors import InputError
from ltc2neuro.nn import CTGRU


class TestCorrected(CellTest):
    kind, floor, spread = CTGRU, 47, 0.2
    scales = 8
    clip = np.inf

    def start(self, rng, shapes):
        return [np.tanh(s) for s in super().start(rng, shapes)]

    def decay(self, elapsed):
        return np.exp(-elapsed / np.sqrt(10.0) ** np.arange(self.scales))

    def step(self, p, x, state, elapsed):
        log_tau = np.log(np.sqrt(10.0) ** np.arange(self.scales))
        traces = state[0].reshape(-1, self.scales)

        def shares(name, both):
            raised = np.exp(
                -(((p[f"{name}.weight"] @ both + p[f"{name}.bias"]).reshape(-1, self.scales) - log_tau) ** 2)
            )
            return raised / raised.sum(1, keepdims=True)

        both = np.concatenate([x, traces.sum(1)])
        read = (shares("retrieval", both) * traces).sum(1)
        new = np.tanh(p["signal.weight"] @ np.concatenate([x, read]) + p["signal.bias"])
        stored = shares("storage", both)
        traces = ((1 - stored) * traces + stored * new[:, None]) * self.decay(elapsed)
        traces = np.clip(traces, -self.clip, self.clip)
        return traces.sum(1), [traces.reshape(-1)]


class TestPublished(TestCorrected):
    options = {"variant": "published"}  # noqa: RUF012

    def decay(self, elapsed):
        with np.errstate(divide="ignore"):
            return np.exp(-1 / np.log(np.sqrt(10.0) ** np.arange(self.scales)))


class TestFewScalesClipped(TestCorrected):
    options, scales, clip = {"scales": 3, "cell_clip": 0.2}, 3, 0.2


def test_the_first_published_trace_is_always_zero():
    layer = CTGRU(2, 3, variant="published")
    with torch.no_grad():
        _, traces = layer(torch.randn(2, 9, 2))
    traces = traces.reshape(2, 3, 8)
    assert torch.all(traces[..., 0] == 0)
    assert torch.any(traces[..., 1] != 0)


def test_a_variant_that_there_is_not():
    with pytest.raises(InputError, match="no variant"):
        CTGRU(2, 3, variant="fixed")


def test_a_unit_without_traces_is_refused():
    with pytest.raises(InputError, match="scales = 0"):
        CTGRU(2, 3, scales=0)
