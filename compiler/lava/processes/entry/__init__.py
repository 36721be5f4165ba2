"""`Entry`: where a user's messages enter a mapped network: what does not fit the input's format is refused there."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessParameters
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.magma.runtime.runtime import Runtime

from compiler.lava.processes.ports import received, sent
from compiler.lava.runtime.input_checks import Entering
from compiler.lava.runtime.targets import TAGS


class Entry(AbstractProcess):
    """Sends at `out` in the same tick what enters at `inp`, and 0 between samples. `port` is its name in an error."""

    def __init__(self, *, entering: Entering, shape: tuple[int, int], port: str) -> None:
        super().__init__(entering=entering, features=shape[1], port=port, name=f"entry of {port}")
        self.inp = InPort(shape=(shape[0],))
        self.out = OutPort(shape=(shape[1],))

    @property
    def runtime(self) -> Runtime | None:
        """Lava's runtime. It is told to the processes inside a network alone, so the network gets it from here."""
        return self._runtime

    @runtime.setter
    def runtime(self, value: Runtime | None) -> None:
        self._runtime = value
        if self.parent_proc is not None:
            self.parent_proc.runtime = value


@implements(proc=Entry, protocol=LoihiProtocol)
@requires(CPU)
@tag(*TAGS)
class PyEntryModel(PyLoihiProcessModel):
    """Receives in 64 bits: the sum of what several processes send must not wrap before it is looked at."""

    inp = received(np.int64)
    out = sent()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        self._entering: Entering = proc_params["entering"]
        self._port: str = proc_params["port"]
        self._rest = np.zeros(proc_params["features"], np.int32)

    def run_spk(self) -> None:
        """One tick."""
        entered = self._entering.at(self.time_step - 1, self.inp.recv(), self._port)
        self.out.send(self._rest if entered is None else entered)
