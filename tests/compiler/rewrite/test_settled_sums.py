"""Sums of a solver's sub-steps: fewer instructions, the same states and outputs."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.graph import IntegerGraph, ops
from compiler.interpreters.reference import prepare_reference, run_prepared
from compiler.mapping import map_network
from compiler.rewrite.settled_sums import settle_sums
from hw_models.chip import load_chip

CHIP = load_chip("loihi2")


def solver(seed: int, shift: int = 3, drained: bool = True, clips: bool = False) -> IntegerGraph:
    """A sum that only the input drives, a leak, and rounding: as in a sub-step of an LTC."""
    b = Builder(seed)
    b.state("v", b.rng.integers(-99, 99, 4))
    once = b.mat_vec([b.input(3)], b.rng.integers(-9, 10, (4, 3)))
    b.block("input")
    v = b.read("v")
    total = b.add(b.add(b.mat_vec([v], b.rng.integers(-9, 10, (4, 4))), once), b.constant(b.rng.integers(-99, 99, 4)))
    kept = v if drained else b.add(total, b.constant(b.rng.integers(-99, 99, 4)))
    if drained:
        total = b.sub(total, b.narrow(b.mul_shift(v, b.constant([7]), [2])))
    bound = 50 if clips else (b.magnitude(total) >> shift) + 1
    rounded = b.rescale(total, shift, -bound, bound)
    b.write("v", b.rescale(b.add(b.narrow(rounded), b.narrow(kept)), 1, -SMALL, SMALL))
    b.block("solver", 3)
    b.output(b.read("v"))
    b.block("output")
    return b.graph()


def of_solver(graph: IntegerGraph, kind: type[ops.Op]) -> int:
    return sum(isinstance(op, kind) for block, op in graph.ops() if block.name == "solver")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**30), st.integers(0, 9), st.booleans(), st.booleans())
def test_states_and_outputs_stay(seed, shift, drained, clips):
    graph = solver(seed, shift, drained, clips)
    x = np.random.default_rng(seed).integers(-SMALL, SMALL + 1, (3, 5, 3))
    whole, settled = (run_prepared(prepare_reference(g), x) for g in (graph, settle_sums(graph, CHIP.word_high)))
    assert np.array_equal(whole.outputs, settled.outputs)
    assert np.array_equal(whole.states["v"], settled.states["v"])
    assert_mapped_equals(graph, map_network(graph, CHIP), x)


@pytest.mark.parametrize("drained", [True, False])
def test_what_stays_the_same_leaves_the_sub_step(drained):
    graph = solver(1, drained=drained)
    settled = settle_sums(graph, CHIP.word_high)
    assert of_solver(settled, ops.Add) == of_solver(graph, ops.Add) - 1
    assert of_solver(settled, ops.Rescale) == of_solver(graph, ops.Rescale) - 1, "its half is in the sum before"


def test_a_clip_and_a_full_word_stay():
    clipped = solver(1, clips=True)
    assert of_solver(settle_sums(clipped, CHIP.word_high), ops.Rescale) == of_solver(clipped, ops.Rescale)
    graph = solver(1)
    assert settle_sums(graph, 1).blocks == graph.blocks, "no sum of a word of two bits"
