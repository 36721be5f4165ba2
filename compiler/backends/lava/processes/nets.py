"""A whole network as one process of a user's graph: `MappedNet`, a process a population, and `FusedNet`, one in all.

Both run under a plain `Loihi2SimCfg(select_tag="fixed_pt")`, and both state their contract in attributes:
`inp` is read at ticks k * ticks_per_sample, `out` carries sample k's result at latency + k * ticks_per_sample and 0
at all other ticks; a state is that after sample k when tick state_ticks[name] + k * ticks_per_sample has run. Ticks
are counted from 0, Lava's time steps from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyInPortVectorDense, PyOutPort, PyOutPortVectorDense
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessParameters
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.backends.lava.connections import links, synapses
from compiler.backends.lava.door import logging_kept
from compiler.backends.lava.machine import Machine
from compiler.backends.lava.processes.neurons import Neurons, initial_states
from compiler.backends.lava.records import SampleRows, StateVar
from compiler.mapping.network import Integers, MappedNetwork, Population
from hw_models.errors import LavaError


class Net(AbstractProcess):
    """What both promise. `reset_interval`: after so many samples the states start again; None: never."""

    inp: InPort
    out: OutPort
    ticks_per_sample: int
    latency: int
    reset_interval: int | None
    state_vars: Mapping[str, StateVar]
    state_ticks: Mapping[str, int]

    def __init__(self, **params: object) -> None:
        with logging_kept():
            super().__init__(**params)

    def steps(self, samples: int) -> int:
        """How many time steps a run needs to bring out the results of `samples` samples."""
        return self.latency + (samples - 1) * self.ticks_per_sample + 1 if samples else 0


class MappedNet(Net):
    """A hierarchical process: one `Neurons` a population, a stock process of Lava a connection, the chip's ticks.

    Ports are (features,) and (outputs,). Each population with states is a Var `states_<population>` here, aliased;
    `state_vars` finds a state in them. Where samples overlap, the last state of a sequence may be gone when its tick
    has run: the next sequence has begun. `rows` names states to record sample by sample.
    """

    def __init__(
        self,
        *,
        network: MappedNetwork,
        reset_interval: int | None = None,
        rows: Mapping[str, SampleRows] | None = None,
        name: str = "network",
    ) -> None:
        super().__init__(network=network, rows=rows or {}, name=name)
        self.inp = InPort(shape=(network.input_size,))
        self.out = OutPort(shape=(network.output_size,))
        self.ticks_per_sample = network.ticks_per_sample
        self.latency = network.latency
        self.reset_interval = reset_interval
        self.state_ticks = {probe.state: probe.tick for probe in network.probes}
        state_vars: dict[str, StateVar] = {}
        for population, name in _with_states(network):
            initial = initial_states(population)
            var = Var(shape=initial.shape, init=initial)
            setattr(self, name, var)
            for index, state in enumerate(population.states):
                start = index * population.size
                state_vars[state] = StateVar(var, start, start + population.size, settable=not network.overlaps)
        self.state_vars = state_vars


def _with_states(network: MappedNetwork) -> list[tuple[Population, str]]:
    """The populations that have states, each with the name of its Var: unique, and a name in Python."""
    found: dict[str, Population] = {}
    for population in network.populations:
        if population.states:
            name = "states_" + re.sub(r"\W", "_", population.name)
            while name in found:
                name += "_"
            found[name] = population
    return [(population, name) for name, population in found.items()]


@implements(proc=MappedNet, protocol=LoihiProtocol)
@tag("fixed_pt")
class MappedNetModel(AbstractSubProcessModel):
    """Makes the processes and connects them."""

    def __init__(self, proc: MappedNet) -> None:
        network: MappedNetwork = proc.proc_params["network"]
        rows: Mapping[str, SampleRows] = proc.proc_params["rows"]
        with logging_kept():
            neurons = {
                p.name: Neurons(
                    population=p,
                    probes=tuple((x.word, rows[x.state]) for x in network.probes if x.population == p.name and rows),
                )
                for p in network.populations
            }
            connections = [(c, synapses(c)) for c in (*network.connections, *links(network))]
        for connection, process in connections:
            source, target = connection.source, connection.target
            if source.population is None:
                proc.inp.connect(process.s_in)
            else:
                getattr(neurons[source.population], f"message_{source.index}").connect(process.s_in)
            if target.population is None:
                process.a_out.connect(proc.out)
            else:
                process.a_out.connect(getattr(neurons[target.population], f"sum_{target.index}"))
        for population, name in _with_states(network):
            getattr(proc, name).alias(neurons[population.name].states)
        processes = [*neurons.values(), *(process for _, process in connections)]
        self._processes = {f"process_{index}": process for index, process in enumerate(processes)}

    def find_sub_procs(self) -> dict[str, AbstractProcess]:
        """The processes inside; Lava would look for them among the attributes."""
        return self._processes


class FusedNet(Net):
    """All populations in one process that runs a whole sample in one tick, for `lanes` sequences side by side.

    Ports are flat: element i of lane l is at i * lanes + l, and so it is in the Var `states`, in which `state_vars`
    finds each state. The result is sent one tick later, so that the network may stand in a loop; when it is out, the
    next sample has been read, too. Samples of `network` must not overlap. `initial` gives integers of states
    (size, lanes) to start from, `rows` names states to record sample by sample.
    """

    def __init__(
        self,
        *,
        network: MappedNetwork,
        lanes: int = 1,
        reset_interval: int | None = None,
        initial: Mapping[str, Integers] | None = None,
        rows: Mapping[str, SampleRows] | None = None,
        name: str = "network",
    ) -> None:
        super().__init__(network=network, lanes=lanes, initial=initial or {}, rows=rows or {}, name=name)
        if network.overlaps:
            raise LavaError(
                "samples that overlap cannot run in one tick each",
                numbers=f"{network.ticks_per_sample} ticks a sample, latency {network.latency}",
                advice="Map the graph with Overlap.NONE.",
            )
        self.inp = InPort(shape=(network.input_size * lanes,))
        self.out = OutPort(shape=(network.output_size * lanes,))
        self.ticks_per_sample = 1
        self.latency = 1
        self.reset_interval = reset_interval
        starts = _starts(network, lanes, initial or {})
        stops = dict(zip(starts, np.cumsum([s.size for s in starts.values()]).tolist(), strict=True))
        flat = np.concatenate(list(starts.values())) if starts else np.zeros(1, np.int64)
        self.states = Var(shape=flat.shape, init=flat)
        self.state_vars = {n: StateVar(self.states, stops[n] - s.size, stops[n]) for n, s in starts.items()}
        self.state_ticks = dict.fromkeys(starts, 0)


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
@tag("fixed_pt")
class PyFusedNetModel(PyLoihiProcessModel):
    """Sends what the last sample gave, then takes the next sample: the order of Lava's own connections."""

    inp: PyInPortVectorDense = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    out: PyOutPortVectorDense = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    states: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        network: MappedNetwork = proc_params["network"]
        self._lanes: int = proc_params["lanes"]
        self._machine = Machine(network, self._lanes, proc_params["initial"])
        self._rows: Mapping[str, SampleRows] = proc_params["rows"]
        self._names = list(_starts(network, self._lanes, {}))
        self._result = np.zeros(network.output_size * self._lanes, np.int32)

    def run_spk(self) -> None:
        """One tick."""
        self.out.send(self._result)
        self._result = self._machine.sample(self.inp.recv().reshape(-1, self._lanes)).ravel()
        if self._names:
            self.states[:] = np.concatenate([self._machine.states[name].ravel() for name in self._names])
        for name, rows in self._rows.items():
            row = rows.at(self.time_step - 1)
            if row is not None:
                row[:] = self._machine.states[name].ravel()

    def on_var_update(self) -> None:
        """The user has set the Var `states`: the machine follows."""
        start = 0
        for name in self._names:
            stop = start + self._machine.states[name].size
            self._machine.set_state(name, self.states[start:stop].reshape(-1, self._lanes).copy())
            start = stop
