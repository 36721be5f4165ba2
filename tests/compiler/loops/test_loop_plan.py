"""Which ops share a loop, what is stored between loops, and where that lies."""

from __future__ import annotations

from graph_strategies import Builder

from compiler.graph import IntegerGraph, ops
from compiler.loops.loop_plan import Loop, plan_loops
from compiler.loops.row_memory import memory


def sums() -> tuple[IntegerGraph, str, str]:
    """x + x by its neighbours, added up; with the names of the first sum and of the last."""
    b = Builder()
    x = b.input(4)
    doubled = b.add(x, x)
    total = b.segment_sum(b.add(doubled, b.gather([doubled], [1, 2, 3, 0])), [0, 0, 1, 1], 2)
    b.output(total)
    b.block("sample")
    return b.graph(), doubled, total


def test_what_is_read_at_any_element_ends_a_loop():
    graph, doubled, total = sums()
    (block,) = plan_loops(graph).blocks
    first, second = block.steps
    assert isinstance(first, Loop) and [op.result for op in first.ops] == [doubled]
    assert isinstance(second, Loop) and [type(op) for op in second.ops] == [ops.Add, ops.SegmentSum]
    assert {doubled, total} <= plan_loops(graph).stored
    assert plan_loops(graph, record=["x"]).stored == plan_loops(graph).stored


def test_sums_can_stand_alone():
    graph, _, total = sums()
    *_, last = plan_loops(graph, sums_apart=True).blocks[0].steps
    assert isinstance(last, ops.SegmentSum) and last.out == total


def test_rows_do_not_overlap_and_a_gather_takes_those_of_its_source():
    graph, doubled, _ = sums()
    for whole in (1, 8):
        steps = plan_loops(graph)
        found = memory(graph, steps, whole)
        rows = [found.first(n, {}) + i for n in steps.stored for i in range(graph.size(n))]
        assert len(rows) == len(set(rows)) and max(rows) < found.zero < found.size
        assert all(found.first(n, {}) % whole == 0 for n in steps.stored)
    (gather,) = (op for _, op in graph.ops() if isinstance(op, ops.Gather))
    first = found.first(doubled, {})
    assert found.taken(gather, {}).tolist() == [first + 1, first + 2, first + 3, first]


def test_what_is_the_same_in_all_iterations_may_be_computed_before_the_first():
    b = Builder()
    b.state("v", [0, 0])
    x = b.input(2)
    b.block("input")
    doubled = b.add(x, x)
    b.write("v", b.narrow(b.add(b.read("v"), doubled)))
    b.block("repeat", repeat=3)
    b.output(b.read("v"))
    b.block("output")
    graph = b.graph()
    _, once, rest, _ = plan_loops(graph, once=[doubled]).blocks
    assert [op.result for op in once.block.ops] == [doubled] and once.block.repeat == 1
    assert rest.block.repeat == 3 and doubled not in {op.result for op in rest.block.ops}
    assert doubled in plan_loops(graph, once=[doubled]).stored
    assert len(plan_loops(graph).blocks) == 3
