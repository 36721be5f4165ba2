"""Neurons far slower than the solver's steps: what a step rounds away must not add up."""

import numpy as np
import pytest

import ltc2neuro

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
ncps = pytest.importorskip("ncps.torch", reason="compiling needs the extra torch")


@pytest.mark.parametrize("slower", [1, 10, 100, 1000])
def test_states_keep_their_signal(slower):
    """Floored steps that nobody made good for kept 40 dB of all channels at a factor of 1000; the worst now has 65."""
    from ncps.wirings import AutoNCP

    torch.manual_seed(0)
    model = ncps.LTC(8, AutoNCP(19, 1), implicit_param_constraints=False)
    with torch.no_grad():
        model.rnn_cell.cm.mul_(slower)
    x = np.random.default_rng(0).normal(size=(4, 200, 8))
    verification = ltc2neuro.verify(ltc2neuro.compile(model, x), model, x, on=["reference"], min_sqnr=65)
    assert verification.passed, str(verification)
