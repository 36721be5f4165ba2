"""A whole network in one process that runs a sample in one tick: no populations, no messages between them.

It interprets the listings of the mapped network, or runs the integer graph as machine code, which is the same integers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import ProcessParameters
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.lava.processes.nets import Net
from compiler.lava.processes.ports import received, sent, variable
from compiler.lava.runtime.input_checks import Entering
from compiler.lava.runtime.shared_memory import SampleRows, StateVar
from compiler.lava.runtime.targets import TAGS
from compiler.mapping.mapped_network import MappedNetwork
from compiler.native.lanes import NativeLanes
from compiler.ranges.proven import Proven
from compiler.simulator.machine import Machine
from hw_models.arrays import Integers, slices_of
from hw_models.errors import LavaError


class FusedNet(Net):
    """All populations in one process that runs a whole sample in one tick, for `lanes` sequences side by side.

    Ports are flat: element i of lane l is at i * lanes + l, and so it is in the Var `states`, in which `state_vars`
    finds each state. The result is sent one tick later, so that the network may stand in a loop; when it is out, the
    next sample has been read, too. Samples of `network` must not overlap. `initial` gives integers of states
    (size, lanes) to start from, `rows` names states to record sample by sample. `entering` is what may come from a
    user's process, and how often; None: nothing is looked at, and a sample enters in every tick. `program` is the
    integer graph that runs as machine code instead of the network's listings.
    """

    def __init__(
        self,
        *,
        network: MappedNetwork,
        lanes: int = 1,
        reset_interval: int | None = None,
        initial: Mapping[str, Integers] | None = None,
        rows: Mapping[str, SampleRows] | None = None,
        entering: Entering | None = None,
        program: Proven | None = None,
        name: str = "network",
    ) -> None:
        super().__init__(
            network=network,
            lanes=lanes,
            initial=initial or {},
            rows=rows or {},
            entering=entering,
            program=program,
            reset_interval=reset_interval,
            name=name,
        )
        if network.overlaps:
            raise LavaError(
                "samples that overlap cannot run in one tick each",
                numbers=f"{network.ticks_per_sample} ticks a sample, latency {network.latency}",
                advice="Map the graph with Overlap.NONE.",
            )
        enter = (entering and entering.outputs) or network.input_size
        self.inp = InPort(shape=(enter * lanes,))
        self.out = OutPort(shape=(network.output_size * lanes,))
        self.lanes, self.first = lanes, entering.first if entering else 0
        self.ticks_per_sample = entering.period if entering else 1
        self.latency = self.first + 1
        self.reset_interval = reset_interval
        starts = _starts(network, lanes, initial or {})
        stops = dict(zip(starts, np.cumsum([s.size for s in starts.values()]).tolist(), strict=True))
        flat = np.concatenate(list(starts.values())) if starts else np.zeros(1, np.int64)
        self.states = Var(shape=flat.shape, init=flat)
        self.state_vars = {n: StateVar(self.states, stops[n] - s.size, stops[n]) for n, s in starts.items()}
        self.state_ticks = dict.fromkeys(starts, self.first)


def _starts(network: MappedNetwork, lanes: int, initial: Mapping[str, Integers]) -> dict[str, Integers]:
    """What each state starts with, flat (size * lanes)."""
    found: dict[str, Integers] = {}
    for population in network.populations:
        for state, word in population.states.items():
            one_lane = np.asarray(population.words[word], np.int64).reshape(-1, 1)
            found[state] = np.broadcast_to(initial.get(state, one_lane), (population.size, lanes)).ravel()
    return found


@implements(proc=FusedNet, protocol=LoihiProtocol)
@requires(CPU)
@tag(*TAGS)
class PyFusedNetModel(PyLoihiProcessModel):
    """Sends what the last sample gave, then takes the next sample: the order of Lava's own connections."""

    inp = received(np.int64)
    out = sent()
    states = variable()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        network: MappedNetwork = proc_params["network"]
        self._lanes: int = proc_params["lanes"]
        program: Proven | None = proc_params["program"]
        self._machine = (
            Machine(network, self._lanes, proc_params["initial"])
            if program is None
            else NativeLanes(program, self._lanes, proc_params["initial"], proc_params["reset_interval"])
        )
        self._rows: Mapping[str, SampleRows] = proc_params["rows"]
        self._entering: Entering | None = proc_params["entering"]
        self._port = f"{proc_params['name']}.inp"
        self._names = list(_starts(network, self._lanes, {}))
        self._result = self._rest = np.zeros(network.output_size * self._lanes, np.int32)

    def run_spk(self) -> None:
        """One tick."""
        self.out.send(self._result)
        entered = self.inp.recv()
        if self._entering is not None:
            entered = self._entering.at(self.time_step - 1, entered, self._port)
            if entered is None:
                self._result = self._rest
                return
        self._result = self._machine.sample(entered.reshape(-1, self._lanes)).astype(np.int32).ravel()
        states = self._machine.states
        if self._names:
            self.states[:] = np.concatenate([states[name].ravel() for name in self._names])
        for name, rows in self._rows.items():
            row = rows.at(self.time_step - 1)
            if row is not None:
                row[:] = states[name].ravel()

    def on_var_update(self) -> None:
        """The user has set the Var `states`: the machine follows."""
        places = slices_of(self._machine.states[name].size for name in self._names)
        parts = (self.states[own].reshape(-1, self._lanes).copy() for own in places)
        self._machine.set_states(dict(zip(self._names, parts, strict=True)))
