"""The proof that a network keeps within the chip's and Lava's widths, whatever comes.

Lava's processes wrap silently where a number is too wide, so none may be. Every population's messages get
bounds, level by level. A function's hinges are bounded together: their weighted sum is piecewise linear in the one
sum that they share, so its extremes lie at the knots. States enter without any bound at first: what is computed from
them passes through functions that are flat outside their knots, so that bounds come out nevertheless; with these,
all is bounded once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compiler.library_processes.process_graph import (
    CONSTANTS,
    Kind,
    ProcessConnection,
    ProcessGraph,
    ProcessPopulation,
    factors_of,
)
from compiler.library_processes.weights import LEAST, MOST
from hw_models.arrays import Floats

WORD = 2.0**23
"""Messages and sums are below: 24 bits with the sign."""
LONG = 2.0**31
"""Lava sums and multiplies in 32 bits, and only then shifts."""
ANYTHING = 2.0**40


@dataclass(frozen=True)
class Bounds:
    """Of each element."""

    low: Floats
    high: Floats

    @property
    def magnitude(self) -> float:
        """The largest of any."""
        return float(max(np.abs(self.low).max(initial=0.0), np.abs(self.high).max(initial=0.0)))

    def or_silence(self) -> Bounds:
        """The same, and 0: before the first iteration nothing has been sent."""
        return Bounds(np.minimum(self.low, 0.0), np.maximum(self.high, 0.0))


@dataclass(frozen=True)
class Failure:
    """What can leave its width, and whose bits are too many, by the names of `widest`: by how many, None for any."""

    text: str
    population: str
    bits: int | None


def failures(network: ProcessGraph) -> list[Failure]:
    """What can leave its width, each with its numbers; empty for a network that is proven."""
    return _Proof(network).failures()


def reached(network: ProcessGraph) -> dict[str, Bounds]:
    """The bounds of every population's messages, whatever comes: nothing else may be handed in as a state."""
    proof = _Proof(network)
    proof.failures()
    return {name: b.or_silence() for name, b in proof.sent.items()}


