"""What a chip's file is held to: a chip that takes liquid networks, or one that refuses them. One subclass a chip."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from ncps.torch import CfC
from networks import sequences
from networks import tracker as ltc

import ltc2neuro
from hw_models.chip import load_chip
from hw_models.errors import ChipError

FEATURES = 3


def cfc() -> CfC:
    import torch

    torch.manual_seed(0)
    return CfC(FEATURES, 6)


MODELS = {"ltc": ltc, "cfc": cfc}


@cache
def compiled(kind: str, chip: str):
    """The model and its network; compiled without a warning."""
    model = MODELS[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return model, ltc2neuro.compile(model, sequences(), chip=chip)


@pytest.mark.parametrize("kind", MODELS)
class ChipTest:
    """A chip that takes liquid networks: they compile, keep its rules, and their integers stay near to torch."""

    name: str
    floor: dict[str, float]
    """dB that the outputs of a small LTC and a small CfC keep at least"""

    def test_no_rule_objects(self, kind):
        model, net = compiled(kind, self.name)
        assert net.chip == load_chip(self.name)
        assert ltc2neuro.check(net) == []
        assert ltc2neuro.check(model, self.name, sequences()) == []

    def test_integers_are_near_to_torch(self, kind):
        model, net = compiled(kind, self.name)
        x = sequences(seed=5)
        verification = ltc2neuro.verify(net, model, x, on=["reference"], min_sqnr=self.floor[kind])
        assert verification.passed, str(verification)

    def test_floating_differs_by_rounding_only(self, kind):
        _, net = compiled(kind, self.name)
        x = sequences(seed=6)
        exact, rounded = net.run(x, on="floating").outputs, net.run(x).outputs
        error = np.mean((exact - rounded) ** 2)
        assert 10 * np.log10(np.mean(exact**2) / error) >= self.floor[kind]

    def test_onnxruntime_returns_the_same(self, kind):
        _, net = compiled(kind, self.name)
        if net.parts.executor("onnx").missing(net.chip):
            pytest.skip("onnx and onnxruntime are not installed")
        x = 3 * sequences(seed=7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # clipped, as is to be compared
            expected, found = net.run(x), net.run(x, on="onnx")
        assert np.array_equal(found.integers, expected.integers)
        for name, states in expected.states.items():
            assert np.array_equal(found.states[name], states)
            assert np.array_equal(found.final_state[name], expected.final_state[name])
        assert found.saturations == expected.saturations and found.clipped.text() == expected.clipped.text()

    def test_saved_and_back(self, kind, tmp_path):
        _, net = compiled(kind, self.name)
        net.save(tmp_path / "m.l2n")
        again = ltc2neuro.load(tmp_path / "m.l2n")
        assert again.chip == net.chip
        assert np.array_equal(again(sequences()), net(sequences()))

    def test_lava_runs_it_or_says_why_not(self, kind):
        _, net = compiled(kind, self.name)
        if net.chip.lava:
            assert net.mapped().populations
        else:
            with pytest.raises(ChipError, match=f"Lava does not run networks for chip '{self.name}'"):
                net.run(sequences(), on="lava")
            assert "not mapped" in str(net)


class RefusingChipTest:
    """A chip that refuses: `compile` and `check` end with all its reasons, the model's own numbers beside them."""

    name: str
    always: set[str]
    """keys of the reasons that hold for every liquid network"""

    def test_check_gives_every_reason(self):
        chip = load_chip(self.name)
        found = ltc2neuro.check(ltc(), chip, sequences())
        wanted = {r.reason: r for r in chip.refuses if r.key in self.always}
        assert {f.message for f in found} == set(wanted)
        for finding in found:
            assert finding.rule == "refusal" and str(wanted[finding.message].source) in finding.limit
        assert any(f.numbers.startswith("the model has 6 divisions") for f in found)

    def test_compile_ends_with_the_same_reasons(self):
        with pytest.raises(ChipError) as error:
            ltc2neuro.compile(ltc(), sequences(), chip=self.name)
        for refusal in load_chip(self.name).refuses:
            assert (refusal.reason in str(error.value)) == (refusal.key in self.always)

    def test_check_of_a_compiled_network(self):
        net = ltc2neuro.compile(ltc(), sequences())
        assert ltc2neuro.check(net, self.name) == ltc2neuro.check(ltc(), self.name, sequences())
