"""Random small integer graphs, valid for a chip of 24-bit words: for tests that compare executors."""

from __future__ import annotations

from hypothesis import strategies as st

from benchmarks.fuzz.graphs import SMALL, Builder, random_graph
from compiler.graph import IntegerGraph

__all__ = ["SMALL", "Builder", "integer_graphs", "random_graph"]


def integer_graphs() -> st.SearchStrategy[IntegerGraph]:
    """Valid integer graphs: one to four blocks, some repeated, up to three states, all ops of the `loihi2` chip."""
    lengths = st.sampled_from([1, 4, 8, 12, 16])
    return st.builds(
        random_graph, st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 4]), lengths, st.sampled_from([0, 1, 2, 3])
    )
