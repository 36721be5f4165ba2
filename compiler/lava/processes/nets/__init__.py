"""A whole network as one process of a user's graph: `MappedNet`, a process a population, and in fused.py `FusedNet`.

Both run under Lava's simulator configurations with any tag of theirs or none, and both state their contract in
attributes: `inp` is read at ticks first + k * ticks_per_sample, `out` carries sample k's result at latency +
k * ticks_per_sample and 0 at all other ticks; a state is that after sample k when tick state_ticks[name] +
k * ticks_per_sample has run. Ticks are counted from 0, Lava's time steps from 1. In a user's graph the runtime is
watched: a process that fails, of whomever, ends the run in an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy.typing as npt
from lava.magma.compiler.executable import Executable
from lava.magma.core.decorator import implements, tag
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.run_configs import AbstractLoihiHWRunCfg, RunConfig
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.magma.runtime.runtime import Runtime
from lava.utils import loihi

from compiler.graph.names import fresh, primed
from compiler.lava.processes.entry import Entry
from compiler.lava.processes.neurons import Neurons, initial_states
from compiler.lava.runtime.connections import links, synapses
from compiler.lava.runtime.import_lava import logging_kept
from compiler.lava.runtime.input_checks import Entering
from compiler.lava.runtime.shared_memory import SampleRows, StateVar
from compiler.lava.runtime.targets import TAGS
from compiler.lava.runtime.watchdog import watch
from compiler.mapping.mapped_network import MappedNetwork, Population
from compiler.mapping.start_delay import starting_late
from hw_models.arrays import Floats
from hw_models.errors import LavaError, MissingExtraError
from hw_models.notebook_repr import Shown


class Net(AbstractProcess, Shown):
    """What both promise. `reset_interval`: after this many samples the states start again; None: never.

    `dequantize` makes real numbers of results (samples, outputs), where the process was made by a network's `to_lava`;
    `after` is the process whose results enter, if one's do; `outs` has the port of each of several answers.
    """

    inp: InPort
    out: OutPort
    lanes: int
    first: int
    ticks_per_sample: int
    latency: int
    reset_interval: int | None
    state_vars: Mapping[str, StateVar]
    state_ticks: Mapping[str, int]

    after: Net | None = None
    dequantize: Callable[[npt.ArrayLike], Floats] | None = None
    outs: Mapping[str, OutPort] = MappingProxyType({})

    def __init__(self, **params: object) -> None:
        with logging_kept():
            super().__init__(**params)

    def __repr__(self) -> str:
        ticks = "a tick" if self.ticks_per_sample == 1 else f"{self.ticks_per_sample} ticks"
        return (
            f"{type(self).__name__}({self.name!r}, inp {self.inp.shape}, out {self.out.shape}, {ticks} a sample, "
            f"latency {self.latency}, states {', '.join(self.state_vars)})"
        )

    @property
    def runtime(self) -> Runtime | None:
        """Lava's runtime, which each process of a graph is given before the graph starts."""
        return self._runtime

    @runtime.setter
    def runtime(self, value: Runtime | None) -> None:
        senders = [port.process for port in self.inp.in_connections]
        if any(isinstance(sender, Net) for sender in senders) and senders != [self.after]:
            raise LavaError(
                "the results of one network enter another as they are, in a different format and at different ticks",
                where=f"{self.name}.inp",
                advice="Make the second process with to_lava(after=the first): it is wired then, and converts.",
            )
        watch(value)
        self._runtime = value

    def compile(self, run_cfg: RunConfig, compile_config: dict[str, object] | None = None) -> Executable:
        """Lava's own; a configuration for a chip needs Intel's extension, without which Lava ends in a NameError."""
        if isinstance(run_cfg, AbstractLoihiHWRunCfg) and not loihi.is_installed():
            raise MissingExtraError(
                f"{type(run_cfg).__name__} needs Intel's extension lava-loihi, which is not installed",
                advice="Run it under Loihi2SimCfg(): the same integers. docs/hardware.md has the way to a chip.",
            )
        return super().compile(run_cfg, compile_config)

    def steps(self, samples: int) -> int:
        """How many time steps a run needs to bring out the results of `samples` samples."""
        return self.latency + (samples - 1) * self.ticks_per_sample + 1 if samples else 0


