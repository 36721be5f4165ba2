"""Several answers in Lava: each at a port of its own, in the tick in which all leave."""

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

import ltc2neuro

pytestmark = pytest.mark.timeout(120)
SAMPLES = 3
X = np.random.default_rng(0).normal(size=(2, 12, 3))


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.gate = torch.nn.GRU(3, 3, batch_first=True), torch.nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y, _ = self.layer(x)
        return {"pose": y, "gate": self.gate(y)[:, -1]}


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return ltc2neuro.compile(Model(), X)


@pytest.mark.parametrize(("mode", "lanes"), [("mapped", 1), ("fused", 2)])
def test_each_answer_leaves_at_a_port_of_its_own(net, mode, lanes):
    proc, x = net.to_lava(mode, lanes=lanes), X[:lanes, :SAMPLES]
    period, steps = proc.ticks_per_sample, proc.steps(SAMPLES)
    data = np.zeros((proc.inp.shape[0], steps), np.int64)
    data[:, : SAMPLES * period : period] = net.quantize(x).transpose(2, 0, 1).reshape(-1, SAMPLES)
    sender = Sender(data=data)
    receivers = {name: Receiver(shape=port.shape, buffer=steps) for name, port in proc.outs.items()}
    sender.s_out.connect(proc.inp)
    for name, receiver in receivers.items():
        proc.outs[name].connect(receiver.a_in)
    sender.run(RunSteps(num_steps=steps), Loihi2SimCfg())
    try:
        found = {name: receiver.data.get() for name, receiver in receivers.items()}
    finally:
        sender.stop()
    run = net.run(x)
    assert list(found) == ["pose", "gate"]
    for name, own in net.answers.where.items():
        ticks = found[name][:, proc.latency :: period].reshape(-1, lanes, SAMPLES)
        assert np.array_equal(ticks.transpose(1, 2, 0), run.integers[..., own])
        assert not found[name][:, : proc.latency].any()


def test_one_answer_has_the_port_out_alone():
    torch.manual_seed(0)
    assert not ltc2neuro.compile(torch.nn.GRU(3, 2, batch_first=True), X).to_lava().outs
