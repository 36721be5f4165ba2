"""What is known of a quotient by the root of a sum of squares, and what only looks like one."""

import numpy as np
import pytest

from compiler.graph import Block, Graph, Value
from compiler.graph.ops import Add, Apply, Div, Gather, Input, Mul, Op, Output, SegmentSum
from compiler.ranges.norms import comes_from_root, largest_share

SIZE = 4


def norm(numerator: str = "x", eps: float = 1e-5, segment: tuple[int, ...] = (0, 0, 1, 1)) -> Graph:
    """numerator / (2 sqrt(3 * sum of x^2 over pairs + eps))."""
    ops: list[Op] = [
        Input("x", "one", "zero"),
        Mul("scaled", "x", "weights"),
        Apply("other", "x", "tanh"),
        Mul("square", "x", "x"),
        SegmentSum("sum", "square", "segment"),
        Mul("mean", "sum", "three"),
        Add("guarded", "mean", "eps"),
        Apply("root", "guarded", "sqrt"),
        Mul("twice", "root", "two"),
        Gather("each", ("twice",), "pairs"),
        Div("y", numerator, "each"),
        Output("y", "one", "zero"),
    ]
    sizes = {"sum": 2, "mean": 2, "guarded": 2, "root": 2, "twice": 2}
    values = {op.result: Value(op.result, sizes.get(op.result, SIZE)) for op in ops if op.result is not None}
    constants = {
        "one": np.ones(1), "zero": np.zeros(1), "two": np.full(1, 2.0), "three": np.full(1, 3.0),
        "eps": np.full(1, eps), "weights": np.array([1.0, -2.0, 0.5, 4.0]),
        "segment": np.array(segment), "pairs": np.array([0, 0, 1, 1]),
    }  # fmt: skip
    return Graph((Block("all", tuple(ops)),), values, constants, ())


def quotient(graph: Graph) -> Div:
    return next(op for _, op in graph.ops() if isinstance(op, Div))


@pytest.mark.parametrize(("numerator", "factors"), [("x", np.ones(4)), ("scaled", np.array([1.0, 2.0, 0.5, 4.0]))])
def test_the_bound_is_the_largest_that_occurs(numerator, factors):
    graph = norm(numerator)
    share = largest_share(graph, quotient(graph), graph.makers)
    assert share is not None and np.allclose(share, factors / (2 * np.sqrt(3)))


@pytest.mark.parametrize(
    "graph",
    [norm("other"), norm(eps=-1e-5), norm(segment=(1, 1, 0, 0)), norm(segment=(0, 1, 0, 1))],
    ids=["another numerator", "less than the sum", "other pairs", "sums across"],
)
def test_nothing_is_claimed_of_what_is_no_norm(graph):
    share = largest_share(graph, quotient(graph), graph.makers)
    assert share is None or bool(np.all(np.isnan(share)))
    assert comes_from_root(graph, quotient(graph))