class MappedNet(Net):
    """A hierarchical process: one `Neurons` a population, a stock process of Lava a connection, the chip's ticks.

    Ports are (features,) and (outputs,). Each population with states is a Var `states_<population>` here, aliased;
    `state_vars` finds a state in them. Where samples overlap, the last state of a sequence may be gone when its tick
    has run: the next sequence has begun. `rows` names states to record sample by sample. `entering` is what may come
    from a user's process; None: nothing is looked at, and nothing either where a host of a chip is chosen: a process
    that looks runs on the host, and would part the network from what feeds it on the chip. `code`: listings run as
    machine code.
    """

    def __init__(
        self,
        *,
        network: MappedNetwork,
        reset_interval: int | None = None,
        rows: Mapping[str, SampleRows] | None = None,
        entering: Entering | None = None,
        code: bool = False,
        name: str = "network",
    ) -> None:
        self.lanes, self.first = 1, entering.first if entering else 0
        network = starting_late(network, self.first) if self.first else network
        super().__init__(network=network, rows=rows or {}, entering=entering, code=code, name=name)
        self.inp = InPort(shape=((entering and entering.outputs) or network.input_size,))
        self.out = OutPort(shape=(network.output_size,))
        self.ticks_per_sample = network.ticks_per_sample
        self.latency = self.first + network.latency
        self.reset_interval = reset_interval
        self.state_ticks = {m.state: self.first + m.tick for m in network.monitors}
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
            found[fresh(primed(name, "_"), found)] = population
    return [(population, name) for name, population in found.items()]


@implements(proc=MappedNet, protocol=LoihiProtocol)
@tag(*TAGS)
class MappedNetModel(AbstractSubProcessModel):
    """Makes the processes and connects them."""

    def __init__(self, proc: MappedNet) -> None:
        network: MappedNetwork = proc.proc_params["network"]
        rows: Mapping[str, SampleRows] = proc.proc_params["rows"]
        monitors = network.monitors if rows else ()
        with logging_kept():
            neurons = {
                p.name: Neurons(
                    population=p,
                    monitors=tuple((m.word, rows[m.state]) for m in monitors if m.population == p.name),
                    code=proc.proc_params["code"],
                )
                for p in network.populations
            }
            connections = [(c, synapses(c)) for c in (*network.connections, *links(network))]
            entering: Entering | None = proc.proc_params["entering"]
            entries: list[Entry] = []
            if entering is not None and loihi.host is not None:
                if entering.conversion is not None:
                    raise LavaError(
                        "one network after another needs the host in between, which is slow: not supported on a chip",
                        where=f"{proc.name}.inp",
                        advice="Run them one after another, or wire them with a process of your own.",
                    )
            elif entering is not None:
                shape = (proc.inp.shape[0], network.input_size)
                entries.append(Entry(entering=entering, shape=shape, port=f"{proc.name}.inp"))
                proc.inp.connect(entries[0].inp)
        entrance = entries[0].out if entries else proc.inp
        for connection, process in connections:
            source, target = connection.source, connection.target
            if source.population is None:
                entrance.connect(process.s_in)
            else:
                getattr(neurons[source.population], f"message_{source.index}").connect(process.s_in)
            if target.population is None:
                process.a_out.connect(proc.out)
            else:
                process.a_out.connect(getattr(neurons[target.population], f"sum_{target.index}"))
        for population, name in _with_states(network):
            getattr(proc, name).alias(neurons[population.name].states)
        processes = [*entries, *neurons.values(), *(process for _, process in connections)]
        self._processes = {f"process_{index}": process for index, process in enumerate(processes)}

    def find_sub_procs(self) -> dict[str, AbstractProcess]:
        """The processes inside; Lava would look for them among the attributes."""
        return self._processes
