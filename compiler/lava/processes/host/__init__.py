"""The host's ends of a graph: `Source` sends rows of shared memory, `Sink` writes there what arrives."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessParameters
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.lava.processes.ports import received, sent
from compiler.lava.runtime.shared_memory import SampleRows


class Source(AbstractProcess):
    """Sends at `out` each of `rows` at its tick, and 0 at all other ticks."""

    def __init__(self, *, rows: SampleRows, name: str = "source") -> None:
        super().__init__(rows=rows, name=name)
        self.out = OutPort(shape=(rows.values.shape[1],))


class Sink(AbstractProcess):
    """Writes what arrives at `inp` into `rows` at their ticks."""

    def __init__(self, *, rows: SampleRows, name: str = "sink") -> None:
        super().__init__(rows=rows, name=name)
        self.inp = InPort(shape=(rows.values.shape[1],))


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySourceModel(PyLoihiProcessModel):
    """Only sends: what it drives sees a row in the tick that the row belongs to."""

    out = sent()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        self._rows: SampleRows = proc_params["rows"]
        self._rest = np.zeros(self._rows.values.shape[1], np.int32)

    def run_spk(self) -> None:
        """One tick. Lava counts time steps from 1, we count ticks from 0."""
        row = self._rows.at(self.time_step - 1)
        self.out.send(self._rest if row is None else row)


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySinkModel(PyLoihiProcessModel):
    """Only receives."""

    inp = received()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        self._rows: SampleRows = proc_params["rows"]

    def run_spk(self) -> None:
        """One tick."""
        arrived = self.inp.recv()
        row = self._rows.at(self.time_step - 1)
        if row is not None:
            row[:] = arrived