class _Proof:
    def __init__(self, network: ProcessGraph) -> None:
        self.network = network
        self.feeds: dict[tuple[str, int], list[ProcessConnection]] = {}
        for c in self.network.connections:
            for port in c.ports:
                self.feeds.setdefault((c.target, port), []).append(c)

    def failures(self) -> list[Failure]:
        """Bound everything twice, then compare with the widths."""
        before = {n: _anything(p.size) for n, p in self.network.populations.items()}
        for _ in range(2):
            self.before, self.sent, self.shared, self.found = before, {}, {}, list[Failure]()
            for population in self.network.populations.values():
                self.sent[population.name] = self._messages(population)
            before = {name: b.or_silence() for name, b in self.sent.items()}
        for connection in self.network.connections:
            self._check_connection(connection)
        return self.found

    def _messages(self, p: ProcessPopulation) -> Bounds:
        if p.kind is Kind.SOURCE:
            limit = np.full(self.network.features, float(self.network.input_limit))
            constants = np.array(CONSTANTS, np.float64)
            return Bounds(np.concatenate([-limit, constants]), np.concatenate([limit, constants]))
        if p.kind is Kind.HINGES:
            return self._hinges(p)
        a = self._port(p, 0)
        received = _receiver(p)
        self._check(f"the sums of {p.name}", received, a.magnitude, WORD)
        if p.kind is Kind.ROOTS:
            if a.low.min() <= 0:
                text = f"{p.name} can get {a.low.min():.0f}, and InvSqrt takes positive numbers only"
                self.found.append(Failure(text, p.name, None))
            low = np.maximum(a.low, 1.0)
            return Bounds(np.zeros(p.size), 2.0**18 / np.sqrt(low) + 1.0)
        if p.kind is Kind.PRODUCTS:
            b = self._port(p, 1)
            self._check(f"the sums of {p.name}", received, b.magnitude, WORD)
            ends = np.stack([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high])
            self._check(f"a product of {p.name}", received, float(np.abs(ends).max()), LONG, shared=2)
            least = np.where(self._squares(p), np.maximum(ends.min(axis=0), 0.0), ends.min(axis=0))
            a = Bounds(np.floor(least * 2.0**-p.shift), np.floor(ends.max(axis=0) * 2.0**-p.shift))
        self._check(f"the messages of {p.name}", p.name, a.magnitude, WORD)
        return a

    def _squares(self, p: ProcessPopulation) -> npt.NDArray[np.bool_]:
        """Which products have twice the same factor: their ports receive the same."""
        same = np.ones(p.size, bool)
        received: dict[tuple[str, bool, int], Floats] = {}
        for port, sign in ((0, 1.0), (1, -1.0)):
            for c in self.feeds.get((p.name, port), []):
                key = (c.source, c.before, c.exponent)
                received[key] = received.get(key, np.zeros(c.weights.shape)) + sign * c.weights
        for difference in received.values():
            same &= ~difference.any(axis=1)
        return same

    def _hinges(self, p: ProcessPopulation) -> Bounds:
        """Bounds of the sum that the hinges of a function share, kept in `shared`, and of what each sends."""
        bias = self._bias(p)
        moving = self._port(p, 0, biased=False)
        self.shared[p.name] = moving
        found = Bounds(np.maximum(moving.low + bias, 0.0), np.maximum(moving.high + bias, 0.0))
        self._check(f"the messages of {p.name}", p.name, float(found.high.max()), WORD)
        return found

    def _bias(self, p: ProcessPopulation) -> Floats:
        total = np.zeros(p.size)
        for c in self.feeds.get((p.name, 0), []):
            if c.is_bias:
                total += _exact(c) @ self.sent[Kind.SOURCE.value].high
        return total

    def _port(self, p: ProcessPopulation, port: int, biased: bool = True) -> Bounds:
        """Of the sum of all connections that feed a port."""
        low, high = np.zeros(p.size), np.zeros(p.size)
        weights: dict[tuple[str, bool, bool], Floats] = {}
        for c in self.feeds.get((p.name, port), []):
            if c.is_bias and not biased:
                continue
            key = (c.source, c.before, c.is_bias)
            weights[key] = weights[key] + _exact(c) if key in weights else _exact(c)
            low -= (c.exponent < 0) & c.weights.any(axis=1) & (not c.is_bias)  # what flooring takes
        for (source, before, _), matrix in weights.items():
            part = self._weighted(source, before, matrix)
            low, high = low + part.low, high + part.high
        return Bounds(low, high)

    def _weighted(self, source: str, before: bool, matrix: Floats) -> Bounds:
        """Of matrix @ messages."""
        messages = (self.before if before else self.sent)[source]
        if self.network.populations[source].kind is Kind.HINGES:
            return self._functions(source, matrix)
        up, down = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        return Bounds(up @ messages.low + down @ messages.high, up @ messages.high + down @ messages.low)

    def _functions(self, source: str, matrix: Floats) -> Bounds:
        """Of a sum of functions: each at its knots and at the ends of what its hinges share."""
        hinges = self.network.populations[source]
        bias, shared = self._bias(hinges), self.shared[source]
        low, high = np.zeros(len(matrix)), np.zeros(len(matrix))
        for function in hinges.functions:
            size, count = function.size, function.count
            columns = slice(function.start, function.start + size * count)
            offsets = bias[columns].reshape(size, count)
            least, most = (b[columns].reshape(size, count)[:, :1] for b in (shared.low, shared.high))
            points = np.concatenate([least, np.clip(-offsets, least, most), most], axis=1)
            heights = np.maximum(points[:, :, None] + offsets[:, None, :], 0.0)
            for element in range(size):
                first = function.start + element * count
                values = matrix[:, first : first + count] @ heights[element].T
                low += values.min(axis=1)
                high += values.max(axis=1)
        return Bounds(low, high)

    def _check_connection(self, c: ProcessConnection) -> None:
        """A connection's weights, and its own sum before and after its shift."""
        if c.weights.max() > MOST or c.weights.min() < LEAST:
            text = f"the weights of {c.name} are {c.weights.min()}..{c.weights.max()}, and must lie in {LEAST}..{MOST}"
            target = self.network.populations[c.target]
            self.found.append(Failure(text, _receiver(target), 1))
        sums = self._weighted(c.source, c.before, c.weights.astype(np.float64)).magnitude
        self._check(f"a sum of {c.name}", c.source, sums, LONG)
        target = self.network.populations[c.target]
        self._check(f"a shifted sum of {c.name}", _receiver(target), sums * 2.0**c.exponent, WORD)

    def _check(self, what: str, population: str, reached: float, limit: float, shared: int = 1) -> None:
        """Note what can reach its limit; `shared`: among how many factors the bits that are too many are shared."""
        if not reached < limit:
            bits = int(np.log2(reached / limit) / shared) + 1
            text = f"{what} can reach {reached:.4g}, and must stay below {limit:.0f}"
            self.found.append(Failure(text, population, bits))


def _receiver(p: ProcessPopulation) -> str:
    """Whose bits are too many where what `p` receives is too wide."""
    return factors_of(p.name) if p.kind is Kind.PRODUCTS else p.name


def _exact(c: ProcessConnection) -> Floats:
    return c.weights.astype(np.float64) * 2.0**c.exponent


def _anything(size: int) -> Bounds:
    return Bounds(np.full(size, -ANYTHING), np.full(size, ANYTHING))
