"""`Neurons`: one population; each tick its neurons take their sums, execute the listing and send their messages."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessParameters
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from compiler.lava.processes.ports import received, sent, variable
from compiler.lava.runtime.shared_memory import SampleRows
from compiler.lava.runtime.targets import TAGS
from compiler.mapping.mapped_network import Population
from compiler.native.neurons import NativeNeurons
from compiler.simulator.neurons import InterpretedNeurons, ListedNeurons
from hw_models.errors import BUG, LavaError

PORTS = 2
"""Sums that a neuron may take, and messages that it may send, in one tick."""


class Neurons(AbstractProcess):
    """A population with sum ports `sum_0`, `sum_1` and message ports `message_0`, `message_1`, each of its size.

    The Var `states` holds its states, side by side in the order of `population.states`; without a state it is one 0.
    `monitors` lists words to record: the word and its rows of shared memory. The listing is interpreted, or run as
    machine `code`: the same integers.
    """

    def __init__(
        self, *, population: Population, monitors: tuple[tuple[str, SampleRows], ...] = (), code: bool = False
    ) -> None:
        if max(population.sum_ports, population.message_ports) > PORTS:
            raise LavaError(
                "the population has more ports than a neuron of the chip",
                where=population.name,
                numbers=f"{population.sum_ports} sums, {population.message_ports} messages, {PORTS} allowed",
                advice=BUG,
            )
        super().__init__(population=population, monitors=monitors, code=code, name=f"population {population.name}")
        shape = (population.size,)
        self.sum_0, self.sum_1 = InPort(shape), InPort(shape)
        self.message_0, self.message_1 = OutPort(shape), OutPort(shape)
        initial = initial_states(population)
        self.states = Var(shape=initial.shape, init=initial)


def initial_states(population: Population) -> np.ndarray:
    """The states with which a population starts, side by side; one 0 where it has none."""
    words = [np.broadcast_to(population.words[word], population.size) for word in population.states.values()]
    return np.concatenate(words) if words else np.zeros(1, np.int64)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
@tag(*TAGS)
class PyNeuronsModel(PyLoihiProcessModel):
    """Receives at all ports, computes, then sends: a connection, which sends first, is between any two populations."""

    sum_0 = received()
    sum_1 = received()
    message_0 = sent()
    message_1 = sent()
    states = variable()

    def __init__(self, proc_params: ProcessParameters) -> None:
        super().__init__(proc_params)
        population: Population = proc_params["population"]
        self._population = population
        self._monitors: tuple[tuple[str, SampleRows], ...] = proc_params["monitors"]
        self._neurons: ListedNeurons = (NativeNeurons if proc_params["code"] else InterpretedNeurons)(population, 1, {})

    def run_spk(self) -> None:
        """One tick."""
        population, neurons, size = self._population, self._neurons, self._population.size
        # Under `floating_pt` the connections send floats: whole numbers, for weights and messages are.
        ports = (self.sum_0, self.sum_1)[: population.sum_ports]
        messages = neurons.tick([port.recv().astype(np.int32, copy=False).reshape(size, 1) for port in ports])
        for number, port in enumerate((self.message_0, self.message_1)):
            message = messages[number] if number < len(messages) else 0
            port.send(message.ravel() if isinstance(message, np.ndarray) else np.full(size, message, np.int32))
        for index, word in enumerate(population.states.values()):
            self.states[index * size : (index + 1) * size] = neurons.read(word).ravel()
        for word, rows in self._monitors:
            row = rows.at(self.time_step - 1)
            if row is not None:
                row[:] = neurons.read(word).ravel()

    def on_var_update(self) -> None:
        """The user has set the Var `states`: the words follow."""
        size = self._population.size
        for index, word in enumerate(self._population.states.values()):
            self._neurons.write(word, self.states[index * size : (index + 1) * size].copy())
