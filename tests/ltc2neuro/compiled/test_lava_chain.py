"""Two compiled networks wired to one another in Lava: the integers of the second's run on the first's results."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch

from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Receiver
from lava.proc.io.source import RingBuffer as Sender
from ncps.torch import LTC, CfC
from ncps.wirings import FullyConnected

import ltc2neuro
from ltc2neuro import Options
from ltc2neuro.errors import InputError

pytestmark = pytest.mark.timeout(120)
SAMPLES = 4
X = np.random.default_rng(0).normal(size=(2, 20, 3))


@pytest.fixture(scope="module")
def slow() -> ltc2neuro.Network:
    torch.manual_seed(0)
    return ltc2neuro.compile(LTC(3, FullyConnected(4, 2), ode_unfolds=2, batch_first=True), X)


@pytest.fixture(scope="module")
def quick(slow: ltc2neuro.Network) -> ltc2neuro.Network:
    """Its input's range is smaller than the other's outputs: some are clipped on the way."""
    torch.manual_seed(1)
    return ltc2neuro.compile(CfC(2, 5, proj_size=2, batch_first=True), 0.5 * np.asarray(slow.run(X).outputs))


@pytest.fixture(scope="module")
def slower_one(quick: ltc2neuro.Network) -> ltc2neuro.Network:
    torch.manual_seed(2)
    model = LTC(2, FullyConnected(3, 1), ode_unfolds=2, batch_first=True)
    return ltc2neuro.compile(model, quick.run(X[..., :2]).outputs)


@pytest.mark.parametrize(
    ("modes", "lanes", "slower"),
    [
        (("mapped", "mapped"), 1, False),
        (("mapped", "fused"), 1, False),
        (("fused", "fused"), 2, False),
        (("fused", "mapped"), 1, True),
    ],
)
def test_a_chain_computes_what_two_runs_do(slow, quick, slower_one, modes, lanes, slower):
    nets = (quick, slower_one) if slower else (slow, quick)
    x = X[:lanes, :SAMPLES, : nets[0].features]
    expected = nets[1].run(nets[0].run(x).outputs).integers
    options = Options(ticks_per_sample=nets[1].mapped().ticks_per_sample) if slower else None
    first = nets[0].to_lava(modes[0], lanes=lanes, options=options, name="first")
    second = nets[1].to_lava(modes[1], lanes=lanes, after=first, name="second")
    period, steps = first.ticks_per_sample, second.steps(SAMPLES)
    assert second.ticks_per_sample == period
    data = np.zeros((first.inp.shape[0], steps), np.int64)
    data[:, : SAMPLES * period : period] = nets[0].quantize(x).transpose(2, 0, 1).reshape(-1, SAMPLES)
    sender, receiver = Sender(data=data), Receiver(shape=second.out.shape, buffer=steps)
    sender.s_out.connect(first.inp)
    second.out.connect(receiver.a_in)
    receiver.run(RunSteps(num_steps=steps), Loihi2SimCfg())
    try:
        out = receiver.data.get()
    finally:
        receiver.stop()
    got = out[:, second.latency :: period].reshape(-1, lanes, SAMPLES).transpose(1, 2, 0)
    assert np.array_equal(got, expected)
    assert not out[:, : second.latency].any()


def test_what_does_not_fit_is_refused_with_the_cure(slow, quick, slower_one):
    with pytest.raises(InputError, match="too fast") as caught:
        slower_one.to_lava(after=quick.to_lava())
    least = slower_one.mapped().ticks_per_sample
    assert f"options=Options(ticks_per_sample={least})" in caught.value.advice
    with pytest.raises(InputError, match="do not fit") as caught:
        slow.to_lava(after=slow.to_lava())
    assert caught.value.numbers == "it has 2 outputs, this one takes 3 features"
    with pytest.raises(InputError, match="different numbers of lanes"):
        quick.to_lava("fused", lanes=2, after=slow.to_lava("fused", lanes=3))
    for wrong in ("first", slow, Sender(data=np.zeros((2, 3)))):
        with pytest.raises(InputError, match="after must be a process"):
            quick.to_lava(after=wrong)
