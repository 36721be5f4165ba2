"""A mapped network's processes, channels and messages without its work: `Knot` a population, `Thread` a connection."""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessParameters
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.lava.processes.ports import received, sent
from compiler.mapping.mapped_network import MappedNetwork


class Thread(AbstractProcess):
    """Sends zeros in each tick, then receives: what it takes has another size than what it sends."""

    def __init__(self, *, size: int, out: int) -> None:
        super().__init__(out=out)
        self.inp, self.out = InPort(shape=(size,)), OutPort(shape=(out,))


class Knot(AbstractProcess):
    """Receives in each tick at both ports, then sends zeros at both."""

    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.inp_0, self.inp_1 = InPort(shape=(size,)), InPort(shape=(size,))
        self.out_0, self.out_1 = OutPort(shape=(size,)), OutPort(shape=(size,))


@implements(proc=Thread, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyThreadModel(PyLoihiProcessModel):
    """No state and no arithmetic."""

    inp = received()
    out = sent()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        self._zeros = np.zeros(proc_params["out"], np.int32)

    def run_spk(self) -> None:
        """One tick."""
        self.out.send(self._zeros)
        self.inp.recv()


@implements(proc=Knot, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyKnotModel(PyLoihiProcessModel):
    """No state and no arithmetic."""

    inp_0 = received()
    inp_1 = received()
    out_0 = sent()
    out_1 = sent()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        self._zeros = np.zeros(proc_params["size"], np.int32)

    def run_spk(self) -> None:
        """One tick."""
        self.inp_0.recv(), self.inp_1.recv()
        self.out_0.send(self._zeros), self.out_1.send(self._zeros)


def skeleton(network: MappedNetwork, entry: OutPort, exit_: InPort) -> None:
    """Connect the skeleton of `network` between the two."""
    knots = {p.name: Knot(size=p.size) for p in network.populations}
    for connection in network.connections:
        out, size = connection.shape
        thread, source, target = Thread(size=size, out=out), connection.source, connection.target
        first = entry if source.population is None else getattr(knots[source.population], f"out_{source.index}")
        last = exit_ if target.population is None else getattr(knots[target.population], f"inp_{target.index}")
        first.connect(thread.inp)
        thread.out.connect(last)
