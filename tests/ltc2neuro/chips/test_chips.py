"""What every chip's file is held to: one that takes liquid networks, or one that refuses them."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import FullyConnected
from networks import sequences
from networks import tracker as ltc

import ltc2neuro
from hw_models.chip import chip_names, load_chip
from hw_models.errors import ChipError

FEATURES = 3


def cfc() -> CfC:
    torch.manual_seed(0)
    return CfC(FEATURES, 6)


MODELS = {"ltc": ltc, "cfc": cfc}
LEAST = {
    "ideal": {"ltc": 100.0, "cfc": 80.0},
    "loihi2": {"ltc": 55.0, "cfc": 35.0},
    "spinnaker2": {"ltc": 90.0, "cfc": 60.0},
}
"""dB that the outputs of a small LTC and a small CfC keep at least, where it is more than `FLOOR`"""
FLOOR = 30.0
"""dB of any chip: below, `compile` warns"""
REFUSING = [name for name in chip_names() if any(not r.limit for r in load_chip(name).refuses)]
TAKING = [name for name in chip_names() if name not in REFUSING]


def least(name: str, kind: str) -> float:
    return LEAST.get(name, {}).get(kind, FLOOR)


@cache
def compiled(kind: str, chip: str):
    """The model and its network; compiled without a warning."""
    model = MODELS[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return model, ltc2neuro.compile(model, sequences(), chip=chip)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("name", TAKING)
class TestOneThatTakesNetworks:
    """A chip that takes liquid networks: they compile, keep its rules, and their integers stay near to torch."""

    def test_no_rule_objects(self, name, kind):
        model, net = compiled(kind, name)
        assert net.chip == load_chip(name)
        assert ltc2neuro.check(net) == []
        assert ltc2neuro.check(model, name, sequences()) == []

    def test_integers_are_near_to_torch(self, name, kind):
        model, net = compiled(kind, name)
        x = sequences(seed=5)
        verification = ltc2neuro.verify(net, model, x, on=["reference"], min_sqnr=least(name, kind))
        assert verification.passed, str(verification)

    def test_floating_differs_by_rounding_only(self, name, kind):
        _, net = compiled(kind, name)
        x = sequences(seed=6)
        exact, rounded = net.run(x, on="floating").outputs, net.run(x).outputs
        error = np.mean((exact - rounded) ** 2)
        assert 10 * np.log10(np.mean(exact**2) / error) >= least(name, kind)

    def test_onnxruntime_returns_the_same(self, name, kind):
        _, net = compiled(kind, name)
        if net.parts.executor("onnx").missing(net.chip):
            pytest.skip("onnx and onnxruntime are not installed")
        x = 3 * sequences(seed=7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # clipped, as is to be compared
            expected, found = net.run(x), net.run(x, on="onnx")
        assert np.array_equal(found.integers, expected.integers)
        for state, values in expected.states.items():
            assert np.array_equal(found.states[state], values)
            assert np.array_equal(found.final_state[state], expected.final_state[state])
        assert found.saturations == expected.saturations and found.clipped.text() == expected.clipped.text()

    def test_saved_and_back(self, name, kind, tmp_path):
        _, net = compiled(kind, name)
        net.save(tmp_path / "m.l2n")
        again = ltc2neuro.load(tmp_path / "m.l2n")
        assert again.chip == net.chip
        assert np.array_equal(again(sequences()), net(sequences()))

    def test_lava_runs_it_or_says_why_not(self, name, kind):
        _, net = compiled(kind, name)
        if net.chip.lava:
            assert net.mapped().populations
        else:
            with pytest.raises(ChipError, match=f"Lava does not run networks for chip '{name}'"):
                net.run(sequences(), on="lava")
            assert "not mapped" in str(net)


@pytest.mark.parametrize("name", REFUSING)
class TestOneThatRefuses:
    """A chip that refuses: `compile` and `check` end with all its reasons, the model's own numbers beside them."""

    def test_check_gives_every_reason(self, name):
        chip = load_chip(name)
        found = ltc2neuro.check(ltc(), chip, sequences())
        wanted = {r.reason: r for r in chip.refuses if not r.limit}  # whatever the model is
        assert {f.message for f in found} == set(wanted)
        for finding in found:
            assert finding.rule == "refusal" and str(wanted[finding.message].source) in finding.limit
        divides = any(r.measure == "divisions" for r in wanted.values())
        assert any(f.numbers.startswith("the model has 6 divisions") for f in found) == divides

    def test_compile_ends_with_the_same_reasons(self, name):
        with pytest.raises(ChipError) as error:
            ltc2neuro.compile(ltc(), sequences(), chip=name)
        for refusal in load_chip(name).refuses:
            assert (refusal.reason in str(error.value)) == (not refusal.limit)

    def test_check_of_a_compiled_network(self, name):
        net = ltc2neuro.compile(ltc(), sequences())
        assert ltc2neuro.check(net, name) == ltc2neuro.check(ltc(), name, sequences())


def test_limits_are_reasons_where_the_model_is_beyond_them():
    torch.manual_seed(0)
    model = LTC(17, FullyConnected(64, 9), ode_unfolds=2)
    found = ltc2neuro.check(model, "xylo", np.random.default_rng(0).normal(size=(2, 5, 17)))
    numbers = {f.message: (f.numbers, f.limit) for f in found}
    for reason, count, limit in (
        ("it has 16 inputs", "the model has 17 features", "16;"),
        ("it has 8 outputs", "the model has 9 outputs", "8;"),
        ("a neuron receives from at most 63 others", "the model has 64 values in the longest sum", "63;"),
    ):
        assert numbers[reason][0].startswith(count) and numbers[reason][1].startswith(limit)
    assert "it has 1,000 hidden neurons" not in numbers
