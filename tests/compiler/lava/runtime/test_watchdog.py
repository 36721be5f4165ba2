"""Networks in graphs that users run by themselves: any tag, wrong numbers, processes that fail; and nothing hangs."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.run_conditions import RunContinuous, RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg, Loihi2HwCfg, Loihi2SimCfg, RunConfig
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.io.sink import RingBuffer as Receiver
from lava.proc.io.source import RingBuffer as Sender
from lava.utils import loihi

from compiler.lava.processes.fused import FusedNet
from compiler.lava.processes.nets import MappedNet, MappedNetModel, Net
from compiler.lava.runtime.input_checks import Entering
from compiler.mapping.mapped_network import MappedNetwork

pytestmark = pytest.mark.timeout(120)
MapFor = Callable[[int | None], MappedNetwork]
Expected = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
SAMPLES, LIMIT = 5, 4000


def net_of(network: MappedNetwork, fused: bool, first: int = 0) -> Net:
    """What `to_lava` makes of a network whose inputs are from -LIMIT to LIMIT."""
    entering = Entering(-LIMIT, LIMIT, first)
    if fused:
        return FusedNet(network=network, entering=entering)
    return MappedNet(network=network, entering=replace(entering, period=network.ticks_per_sample))


def wired(net: Net, x: npt.NDArray[np.generic]) -> tuple[Sender, Receiver]:
    """Stock processes of Lava on both sides; what they send between samples could not enter."""
    ticks = net.steps(len(x))
    data = np.full((x.shape[1], ticks), 10**6 if x.dtype.kind == "i" else np.nan, x.dtype)
    data[:, net.first :: net.ticks_per_sample] = 0
    data[:, net.first : net.first + len(x) * net.ticks_per_sample : net.ticks_per_sample] = x.T
    sender, receiver = Sender(data=data), Receiver(shape=net.out.shape, buffer=ticks)
    sender.s_out.connect(net.inp)
    net.out.connect(receiver.a_in)
    return sender, receiver


@pytest.fixture
def x() -> npt.NDArray[np.int64]:
    return np.random.default_rng(1).integers(-2000, 2000, (SAMPLES, 3))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(
    ("config", "number"),
    [
        (Loihi2SimCfg(), int),
        (Loihi1SimCfg(select_tag="floating_pt"), float),
        (Loihi1SimCfg(select_tag="fixed_pt"), int),
    ],
)
def test_the_same_integers_under_every_tag(
    integrator: MapFor,
    expected: Expected,
    x: npt.NDArray[np.int64],
    fused: bool,
    config: RunConfig,
    number: type,
) -> None:
    delayed = integrator(None)
    if not fused:  # a tick later into the network: the delays are Lava's other processes
        late = tuple(replace(c, delay=1) if c.target.population is None else c for c in delayed.connections)
        delayed = replace(delayed, connections=late, latency=delayed.latency + 1)
    net = net_of(delayed, fused, first=2 if fused else 0)
    _, receiver = wired(net, x.astype(number))
    receiver.run(RunSteps(num_steps=net.steps(SAMPLES)), config)
    try:
        out = receiver.data.get().T
    finally:
        net.stop()
    assert np.array_equal(out[net.latency :: net.ticks_per_sample], expected(x, np.zeros(4, np.int64))[0])
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("wrong", "words"), [(LIMIT + 1, "4001"), (0.37, "0.37"), (np.nan, "nan")])
def test_what_is_no_input_is_named(integrator: MapFor, fused: bool, wrong: float, words: str) -> None:
    x = np.zeros((SAMPLES, 3), np.int64 if isinstance(wrong, int) else np.float64)
    x[3, 1] = wrong
    net = net_of(integrator(None), fused)
    sender, _ = wired(net, x)
    with pytest.raises(LavaError) as caught:
        sender.run(RunSteps(num_steps=net.steps(SAMPLES)), Loihi2SimCfg())
    net.stop()
    assert caught.value.what.startswith("port network.inp got")
    assert caught.value.where == f"network.inp, feature 1, sample 3, time step {3 * net.ticks_per_sample + 1}"
    assert caught.value.numbers == f"{words}, but integers from -4000 to 4000 can enter"
    assert not multiprocessing.active_children()


def test_the_sum_of_two_senders_does_not_wrap(integrator: MapFor) -> None:
    net = net_of(integrator(None), fused=True)
    x = np.full((SAMPLES, 3), 2**31 - 1)
    wired(net, x)
    sender, _ = wired(net, x)
    with pytest.raises(LavaError, match="4294967294"):
        sender.run(RunSteps(num_steps=SAMPLES), Loihi2SimCfg(select_tag="fixed_pt"))


class Failing(AbstractProcess):
    """A user's process."""

    def __init__(self) -> None:
        super().__init__(name="the user's")
        self.inp = InPort(shape=(3,))


@implements(proc=Failing, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class FailingModel(PyLoihiProcessModel):
    """Raises at the third time step."""

    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)  # type: ignore[assignment]

    def run_spk(self) -> None:
        self.inp.recv()
        if self.time_step == 3:
            raise ZeroDivisionError("the user's fault")


