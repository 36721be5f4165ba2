"""`Relay`: the least that a Lava process can do, to receive a vector and send it on."""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyInPortVectorDense, PyOutPort, PyOutPortVectorDense
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Relay(AbstractProcess):
    """Sends in each tick what it receives in it."""

    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.inp = InPort(shape=(size,))
        self.out = OutPort(shape=(size,))


@implements(proc=Relay, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRelayModel(PyLoihiProcessModel):
    """No state and no arithmetic."""

    inp: PyInPortVectorDense = LavaPyType(PyInPort.VEC_DENSE, np.int32)  # type: ignore[assignment]
    out: PyOutPortVectorDense = LavaPyType(PyOutPort.VEC_DENSE, np.int32)  # type: ignore[assignment]

    def run_spk(self) -> None:
        """One tick."""
        self.out.send(self.inp.recv())
