"""Sums that are looked at as a whole, in graphs built by hand."""

from __future__ import annotations

import numpy as np

from compiler.graph.builder import GraphBuilder
from compiler.graph.ops import Add, Gather, Mul, SegmentSum
from compiler.graph.origin import Origin
from compiler.steps.wide_sums import WideSums, wide_sums


class Synapses:
    """Two units that read one another through four synapses."""

    def __init__(self) -> None:
        self.builder = GraphBuilder()
        self.x = self.builder.input(2, Origin("", "x", None, None))

    def gathered(self, x: str) -> str:
        index = self.builder.index(np.array([0, 0, 1, 1]), "index")
        return self._op(4, lambda out: Gather(out, (x,), index))

    def times(self, a: str, numbers: list[float]) -> str:
        constant = self.builder.constant(np.array(numbers), "numbers")
        return self._op(4, lambda out: Mul(out, a, constant))

    def add(self, a: str, b: str) -> str:
        return self._op(4, lambda out: Add(out, a, b))

    def summed(self, x: str) -> str:
        segment = self.builder.index(np.array([0, 1, 0, 1]), "segment")
        return self._op(2, lambda out: SegmentSum(out, x, segment))

    def _op(self, size: int, make) -> str:
        return self.builder.append(make, size, Origin("", "value", None, None))

    def found(self, answer: str) -> tuple[WideSums, dict[str, str]]:
        """Those of the graph that answers so, and what its values are called there."""
        self.builder.output(answer)
        graph, names = self.builder.graph()
        return wide_sums(graph), names


def test_what_a_sum_alone_reads_is_inside_it_but_for_what_a_mask_leaves_out():
    model = Synapses()
    terms = model.times(model.times(model.gathered(model.x), [1.0, 2.0, 3.0, 4.0]), [1.0, 1.0, 0.0, 1.0])
    answer = model.summed(terms)
    wide, names = model.found(answer)
    (only,) = wide.of.values()
    assert only.op.out == names[answer]
    assert len(only.ops) == len(wide.inside) == 2
    assert only.used.tolist() == [0, 1, 3]
    assert only.sources().tolist() == [[0, 0, 1]]


def test_two_sums_may_share_their_terms():
    model = Synapses()
    terms = model.times(model.gathered(model.x), [1.0, 2.0, 3.0, 4.0])
    one, other = model.summed(terms), model.summed(model.times(terms, [1.0, -1.0, -1.0, 1.0]))
    wide, _ = model.found(model.summed(model.add(model.gathered(one), model.gathered(other))))
    assert len(wide.of) == 3


def test_synapses_that_go_on_are_looked_at_one_by_one():
    model = Synapses()
    terms = model.times(model.gathered(model.x), [1.0, 2.0, 3.0, 4.0])
    later = model.add(model.times(terms, [0.9] * 4), model.gathered(model.summed(terms)))
    wide, _ = model.found(model.summed(later))
    assert not wide.of
