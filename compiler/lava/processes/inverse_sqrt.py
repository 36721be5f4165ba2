"""A CPU model of the library's InvSqrt for many neurons at once.

Lava 0.10.0's own takes one neuron, and with NumPy 2.4 not even that: it makes a Python integer of an array. This one
computes the same integers, and refuses a negative one, at which Lava's ends silently.
"""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.graded.process import InvSqrt

from compiler.lava.processes.ports import received, sent, variable
from compiler.library_processes.reference import inverse_root


@implements(proc=InvSqrt, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRootsModel(PyLoihiProcessModel):
    """One inverse square root a neuron; 0 where nothing arrives."""

    a_in = received()
    s_out = sent()
    fp_base = variable()

    def run_spk(self) -> None:
        """One tick."""
        arrived = self.a_in.recv().astype(np.int64)
        if np.any(arrived < 0):
            raise ValueError(f"InvSqrt got {arrived.min()}, and takes no negative number")
        self.s_out.send(inverse_root(arrived).astype(np.int32))
