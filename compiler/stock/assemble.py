"""From the plan of an iteration to integers: LSBs, populations, weights, biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compiler.stock.affine import Affine, Tap
from compiler.stock.form import LibraryForm
from compiler.stock.lower import SOURCE
from compiler.stock.network import (
    BIAS_EXPONENT,
    CONSTANTS,
    Functions,
    Kind,
    Place,
    ProcessConnection,
    ProcessGraph,
    ProcessPopulation,
    factors_of,
)
from compiler.stock.piecewise_linear import coefficients
from compiler.stock.plan import Bank, HostSource, Node, ProcessPlan, Product, Relay, Root
from compiler.stock.reference import inverse_root
from compiler.stock.weights import bias_weights, split
from hw_models.arrays import Floats, Integers

FACTOR_BITS = 15
"""of each factor of a product: together 30, so that no product leaves 32 bits"""
INPUT_BITS = 14
"""of the source's integers"""
MOST_BITS = 19
"""of a message: what is left of 24 are the sign and room for sums that go beyond what is usual"""
SPREAD = 16.0
"""The LSBs of a node's elements differ by at most this factor."""
SLACK = 0.01
"""So far beyond its bounds, as a share of their distance, a state may be by what hinges and flooring add."""
ROOT_BITS = 13
"""of what InvSqrt takes: with more of them its answers get too short, with fewer its arguments"""
ROOT_SCALE = 18
"""InvSqrt answers x with 2^18 / sqrt(x)"""


@dataclass
class _Inlet:
    """One input of a population in the making: who feeds it, in LSB of the real value."""

    population: ProcessPopulation
    index: int
    lsb: Floats
    affine: list[tuple[int, Affine]] = field(default_factory=list)
    """first row, and the affine map of the rows from there on"""


def widest(plan: ProcessPlan) -> dict[str, int]:
    """The most bits that the messages of each population may have, and the factors of products."""
    bits = {population_of(n): MOST_BITS for n in plan.nodes.values()}
    bits |= {factors_of(population_of(n)): FACTOR_BITS for n in plan.nodes.values() if isinstance(n, Product)}
    return {**bits, Kind.SINK.value: MOST_BITS}


def assemble(plan: ProcessPlan, form: LibraryForm, bits: Mapping[str, int]) -> ProcessGraph:
    """The network of `plan`, whose messages and factors have about as many bits as `bits` says: see `widest`."""
    return _Assembly(plan, form, bits).graph()


