"""A quotient's shifts by its octave: each in the leaf that knows how far, the same integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from graph_strategies import SMALL, Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.assembly.table_shifts import Stepped, with_table_shifts
from compiler.graph import ops
from compiler.mapping import map_network
from hw_models import isa
from hw_models.chip import load_chip
from hw_models.fixed_point import Format

CHIP = load_chip("loihi2")


def quotient(seed: int, reach: int, clip: int, reread: bool = False) -> Builder:
    """Two values shifted by what a table of the first one says: one to the right, the other either way."""
    b = Builder(seed)
    both = b.input(6)
    d = b.rescale(b.gather([both], np.arange(3)), 0, -reach, reach)
    a = b.rescale(b.gather([both], np.arange(3, 6)), 0, -SMALL, SMALL)
    octave = b.polynomial(d, 6, 0)
    table = b.ops[-1].coefficients
    b.constants[table] = b.rng.integers(-3, 5, b.constants[table].shape)
    down = b.sub(octave, b.constant([6]))
    for name, form in ((octave, Format(0, -3, 4)), (down, Format(0, -9, -2))):
        b.values[name] = replace(b.values[name], format=form)
    normal = b.shift(d, down, -clip, clip)
    numerator = b.shift(b.add(a, b.constant([5])), octave, -8 * clip, 16 * clip)
    total = b.add(normal, b.narrow(numerator))
    b.output(b.add(total, octave) if reread else total)
    b.block("all")
    return b


def joined(b: Builder) -> list[Stepped]:
    graph = b.graph()
    elementwise = [op for _, op in graph.ops() if isinstance(op, ops.Elementwise)]
    found = with_table_shifts(elementwise, graph, {op.out for op in elementwise})
    return [op for op in found if isinstance(op, Stepped)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**30), st.integers(2, SMALL), st.integers(16, SMALL), st.booleans())
def test_they_are_the_same_integers(seed, reach, clip, reread):
    graph = quotient(seed, reach, clip, reread).graph()
    x = np.random.default_rng(seed).integers(-SMALL, SMALL + 1, (4, 20, 6))
    x[..., :3] = np.clip(x[..., :3], -reach, reach)
    assert_mapped_equals(graph, map_network(graph, CHIP), x)


def test_each_leaf_shifts_by_numbers():
    b = quotient(1, SMALL, 900)
    (found,) = joined(b)
    assert len(found.shifts) == 2
    populations = map_network(b.graph(), CHIP).populations
    shifts = [i for p in populations for i in p.listing if isinstance(i, (isa.ShiftLeft, isa.ShiftRight))]
    assert len(shifts) > 6 and all(isinstance(i.amount, isa.Immediate) for i in shifts)


def test_a_number_that_something_else_reads_is_kept():
    assert joined(quotient(1, SMALL, 900, reread=True)) == []
