"""Rules on float graphs: divisions, coarse and slow states, long sums; with the numbers that they name."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rewrite"))
from designs import examined
from raw_ltc import Recorder, random_parameters, raw_ltc

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Div, MatVec, Mul
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from compiler.rewrite.runner import simplify
from compiler.rules import REAL_RULES, STATE_RULES, Design, Finding, Severity, apply_rules, errors
from compiler.rules.refusal import measures
from compiler.rules.rounding import TOLERANCE
from compiler.rules.sizes import FEW_BITS
from hw_models.chip import load_chip

LOIHI2 = load_chip("loihi2")


def findings(graph: Graph, x: np.ndarray, **precision) -> list[Finding]:
    design = Design(LOIHI2, graph, list(x), Precision(**precision))
    found = apply_rules(design, REAL_RULES)
    if errors(found):
        return found
    integers = quantize(graph, list(x), LOIHI2, design.precision)
    return found + apply_rules(replace(design, prepared=examined(integers, LOIHI2)), STATE_RULES)


def leaky(rate: np.ndarray, shown: int | None = None) -> Graph:
    """v' = v + rate * (x - v); the output is v, or `shown` elements of it."""
    r = Recorder()
    r.state("v", np.zeros(rate.size))
    x = r.input(1)
    u = r.gather((x,), np.zeros(rate.size, int))
    v = r.read("v")
    kept = r.binary(Mul, v, r.constant("keep", 1 - rate))
    r.write("v", r.binary(Add, kept, r.binary(Mul, u, r.constant("in", rate)), "next"))
    r.output(v if shown is None else r.gather((v,), np.arange(shown)))
    r.close("sample")
    return r.graph()


@pytest.mark.parametrize("rate", [1e-9, 2e-6])
def test_what_no_output_shows_is_not_named(rate):
    x = np.random.default_rng(0).normal(size=(2, 100, 1))
    assert findings(leaky(np.array([0.5, rate]), shown=1), x) == []
    assert findings(leaky(np.array([0.5, rate]), shown=2), x) != []


def test_a_state_that_moves_less_than_its_lsb_is_named():
    x = np.random.default_rng(0).normal(size=(2, 100, 1))
    assert findings(leaky(np.array([0.1, 0.01])), x) == []
    found = findings(leaky(np.array([0.1, 1e-9])), x)
    small = next(f for f in found if f.rule == "small steps")
    assert small.where == "v" and small.severity is Severity.WARNING
    assert small.message.startswith("1 of 2 elements") and "element 1 changes by" in small.numbers


def test_a_state_that_is_never_more_than_a_few_steps_is_named():
    x = np.random.default_rng(0).normal(size=(2, 100, 1))
    found = findings(leaky(np.array([0.5, 2e-6])), x)
    coarse = next(f for f in found if f.rule == "resolution")
    assert "1 of 2 elements" in coarse.message and "element 1 reaches" in coarse.numbers
    assert coarse.limit.startswith("64 LSB")
    reach = float(coarse.numbers.split("reaches ")[1].split(":")[0])
    run = run_float(leaky(np.array([0.5, 2e-6])), x)
    assert reach == pytest.approx(np.abs(run.states["v"][..., 1]).max(), rel=1e-2)


def test_every_division_that_can_be_by_zero_is_named_and_not_only_the_first():
    r = Recorder()
    x = r.input(2)
    one = r.binary(Div, r.constant("one", [1.0, 1.0]), x, "first")
    two = r.binary(Div, one, r.binary(Add, x, r.constant("shift", [-0.5, 3.0])), "second")
    r.output(two)
    r.close("sample")
    found = findings(r.graph(), np.array([[[1.0, 2.0], [-0.25, 1.0]]]))
    assert [f.where for f in found] == ["first", "second"] and all(f.severity is Severity.ERROR for f in found)
    assert "element 0 of x was -0.25" in found[0].numbers and "-0.75" in found[1].numbers


def wide(columns: int) -> Graph:
    r = Recorder()
    x = r.input(columns)
    matrix = r.constant("matrix", np.ones((1, columns)))
    r.ops.append(MatVec(r.value("sum", 1), (x,), matrix))
    r.output("sum")
    r.close("sample")
    return r.graph()


def test_long_sums_leave_messages_few_bits():
    """23 bits less 8 of a weight and log2 of the sum's length: 256 values leave 7."""
    fits, x = 200, np.random.default_rng(0).normal(size=(1, 4, 1))
    assert findings(wide(fits), x.repeat(fits, axis=2)) == []
    (found,) = findings(wide(1000), x.repeat(1000, axis=2))
    assert found.rule == "fan-in" and "1,000 values" in found.numbers and "messages of 5.0 bits" in found.numbers
    assert f"{FEW_BITS} bits" in found.limit
    assert findings(wide(1000), x.repeat(1000, axis=2), split_weights=True, split_messages=True) == []
    (hopeless,) = findings(wide(2**15), x.repeat(2**15, axis=2))
    assert hopeless.severity is Severity.ERROR


def ltc(slower: float = 1.0) -> Graph:
    p = random_parameters(np.random.default_rng(3), inputs=3, units=4, outputs=2)
    graph, _ = simplify(raw_ltc(replace(p, cm=p.cm * slower)))
    return graph


def test_a_time_constant_that_the_state_cannot_hold_is_named_and_true():
    """With few bits a slow neuron stops farther from its goal than the rule allows, and no farther than it says."""
    graph, x = ltc(60.0), np.full((1, 800, 3), 0.4)
    narrow = Precision(word=14, carry=False)
    assert [f for f in findings(graph, x[:, :64]) if f.rule == "time constant"] == []
    (found,) = [f for f in findings(graph, x[:, :64], word=14, carry=False) if f.rule == "time constant"]
    assert found.where == "rnn.v" and found.severity is Severity.WARNING
    worst = int(found.numbers.split("neuron ")[1].split(":")[0])
    most = float(found.numbers.split("stops up to ")[1].split(" short")[0])
    integers = quantize(graph, list(x[:, :64]), LOIHI2, narrow)
    v = integers.state("rnn.v").format
    sent = integers.input_format.quantize(integers.input_map(x))[0]
    held = run_reference(integers, sent).states["rnn.v"][0, :, worst] * v.lsb
    goal = run_float(graph, x).states["rnn.v"][0, -1, worst]
    assert held[-1] == held[-100]  # it stands still
    short = abs(goal - held[-1])
    assert TOLERANCE * np.abs(held).max() < short < 1.5 * most


def test_measures_count_what_the_model_has():
    counts = measures(ltc())
    assert counts["inputs"] == 3 and counts["outputs"] == 2 and counts["neurons"] == 4
    assert counts["functions"] == 4 * 4 + 3 * 4 and counts["divisions"] == 4 and counts["fan_in"] == 4
