"""Unrolled graphs, built by hand, as one step: what is delayed, where states start, and what is no steady program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.graph.builder import GraphBuilder
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Compare, Gather, MatVec, Mul, Relation, Select
from compiler.graph.origin import Origin
from compiler.interpreters.float64 import run_float
from compiler.steps.infer import ManySteps, inferred
from compiler.steps.orbits import UnsteadyError
from compiler.steps.unrolling import unrolled_elements
from hw_models.errors import TraceError

STEPS = 6


class Unrolled:
    """Steps of one feature, written one after another."""

    def __init__(self, steps: int = STEPS) -> None:
        self.builder, self.steps = GraphBuilder(), steps
        self._x = self.builder.input(steps, Origin("", "x", None, None))

    def x(self, step: int) -> str:
        return self._op(lambda out: Gather(out, (self._x,), self.builder.index(np.array([step]), "index")))

    def number(self, value: float) -> str:
        return self.builder.constant(np.array([value]), f"number {value}")

    def add(self, a: str, b: str) -> str:
        return self._op(lambda out: Add(out, a, b))

    def times(self, a: str, b: str) -> str:
        return self._op(lambda out: Mul(out, a, b))

    def choose(self, condition: str, a: str, b: str) -> str:
        return self._op(lambda out: Select(out, condition, a, b))

    def compare(self, a: str, b: str, relation: Relation) -> str:
        return self._op(lambda out: Compare(out, a, b, relation))

    def _op(self, make) -> str:
        return self.builder.append(make, 1, Origin("", "value", None, None))

    def step(self, answers: list[str]) -> Graph:
        """One step of the program that gives these answers."""
        index = self.builder.index(np.arange(self.steps), "index")
        whole = self.builder.append(
            lambda out: Gather(out, tuple(answers), index), self.steps, Origin("", "y", None, None)
        )
        self.builder.output(whole)
        return inferred(ManySteps(self.builder.graph()[0], 1, range(self.steps)), lambda name: name)


def returned(graph: Graph, x: list[float]) -> list[float]:
    return run_float(graph, np.array(x)[None, :, None]).outputs[0, :, 0].tolist()


def test_a_delay_that_starts_at_a_number():
    u = Unrolled()
    graph = u.step([u.add(u.x(t), u.x(t - 2) if t > 1 else u.number(5.0)) for t in range(STEPS)])
    assert [s.size for s in graph.states] == [1, 1]
    assert returned(graph, [1, 2, 3, 4]) == [6, 7, 4, 6]


def test_a_state_and_what_is_made_of_it():
    """h = h / 2 + x, from 3; the answer is twice the h before."""
    u, h, answers = Unrolled(), None, []
    half, two = u.number(0.5), u.number(2.0)
    h = u.number(3.0)
    for t in range(STEPS):
        answers.append(u.times(h, two))
        h = u.add(u.times(h, half), u.x(t))
    graph = u.step(answers)
    assert returned(graph, [1, 0, 0]) == [6, 5, 2.5]
    assert len(graph.states) == 1


def test_first_steps_that_differ_have_a_flag():
    u = Unrolled()
    graph = u.step([u.x(0), *(u.add(u.x(t), u.x(t - 1)) for t in range(1, STEPS))])
    assert returned(graph, [1, 2, 3]) == [1, 3, 5]
    assert "started.1" in {s.name for s in graph.states}


def test_what_a_constant_chooses_is_no_operand():
    """The one that is not chosen may lie in the future."""
    u = Unrolled()
    answers = [u.choose(u.number(float(t > 0)), u.x(t - 1), u.number(7.0)) for t in range(STEPS)]
    assert returned(u.step(answers), [1, 2, 3]) == [7, 1, 2]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda u, t: u.x(min(t + 1, STEPS - 1)), "not causal"),
        (lambda u, t: u.times(u.x(t), u.number(float(t))), "a number changes"),
        (lambda u, t: u.add(u.x(t), u.x(min(t, 1))), "every step looks at the same sample"),
        (lambda u, t: u.add(u.x(t), u.x(t)) if t % 2 else u.times(u.x(t), u.x(t)), "the same at every step"),
    ],
)
def test_what_is_no_steady_causal_program(answer, said):
    u = Unrolled()
    with pytest.raises(UnsteadyError, match=said):
        u.step([answer(u, t) for t in range(STEPS)])


def test_the_first_sample_is_held():
    u = Unrolled()
    step = u.step([u.add(u.x(t), u.x(0)) for t in range(STEPS)])
    assert returned(step, [1, 2, 3]) == [2, 3, 4] and [s.size for s in step.states] == [1, 1]


def test_a_delay_from_two_numbers_is_two_states():
    u = Unrolled()
    five, seven = ([u.number(start), *map(u.x, range(STEPS - 1))] for start in (5.0, 7.0))
    step = u.step([u.add(u.times(u.x(t), five[t]), seven[t]) for t in range(STEPS)])
    assert returned(step, [1, 2, 3]) == [12, 3, 8] and len(step.states) == 2


def test_what_is_made_of_delays_alone_is_kept_instead():
    """Their sum from 5 + 7, not each."""
    u = Unrolled()
    five, seven = ([u.number(start), *map(u.x, range(STEPS - 1))] for start in (5.0, 7.0))
    step = u.step([u.add(a, b) for a, b in zip(five, seven, strict=True)])
    assert returned(step, [1, 2, 3]) == [12, 2, 4] and [s.size for s in step.states] == [1]


def test_equal_elements_are_one():
    u = Unrolled(2)
    u.builder.output(u.add(u.add(u.x(0), u.x(1)), u.add(u.x(0), u.x(1))))
    assert len(unrolled_elements(u.builder.graph()[0], 1).kinds) == 4


def test_a_convolution_has_the_elements_of_its_matrix():
    """A short sequence has it as a matrix, a longer one as a kernel at places, of which some are beyond the edge."""
    builder = GraphBuilder()
    x = builder.input(2, Origin("", "x", None, None))
    kernel, matrix = (builder.constant(np.array(a), "w") for a in ([[2.0, 3.0]], [[3.0, 0.0], [2.0, 3.0]]))
    places = builder.index(np.array([[2, 0], [0, 1]]), "places")
    by = [MatVec("", (x,), kernel, places), MatVec("", (x,), matrix)]
    values = [builder.append(lambda out, op=op: replace(op, out=out), 2, Origin("", "y", None, None)) for op in by]
    both = builder.append(lambda out: Add(out, *values), 2, Origin("", "sum", None, None))
    builder.output(both)
    graph, names = builder.graph()
    of = unrolled_elements(graph, 1).of
    assert of[names[values[0]]].tolist() == of[names[values[1]]].tolist()


def test_too_many_elements_are_refused(monkeypatch):
    from compiler.steps import unrolling

    monkeypatch.setattr(unrolling, "MOST", 3)
    u = Unrolled()
    with pytest.raises(TraceError, match="too large"):
        u.step([u.x(t) for t in range(STEPS)])


def test_steps_that_differ_in_a_relation_alone_are_not_the_same():
    u = Unrolled()
    relations = [Relation.LESS, Relation.EQUAL] * (STEPS // 2)
    with pytest.raises(UnsteadyError, match="the same at every step"):
        u.step([u.compare(u.x(t), u.number(1.0), relation) for t, relation in enumerate(relations)])


def test_what_stands_for_a_first_step_is_read_in_that_step():
    """y = d of two steps, but at first what d starts from, which is itself read a step late."""
    u = Unrolled()
    double = [u.add(u.x(t), u.x(t)) for t in range(STEPS)]
    graph = u.step([double[0], *(u.times(double[t - 1], u.x(t)) for t in range(1, STEPS))])
    assert returned(graph, [1, 2, 3]) == [2, 4, 12]
