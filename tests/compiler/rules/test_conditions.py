"""Each condition of a design rule by itself: one side, one step over its limit, and one that just keeps it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from designs import EMPTY, design_of
from graph_strategies import Builder

from compiler.graph.graph import Graph
from compiler.graph.ops import Divide
from compiler.quantize.precision import Precision
from compiler.rules import Design, Finding
from compiler.rules.finding import Severity, errors
from compiler.rules.instructions import MOST_SEGMENTS, division, table
from compiler.rules.widths import accumulator, message, overflow, product, weight, word
from hw_models.chip import load_chip

LOIHI2 = replace(load_chip("loihi2"), lava=False)


def found(rule, graph: Graph, **narrower) -> list[Finding]:
    return list(rule(design_of(graph, replace(LOIHI2, **narrower))))


def value(low: int, high: int, declared: tuple[int, int] | None = None) -> Graph:
    """An input of 3 elements clipped to low..high, and sent out; its format may say something else."""
    b = Builder()
    x = b.rescale(b.input(3), 0, low, high)
    y = b.add(x, b.constant([0]))
    if declared is not None:
        b.values[y] = replace(b.values[y], format=replace(b.values[y].format, low=declared[0], high=declared[1]))
    b.output(y)
    b.block("sample")
    return b.graph()


@pytest.mark.parametrize(
    ("low", "high", "count"), [(-128, 127, 0), (-129, 127, 2), (-128, 128, 2), (-129, 5, 2), (-5, 128, 2), (0, 127, 0)]
)
def test_a_word_has_two_ends(low: int, high: int, count: int) -> None:
    """8 bits hold -128..127. The value and the sum with 0 are named; the input has 16 bits and is named too."""
    names = [f.where for f in found(word, value(low, high), word_bits=8)]
    assert len(names) == 1 + count and names[0] == "x"


@pytest.mark.parametrize(
    ("declared", "count"), [((-128, 127), 0), ((-129, 127), 1), ((-128, 128), 1), ((-200, 90), 1), ((-90, 200), 1)]
)
def test_a_format_has_two_ends(declared: tuple[int, int], count: int) -> None:
    """The values fit; what the format says may not."""
    texts = [f.message for f in found(word, value(-10, 10, declared), word_bits=8)]
    assert texts[1:] == ["its format is wider than a word"] * count


@pytest.mark.parametrize(("bits", "count"), [(16, 0), (15, 1)])
def test_a_state_is_held_in_a_word(bits: int, count: int) -> None:
    b = Builder()
    b.input(1)
    b.state("s", [0], -(2**15), 2**15 - 1)
    b.write("s", b.rescale(b.read("s"), 0, -10, 10))
    b.output(b.constant([1]))
    b.block("sample")
    named = [f for f in found(word, b.graph(), word_bits=bits) if f.where == "s"]
    assert [f.message for f in named] == ["a state is wider than a word"] * count
    assert all("16 bits" in f.numbers and f.limit == f"{bits} bits" for f in named)


@pytest.mark.parametrize(
    ("declared", "count"),
    [((-20, 10), 0), ((-19, 10), 1), ((-20, 9), 1), ((-30, 30), 0), ((-30, 9), 1), ((-19, 30), 1)],
)
def test_a_value_leaves_its_format_at_either_end(declared: tuple[int, int], count: int) -> None:
    assert [f.rule for f in found(overflow, value(-20, 10, declared))] == ["overflow"] * count


def test_what_holds_no_value_overflows_nothing() -> None:
    """A state's reads and writes have the bounds that they have."""
    b = Builder()
    b.state("s", [0], -10, 10)
    b.write("s", b.rescale(b.read("s"), 0, -10, 10))
    b.output(b.gather([b.input(1)], [0]))
    b.block("sample")
    assert found(overflow, b.graph()) == [] and found(word, b.graph(), word_bits=16) == []


@pytest.mark.parametrize(("largest", "count"), [(255, 0), (256, 1), (-255, 0), (-256, 1)])
def test_weights_of_either_sign(largest: int, count: int) -> None:
    b = Builder()
    b.output(b.mat_vec([b.rescale(b.input(2), 8, -100, 100)], [[largest, 0], [1, -1]]))
    b.block("sample")
    assert len(found(weight, b.graph())) == count


