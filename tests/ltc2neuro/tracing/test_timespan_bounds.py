"""The bounds of states hold for all time spans that a network takes, and for those that its model computes."""

import numpy as np
import pytest
import torch
from layer_agreement import drifting, sequences

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from torch import nn

import ltc2neuro
from ltc2neuro.nn import CTRNN, GRUD, GRUODE
from ltc2neuro.tracing import run_torch, trace

SPANS = [np.linspace(0.4, 1.8, n) for n in (9, 9, 5)]


class Converted(nn.Module):
    """The time spans in another unit."""

    def __init__(self, rnn, unit):
        super().__init__()
        self.rnn, self.unit = rnn, unit

    def forward(self, x, timespans):
        return self.rnn(x, timespans=timespans * self.unit)[0]


def lows(model, **times):
    """The lower ends of the first state's bound, or None."""
    graph = trace(model, sequences(3), **times).graph
    low = graph.states[0].low
    return None if low is None else graph.constants[low].tolist()


def test_bounds_hold_for_all_time_spans_that_the_network_takes():
    """From a quarter of the calibration's shortest to twice its longest."""
    torch.manual_seed(0)
    pure = CfC(3, 4, mode="pure", backbone_units=5)
    assert lows(pure, timespans=SPANS) == lows(pure, dt=0.1) != lows(pure, dt=0.4)
    assert lows(GRUODE(3, 4, steps=4), timespans=SPANS) == [-1.0] * 4
    assert lows(GRUODE(3, 4, steps=3), timespans=SPANS) is None  # a step of 3.6 / 3


@pytest.mark.parametrize(
    ("rnn", "bounded"),
    [
        (lambda: LTC(3, 4), True),
        (lambda: CfC(3, 4, backbone_units=5), True),
        (lambda: CfC(3, 4, mode="pure", backbone_units=5), False),
        (lambda: CfC(3, AutoNCP(8, 2), mode="pure"), False),
        (lambda: CTRNN(3, 4), False),
        (lambda: GRUODE(3, 4), False),
        (lambda: GRUD(3, 4), True),
    ],
    ids=["ltc", "cfc", "pure", "wired pure", "ct-rnn", "gru-ode", "gru-d"],
)
def test_times_that_the_model_computes_bound_only_what_any_time_does(rnn, bounded):
    torch.manual_seed(0)
    assert (lows(Converted(rnn(), 2.0), timespans=SPANS) is not None) == bounded


def test_a_state_beyond_a_bound_that_short_steps_have():
    """In steps of 1.4 to 1.6 tau a CT-RNN swings about its target, and leaves (-tau, tau)."""
    torch.manual_seed(0)
    model, x = Converted(CTRNN(3, 4, steps=1), 10.0), 5 * np.sign(drifting(3))
    t = np.random.default_rng(0).uniform(0.14, 0.16, x.shape[:2])
    run = ltc2neuro.compile(model, x, timespans=t).run(x, timespans=t)
    expected = np.stack(run_torch(model, list(x), timespans=list(t)))
    assert np.max(np.abs(expected)) > 1.2
    assert np.max(np.abs(run.outputs - expected)) < 0.05
    assert not run.saturations
