"""The checker finds what disturbs a read; the matrices compose exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.mapping import Connection, Port
from compiler.mapping.sparse import Sparse, summed
from compiler.mapping.traffic import Read, check_reads, disturbances
from hw_models.errors import GraphError


def connection(name: str, source: Port, target: Port, delay: int = 0) -> Connection:
    one = np.zeros(1, np.int64)
    return Connection(name, source, target, (1, 1), one, one, one + 1, delay)


A, B, IN = Port("a"), Port("b"), Port(None)
SENDS = {A: {0: "u", 2: "w"}, IN: {0: "x"}}


def test_a_read_that_finds_its_message():
    assert not disturbances(SENDS, [connection("c", A, B)], [Read(B, 1, {"c": "u"})], period=4)


@pytest.mark.parametrize(
    ("connections", "read"),
    [
        ([connection("c", A, B)], Read(B, 2, {"c": "u"})),  # a tick too late
        ([connection("c", A, B)], Read(B, 3, {"c": "u"})),  # another value on the same port
        ([connection("c", A, B), connection("d", A, B, delay=2)], Read(B, 3, {"c": "w"})),  # a late stray
        ([connection("c", A, B), connection("d", A, B, delay=6)], Read(B, 1, {"c": "u"})),  # of an earlier sample
        ([connection("c", A, B), connection("x", IN, B)], Read(B, 3, {"c": "w"})),  # noise of the input
        ([connection("x", IN, B, delay=1)], Read(B, 1, {"x": "x"})),  # its own delay
        ([connection("c", A, B, delay=4)], Read(B, 1, {"c": "u"})),  # the sample before
    ],
)
def test_a_read_that_is_disturbed(connections, read):
    with pytest.raises(GraphError, match="exactly its own"):
        check_reads(SENDS, connections, [read], period=4)


def dense(m: Sparse) -> np.ndarray:
    whole = np.zeros(m.shape, np.int64)
    np.add.at(whole, (m.rows, m.columns), m.weights)
    return whole


def sparse(array: np.ndarray) -> Sparse:
    rows, columns = np.nonzero(array)
    return Sparse(array.shape, rows, columns, array[rows, columns])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_matrices_are_exact(seed, m, k, n):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(-3, 4, s) * rng.integers(0, 2, s) for s in ((m, k), (k, n)))
    product = sparse(a).after(sparse(b))
    assert np.array_equal(dense(product), a @ b)
    assert np.all(product.weights != 0)
    assert np.array_equal(dense(sparse(a).plus(sparse(-a[::-1]))), a - a[::-1])
    assert np.array_equal(dense(sparse(a).part(slice(1, k))), a[:, 1:])
    assert np.array_equal(sparse(a).row_sums(), np.abs(a).sum(1))
    assert np.array_equal(dense(sparse(a).of_sign(-1)), np.minimum(a, 0))
    assert summed((1, 1), np.zeros(2, int), np.zeros(2, int), np.array([3, -3])).weights.size == 0
