"""How a user asks for another schedule, and that nothing but the ticks changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP

import ltc2neuro
from compiler.simulator.machine import Machine
from ltc2neuro import Options, Overlap
from ltc2neuro.errors import InputError, LavaError, MissingExtraError


class Stack(torch.nn.Module):
    """An LTC that a CfC reads."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = LTC(3, AutoNCP(8, 3), batch_first=True)
        self.second = CfC(3, 5, batch_first=True, backbone_units=6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)[0])[0]


X = np.random.default_rng(0).normal(size=(4, 6, 3))


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    torch.set_num_threads(1)
    return ltc2neuro.compile(Stack().eval(), X)


def test_a_pipeline_is_asked_for_by_an_option(net):
    ticks = {o: (m.ticks_per_sample, m.latency) for o in Overlap for m in [net.mapped(options=Options(o))]}
    assert ticks[Overlap.LAYERS] < ticks[Overlap.BLOCKS] < ticks[Overlap.NONE]
    assert ticks[Overlap.LAYERS] == (12, ticks[Overlap.NONE][1]), "the LTC's six sub-steps of two ticks"
    usual = net.mapped()
    assert (usual.ticks_per_sample, usual.latency) == ticks[Overlap.BLOCKS]


@pytest.mark.parametrize("overlap", list(Overlap))
def test_every_schedule_returns_the_same_on_lava(net, overlap):
    try:
        import compiler.lava.runtime.import_lava  # noqa: F401
    except (LavaError, MissingExtraError) as missing:
        pytest.skip(str(missing))
    expected = net.run(X[:2, :4])
    run = net.run(X[:2, :4], on="lava", options=Options(overlap))
    assert np.array_equal(run.integers, expected.integers)
    for name, states in expected.states.items():
        assert np.array_equal(run.states[name], states)


def test_options_are_for_executors_with_ticks(net):
    for on in ("reference", "floating", "lava-fused"):
        with pytest.raises(InputError, match="does not run the mapped network"):
            net.run(X, on=on, options=Options())


def test_synapses_of_input_and_states_can_be_one_population():
    torch.manual_seed(0)
    x = np.random.default_rng(1).normal(size=(4, 8, 4))
    model = LTC(4, AutoNCP(8, 2), batch_first=True).eval()
    plain, merged = ltc2neuro.compile(model, x), ltc2neuro.compile(model, x, merged=True)
    assert "merge_synapses" in {p.name for p in merged.passes}
    alone = Options(Overlap.NONE)
    before, after = (net.mapped(options=alone) for net in (plain, merged))
    assert (before.ticks_per_sample, after.ticks_per_sample) == (14, 13)
    assert (len(before.populations), len(after.populations)) == (3, 2)
    assert merged.mapped().ticks_per_sample == 12
    integers = np.asarray(merged.run(x).integers)
    assert np.array_equal(Machine(merged.mapped(), lanes=4).run(merged.quantize(x)), integers)
    with torch.no_grad():
        exact = model(torch.tensor(x, dtype=torch.float32))[0].numpy()
    for net in (plain, merged):
        assert 10 * np.log10(np.sum(exact**2) / np.sum((net(x) - exact) ** 2)) > 60
    with pytest.raises(InputError, match="no synapses to merge"):
        ltc2neuro.compile(torch.nn.GRU(x.shape[2], 4, batch_first=True), x, merged=True)
    with pytest.raises(InputError, match="merged synapses need microcode"):
        ltc2neuro.compile(model, x, microcode=False, merged=True)  # type: ignore[call-overload]


@pytest.mark.parametrize("overlap", Overlap)
def test_samples_may_come_less_often(net, overlap):
    expected = net.run(X[:1]).integers[0]
    least = net.mapped(options=Options(overlap)).ticks_per_sample
    for ticks in (least, least + 1, least + 7):
        network = net.mapped(options=Options(overlap, ticks_per_sample=ticks))
        assert network.ticks_per_sample == ticks
        assert np.array_equal(Machine(network).run(net.quantize(X[:1]))[0], expected)
    with pytest.raises(InputError, match=f"cannot enter every {least - 1} ticks") as caught:
        net.mapped(options=Options(overlap, ticks_per_sample=least - 1))
    assert f"Options(ticks_per_sample={least})" in caught.value.advice


@pytest.mark.parametrize("ticks", [0, 2.5, "8", True])
def test_wrong_ticks_are_refused(ticks):
    with pytest.raises(InputError, match="ticks_per_sample must be a whole number"):
        Options(ticks_per_sample=ticks)
