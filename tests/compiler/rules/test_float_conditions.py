"""Each condition of the rules on float graphs and on cores by itself: just kept, and just broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from raw_ltc import Recorder

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Div, MatVec, Mul, SegmentSum
from compiler.quantize.limits import word_limit
from compiler.quantize.precision import Precision
from compiler.rules import Design, Finding, Severity, apply_rules
from compiler.rules.ranges import FEW_STEPS, denominator, lsb, resolution
from compiler.rules.refusal import measures, refusal
from compiler.rules.sizes import FEW_BITS, sum_width
from hw_models.chip import Chip, load_chip
from hw_models.constants import Citation, Refusal

LOIHI2 = load_chip("loihi2")


def found(rule, graph: Graph, x: np.ndarray, chip: Chip = LOIHI2, **precision) -> list[Finding]:
    return list(rule(Design(chip, graph, list(x), Precision(**precision))))


def quotient(by: np.ndarray | None) -> Graph:
    """1 / x, or 1 / a constant."""
    r = Recorder()
    x = r.input(2)
    below = x if by is None else r.constant("by", by)
    one = r.binary(Add, x, r.constant("none", [0.0, 0.0])) if by is not None else r.constant("one", [1.0, 1.0])
    r.output(r.binary(Div, one, below, "quotient"))
    r.close("sample")
    return r.graph()


@pytest.mark.parametrize(
    ("least", "count"), [([0.5, 0.25], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([-1.0, 1.0], 1), ([-1.0, -2.0], 1)]
)
def test_a_denominator_that_was_zero_or_less(least: list[float], count: int) -> None:
    x = np.array([[[1.0, 1.0], least, [2.0, 2.0]]])
    named = found(denominator, quotient(None), x)
    assert len(named) == count
    worst = int(np.argmin(least))
    assert all(f"element {worst} of x was {least[worst]:.6g} on" in f.numbers for f in named)


@pytest.mark.parametrize(("by", "count"), [([2.0, 3.0], 0), ([2.0, 0.0], 1)])
def test_a_denominator_that_is_constant(by: list[float], count: int) -> None:
    named = found(denominator, quotient(np.array(by)), np.ones((1, 3, 2)))
    assert len(named) == count and all("element 1 of by was 0" in f.numbers for f in named)


def held(scale: list[float], steps: int = 40) -> tuple[Graph, np.ndarray]:
    """States that hold the input's two channels, as large as `scale`; and samples."""
    r = Recorder()
    r.state("v", np.zeros(2))
    x = r.input(2)
    r.write("v", x)
    r.output(r.binary(Mul, r.read("v"), r.constant("far", 1 / np.maximum(scale, 1e-300)), "y"))
    r.close("sample")
    signs = np.where(np.random.default_rng(0).random((1, steps, 2)) < 0.5, -1.0, 1.0)
    return r.graph(), signs * scale


def test_a_state_with_few_steps_and_one_with_enough() -> None:
    graph, x = held([1.0, 1.0])
    assert found(resolution, graph, x) == []
    last = lsb(Design(LOIHI2, graph, list(x), Precision()), "v")
    for steps, count in ((FEW_STEPS, 0), (FEW_STEPS - 1, 1)):
        graph, x = held([1.0, steps * last])
        assert len(found(resolution, graph, x)) == 0, "rounding changes nothing: the values lie on the steps"
        graph, x = held([1.0, (steps + 0.4) * last])
        named = found(resolution, graph, x)
        assert len(named) == count, steps
        assert all(f.where == "v" and "1 of 2 elements" in f.message and "element 1" in f.numbers for f in named)
    graph, x = held([1.0, 0.0])
    assert found(resolution, graph, x) == []


def summed(columns: int, weight: float = 1.0) -> Graph:
    r = Recorder()
    x = r.input(columns)
    r.ops.append(MatVec(r.value("sum", 2), (x,), r.constant("matrix", weight * np.ones((2, columns)))))
    r.output("sum")
    r.close("sample")
    return r.graph()


PLAIN = Precision()
ENOUGH, HOPELESS = (int(word_limit(PLAIN) / 2.0 ** (PLAIN.first_weight + bits)) for bits in (FEW_BITS, 1))
"""So many values leave their messages 7 bits, or 1 bit."""


@pytest.mark.parametrize(
    ("columns", "severity"), [(ENOUGH, None), (ENOUGH + 1, "warning"), (HOPELESS, "warning"), (HOPELESS + 1, "error")]
)
def test_how_many_bits_a_long_sum_leaves(columns: int, severity: str | None) -> None:
    named = found(sum_width, summed(columns), np.zeros((1, 2, columns)))
    assert [f.severity.value for f in named] == ([severity] if severity else [])
    assert not named or f"row 0 sums up to {columns:,} values" in named[0].numbers
    assert found(sum_width, summed(columns), np.zeros((1, 2, columns)), split_messages=True) == []
    assert found(sum_width, summed(columns, 0.0), np.zeros((1, 2, columns))) == []


def chip_that_refuses(measure: str, limit: int | None) -> Chip:
    return replace(LOIHI2, refuses=(Refusal("a", "it cannot", Citation("a book", "documented"), measure, limit),))


@pytest.mark.parametrize(("limit", "count"), [(None, 1), (1, 1), (2, 0), (3, 0)])
def test_a_chip_refuses_what_is_more_than_its_limit(limit: int | None, count: int) -> None:
    graph, x = held([1.0, 1.0])
    design = Design(chip_that_refuses("neurons", limit), graph, list(x), Precision())
    named = list(refusal(design))
    assert len(named) == count == len([f for f in apply_rules(design, [refusal, resolution]) if f.rule == "refusal"])
    assert all("the model has 2 state variables" in f.numbers and "a book" in f.limit for f in named)
    assert apply_rules(design, [resolution]) == []


def test_a_reason_without_a_measure_has_no_numbers() -> None:
    graph, x = held([1.0, 1.0])
    (named,) = refusal(Design(chip_that_refuses("", None), graph, list(x), Precision()))
    assert named.numbers == "" and named.limit == "a book [documented]" and named.severity is Severity.ERROR


def test_measures_of_every_kind() -> None:
    r = Recorder()
    r.state("v", np.zeros(3))
    x = r.input(3)
    v = r.read("v")
    both = r.binary(Mul, x, v)
    by_constant = r.binary(Mul, both, r.constant("k", [1.0, 2.0, 3.0]))
    r.ops.append(Apply(r.value("s", 3), by_constant, "sigmoid"))
    r.ops.append(SegmentSum(r.value("t", 2), "s", r.constant("segment", np.array([0, 0, 1]))))
    r.write("v", r.binary(Div, "s", x))
    r.output("t")
    r.close("sample")
    expected = {"inputs": 3, "outputs": 2, "neurons": 3, "fan_in": 2, "products": 3, "functions": 3, "divisions": 3}
    assert measures(r.graph()) == expected
    empty = Recorder()
    empty.output(empty.input(1))
    empty.close("sample")
    assert measures(empty.graph())["fan_in"] == 0
    matrix = summed(5)
    assert measures(matrix)["fan_in"] == 5