@pytest.mark.parametrize("blocking", [True, False])
def test_a_users_process_that_fails_is_named_and_the_graph_is_gone(
    integrator: MapFor, x: npt.NDArray[np.int64], blocking: bool
) -> None:
    net = net_of(integrator(None), fused=False)
    wired(net, x)
    failing = Failing()
    net.out.connect(failing.inp)
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={failing: FailingModel})  # type: ignore[dict-item]
    with pytest.raises(LavaError, match="raised ZeroDivisionError: the user's fault") as caught:
        net.run(RunSteps(num_steps=net.steps(SAMPLES), blocking=blocking), config)
        net.wait()
    assert caught.value.where == "the user's"
    with pytest.raises(LavaError, match="the user's fault"):
        net.run(RunSteps(num_steps=1))
    with pytest.raises(LavaError, match="the user's fault"):
        net.state_vars["rnn.v"].get()
    net.stop()
    assert not multiprocessing.active_children()


def test_run_pause_go_on_and_stop(integrator: MapFor, expected: Expected, x: npt.NDArray[np.int64]) -> None:
    net = net_of(integrator(None), fused=True)
    _, receiver = wired(net, x)
    net.run(RunSteps(num_steps=2), Loihi2SimCfg(select_tag="fixed_pt"))
    net.run(RunSteps(num_steps=2, blocking=False))
    net.wait()
    net.run(RunSteps(num_steps=net.steps(SAMPLES) - 4))
    assert np.array_equal(receiver.data.get().T[net.latency :], expected(x, np.zeros(4, np.int64))[0])
    net.run(RunContinuous())
    net.pause()
    assert net.state_vars["rnn.v"].get().shape == (4,)
    net.stop()
    with pytest.raises(LavaError, match="has been stopped"):
        net.run(RunSteps(num_steps=1))
    assert not multiprocessing.active_children()


def test_a_run_goes_on_after_a_pause(integrator: MapFor) -> None:
    net = net_of(integrator(None), fused=True)
    net.run(RunContinuous(), Loihi2SimCfg(select_tag="fixed_pt"))
    net.pause()
    for _ in range(2):
        net.run(RunSteps(num_steps=3))
    net.run(RunContinuous())
    net.pause()
    net.run(RunSteps(num_steps=1))
    net.stop()
    assert not multiprocessing.active_children()


def test_networks_wired_as_they_are_are_refused(integrator: MapFor) -> None:
    first, second = (net_of(integrator(None), fused) for fused in (False, True))
    first.out.connect(second.inp)
    with pytest.raises(LavaError, match="a different format") as caught:
        first.run(RunSteps(num_steps=2), Loihi2SimCfg(select_tag="fixed_pt"))
    assert "to_lava(after=" in caught.value.advice
    assert not multiprocessing.active_children()


def test_a_configuration_for_a_chip_says_what_is_missing(integrator: MapFor) -> None:
    with pytest.raises(MissingExtraError, match="Loihi2HwCfg needs Intel's extension"):
        net_of(integrator(None), fused=True).run(RunSteps(num_steps=1), Loihi2HwCfg())


def test_on_a_chip_no_process_of_the_host_stands_in_between(
    integrator: MapFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inside(net: Net) -> list[str]:
        assert isinstance(net, MappedNet)
        model: AbstractSubProcessModel = MappedNetModel(net)  # type: ignore
        return [p.name for p in model.find_sub_procs().values()]

    simulated = inside(net_of(integrator(None), fused=False))
    monkeypatch.setattr(loihi, "host", "board")
    assert ["entry of network.inp", *inside(net_of(integrator(None), fused=False))] == simulated
    behind = MappedNet(network=integrator(None), entering=Entering(-9, 9, period=2, conversion=lambda x: x))
    with pytest.raises(LavaError, match="needs the host in between"):
        inside(behind)


FORGETFUL = """
import sys
sys.path.insert(0, "tests/compiler/lava")
from conftest import integrator_network
import numpy as np
from compiler.lava.runtime.input_checks import Entering
from compiler.lava.processes.nets import MappedNet
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.source import RingBuffer as Sender

net = MappedNet(network=integrator_network(None), entering=Entering(-9, 9, period=2))
sender = Sender(data=np.array([[1, 0, 2, 0, 3], [0, 0, 0, 0, 0], [0, 0, 0, 0, 77]]))
sender.s_out.connect(net.inp)
net.run(RunSteps(num_steps=2), Loihi2SimCfg(select_tag="fixed_pt"))
print(net.state_vars["rnn.v"].get().astype(int).tolist(), flush=True)
if sys.argv[1] == "fail":
    net.run(RunSteps(num_steps=3))
"""


@pytest.mark.parametrize("how", ["succeed", "fail"])
def test_a_program_that_never_stops_its_graph_ends(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL, how], capture_output=True, text=True, timeout=60, cwd=os.getcwd()
    )
    assert done.stdout == "[3, 0, -255, 0]\n"
    assert done.returncode == (1 if how == "fail" else 0), done.stderr
    assert ("77, but integers from -9 to 9 can enter" in done.stderr) == (how == "fail")
