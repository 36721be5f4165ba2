"""The step of an unrolled graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from compiler.graph.graph import Graph
from compiler.steps.copies import told_apart
from compiler.steps.elements import NO_COPIES
from compiler.steps.emission import step_of
from compiler.steps.orbits import UnsteadyError
from compiler.steps.outside_reads import only_used
from compiler.steps.predecessors import before_the_first
from compiler.steps.retiming import timed
from compiler.steps.shift import orbits
from compiler.steps.unrolling import unrolled_elements
from compiler.steps.unsteady import begins_late
from compiler.steps.variables import Variable, Variables, variables_of

ROUNDS = 4
"""So often elements are told apart, at most: what is found may show others"""


@dataclass(frozen=True)
class ManySteps:
    """A graph whose one sample holds many samples of so many `features`, and whose output holds the answers to those
    `at` some steps. Features that are `held` are the same at all steps of a sequence; `copies` are values that stand
    for others (see `Elements`); `titles` are what values are that have no variable's name. `filled`: what lies between
    the steps that answers are made of is looked at, too. With `late_starts` several steps of a value may be made of the
    first sample."""

    graph: Graph
    features: int
    at: Sequence[int]
    held: frozenset[int] = frozenset()
    copies: Mapping[str, int] = field(default_factory=lambda: NO_COPIES)
    titles: Mapping[str, str] = field(default_factory=dict)
    filled: bool = False
    late_starts: bool = False


def inferred(many: ManySteps, called: Callable[[str], str], known: Sequence[Variable] = ()) -> Graph:
    """One of these steps, with states. Names become what they are `called`, states are named after variables that are
    `known`. Raises `TraceError` where there is none."""
    graph = only_used(many.graph)
    elements = unrolled_elements(graph, many.features, many.held, many.copies)
    elements.late_starts = many.late_starts
    elements.past = before_the_first(elements)
    if elements.past and elements.units:
        raise begins_late(elements, min(elements.parts))
    answers = dict(zip(many.at, np.split(elements.read(graph.answer.x), len(many.at)), strict=True))
    found, last, why = None, max(many.at), None
    for _ in range(ROUNDS):
        try:
            found = orbits(elements, answers, filled=many.filled)
            break
        except UnsteadyError as error:
            why = why or error
            why.at_once |= error.at_once
            told = None if error.found is None else told_apart(elements, error.found, answers)
            if told is None:
                break
            answers = told
    if found is None:
        assert why is not None
        raise why
    named = variables_of(elements, found, known, last)
    timing = timed(elements, found, answers[last].tolist(), last, named)
    return step_of(timing, answers[last], last, called, Variables(timing, named, many.titles))
