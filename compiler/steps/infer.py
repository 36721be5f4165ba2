"""The step of an unrolled graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.graph.graph import Graph
from compiler.steps.elements import elements_of
from compiler.steps.emission import step_of
from compiler.steps.shift import orbits
from compiler.steps.timing import timed


def inferred(graph: Graph, features: int, steps: int, called: Callable[[str], str]) -> Graph:
    """One step with states of a graph whose one sample holds `steps` samples of so many `features`, and whose output
    holds their answers; names become what they are `called`. Raises `TraceError` where there is none."""
    elements = elements_of(graph, features)
    answers = np.split(elements.read(graph.answer.x), steps)
    last = steps - 1
    found = orbits(elements, answers)
    return step_of(timed(elements, found, answers[last].tolist(), last), answers[last], last, called)
