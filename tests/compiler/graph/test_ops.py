"""Every integer op: a graph with it, and its meaning in Python integers."""

from __future__ import annotations

import numpy as np
from graph_strategies import SMALL, Builder
from op_test import OpTest, Sample, is_basic

from compiler.graph import ops


def clip(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


class TestGather(OpTest):
    def build(self, b: Builder, x: str) -> str:
        doubled = b.add(x, x)
        return b.gather([x, doubled], [4, 0, 0, 2])

    def answer(self, x: Sample) -> Sample:
        return [2 * x[1], x[0], x[0], x[2]]


class TestSegmentSum(OpTest):
    size = 5

    def build(self, b: Builder, x: str) -> str:
        return b.segment_sum(x, [2, 0, 2, 0, 0], 4)

    def answer(self, x: Sample) -> Sample:
        return [x[1] + x[3] + x[4], 0, x[0] + x[2], 0]


class TestMatVec(OpTest):
    def build(self, b: Builder, x: str) -> str:
        small = b.rescale(x, 4, -2048, 2048)
        return b.mat_vec([small, b.mul_shift(small, b.constant([3]), [2])], [[255, -255, 0, 1, 0, -7], [0] * 6])

    def answer(self, x: Sample) -> Sample:
        s = [(v + 8) >> 4 for v in x]
        m = [(3 * v) >> 2 for v in s]
        return [255 * s[0] - 255 * s[1] + m[0] - 7 * m[2], 0]

    noise = 255 * 1.0 + 8 * 1.75


class TestConvolution(OpTest):
    size = 4

    def build(self, b: Builder, x: str) -> str:
        small = b.rescale(x, 4, -2048, 2048)
        return b.convolution(small, [[255, -255, 3], [0, 1, 0]], [[4, 0, 1], [1, 2, 3], [3, 4, 4]])

    def answer(self, x: Sample) -> Sample:
        s = [(v + 8) >> 4 for v in x]
        return [-255 * s[0] + 3 * s[1], 255 * s[1] - 255 * s[2] + 3 * s[3], 255 * s[3], s[0], s[2], 0]

    noise = 255 * 1.0 + 3 * 0.5


class TestAdd(OpTest):
    def build(self, b: Builder, x: str) -> str:
        return b.add(b.gather([x], [1, 2, 0]), x)

    def answer(self, x: Sample) -> Sample:
        return [x[1] + x[0], x[2] + x[1], x[0] + x[2]]


class TestSub(OpTest):
    def build(self, b: Builder, x: str) -> str:
        return b.sub(b.constant([7]), x)

    def answer(self, x: Sample) -> Sample:
        return [7 - v for v in x]


class TestMin(OpTest):
    def build(self, b: Builder, x: str) -> str:
        return b.minimum(x, b.constant([-2, 0, 300]))

    def answer(self, x: Sample) -> Sample:
        return [min(v, c) for v, c in zip(x, (-2, 0, 300), strict=True)]


class TestMax(OpTest):
    def build(self, b: Builder, x: str) -> str:
        return b.maximum(b.constant([-2, 0, 300]), x)

    def answer(self, x: Sample) -> Sample:
        return [max(v, c) for v, c in zip(x, (-2, 0, 300), strict=True)]


class TestLess(OpTest):
    relation = ops.Relation.LESS

    def build(self, b: Builder, x: str) -> str:
        return b.compare(x, b.constant([-1, 0, 255]), self.relation)

    def answer(self, x: Sample) -> Sample:
        return [int(v < c) for v, c in zip(x, (-1, 0, 255), strict=True)]


class TestLessEqual(TestLess):
    relation = ops.Relation.LESS_EQUAL

    def answer(self, x: Sample) -> Sample:
        return [int(v <= c) for v, c in zip(x, (-1, 0, 255), strict=True)]


class TestEqual(TestLess):
    relation = ops.Relation.EQUAL

    def answer(self, x: Sample) -> Sample:
        return [int(v == c) for v, c in zip(x, (-1, 0, 255), strict=True)]


class TestSelect(OpTest):
    def build(self, b: Builder, x: str) -> str:
        other = b.gather([x], [1, 2, 0])
        return b.select(b.compare(x, other, ops.Relation.LESS), x, b.constant([5, -6, 7]))

    def answer(self, x: Sample) -> Sample:
        return [v if v < x[(i + 1) % 3] else (5, -6, 7)[i] for i, v in enumerate(x)]


class TestMulShift(OpTest):
    noise = 0.5

    def build(self, b: Builder, x: str) -> str:
        return b.mul_shift(x, b.constant([-32767, 3, 12345]), [15, 7, 13])

    def answer(self, x: Sample) -> Sample:
        return [(v * c) >> s for v, c, s in zip(x, (-32767, 3, 12345), (15, 7, 13), strict=True)]


class TestMulShiftOfValues(OpTest):
    noise = 0.5

    def build(self, b: Builder, x: str) -> str:
        return b.mul_shift(x, b.gather([x], [1, 2, 0]), [9])

    def answer(self, x: Sample) -> Sample:
        return [(v * x[(i + 1) % 3]) >> 9 for i, v in enumerate(x)]


class TestShift(OpTest):
    """Left with saturation, right with floor, each element its own way."""

    noise = None
    low, high = -5000, 4999

    def build(self, b: Builder, x: str) -> str:
        return b.shift(x, b.constant([3, 0, -2]), self.low, self.high)

    def answer(self, x: Sample) -> Sample:
        left = clip(x[0], -(-self.low >> 3), self.high >> 3) * 8
        return [left, clip(x[1], self.low, self.high), clip(x[2] >> 2, self.low, self.high)]


class TestShiftByAValue(OpTest):
    noise = None

    def build(self, b: Builder, x: str) -> str:
        amount = b.sub(b.bit_and(x, b.constant([3])), b.constant([1]))
        return b.shift(x, amount, -70000, 70000)

    def answer(self, x: Sample) -> Sample:
        found = []
        for v in x:
            amount = (v & 3) - 1
            found.append(v >> 1 if amount < 0 else clip(v, -(70000 >> amount), 70000 >> amount) << amount)
        return found


class TestRescale(OpTest):
    noise = 0.5

    def build(self, b: Builder, x: str) -> str:
        return b.rescale(x, 3, -4096, 4096)

    def answer(self, x: Sample) -> Sample:
        return [(v + 4) // 8 for v in x]


class TestSaturatingRescale(OpTest):
    noise = None

    def build(self, b: Builder, x: str) -> str:
        return b.rescale(x, 1, -300, 127)

    def answer(self, x: Sample) -> Sample:
        return [clip((v + 1) // 2, -300, 127) for v in x]


class TestAnd(OpTest):
    noise = None

    def build(self, b: Builder, x: str) -> str:
        return b.bit_and(x, b.constant([1, 255, 4095]))

    def answer(self, x: Sample) -> Sample:
        return [v % m for v, m in zip(x, (2, 256, 4096), strict=True)]


class TestPolynomial(OpTest):
    """Three quadratics; an edge belongs to the segment on its right."""

    noise = None
    knots = (-1, 256)
    origins = (-SMALL, 0, 256)
    coefficients = ((-3, 5, 900), (10, -2000, 77), (4096, 0, -1))
    shifts = ((12, 17), (9, 11), (0, 30))

    def build(self, b: Builder, x: str) -> str:
        for name in ("knots", "origins", "coefficients", "shifts"):
            b.constants[name] = np.array(getattr(self, name))
        out = b.value(3, -(2**17), 2**17)
        b.ops.append(ops.PiecewisePolynomial(out, x, "knots", "origins", "coefficients", "shifts"))
        return out

    def answer(self, x: Sample) -> Sample:
        found = []
        for v in x:
            k = sum(knot <= v for knot in self.knots)
            t, (c0, c1, c2), (s0, s1) = v - self.origins[k], self.coefficients[k], self.shifts[k]
            found.append((((((c2 * t) >> s1) + c1) * t) >> s0) + c0)
        return found


class TestState(OpTest):
    """A read gives what held when the iteration began; a write is in force when it has ended."""

    noise = None

    def build(self, b: Builder, x: str) -> str:
        b.state("s", [1, -2, 3], -1000, 1000)
        old = b.read("s")
        b.write("s", b.rescale(b.add(x, b.add(old, old)), 1, -1000, 1000))
        return b.add(old, b.read("s"))

    def answer(self, x: Sample) -> Sample:
        return self.answers([x])[0]

    def answers(self, sequence: list[Sample]) -> list[Sample]:
        state, found = [1, -2, 3], []
        for x in sequence:
            found.append([2 * s for s in state])
            state = [clip((v + 2 * s + 1) // 2, -1000, 1000) for v, s in zip(x, state, strict=True)]
        return found


class TestRepeatedBlock(OpTest):
    """Two states that swap in each of three iterations: all writes of an iteration take effect together."""

    def build(self, b: Builder, x: str) -> str:
        b.state("p", [10, 20, 30], -99, 99)
        b.state("q", [0, 0, 1], -99, 99)
        b.block("once")
        p, q = b.read("p"), b.read("q")
        b.write("p", b.rescale(q, 0, -99, 99))
        b.write("q", b.rescale(p, 0, -99, 99))
        b.block("swap", 3)
        return b.add(b.sub(b.read("p"), b.read("q")), x)

    def answer(self, x: Sample) -> Sample:
        return self.answers([x])[0]

    def answers(self, sequence: list[Sample]) -> list[Sample]:
        p, q, found = [10, 20, 30], [0, 0, 1], []
        for x in sequence:
            p, q = q, p
            found.append([a - b + v for a, b, v in zip(p, q, x, strict=True)])
        return found


def test_every_basic_integer_op_has_a_test():
    kinds = [c for c in globals().values() if isinstance(c, type) and issubclass(c, OpTest) and c is not OpTest]
    tested = {type(op) for kind in kinds for _, op in kind().graph().ops()}
    assert tested == {op for op in ops.OPS.values() if op.integer and is_basic(op)}
