"""From the plan of an iteration to integers: populations, weights, biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compiler.library_processes.affine import Affine, Tap
from compiler.library_processes.lower import SOURCE
from compiler.library_processes.lsbs import INPUT_BITS, ROOT_BITS, Lsbs, even, population_at
from compiler.library_processes.options import LibraryForm
from compiler.library_processes.piecewise_linear import coefficients
from compiler.library_processes.process_graph import (
    BIAS_EXPONENT,
    CONSTANTS,
    Functions,
    Kind,
    ProcessConnection,
    ProcessGraph,
    ProcessPopulation,
    StatePlace,
)
from compiler.library_processes.process_plan import Bank, Node, ProcessPlan, Product, Relay, Root
from compiler.library_processes.weights import bias_weights, split_weights
from hw_models.arrays import Floats, Integers, slices_of

SLACK = 0.01
"""So far beyond its bounds, as a share of their distance, a state may be by what hinges and flooring add."""


@dataclass
class _PopulationInput:
    """One input of a population in the making: who feeds it, in LSB of the real value."""

    population: ProcessPopulation
    index: int
    lsb: Floats
    affine: list[tuple[int, Affine]] = field(default_factory=list)
    """first row, and the affine map of the rows from there on"""


def assemble_processes(plan: ProcessPlan, form: LibraryForm, bits: Mapping[str, int]) -> ProcessGraph:
    """The network of `plan`, whose messages and factors have about as many bits as `bits` says: see `widest`."""
    return _Assembly(plan, form, bits).graph()


class _Assembly:
    def __init__(self, plan: ProcessPlan, form: LibraryForm, bits: Mapping[str, int]) -> None:
        self.plan, self.form, self.lsbs = plan, form, Lsbs(plan, bits)
        self.populations: dict[str, ProcessPopulation] = {}
        self.place: dict[str, tuple[str, int]] = {}
        """the population and first element of each node"""
        self.ports: list[_PopulationInput] = []
        self.lsb, self.knots = self.lsbs.of, self.lsbs.knots

    # --- populations ---------------------------------------------------------------------------------------

    def graph(self) -> ProcessGraph:
        """Make populations, then connections."""
        size = self.plan.nodes[SOURCE].size
        self._population(Kind.SOURCE, 0, size + len(CONSTANTS), [self.plan.nodes[SOURCE]])
        for level in sorted({n.level for n in self.plan.nodes.values()} - {0}):
            here = [n for n in self.plan.nodes.values() if n.level == level]
            self._hinges(level, [n for n in here if isinstance(n, Bank)])
            self._products(level, [n for n in here if isinstance(n, Product)])
            self._simple(Kind.ROOTS, level, [n for n in here if isinstance(n, Root)])
            self._simple(Kind.RELAYS, level, [n for n in here if isinstance(n, Relay)])
        states = {s: self._state(s) for s in self.plan.states}
        output_lsb = even(self.plan.output_magnitude) / 2.0 ** self.lsbs.bits(Kind.SINK, 0)
        self._sink(output_lsb)
        connections: list[ProcessConnection] = []
        for port in self.ports:
            connections += self._connections(port)
        return ProcessGraph(
            self.populations,
            _together(connections),
            states,
            self.lsb[SOURCE],
            output_lsb,
            2**INPUT_BITS,
            self.plan.period,
            self.plan.repeat,
        )

    def _population(self, kind: Kind, level: int, size: int, nodes: Sequence[Node]) -> ProcessPopulation:
        label = population_at(kind, level)
        made = ProcessPopulation(label, kind, size, level, self.lsbs.shift(level) if kind is Kind.PRODUCTS else 0)
        self.populations[label] = made
        sizes = [self.knots[n.name].size if isinstance(n, Bank) else n.size for n in nodes]
        self.place.update({n.name: (label, own.start) for n, own in zip(nodes, slices_of(sizes), strict=True)})
        return made

    def _hinges(self, level: int, banks: Sequence[Bank]) -> None:
        if not banks:
            return
        size = sum(self.knots[b.name].size for b in banks)
        made = self._population(Kind.HINGES, level, size, banks)
        functions = tuple(Functions(self.place[b.name][1], *b.knots.shape) for b in banks)
        self.populations[made.name] = made = replace(made, functions=functions)
        lsb = np.concatenate([np.repeat(self.lsb[b.name], b.knots.shape[1]) for b in banks])
        port = _PopulationInput(made, 0, lsb)
        for bank in banks:
            start, count = self.place[bank.name][1], bank.knots.shape[1]
            x = bank.argument.rows(np.repeat(np.arange(bank.size), count))
            knots = self.knots[bank.name]
            minus = Affine(x.offset - (knots * self.lsb[bank.name].reshape(-1, 1)).ravel(), x.parts)
            port.affine.append((start, minus))
        self.ports.append(port)

    def _products(self, level: int, nodes: Sequence[Product]) -> None:
        if not nodes:
            return
        made = self._population(Kind.PRODUCTS, level, sum(n.size for n in nodes), nodes)
        for index in (0, 1):
            lsb = np.concatenate([self.lsbs.factor((n.a_magnitude, n.b_magnitude)[index], level) for n in nodes])
            rows = [(self.place[n.name][1], (n.a, n.b)[index]) for n in nodes]
            self.ports.append(_PopulationInput(made, index, lsb, rows))

    def _simple(self, kind: Kind, level: int, nodes: Sequence[Root | Relay]) -> None:
        if not nodes:
            return
        made = self._population(kind, level, sum(n.size for n in nodes), nodes)
        lsb = [n.high / 2**ROOT_BITS if isinstance(n, Root) else self.lsb[n.name] for n in nodes]
        self.ports.append(_PopulationInput(made, 0, np.concatenate(lsb), [(self.place[n.name][1], n.x) for n in nodes]))

    def _sink(self, output_lsb: Floats) -> None:
        rows = [(0, self.plan.output)]
        lsb, start = [output_lsb], output_lsb.size
        for name in self.plan.states.values():
            size = self.plan.nodes[name].size
            rows.append((start, Affine(np.zeros(size), {Tap(name): np.eye(size)})))
            lsb.append(self.lsb[name])
            start += size
        levels = [0 if t.before else self.plan.nodes[t.node].level for _, x in rows for t in x.parts]
        made = self._population(Kind.SINK, 1 + max(levels, default=0), start, [])
        self.ports.append(_PopulationInput(made, 0, np.concatenate(lsb), rows))

    def _state(self, state: str) -> StatePlace:
        node = self.plan.states[state]
        (population, start), lsb = self.place[node], self.lsb[node]
        low, high = self.plan.held[state]
        room = SLACK * (high - low) + lsb
        ends = np.floor((low - room) / lsb).astype(np.int64), np.ceil((high + room) / lsb).astype(np.int64)
        return StatePlace(population, start, start + self.plan.nodes[node].size, lsb, *ends)

    # --- connections ---------------------------------------------------------------------------------------

    def _connections(self, port: _PopulationInput) -> list[ProcessConnection]:
        """All that feeds a port: weights by source, then the bias, which makes good what flooring takes."""
        target = port.population
        offset = np.zeros(target.size)
        matrices: dict[tuple[str, bool], Floats] = {}
        for start, affine in port.affine:
            rows = slice(start, start + affine.size)
            offset[rows] += affine.offset / port.lsb[rows]
            for tap, matrix in affine.parts.items():
                node = self.plan.nodes[self.plan.states[tap.node] if tap.before else tap.node]
                label, first = self.place[node.name]
                expanded, added = self._expanded(node, matrix)
                offset[rows] += added / port.lsb[rows]
                expanded = expanded / port.lsb[rows].reshape(-1, 1)
                whole = matrices.setdefault((label, tap.before), np.zeros((target.size, self.populations[label].size)))
                whole[rows, first : first + expanded.shape[1]] += expanded
        found: list[ProcessConnection] = []
        for (label, before), matrix in matrices.items():
            source = self.populations[label]
            delay = target.level - (source.level - (self.plan.period if before else 0)) - 1
            for half, part in enumerate(split_weights(matrix, source.kind is Kind.HINGES, self.form.split_weights)):
                name = f"{label} to {target.name}, port {port.index}, part {half}" + (", before" if before else "")
                weights = part.integers, part.exponent
                found.append(ProcessConnection(name, label, target.name, (port.index,), *weights, delay, before))
                if part.exponent < 0:
                    offset += 0.5 * part.integers.any(axis=1)
        return [*found, *self._bias(port, np.rint(offset).astype(np.int64))]

    def _expanded(self, node: Node, matrix: Floats) -> tuple[Floats, Floats]:
        """Weights per integer of the node's messages, and what is added."""
        if not isinstance(node, Bank):
            return matrix * self.lsb[node.name], np.zeros(len(matrix))
        size, count = node.knots.shape
        factors = coefficients(self.knots[node.name].astype(np.float64), node.values)
        expanded = (matrix[:, :, None] * factors[None]).reshape(len(matrix), size * count)
        return expanded, matrix @ node.values[:, 0]

    def _bias(self, port: _PopulationInput, bias: Integers) -> list[ProcessConnection]:
        if not bias.any():
            return []
        target, features = port.population, self.plan.nodes[SOURCE].size
        weights = np.zeros((target.size, features + len(CONSTANTS)), np.int64)
        weights[:, features:] = bias_weights(bias, CONSTANTS)
        name = f"bias of {target.name}, port {port.index}"
        delay = target.level - 1
        source, ports = Kind.SOURCE.value, (port.index,)
        sends = weights, BIAS_EXPONENT
        return [ProcessConnection(name, source, target.name, ports, *sends, delay, before=False, is_bias=True)]


def _together(connections: Sequence[ProcessConnection]) -> tuple[ProcessConnection, ...]:
    """One connection for the two ports that receive the same."""
    found: list[ProcessConnection] = []
    for new in connections:
        for i, old in enumerate(found):
            place = (old.source, old.target, old.exponent, old.before)
            same = place == (new.source, new.target, new.exponent, new.before)
            if same and np.array_equal(old.weights, new.weights):
                found[i] = replace(old, ports=(*old.ports, *new.ports))
                break
        else:
            found.append(new)
    return tuple(found)
