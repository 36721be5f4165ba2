"""Random small integer graphs, valid for a chip of 24-bit words: what executors are compared on."""

from __future__ import annotations

import numpy as np

from compiler.graph import Block, IntegerGraph, State, Value, ops
from compiler.graph.validate import validate
from hw_models.fixed_point import Format

WIDE = 2**23 - 1
SMALL = 2**15 - 1
"""operands are brought back to 16 bits"""


class Builder:
    """A graph under construction: every method appends an op to the current block and returns its value's name."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.values: dict[str, Value] = {}
        self.constants: dict[str, np.ndarray] = {}
        self.host: dict[str, np.ndarray] = {}
        self.states: list[State] = []
        self.blocks: list[Block] = []
        self.ops: list[ops.Op] = []

    def constant(self, array: object, name: str = "c") -> str:
        name = f"{name}{len(self.constants)}"
        self.constants[name] = np.atleast_1d(np.asarray(array, np.int64))
        return name

    def value(self, size: int, low: int, high: int, name: str | None = None) -> str:
        name = name or f"n{len(self.values)}"
        self.values[name] = Value(name, size, format=Format(0, int(low), int(high)))
        return name

    def size(self, name: str) -> int:
        return self.values[name].size if name in self.values else self.constants[name].size

    def bounds(self, name: str) -> tuple[int, int]:
        if name in self.constants:
            return int(self.constants[name].min()), int(self.constants[name].max())
        form = self.values[name].format
        return form.low, form.high

    def magnitude(self, name: str) -> int:
        return max(abs(b) for b in self.bounds(name))

    def block(self, name: str, repeat: int = 1) -> None:
        """Close the current block under this name."""
        self.blocks.append(Block(name, tuple(self.ops), repeat))
        self.ops = []

    def state(self, name: str, initial: object, low: int = -SMALL, high: int = SMALL) -> None:
        array = np.asarray(initial)
        self.states.append(State(name, array.size, self.constant(array), format=Format(0, low, high)))

    def graph(self) -> IntegerGraph:
        blocks, states = tuple(self.blocks), tuple(self.states)
        return validate(IntegerGraph(blocks, self.values, self.constants, states, host=self.host))

    # --- sources and effects ------------------------------------------------------------------------------

    def input(self, size: int, name: str = "x") -> str:
        out = self.value(size, -SMALL, SMALL, name)
        self.host["in.scale"], self.host["in.offset"] = np.ones(size), np.zeros(size)
        self.ops.append(ops.Input(out, "in.scale", "in.offset"))
        return out

    def read(self, state: str, name: str | None = None) -> str:
        found = next(s for s in self.states if s.name == state)
        out = self.value(found.size, found.format.low, found.format.high, name)
        self.ops.append(ops.StateRead(out, state))
        return out

    def write(self, state: str, x: str) -> None:
        self.ops.append(ops.StateWrite(state, x))

    def output(self, x: str) -> None:
        size = self.size(x)
        self.host["out.scale"], self.host["out.offset"] = np.ones(size), np.zeros(size)
        self.ops.append(ops.Output(x, "out.scale", "out.offset"))

    # --- linear -------------------------------------------------------------------------------------------

    def gather(self, sources: list[str], index: object) -> str:
        index = np.asarray(index)
        bound = max(self.magnitude(s) for s in sources)
        out = self.value(index.size, -bound, bound)
        self.ops.append(ops.Gather(out, tuple(sources), self.constant(index)))
        return out

    def segment_sum(self, x: str, segment: object, size: int) -> str:
        bound = self.magnitude(x) * int(np.bincount(segment, minlength=size).max())
        out = self.value(size, -bound, bound)
        self.ops.append(ops.SegmentSum(out, x, self.constant(segment)))
        return out

    def mat_vec(self, sources: list[str], matrix: object) -> str:
        matrix = np.asarray(matrix)
        reach = np.concatenate([np.full(self.size(s), self.magnitude(s)) for s in sources])
        bound = int((np.abs(matrix) @ reach).max())
        out = self.value(matrix.shape[0], -bound, bound)
        self.constants[f"m{len(self.constants)}"] = matrix
        self.ops.append(ops.MatVec(out, tuple(sources), list(self.constants)[-1]))
        return out

    def convolution(self, x: str, matrix: object, places: object) -> str:
        matrix, places = np.asarray(matrix), np.asarray(places)
        bound = int(np.abs(matrix).sum(axis=1).max()) * self.magnitude(x)
        out = self.value(len(matrix) * len(places), -bound, bound)
        self.constants[f"m{len(self.constants)}"] = matrix
        name = list(self.constants)[-1]
        self.ops.append(ops.MatVec(out, (x,), name, self.constant(places)))
        return out

    # --- elementwise --------------------------------------------------------------------------------------

    def _pair(self, kind: type[ops.Op], a: str, b: str, low: int, high: int) -> str:
        out = self.value(max(self.size(a), self.size(b)), low, high)
        self.ops.append(kind(out, a, b))
        return out

    def add(self, a: str, b: str) -> str:
        (al, ah), (bl, bh) = self.bounds(a), self.bounds(b)
        return self._pair(ops.Add, a, b, al + bl, ah + bh)

    def sub(self, a: str, b: str) -> str:
        (al, ah), (bl, bh) = self.bounds(a), self.bounds(b)
        return self._pair(ops.Sub, a, b, al - bh, ah - bl)

    def minimum(self, a: str, b: str) -> str:
        (al, ah), (bl, bh) = self.bounds(a), self.bounds(b)
        return self._pair(ops.Min, a, b, min(al, bl), min(ah, bh))

    def maximum(self, a: str, b: str) -> str:
        (al, ah), (bl, bh) = self.bounds(a), self.bounds(b)
        return self._pair(ops.Max, a, b, max(al, bl), max(ah, bh))

    def bit_and(self, a: str, b: str) -> str:
        bound = 1 << max(self.magnitude(a), self.magnitude(b)).bit_length()
        high = self.bounds(b)[1] if self.bounds(b)[0] >= 0 else bound - 1
        return self._pair(ops.And, a, b, 0 if self.bounds(b)[0] >= 0 else -bound, high)

    def compare(self, a: str, b: str, relation: ops.Relation) -> str:
        out = self.value(max(self.size(a), self.size(b)), 0, 1)
        self.ops.append(ops.Compare(out, a, b, relation))
        return out

    def select(self, condition: str, a: str, b: str) -> str:
        (al, ah), (bl, bh) = self.bounds(a), self.bounds(b)
        out = self.value(max(map(self.size, (condition, a, b))), min(al, bl), max(ah, bh))
        self.ops.append(ops.Select(out, condition, a, b))
        return out

    def mul_shift(self, a: str, b: str, shift: object) -> str:
        bound = self.magnitude(a) * self.magnitude(b)
        least = int(np.min(shift))
        out = self.value(max(self.size(a), self.size(b)), -((bound >> least) + 1), bound >> least)
        self.ops.append(ops.MulShift(out, a, b, self.constant(shift)))
        return out

    def rescale(self, x: str, shift: int, low: int, high: int) -> str:
        out = self.value(self.size(x), low, high)
        self.ops.append(ops.Rescale(out, x, shift))
        return out

    def shift(self, x: str, amount: str, low: int, high: int) -> str:
        out = self.value(max(self.size(x), self.size(amount)), low, high)
        self.ops.append(ops.Shift(out, x, amount))
        return out

    def polynomial(self, x: str, segments: int, degree: int) -> str:
        low, high = self.bounds(x)
        inner = np.arange(low + 1, high + 1) if high - low < 64 else self.rng.integers(low + 1, high + 1, 4 * segments)
        knots = np.unique(inner)[: segments - 1]
        origins = np.concatenate([[low], knots]) if degree else np.zeros(knots.size + 1)
        coefficients = self.rng.integers(-1000, 1001, (knots.size + 1, degree + 1))
        coefficients[self.rng.random(coefficients.shape) < 0.2] = 0
        shifts = self.rng.integers(16, 20, (knots.size + 1, degree))
        bound = (degree + 2) * 1001
        out = self.value(self.size(x), -bound, bound)
        tables = [self.constant(knots), self.constant(origins)]
        for table in (coefficients, shifts):
            self.constants[f"t{len(self.constants)}"] = table.astype(np.int64)
            tables.append(list(self.constants)[-1])
        self.constants[tables[0]] = knots.astype(np.int64)
        self.ops.append(ops.PiecewisePolynomial(out, x, *tables))
        return out

    def narrow(self, x: str, bound: int = SMALL) -> str:
        """`x` itself where it is within the bound, else rescaled to it."""
        magnitude = self.magnitude(x)
        if magnitude <= bound:
            return x
        return self.rescale(x, max(0, magnitude.bit_length() - bound.bit_length() - 1), -bound, bound)


SIZES = (1, 3, 3, 3, 4)
"""mostly equal, so that values meet elementwise"""


def random_graph(seed: int, blocks: int, length: int, states: int) -> IntegerGraph:
    """A random graph of `blocks` blocks with up to `length` random ops each."""
    b = Builder(seed)
    rng = b.rng
    for number in range(states):
        bound = int(rng.integers(1, SMALL))
        b.state(f"s{number}", rng.integers(-bound, bound + 1, rng.choice(SIZES)), -bound, bound)
    repeats = [*rng.choice([1, 1, 2, 3], blocks - 1).tolist(), 1]
    # what depends on nothing but constants would have been folded: a block without a value stays empty
    entry = rng.choice([n for n, repeat in enumerate(repeats) if repeat == 1 or states])
    if rng.random() < 0.6 and (repeats[0] == 1 or states):
        entry = 0
    visible: list[str] = []
    for number, repeat in enumerate(repeats):
        pool = list(visible)
        if number == entry:
            pool.append(b.input(int(rng.choice(SIZES))))
        last = number == blocks - 1
        pool += [b.read(s.name) for s in b.states if rng.random() < 0.6 or (last and not pool)]
        for _ in range(rng.integers(length // 2, length + 1) if pool else 0):
            pool.append(_op(b, pool))
        for state in b.states:
            fitting = [n for n in pool if b.size(n) == state.size]
            if fitting and rng.random() < 0.6:
                x = b.rescale(_pick(rng, fitting), int(rng.integers(0, 4)), state.format.low, state.format.high)
                b.write(state.name, x)
        if last:
            b.output(_pick(rng, pool))
        b.block(f"b{number}", repeat)
        visible = pool if repeat == 1 else visible
    return b.graph()


def _pick(rng: np.random.Generator, names: list[str]) -> str:
    """One of the names, mostly a late one: chains grow long."""
    return names[max(rng.integers(0, len(names)), rng.integers(0, len(names)))]


def _op(b: Builder, pool: list[str]) -> str:
    rng = b.rng
    source = _pick(rng, pool)
    kind = int(rng.integers(0, 16))
    if kind <= 6:
        return _linear(b, source, pool, kind)
    x = b.narrow(source)
    y = _partner(b, pool, x)
    if kind <= 9:
        return b.add(x, y) if rng.random() < 0.5 else b.sub(y, x)
    if kind == 10:
        return b.minimum(x, y) if rng.random() < 0.5 else b.maximum(x, y)
    if kind == 11:
        condition = b.compare(x, y, list(ops.Relation)[rng.integers(0, 3)])
        return b.select(condition, y, x) if rng.random() < 0.7 else condition
    if kind == 12:
        return b.bit_and(x, y)
    if kind == 13:
        return b.mul_shift(x, y, rng.integers(8, 20, 1 if rng.random() < 0.5 else b.size(x)))
    low, high = -int(rng.integers(0, SMALL)), int(rng.integers(0, SMALL))
    if kind == 14:
        if rng.random() < 0.5:
            amount = b.sub(b.bit_and(x, b.constant([3])), b.constant([1]))
        else:
            span = [(-3, 1), (0, 4), (-3, 4), (2, 3)][rng.integers(0, 4)]
            amount = b.constant(rng.integers(*span, b.size(x)))
        if rng.random() < 0.2:  # without 0, but with a multiple of 2^4
            low = int(rng.integers(1, 1000))
            low, high = sorted(int(rng.choice([-1, 1])) * n for n in (low, low + int(rng.integers(16, SMALL))))
        return b.shift(x, amount, low, high)
    if rng.random() < 0.3:
        return b.rescale(x, int(rng.integers(0, 6)), low, high)
    return b.polynomial(x, int(rng.integers(1, 10)), int(rng.integers(0, 4)))


def _partner(b: Builder, pool: list[str], x: str) -> str:
    """A second operand: mostly a value of the same size, else a constant."""
    fitting = [n for n in pool if b.size(n) == b.size(x)]
    if fitting and b.rng.random() < 0.75:
        return b.narrow(_pick(b.rng, fitting))
    return b.constant(b.rng.integers(-200, 200, 1 if b.rng.random() < 0.5 else b.size(x)))


def _linear(b: Builder, first: str, pool: list[str], kind: int) -> str:
    """Gathers, segment sums and products; now and then of each other."""
    rng = b.rng
    bound = int(rng.choice([60, 255, SMALL]))
    sources = list(dict.fromkeys([first, _pick(rng, pool)][: rng.integers(1, 3)]))
    sources = [s if b.magnitude(s) <= bound else b.narrow(s, bound) for s in sources]
    total, size = sum(map(b.size, sources)), int(rng.choice(SIZES))
    if kind <= 2:
        return b.gather(sources, rng.integers(0, total, size))
    if kind == 3:
        return b.segment_sum(sources[0], rng.integers(0, size, b.size(sources[0])), size)
    highest = min(255, WIDE // (total * max(map(b.magnitude, sources)) + 1))
    matrix = rng.integers(-highest, highest + 1, (size, total))
    matrix[rng.random(matrix.shape) < 0.3] = 0
    if len(sources) == 1 and rng.random() < 0.5:
        places = [rng.permutation(total + 2)[: matrix.shape[1]] for _ in range(int(rng.choice(SIZES)))]
        return b.convolution(sources[0], matrix[: int(rng.integers(1, 3))], np.minimum(places, total))
    return b.mat_vec(sources, matrix)
