"""What a proof knows holds for every run, and is tight enough to be of use."""

from dataclasses import replace

import numpy as np
import pytest
from graph_strategies import SMALL, Builder, integer_graphs
from hypothesis import assume, given, settings

from compiler.graph.ops import And, SegmentSum
from compiler.graph.segments import Segments
from compiler.interpreters.reference import run_reference
from compiler.ranges.proven import prove
from hw_models.chip import load_chip
from hw_models.errors import GraphError

LOIHI2 = load_chip("loihi2")


def test_the_bits_of_products_and_sums():
    b = Builder()
    x = b.input(3)
    product = b.mul_shift(x, b.constant([255, 1, -256]), [8])
    total = b.segment_sum(x, np.array([1, 0, 1]), 2)
    row = b.mat_vec([x], [[3, -2, 0]])
    b.output(b.gather([product, total, row], [0, 1, 2, 3, 4, 5]))
    b.block("only")
    proven = prove(b.graph(), LOIHI2)
    assert proven.product_bits == {product: (256 * SMALL).bit_length() + 1}
    assert proven.sum_bits == {total: (2 * SMALL).bit_length() + 1, row: (5 * SMALL).bit_length() + 1}
    assert proven.bits == 32 and proven.spans[total].most == 2 * SMALL


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("low", "high"), [(-1, 200), (-200, 1), (3, 200)])
def test_the_bits_of_a_product_are_those_of_its_longest_factors(low, high, swapped):
    b = Builder()
    x = b.input(1)
    factor = b.rescale(x, 0, low, high)
    product = b.mul_shift(*((factor, x) if swapped else (x, factor)), [8])
    b.output(product)
    b.block("only")
    assert prove(b.graph(), LOIHI2).product_bits == {product: (200 * SMALL).bit_length() + 1}


@pytest.mark.parametrize("weight", [2**8, -(2**8), 2**63 - 1, -(2**63)])
def test_a_weight_that_no_synapse_holds_is_refused(weight):
    b = Builder()
    b.output(b.mat_vec([b.input(2)], [[3, 5]]))
    b.block("only")
    graph = b.graph()
    matrices = {n: np.array([[3, weight]]) for n, c in graph.constants.items() if c.ndim == 2}
    with pytest.raises(GraphError, match="has a weight above 255"):
        prove(replace(graph, constants={**graph.constants, **matrices}), LOIHI2)


@pytest.mark.parametrize(("low", "clips"), [(-SMALL, False), (-SMALL + 1, True), (0, True)])
def test_what_can_saturate(low, clips):
    b = Builder()
    y = b.rescale(b.input(1), 0, low, SMALL)
    b.output(y)
    b.block("only")
    found = prove(b.graph(), LOIHI2).saturations
    assert [(s.block, s.value, s.form.low, s.reaches.least) for s in found] == [("only", y, low, -SMALL)] * clips


def test_segments_are_sorted_and_keep_their_elements():
    b = Builder()
    x = b.input(5)
    b.output(b.segment_sum(x, np.array([3, 0, 3, 1, 0]), 4))
    b.block("only")
    proven = prove(b.graph(), LOIHI2)
    (op,) = (op for op in proven.graph.blocks[0].ops if isinstance(op, SegmentSum))
    found = proven.segments[op.out]
    assert found.order.tolist() == [1, 4, 3, 0, 2] and not found.in_order
    assert found.starts.tolist() == [0, 2, 3] and found.filled.tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    "broken",
    [
        {"order": [1, 4, 3, 0, 0]}, {"order": [1, 4, 3, 0]}, {"starts": [1, 2, 3]}, {"starts": [0, 3, 2]},
        {"starts": [0, 2, 5]}, {"starts": [0, 2]}, {"filled": [0, 3, 1]}, {"filled": [0, 1]},
    ],
)  # fmt: skip
def test_segments_that_are_not_sorted_are_none(broken):
    parts = {"order": [1, 4, 3, 0, 2], "starts": [0, 2, 3], "filled": [0, 1, 3]}
    assert Segments(**{n: np.array(part) for n, part in parts.items()}).in_order is False
    with pytest.raises(GraphError, match="not sorted"):
        Segments(**{n: np.array(part) for n, part in (parts | broken).items()})


@settings(max_examples=40, deadline=None)
@given(integer_graphs())
def test_nothing_else_saturates_in_random_graphs(graph):
    masks = [graph.constants.get(op.b, np.array([-1])) for _, op in graph.ops() if isinstance(op, And)]
    assume(all(np.all(m >= 0) and not np.any(m & (m + 1)) for m in masks))  # else `prove` refuses
    proven = prove(graph, LOIHI2)
    x = np.random.default_rng(0).integers(-SMALL, SMALL + 1, (4, 3, graph.size("x")))
    run = run_reference(proven.graph, x)
    assert run.saturations.keys() <= {s.value for s in proven.saturations}
    assert {b.name: len(b.computed) + len(b.commits) + len(b.outputs) for b in graph.blocks} == {
        b.name: len(b.ops) for b in graph.blocks
    }


@pytest.mark.parametrize(("constant", "bits"), [(2**31 - 1, 32), (2**31, 64)])
def test_the_largest_constant_of_32_bits(constant, bits):
    chip = replace(LOIHI2, lava=False, word_bits=64)
    b = Builder()
    b.output(b.minimum(b.input(1), b.constant([constant])))
    b.block("only")
    assert prove(b.graph(), chip).bits == bits


@pytest.mark.parametrize("beyond", ["nothing", "constant", "format", "product", "sum", "shift"])
def test_32_bits_hold_all_that_is_computed_or_64_are_told(beyond):
    """A chip of wide words and short products, too: its sums do not fit."""
    chip = replace(LOIHI2, lava=False, word_bits=64, product_bits=62)
    b = Builder()
    y = b.mul_shift(b.input(3), b.constant([2**15]), [0])
    if beyond == "constant":
        y = b.minimum(y, b.constant([2**32]))
    if beyond == "product":
        y = b.mul_shift(y, b.constant([2**2]), [20])
    if beyond == "sum":
        y = b.segment_sum(y, np.array([0, 0, 0]), 1)
    high = 2**31 if beyond == "format" else 2**10
    b.output(b.rescale(y, 31 if beyond == "shift" else 4, -high, high))
    b.block("only")
    proven = prove(b.graph(), chip)
    assert proven.bits == (32 if beyond == "nothing" else 64)
