"""Where elements lie that are added up: each once, and the lanes of a result hold its own."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import Builder
from native_agreement import machines, native_agrees

from compiler.graph.integers import as_integers
from compiler.loops.loop_plan import plan_loops
from compiler.native.kernel import ALONG, lanes
from compiler.native.slots import NONE, all_in_slots, slots


@pytest.mark.parametrize("size", [1, 3, 8, 11, 40])
@pytest.mark.parametrize("elements", [0, 1, 7, 60])
def test_each_element_is_added_to_its_result(size: int, elements: int):
    rng = np.random.default_rng(size)
    segment, x = rng.integers(0, size, elements), rng.integers(-99, 99, elements)
    where = slots(segment, size, 8)
    placed = where.elements[where.elements != NONE]
    assert sorted(placed.tolist()) == [*range(elements)]
    sums = np.where(where.elements == NONE, 0, np.append(x, 0)[where.elements]).sum(axis=1)
    if len(where.lanes_of):
        sums = np.where(where.lanes_of == NONE, 0, sums[0][where.lanes_of]).sum(axis=0)
    expected = np.bincount(segment, x, size)
    assert np.array_equal(sums.ravel()[:size], expected)
    assert not sums.ravel()[size:].any()


@pytest.mark.parametrize("cpu", machines(), ids=str)
@pytest.mark.parametrize("size", [5, 150])
def test_sums_of_one_sequence(cpu, size: int):
    rng, b = np.random.default_rng(0), Builder()
    taken = b.gather([b.input(9)], rng.integers(0, 9, 300))
    terms = [b.mul_shift(taken, b.constant(rng.integers(-9, 9, 300)), 1) for _ in range(2)]
    b.output(b.add(*(b.segment_sum(term, np.arange(300) * 7 % size, size) for term in terms)))
    b.block("sample")
    graph = as_integers(b.graph())
    assert all_in_slots(graph, plan_loops(graph), (), lanes(32, cpu, ALONG))
    native_agrees(graph, rng.integers(-50, 50, (2, 3, 9)), cpu=cpu)
