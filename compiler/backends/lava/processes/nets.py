"""A whole network as one process of a user's graph: `MappedNet`, a process a population, and `FusedNet`, one in all.

Both run under a plain `Loihi2SimCfg(select_tag="fixed_pt")`, and both state their contract in attributes:
`inp` is read at ticks k * ticks_per_sample, `out` carries sample k's result at latency + k * ticks_per_sample and 0
at all other ticks. Ticks are counted from 0, Lava's time steps from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lava.magma.core.decorator import implements, tag
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.backends.lava.connections import synapses
from compiler.backends.lava.door import logging_kept
from compiler.backends.lava.processes.neurons import Neurons, initial_states
from compiler.backends.lava.records import SampleRows, StateVar
from compiler.mapping.network import MappedNetwork, Population


class Net(AbstractProcess):
    """What both promise. `reset_interval`: after so many samples the states start again; None: never."""

    inp: InPort
    out: OutPort
    ticks_per_sample: int
    latency: int
    reset_interval: int | None
    state_vars: Mapping[str, StateVar]

    def __init__(self, **params: object) -> None:
        with logging_kept():
            super().__init__(**params)

    def steps(self, samples: int) -> int:
        """How many time steps a run needs to bring out the results of `samples` samples."""
        return self.latency + (samples - 1) * self.ticks_per_sample + 1 if samples else 0


class MappedNet(Net):
    """A hierarchical process: one `Neurons` a population, a stock process of Lava a connection, the chip's ticks.

    Ports are (features,) and (outputs,). Each population with states is a Var `states_<population>` here, aliased;
    `state_vars` finds a state in them. `rows` names states to record sample by sample.
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
        state_vars: dict[str, StateVar] = {}
        for population, name in _with_states(network):
            initial = initial_states(population)
            var = Var(shape=initial.shape, init=initial)
            setattr(self, name, var)
            for index, state in enumerate(population.states):
                state_vars[state] = StateVar(var, index * population.size, (index + 1) * population.size)
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
            connections = [(connection, synapses(connection)) for connection in network.connections]
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
