"""Compiled models on Lava: the integers of the reference, and what is refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch

from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from ncps.torch import LTC
from ncps.wirings import AutoNCP, FullyConnected
from networks import FEATURES, sequences, tracked

import ltc2neuro
from ltc2neuro.errors import ChipError, InputError

pytestmark = pytest.mark.timeout(120)


class TwoLayers(torch.nn.Module):
    """Two LTCs one behind the other, with a residual around the second and a head; answers at the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.first = LTC(FEATURES, AutoNCP(7, 3, seed=1), ode_unfolds=2)
        self.second = LTC(3, FullyConnected(4, 3), ode_unfolds=3)
        self.head = torch.nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.first(x)
        y, _ = self.second(torch.tanh(hidden))
        return self.head(y + hidden)[:, -1]


def two_layers() -> torch.nn.Module:
    torch.manual_seed(4)
    return TwoLayers()


def without_capacitance() -> torch.nn.Module:
    """Raw constraints; two neurons follow their synapses at once, one of them without a leak."""
    torch.manual_seed(5)
    model = LTC(FEATURES, FullyConnected(5, 2), ode_unfolds=2, implicit_param_constraints=False)
    with torch.no_grad():
        model.rnn_cell._params["cm"][:2] = 0
        model.rnn_cell._params["gleak"][1] = 0
    return model


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return tracked()


def assert_chunks_equal(first, second, whole) -> None:
    for a, b, both in zip(first, second, whole, strict=True):
        assert np.array_equal(np.concatenate([a, b]), both)


@cache
def compiled(model) -> ltc2neuro.Network:
    return ltc2neuro.compile(model(), sequences())


@pytest.mark.parametrize("on", ["lava", "lava-fused"])
@pytest.mark.parametrize("model", [two_layers, without_capacitance])
def test_lists_in_chunks_give_the_integers_of_one_run_on_the_reference(model, on):
    net = compiled(model)
    x = [2 * sequences(1, n, seed=n)[0] for n in (3, 2, 3)]  # far enough out to saturate the input
    reference = net.run(x)
    first = net.run([s[:1] for s in x], on=on)
    second = net.run([s[1:] for s in x], on=on, state=first.final_state)
    assert_chunks_equal(first.integers, second.integers, reference.integers)
    for name, states in reference.states.items():
        assert_chunks_equal(first.states[name], second.states[name], states)
    for name, state in reference.final_state.items():
        assert np.array_equal(second.final_state[name], state)


def test_the_ideal_chip_is_refused_with_the_reason(net):
    ideal = tracked("ideal")
    for on in ("lava", "lava-fused"):
        with pytest.raises(ChipError, match="24-bit messages and 8-bit weights; ideal has 64-bit"):
            ideal.run(sequences(), on=on)
    with pytest.raises(ChipError, match="compile for chip='loihi2'"):
        ideal.to_lava()


def test_only_states_are_recorded(net):
    run = net.run(sequences(1, 1), on="lava-fused", record="v")
    assert np.array_equal(run.record["v"], run.states["v"] * net.state_lsb("v"))
    with pytest.raises(InputError, match="records states only") as error:
        net.run(sequences(1, 1), on="lava-fused", record=["v", "tau"])
    assert error.value.where == "tau"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"mode": "both"}, "no mode 'both'"),
        ({"lanes": 2}, "one lane"),
        ({"mode": "fused", "lanes": 0}, "lanes must be a whole number"),
        ({"mode": "fused", "lanes": 1.5}, "lanes must be a whole number"),
        ({"reset_interval": 0}, "reset_interval must be a whole number"),
        ({"reset_interval": 2.5}, "reset_interval must be a whole number"),
        ({"reset_interval": "3"}, "reset_interval must be a whole number"),
        ({"reset_interval": 2**23}, "counts to 8388607"),
    ],
)
def test_wrong_options_of_to_lava(net, options, text):
    with pytest.raises(InputError, match=text):
        net.to_lava(**options)


def test_the_hosts_side(net):
    x = sequences(2, 3)
    integers = net.quantize(torch.from_numpy(x))
    assert integers.shape == x.shape and integers.dtype == np.int64
    assert np.array_equal(net.quantize(x[0, 0]), integers[0, 0])
    for wrong, text in ((x[..., :1], "expected"), (x * np.nan, "finite"), (x * 1j, "real numbers"), (1.0, "expected")):
        with pytest.raises(InputError, match=text):
            net.quantize(wrong)
    run = net.run(x)
    assert np.array_equal(net.dequantize(run.integers), run.outputs)
    with pytest.raises(InputError, match="expected"):
        net.dequantize(run.integers[..., :1])
