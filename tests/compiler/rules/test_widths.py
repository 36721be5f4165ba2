"""Rules on integer graphs: they agree with the proof, name what is too wide, and give an input that takes it there."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from designs import design_of
from graph_strategies import SMALL, Builder, integer_graphs, random_graph
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from compiler.graph.graph import Graph
from compiler.graph.ops import Divide, Relation
from compiler.interpreters.reference import run_reference
from compiler.ranges.proven import prove
from compiler.rules import INTEGER_RULES, Finding, apply_rules
from compiler.rules.instructions import MOST_SEGMENTS
from hw_models.chip import Chip, load_chip
from hw_models.errors import GraphError, QuantizeError

STEADY = re.compile(r"element (\d+) is (-?[\d,]+) (?:at the first sample, x|after (\d+) samples of x) = ")
LOIHI2, IDEAL = replace(load_chip("loihi2"), lava=False), load_chip("ideal")
"""Without Lava a chip may have any width."""


def findings(graph: Graph, chip=LOIHI2, **narrower) -> list[Finding]:
    return apply_rules(design_of(graph, replace(chip, **narrower)), INTEGER_RULES)


def only(found: list[Finding], rule: str) -> Finding:
    assert [f.rule for f in found] == [rule], "\n".join(map(str, found))
    return found[0]


@settings(deadline=None, max_examples=60)
@example(random_graph(277255, 4, 12, 0), 12, 16, 4)  # its masks are none that the semantics allow
@given(integer_graphs(), st.integers(12, 24), st.integers(16, 31), st.integers(4, 8))
def test_the_rules_find_something_where_the_proof_fails(graph, word, product, weight):
    assume(proved(graph, replace(LOIHI2, product_bits=62, word_bits=60)))
    chip = replace(LOIHI2, word_bits=word, product_bits=product, weight_bits=weight, message_bits=64)
    rules = {"weight", "word", "accumulator", "product", "overflow"}
    assert proved(graph, chip) == (not rules & {f.rule for f in findings(graph, chip)})


def proved(graph: Graph, chip: Chip) -> bool:
    try:
        prove(graph, chip)
    except (GraphError, QuantizeError):
        return False
    return True


def matrix(weights) -> Graph:
    b = Builder()
    b.output(b.mat_vec([b.rescale(b.input(2), 8, -100, 100)], weights))
    b.block("sample")
    return b.graph()


def test_weight():
    assert findings(matrix([[255, -255], [3, 0]])) == []
    found = only(findings(matrix([[256, 0], [3, -4]])), "weight")
    assert "256, 9 bits" in found.numbers and "255, 8 bits" in found.limit and found.where == "n2"


def test_message():
    b = Builder()
    wide = b.mul_shift(b.input(2), b.constant([3, 5]), [0])
    b.output(b.gather([wide], [1, 0]))
    b.block("sample")
    assert findings(b.graph(), message_bits=19) == []
    found = findings(b.graph(), message_bits=18)
    assert {f.rule for f in found} == {"message"} and found[0].where == wide
    assert "19 bits" in found[0].numbers and found[0].limit == "18 bits"


def test_accumulator_says_which_part_is_too_large():
    b = Builder()
    b.output(b.segment_sum(b.input(4), [0, 0, 0, 0], 1))
    b.block("sample")
    assert findings(b.graph(), word_bits=18) == []
    found = only(findings(b.graph(), word_bits=17), "accumulator")
    assert f"a sum of parts can reach {4 * SMALL:,}" in found.numbers
    assert f"element 0 is {-4 * SMALL:,} at the first sample" in found.numbers


def test_a_sum_of_both_signs_that_only_in_part_is_too_large():
    """-SMALL to -SMALL / 2 and its opposite: the whole is within 2 SMALL, one of them alone reaches 4."""
    b = Builder()
    low = b.minimum(b.input(2), b.constant([-SMALL // 2]))
    low = b.gather([low], [0])
    high = b.sub(b.constant([0]), low)
    both = b.mat_vec([low, high], [[4, 4]])
    b.values[both] = replace(b.values[both], format=replace(b.values[both].format, low=-2 * SMALL, high=2 * SMALL))
    b.output(both)
    b.block("sample")
    found = only(findings(b.graph(), word_bits=17), "accumulator")
    assert "parts of it do not" in found.message and f"{4 * SMALL:,}" in found.numbers


def test_product_shows_its_factors():
    b = Builder()
    x = b.input(2)
    b.output(b.mul_shift(x, b.constant([1000, 70000]), [16]))
    b.block("sample")
    assert findings(b.graph(), product_bits=32) == []
    found = only(findings(b.graph(), product_bits=31), "product")
    assert f"-{SMALL:,}..{SMALL:,} times 1,000..70,000: up to 2^31.1" in found.numbers and found.limit == "2^31"


@settings(deadline=None, max_examples=20)
@given(integer_graphs())
def test_the_input_that_is_named_takes_the_value_there(graph):
    """What a finding says of a steady input is what the reference returns for it."""
    trial = design_of(graph, replace(LOIHI2, word_bits=10)).tried
    assert trial is not None
    low, high = -512, 511
    for name in graph.values:
        text = trial.beyond(name, low, high)
        reach = trial.record[name]
        assert bool(text) == bool(np.any((reach < low) | (reach > high)))
        found = re.fullmatch(
            r"element (\d+) is (-?[\d,]+) (?:at the first sample|after (\d+) samples of), ?x = .*", text
        )
        if found and graph.blocks:
            element, value, steps = int(found[1]), int(found[2].replace(",", "")), int(found[3] or 1)
            rows = [r for r in range(trial.ends) if reach[r, steps - 1, element] == value]
            again = run_reference(graph, trial.inputs[rows[:1], :steps], record=[name]).record[name]
            assert again[0, -1, element] == value and not low <= value <= high


def test_where_no_input_is_found_the_interval_is_named():
    b = Builder()
    x = b.input(1)
    never = b.select(b.compare(x, x, Relation.LESS), b.constant([2**20]), x)
    b.output(never)
    b.block("sample")
    found = findings(b.graph(), word_bits=17)
    assert any("no input tried reaches that" in f.numbers and "1,048,576" in f.numbers for f in found)


def test_a_format_wider_than_a_word_whatever_the_values():
    b = Builder()
    x = b.input(1)
    b.output(b.rescale(x, 0, -(2**20), 2**20))
    b.block("sample")
    found = only([f for f in findings(b.graph(), word_bits=17) if f.rule == "word"], "word")
    assert found.numbers == "its format has 22 bits, for -1,048,576 to 1,048,576" and found.limit == "17 bits"


def test_a_graph_that_leaves_its_own_format():
    b = Builder()
    wrong = b.add(b.input(1), b.constant([1]))
    b.values[wrong] = replace(b.values[wrong], format=replace(b.values[wrong].format, high=SMALL))
    b.output(wrong)
    b.block("sample")
    found = only(findings(b.graph()), "overflow")
    assert f"element 0 is {SMALL + 1:,} at the first sample, x = (3.277e+04)" in found.numbers


def test_division_and_tables():
    b = Builder()
    x = b.input(1)
    quotient = b.value(1, -(2**20), 2**20)
    b.ops.append(Divide(quotient, x, b.constant([7]), 2))
    b.output(b.polynomial(quotient, MOST_SEGMENTS + 1, 1))
    b.block("sample")
    found = findings(b.graph(), product_bits=62)
    assert [f.rule for f in found] == ["division", "table"]
    assert f"{MOST_SEGMENTS + 1} segments" in found[1].numbers
    assert findings(b.graph(), IDEAL) == []
    assert findings(b.graph(), product_bits=62, divide=True, table=True) == []


@pytest.mark.parametrize("chip", ["loihi2", "ideal", "spinnaker2"])
def test_nothing_is_found_in_what_is_proven(chip):
    b = Builder()
    b.output(b.mat_vec([b.input(3)], [[1, 2, -3]]))
    b.block("sample")
    assert findings(b.graph(), load_chip(chip)) == []
