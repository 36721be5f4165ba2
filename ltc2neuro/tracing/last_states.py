"""What a model returns beside an answer to each step: its last states, or answers to all of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from compiler.graph.graph import Graph
from compiler.steps.elements import Elements, unrolled_elements
from compiler.steps.outside_reads import only_used
from ltc2neuro.compiled.answers import Answers


def last_states(graph: Graph, features: int, held: frozenset[int], answers: Answers) -> frozenset[str]:
    """The names of those `answers` that are states: the other ones to the next step are computed from them.

    The graph's one sample holds all steps, and its output the answers to all but the last, and then to all.
    """
    elements = unrolled_elements(only_used(graph), features, held)
    before, now = np.split(elements.read(graph.answer.x), 2)
    beside = {a.name: answers.where[a.name] for a in answers.each if a.readout == "last"}
    stepped = [now[answers.where[a.name]] for a in answers.each if a.stepped]
    needed = _computed_from(elements, np.concatenate(stepped).tolist())
    return frozenset(
        name
        for name, where in beside.items()
        if needed.issuperset(before[where].tolist()) and not np.array_equal(before[where], now[where])
    )


def _computed_from(elements: Elements, found: Iterable[int]) -> set[int]:
    """These elements, and all that they are computed from."""
    needed, left = set[int](), list(found)
    while left:
        element = left.pop()
        if element not in needed:
            needed.add(element)
            left += elements.operands[element]
    return needed
