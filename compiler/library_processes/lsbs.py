"""What an integer of each node's messages weighs: LSBs, from the bits that populations may have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.library_processes.process_graph import Kind, factors_of
from compiler.library_processes.process_plan import Bank, HostSource, Node, ProcessPlan, Product, Relay, Root
from compiler.library_processes.reference import inverse_root
from hw_models.arrays import Floats, Integers

FACTOR_BITS = 15
"""of each factor of a product: together 30, so that no product leaves 32 bits"""
INPUT_BITS = 14
"""of the source's integers"""
MOST_BITS = 19
"""of a message: what is left of 24 are the sign and room for sums that go beyond what is usual"""
SPREAD = 16.0
"""The LSBs of a node's elements differ by at most this factor."""
ROOT_BITS = 13
"""of what InvSqrt takes: with more of them its answers get too short, with fewer its arguments"""
ROOT_SCALE = 18
"""InvSqrt answers x with 2^18 / sqrt(x)"""


def widest(plan: ProcessPlan) -> dict[str, int]:
    """The most bits that the messages of each population may have, and the factors of products."""
    bits = {population_name(n): MOST_BITS for n in plan.nodes.values()}
    bits |= {factors_of(population_name(n)): FACTOR_BITS for n in plan.nodes.values() if isinstance(n, Product)}
    return {**bits, Kind.SINK.value: MOST_BITS}


class Lsbs:
    """The LSBs of the nodes of a plan, whose messages have about as many `bits` a population."""

    def __init__(self, plan: ProcessPlan, bits: Mapping[str, int]) -> None:
        self._bits = bits
        self.of = {name: self._lsb(node) for name, node in plan.nodes.items()}
        self.knots = {n: self._knots(b) for n, b in plan.nodes.items() if isinstance(b, Bank)}

    def _lsb(self, node: Node) -> Floats:
        """The real weight of the LSB of what a node sends, an element; of a function's hinges."""
        if isinstance(node, HostSource):
            return even(node.magnitude) / 2**INPUT_BITS
        if isinstance(node, Bank):
            return even(node.reach) / 2.0 ** self.bits(Kind.HINGES, node.level)
        if isinstance(node, Product):
            factors = [self.factor(m, node.level) for m in (node.a_magnitude, node.b_magnitude)]
            return factors[0] * factors[1] * 2.0 ** self.shift(node.level)
        if isinstance(node, Root):
            return _root_lsb(node)
        return even(node.magnitude) / 2.0 ** self.bits(Kind.RELAYS, node.level)

    def bits(self, kind: Kind, level: int) -> int:
        """Those of the messages of a population."""
        return self._bits[population_at(kind, level)]

    def shift(self, level: int) -> int:
        """How far products at `level` are shifted down to have the bits of their population."""
        return max(0, 2 * self._factor_bits(level) - self.bits(Kind.PRODUCTS, level))

    def _factor_bits(self, level: int) -> int:
        return self._bits[factors_of(population_at(Kind.PRODUCTS, level))]

    def factor(self, magnitude: Floats, level: int) -> Floats:
        """The LSB of a factor of products at `level`."""
        return even(magnitude) / 2.0 ** self._factor_bits(level)

    def _knots(self, bank: Bank) -> Integers:
        """Knots as integers, rising: those that one integer stands for are one LSB apart."""
        knots = np.rint(bank.knots / self.of[bank.name].reshape(-1, 1)).astype(np.int64)
        steps = np.arange(knots.shape[1])
        return np.maximum.accumulate(knots - steps, axis=1) + steps


def even(magnitude: Floats) -> Floats:
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


def population_name(node: Node) -> str:
    """The name of the population that a node is a part of."""
    kinds = {HostSource: Kind.SOURCE, Bank: Kind.HINGES, Product: Kind.PRODUCTS, Root: Kind.ROOTS, Relay: Kind.RELAYS}
    return population_at(kinds[type(node)], node.level)


def population_at(kind: Kind, level: int) -> str:
    """The name of the population of a kind at a level."""
    return kind.value if kind in (Kind.SOURCE, Kind.SINK) else f"{kind.name.lower()} {level}"
