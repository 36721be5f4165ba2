"""Each template, executed by the interpreter, against the reference's kernel for the op."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.assembly import Scratch, Spot, code_instructions, executed_instructions, listing_text, select
from compiler.graph import ops
from compiler.interpreters.reference import run_reference
from compiler.simulator.interpreter import Interpreter
from hw_models import isa
from hw_models.chip import load_chip
from hw_models.errors import ChipError

CHIP = load_chip("loihi2")
SIZE = 40
EDGES = np.array([-SMALL, -SMALL + 1, -1, 0, 1, SMALL - 1, SMALL])


def listing_of(b: Builder) -> list[isa.Instruction]:
    """The template of the builder's last op; values and constants are words of their names."""
    graph = b.graph()
    op = [op for _, op in graph.ops() if isinstance(op, ops.Elementwise)][-1]
    return select(op, isa.Word(str(op.result)), Spot(graph, CHIP, isa.Word, Scratch()))


def assert_template(b: Builder, result: str) -> None:
    """The op on 16-bit integers: the reference's result equals that of the executed template."""
    b.output(result)
    b.block("all")
    x = b.rng.integers(-SMALL, SMALL + 1, SIZE)
    x[: EDGES.size] = EDGES
    run = run_reference(b.graph(), x[None, None], record=list(b.values))
    words = {n: np.asarray(c, np.int32) for n, c in b.constants.items()}
    words = {n: int(w[0]) if w.shape == (1,) else w for n, w in words.items()}
    words |= {n: v[0, 0].astype(np.int32) for n, v in run.record.items() if n != result}
    Interpreter(listing_of(b), (SIZE,)).tick(words, [])
    assert np.array_equal(np.broadcast_to(words[result], SIZE), run.record[result][0, 0])


def operands(seed: int) -> tuple[Builder, str, str]:
    b = Builder(seed)
    x = b.input(SIZE)
    return b, x, b.constant(b.rng.integers(-SMALL, SMALL + 1, SIZE))


SEEDS = st.integers(0, 2**32 - 1)
cases = settings(max_examples=40, deadline=None)


@cases
@given(SEEDS, st.sampled_from(["add", "sub", "minimum", "maximum", "bit_and"]), st.booleans())
def test_two_operands(seed, method, swap):
    b, x, y = operands(seed)
    assert_template(b, getattr(b, method)(*((y, x) if swap else (x, y))))


@cases
@given(SEEDS, st.sampled_from(ops.Relation))
def test_compare_and_select(seed, relation):
    b, x, y = operands(seed)
    assert_template(b, b.compare(x, y, relation))
    b, x, y = operands(seed)
    assert_template(b, b.select(b.compare(x, y, relation), y, x))


@cases
@given(SEEDS, st.one_of(st.just(None), st.integers(8, 30)))
def test_mul_shift(seed, shift):
    b, x, y = operands(seed)
    assert_template(b, b.mul_shift(x, y, b.rng.integers(8, 31, SIZE) if shift is None else [shift]))


@cases
@given(SEEDS, st.integers(0, 9), st.integers(-40000, 0), st.integers(0, 40000))
def test_rescale(seed, shift, low, high):
    b, x, _ = operands(seed)
    assert_template(b, b.rescale(x, shift, low, high))


@pytest.mark.parametrize("shift", [1, 2, 7, 22])
def test_rescale_of_the_widest_word_does_not_leave_it(shift):
    b, x, _ = operands(3)
    wide = b.mul_shift(x, b.constant(b.rng.integers(500, 512, SIZE)), [1])
    b.value(SIZE, -(2**23), 2**23 - 1, wide)
    result = b.rescale(wide, shift, -(2**23), 2**23 - 1)
    assert code_instructions(listing_of_last(b)) == 3
    assert_template(b, result)