class _Assembly:
    def __init__(self, plan: ProcessPlan, form: LibraryForm, bits: Mapping[str, int]) -> None:
        self.plan, self.form, self.bits = plan, form, bits
        self.populations: dict[str, ProcessPopulation] = {}
        self.place: dict[str, tuple[str, int]] = {}
        """the population and first element of each node"""
        self.ports: list[_Inlet] = []
        self.lsb = {name: self._lsb(node) for name, node in plan.nodes.items()}
        self.knots = {n: self._knots(b) for n, b in plan.nodes.items() if isinstance(b, Bank)}

    # --- LSBs ----------------------------------------------------------------------------------------------

    def _lsb(self, node: Node) -> Floats:
        """The real weight of the LSB of what a node sends, an element; of a function's hinges."""
        if isinstance(node, HostSource):
            return _even(node.magnitude) / 2**INPUT_BITS
        if isinstance(node, Bank):
            return _even(node.reach) / 2.0 ** self._bits(Kind.HINGES, node.level)
        if isinstance(node, Product):
            factors = [self._factor(m, node.level) for m in (node.a_magnitude, node.b_magnitude)]
            return factors[0] * factors[1] * 2.0 ** self._shift(node.level)
        if isinstance(node, Root):
            return _root_lsb(node)
        return _even(node.magnitude) / 2.0 ** self._bits(Kind.RELAYS, node.level)

    def _bits(self, kind: Kind, level: int) -> int:
        return self.bits[_label(kind, level)]

    def _shift(self, level: int) -> int:
        """How far products at `level` are shifted down to have the bits of their population."""
        return max(0, 2 * self._factor_bits(level) - self._bits(Kind.PRODUCTS, level))

    def _factor_bits(self, level: int) -> int:
        return self.bits[factors_of(_label(Kind.PRODUCTS, level))]

    def _factor(self, magnitude: Floats, level: int) -> Floats:
        return _even(magnitude) / 2.0 ** self._factor_bits(level)

    def _knots(self, bank: Bank) -> Integers:
        """Knots as integers, rising: those that one integer stands for are one LSB apart."""
        knots = np.rint(bank.knots / self.lsb[bank.name].reshape(-1, 1)).astype(np.int64)
        steps = np.arange(knots.shape[1])
        return np.maximum.accumulate(knots - steps, axis=1) + steps

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
        output_lsb = _even(self.plan.output_magnitude) / 2.0 ** self._bits(Kind.SINK, 0)
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
        label = _label(kind, level)
        made = ProcessPopulation(label, kind, size, level, self._shift(level) if kind is Kind.PRODUCTS else 0)
        self.populations[label] = made
        start = 0
        for node in nodes:
            self.place[node.name] = (label, start)
            start += self.knots[node.name].size if isinstance(node, Bank) else node.size
        return made

    def _hinges(self, level: int, banks: Sequence[Bank]) -> None:
        if not banks:
            return
        size = sum(self.knots[b.name].size for b in banks)
        made = self._population(Kind.HINGES, level, size, banks)
        functions = tuple(Functions(self.place[b.name][1], *b.knots.shape) for b in banks)
        self.populations[made.name] = made = replace(made, functions=functions)
        lsb = np.concatenate([np.repeat(self.lsb[b.name], b.knots.shape[1]) for b in banks])
        port = _Inlet(made, 0, lsb)
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
            lsb = np.concatenate([self._factor((n.a_magnitude, n.b_magnitude)[index], level) for n in nodes])
            rows = [(self.place[n.name][1], (n.a, n.b)[index]) for n in nodes]
            self.ports.append(_Inlet(made, index, lsb, rows))

    def _simple(self, kind: Kind, level: int, nodes: Sequence[Root | Relay]) -> None:
        if not nodes:
            return
        made = self._population(kind, level, sum(n.size for n in nodes), nodes)
        lsb = [n.high / 2**ROOT_BITS if isinstance(n, Root) else self.lsb[n.name] for n in nodes]
        self.ports.append(_Inlet(made, 0, np.concatenate(lsb), [(self.place[n.name][1], n.x) for n in nodes]))

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
        self.ports.append(_Inlet(made, 0, np.concatenate(lsb), rows))

    def _state(self, state: str) -> Place:
        node = self.plan.states[state]
        (population, start), lsb = self.place[node], self.lsb[node]
        low, high = self.plan.held[state]
        room = SLACK * (high - low) + lsb
        ends = np.floor((low - room) / lsb).astype(np.int64), np.ceil((high + room) / lsb).astype(np.int64)
        return Place(population, start, start + self.plan.nodes[node].size, lsb, *ends)

    # --- connections ---------------------------------------------------------------------------------------

    def _connections(self, port: _Inlet) -> list[ProcessConnection]:
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
            for half, part in enumerate(split(matrix, source.kind is Kind.HINGES, self.form.split_weights)):
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

    def _bias(self, port: _Inlet, bias: Integers) -> list[ProcessConnection]:
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


def _even(magnitude: Floats) -> Floats:
    """Magnitudes that do not lie too far apart: the smallest ones would make the largest weights of a connection."""
    return np.maximum(magnitude, max(float(magnitude.max(initial=0.0)) / SPREAD, 1e-30))


def _root_lsb(node: Root) -> Floats:
    """InvSqrt is on one side of the truth over whole octaves: its LSB weighs what makes good for that."""
    unit = node.high / 2**ROOT_BITS
    share = np.linspace(0.0, 1.0, 256)
    x = np.rint(np.exp(np.log(node.low / unit)[:, None] * (1 - share) + np.log(node.high / unit)[:, None] * share))
    x = np.maximum(x, 1.0)
    exact = 2.0**ROOT_SCALE / np.sqrt(x)
    found = inverse_root(x.astype(np.int64))
    return (exact / found).mean(axis=1) / (2.0**ROOT_SCALE * np.sqrt(unit))


def population_of(node: Node) -> str:
    """The name of the population that a node is a part of."""
    kinds = {HostSource: Kind.SOURCE, Bank: Kind.HINGES, Product: Kind.PRODUCTS, Root: Kind.ROOTS, Relay: Kind.RELAYS}
    return _label(kinds[type(node)], node.level)


def _label(kind: Kind, level: int) -> str:
    return kind.value if kind in (Kind.SOURCE, Kind.SINK) else f"{kind.name.lower()} {level}"


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
