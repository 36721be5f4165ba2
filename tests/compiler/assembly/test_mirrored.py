"""Symmetric functions as one tree over x: fewer instructions, the same integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.assembly import code_instructions
from compiler.assembly.mirrored import Mirrored, mirrored
from compiler.graph import ops
from compiler.mapping import map_network
from hw_models import isa
from hw_models.chip import load_chip
from hw_models.fixed_point import Format

CHIP = load_chip("loihi2")


def symmetric(seed: int, segments: int, degree: int, reach: int, whole: int | None, reread: str = "") -> Builder:
    """A polynomial of |x|, mirrored where there is a whole; something else reads the part `reread`, too."""
    b = Builder(seed)
    x = b.rescale(b.input(5), 0, -reach, reach)
    zero = b.constant([0])
    opposite = b.sub(zero, x)
    argument = b.maximum(x, opposite)
    b.values[argument] = replace(b.values[argument], format=Format(0, 0, reach))  # which intervals do not see
    half = b.polynomial(argument, segments, degree)
    parts = {"opposite": opposite, "argument": argument, "half": half}
    out = half
    if whole is not None:
        rest = b.sub(b.constant([whole]), half)
        negative = b.compare(x, zero, ops.Relation.LESS)
        out = b.select(negative, rest, half)
        parts |= {"rest": rest, "negative": negative}
    b.output(b.add(b.narrow(out), b.narrow(parts[reread])) if reread else b.add(out, b.constant([3])))
    b.block("all")
    return b


def folded(b: Builder) -> list[Mirrored]:
    graph = b.graph()
    elementwise = [op for _, op in graph.ops() if isinstance(op, ops.Elementwise)]
    found = mirrored(elementwise, graph, {op.out for op in elementwise})
    return [op for op in found if isinstance(op, Mirrored)]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**30),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(2, SMALL),
    st.sampled_from([None, 0, 65536, -7]),
    st.sampled_from(["", "", "opposite", "argument", "half"]),
)
def test_they_are_the_same_integers(seed, segments, degree, reach, whole, reread):
    b = symmetric(seed, segments, degree, reach, whole, reread)
    graph = b.graph()
    edges = b.constants[next(op for _, op in graph.ops() if isinstance(op, ops.PiecewisePolynomial)).knots]
    near = np.concatenate([s * edges + d for s in (-1, 1) for d in (-1, 0, 1)] + [np.arange(-3, 4)])
    x = np.resize(np.concatenate([near, np.random.default_rng(seed).integers(-reach, reach + 1, 40)]), (4, 10, 5))
    assert_mapped_equals(graph, map_network(graph, CHIP), np.clip(x, -reach, reach))


@pytest.mark.parametrize("whole", [None, 65536])
def test_a_symmetric_function_is_one_tree(whole):
    b = symmetric(3, 8, 3, SMALL, whole)
    (form,) = folded(b)
    assert (form.x, form.whole) == ("n1", whole)
    (population,) = map_network(b.graph(), CHIP).populations
    kinds = {type(i) for i in population.listing}
    assert not kinds & {isa.Compare, isa.Select, isa.Maximum}
    assert code_instructions(population.listing) > 2 * 8 * 8


@pytest.mark.parametrize("part", ["opposite", "argument", "half", "rest", "negative"])
def test_what_something_else_reads_stays(part):
    assert not any(form.whole for form in folded(symmetric(3, 8, 3, SMALL, 65536, part)))


def test_what_is_no_mirror_stays():
    b = Builder(0)
    x = b.rescale(b.input(5), 0, -99, 99)
    above = b.maximum(x, b.sub(b.constant([1]), x))
    b.output(b.polynomial(above, 4, 2))
    b.block("all")
    assert folded(b) == []