def test_a_wide_message_is_named_once_however_often_it_is_sent() -> None:
    b = Builder()
    x = b.input(2)
    b.output(b.add(b.gather([x], [0, 1]), b.gather([x, b.constant([1, 2])], [1, 2])))
    b.block("sample")
    assert [f.where for f in found(message, b.graph(), message_bits=15)][:1] == ["x"]
    assert [f.where for f in found(message, b.graph(), message_bits=15)].count("x") == 1
    assert found(message, b.graph(), message_bits=17) == []


def test_what_stays_in_its_neuron_is_no_message() -> None:
    b = Builder()
    wide = b.add(b.input(2), b.constant([2**18]))
    b.output(b.rescale(wide, 8, -2000, 2000))
    b.block("sample")
    assert found(message, b.graph(), message_bits=16) == []


@pytest.mark.parametrize(("bits", "rules"), [(11, []), (10, ["accumulator"])])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_leaves_the_accumulator_at_either_end(bits: int, rules: list[str], sign: int) -> None:
    """4 * (0..255) is 1,020 at most: 11 bits with the sign."""
    b = Builder()
    low, high = (0, 255) if sign > 0 else (-255, 0)
    b.output(b.mat_vec([b.rescale(b.input(2), 0, low, high)], [[1, 3]]))
    b.block("sample")
    named = found(accumulator, b.graph(), word_bits=bits)
    assert [f.rule for f in named] == rules
    assert all("a sum can leave the accumulator" in f.message and "1,020" in f.numbers for f in named)


@pytest.mark.parametrize(("bits", "count"), [(13, 0), (12, 1)])
def test_parts_of_a_sum_count_and_no_word_is_wider(bits: int, count: int) -> None:
    """x - y of what is always alike is 0, but half of it is 63 * 50."""
    b = Builder()
    x = b.rescale(b.input(1), 0, 0, 63)
    b.output(b.mat_vec([x, b.sub(b.constant([0]), x)], [[50, 50]]))
    b.block("sample")
    named = found(accumulator, b.graph(), word_bits=bits)
    assert len(named) == count and all("3,150" in f.numbers for f in named)


@pytest.mark.parametrize(("bits", "count"), [(9, 0), (8, 1)])
def test_a_product_of_just_the_multipliers_width_is_too_wide(bits: int, count: int) -> None:
    """16 * 16 is 2^8: a multiplier of 8 bits stays below that."""
    b = Builder()
    b.output(b.mul_shift(b.rescale(b.input(2), 0, -16, 16), b.constant([16, 1]), [2]))
    b.block("sample")
    named = found(product, b.graph(), product_bits=bits)
    assert len(named) == count
    assert all("-16..16 times 1..16: up to 2^8.0" in f.numbers and f.limit == "2^8" for f in named)


def test_products_of_quotients_and_of_polynomials() -> None:
    b = Builder()
    x = b.rescale(b.input(1), 0, 1, 100)
    quotient = b.value(1, 0, 400)
    b.ops.append(Divide(quotient, x, b.constant([1]), 2))
    b.output(b.polynomial(quotient, 3, 2))
    b.block("sample")
    named = found(product, b.graph(), product_bits=4)
    assert [f.numbers.split(":")[0] for f in named] == ["1..100 times 1..1", "inside its polynomial"]


@pytest.mark.parametrize(("segments", "count"), [(MOST_SEGMENTS, 0), (MOST_SEGMENTS + 1, 1)])
def test_so_many_segments_are_found_by_compares(segments: int, count: int) -> None:
    b = Builder()
    b.output(b.polynomial(b.input(1), segments, 1))
    b.block("sample")
    assert len(found(table, b.graph(), table=False)) == count and found(table, b.graph(), table=True) == []
    assert found(division, b.graph(), divide=False) == []


def test_without_integers_their_rules_are_silent() -> None:
    design = Design(LOIHI2, EMPTY, (), Precision())
    for rule in (weight, message, word, accumulator, product, overflow, division, table):
        assert list(rule(design)) == []


def test_errors_are_those_that_the_chip_cannot_do() -> None:
    hard = Finding("a", "b", "c")
    soft = replace(hard, severity=Severity.WARNING)
    assert errors([soft, hard]) == [hard]
    assert str(soft) == "warning [a] b: c"
    whole = replace(hard, numbers="1", limit="2", advice="3")
    assert str(whole).splitlines() == ["error [a] b: c", "  numbers: 1", "  limit: 2", "  what to do: 3"]