def listing_of_last(b: Builder) -> list[isa.Instruction]:
    """The template of the last op, and the builder as it was."""
    rows = list(b.ops)
    b.output(list(b.values)[-1])
    b.block("all")
    listing = listing_of(b)
    b.blocks.clear()
    b.ops = rows
    return listing


@cases
@given(SEEDS, st.integers(-8, 8), st.integers(0, 8), st.integers(-SMALL, 0), st.integers(0, SMALL), st.booleans())
def test_shift(seed, least, span, low, high, from_value):
    b, x, _ = operands(seed)
    if from_value:
        amount = b.sub(b.bit_and(x, b.constant([7])), b.constant([-least]))
    else:
        amount = b.constant(b.rng.integers(least, least + span + 1, SIZE))
    assert_template(b, b.shift(x, amount, low, high))


@cases
@given(SEEDS, st.integers(-3, 3), st.integers(0, 3), st.integers(0, 99), st.integers(0, 99), st.integers(-2, 2))
def test_shift_left_of_what_fits_or_just_does_not(seed, least, span, low, high, slack):
    b, x, _ = operands(seed)
    x, most = b.rescale(x, 4, -low, high), max(0, least + span)
    amount = b.constant(b.rng.integers(least, least + span + 1, SIZE))
    bounds = (min(0, (-low << most) - slack), max(0, (high << most) + slack))
    assert_template(b, b.shift(x, amount, *bounds))


@pytest.mark.parametrize(("low", "high"), [(-9180, -349), (349, 9180)])
@pytest.mark.parametrize("least", [0, -2])
@pytest.mark.parametrize("near", [-138, 138])
def test_bounds_on_one_side_of_zero_hold_for_the_smallest_shift(low, high, least, near):
    """The smallest amount leaves least room below 0: looked at for the largest alone, -138 << 0 stood above -349."""
    b = Builder(0)
    x = b.input(SIZE)
    x = b.minimum(x, b.constant([near])) if high < 0 else b.maximum(x, b.constant([near]))
    assert_template(b, b.shift(x, b.constant(np.resize(np.arange(least, 4), SIZE)), low, high))


def test_a_shift_that_cannot_clip_is_one_instruction():
    b, x, _ = operands(0)
    x = b.rescale(x, 4, -900, 800)
    b.shift(x, b.constant(b.rng.integers(0, 3, SIZE)), -3600, 3200)
    assert code_instructions(listing_of_last(b)) == 1


@pytest.mark.parametrize(("amounts", "instructions"), [([-3], 1), ([-3, -2], 2)])
def test_a_shift_right_by_an_amount_that_is_known_needs_no_register(amounts, instructions):
    b, x, _ = operands(0)
    shifted = b.shift(x, b.constant(np.resize(amounts, SIZE)), -SMALL, SMALL)
    assert code_instructions(listing_of_last(b)) == instructions
    assert_template(b, shifted)


@cases
@given(SEEDS, st.integers(1, 17), st.integers(0, 3), st.integers(2, SMALL))
def test_polynomial(seed, segments, degree, reach):
    b, x, _ = operands(seed)
    x = b.rescale(x, 0, -reach, reach)
    assert_template(b, b.polynomial(x, segments, degree))


def test_polynomial_executes_what_the_numerics_sheet_counts():
    b, x, _ = operands(0)
    b.rng = np.random.default_rng(4)
    b.polynomial(x, 8, 3)
    listing = listing_of_last(b)
    # three compares of two instructions each, the leaf's distance and three multiply-shift and add, one jump
    assert executed_instructions(listing, 1)[0] == 3 * 2 + 1 + 3 * 2 + 1
    assert code_instructions(listing) <= 83
    assert listing_text(listing).startswith("  skip to l3_4 unless ")


def test_a_chip_without_division_says_so():
    b, x, y = operands(0)
    out = b.value(SIZE, -SMALL, SMALL)
    b.ops.append(ops.Divide(out, x, y, 0))
    b.output(out)
    b.block("all")
    with pytest.raises(ChipError, match="no instruction for Divide"):
        listing_of(b)
