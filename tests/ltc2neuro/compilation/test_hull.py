"""The LTC's proven bound under attack: whatever its parameters and inputs, integer states never leave their format."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ncps.torch import LTC
from ncps.wirings import AutoNCP, FullyConnected
from networks import FEATURES

import ltc2neuro
from compiler.graph import ops

KINDS = ("fresh", "raw", "trained-like", "slow", "fast", "one-sided")


def attacked(kind: str, seed: int, wired: bool) -> LTC:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    wiring = AutoNCP(9, 3, seed=seed) if wired else FullyConnected(5, 2)
    model = LTC(FEATURES, wiring, ode_unfolds=int(rng.integers(1, 7)), implicit_param_constraints=kind != "raw")
    p = model.rnn_cell._params
    with torch.no_grad():
        if kind == "raw":
            for name in ("w", "sensory_w", "cm", "gleak"):
                p[name].mul_(torch.from_numpy(rng.choice([0.0, 1.0, 4.0], p[name].shape)).float())
            p["gleak"].add_(0.01)
        if kind == "trained-like":
            for name in ("w", "sensory_w", "mu", "sigma", "erev", "vleak", "input_w", "input_b", "sensory_erev"):
                p[name].add_(torch.from_numpy(rng.normal(0, 1.5, p[name].shape)).float())
        if kind == "slow":
            p["cm"].fill_(50.0)
        if kind == "fast":
            p["cm"].fill_(-20.0)
            p["w"].fill_(5.0)
        if kind == "one-sided":
            p["erev"].abs_()
            p["sensory_erev"].abs_()
            p["vleak"].fill_(1.0)
    return model


def adversaries(seed: int) -> np.ndarray:
    """Calm, noise, extremes that stay, and extremes that swing."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (4, 1, FEATURES))
    stay = np.broadcast_to(1e6 * signs, (4, 30, FEATURES))
    swing = 1e6 * rng.choice([-1.0, 1.0], (4, 30, FEATURES))
    return np.concatenate([np.zeros((1, 30, FEATURES)), rng.normal(size=(4, 30, FEATURES)), stay, swing])


@settings(max_examples=3, deadline=None)
@example("fresh", 1, True)
@example("raw", 2, False)
@example("raw", 3, True)
@example("trained-like", 4, False)
@example("trained-like", 5, True)
@example("slow", 6, False)
@example("fast", 7, True)
@example("one-sided", 8, False)
@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.booleans())
def test_states_never_leave_and_never_saturate(kind, seed, wired):
    model = attacked(kind, seed, wired)
    calibration = np.random.default_rng(seed + 1).normal(size=(4, 8, FEATURES)).astype(np.float32)
    net = ltc2neuro.compile(model, calibration)
    run = net.run(adversaries(seed))
    state = net.graph.state("v")
    assert np.all(run.states["v"] >= state.format.low) and np.all(run.states["v"] <= state.format.high)
    written = {net.parts.names.shown_name(op.x) for _, op in net.graph.ops() if isinstance(op, ops.StateWrite)}
    assert not written & set(run.saturations), run.saturations
    assert set(run.saturations) >= {"input"}


def test_the_bound_is_tight():
    """Synapses that are all open pull the state to its bound: what is proven is also reached."""
    torch.manual_seed(0)
    model = LTC(FEATURES, FullyConnected(3, 1), ode_unfolds=6)
    p = model.rnn_cell._params
    with torch.no_grad():
        p["sensory_erev"].fill_(1.0)
        p["sensory_w"].fill_(50.0)
        p["sensory_sigma"].fill_(8.0)
        p["sensory_mu"].fill_(0.0)
        p["erev"].abs_()
        p["cm"].fill_(-5.0)
    net = ltc2neuro.compile(model, np.ones((2, 4, FEATURES), np.float32))
    run = net.run(np.full((1, 20, FEATURES), 1.5))
    assert run.record == {} and run.states["v"].max() > 0.9 * net.graph.state("v").format.high
