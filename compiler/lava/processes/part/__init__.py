"""`AnswerPart`: one of several answers at a port of its own."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessParameters
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.lava.processes.ports import received, sent
from compiler.lava.runtime.targets import TAGS


class AnswerPart(AbstractProcess):
    """Sends at `out`, in the same tick, the elements `start` to `stop` of what arrives at `inp` of that size."""

    def __init__(self, *, size: int, start: int, stop: int, name: str) -> None:
        super().__init__(start=start, stop=stop, name=name)
        self.inp = InPort(shape=(size,))
        self.out = OutPort(shape=(stop - start,))


@implements(proc=AnswerPart, protocol=LoihiProtocol)
@requires(CPU)
@tag(*TAGS)
class PyPartModel(PyLoihiProcessModel):
    """It keeps nothing from tick to tick."""

    inp = received()
    out = sent()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        self._own = np.s_[proc_params["start"] : proc_params["stop"]]

    def run_spk(self) -> None:
        """One tick."""
        self.out.send(self.inp.recv()[self._own])
