"""The work of a graph: repeated blocks count as often as they run, a matrix by what it multiplies."""

import numpy as np

from compiler.graph.graph import Block, Graph, Value
from compiler.graph.ops import Add, Input, MatVec, Output
from compiler.graph.workload import Work, work


def test_work() -> None:
    constants = {"one": np.ones(4), "nil": np.zeros(4), "w": np.ones((2, 4)), "scale": np.ones(2), "zero": np.zeros(2)}
    values = {n: Value(n, size) for n, size in (("x", 4), ("y", 2), ("z", 2))}
    first = Block("in", (Input("x", "one", "nil"), MatVec("y", ("x",), "w")))
    blocks = (first, Block("loop", (Add("z", "y", "scale"),), 3), Block("out", (Output("y", "scale", "zero"),)))
    assert work(Graph(blocks, values, constants)) == Work(2 + 3 + 1, 4 + (2 + 2 * 4 // 4) + 3 * 2)
