"""A trained network, whose time constants and denominators spread, compiles for every chip that takes one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from sklearn.datasets import load_digits

import ltc2neuro
from hw_models.chip import Chip, load_chip
from ltc2neuro.loading.factory import build_model
from ltc2neuro.loading.weights import load_weights

EXAMPLES = Path(__file__).parents[3] / "examples"
LOIHI2 = load_chip("loihi2")
CHIPS = [
    load_chip("spinnaker2"),
    load_chip("ideal"),
    *(replace(LOIHI2, name=f"words of {bits} bits", word_bits=bits, lava=False) for bits in (22, 26, 32)),
]


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.name)
def test_it_keeps_its_states(chip: Chip) -> None:
    model = build_model(f"{EXAMPLES}/train_digits_ltc.py:build", [])
    load_weights(model, f"{EXAMPLES}/weights/digits_ltc.safetensors")
    x = load_digits().images / 16
    net = ltc2neuro.compile(model, x[:200], chip=chip)
    exact, run = net.run(x[200:240], on="floating"), net.run(x[200:240])
    for state in net.graph.states:
        error = exact.states[state.name] - run.states[state.name] * net.state_lsb(state.name)
        assert 10 * np.log10(np.mean(exact.states[state.name] ** 2) / np.mean(error**2)) > 75
