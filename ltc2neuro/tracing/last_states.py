"""What a model returns beside an answer to each step: its last states, or answers to all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import Gather, StateRead, StateWrite
from compiler.steps.elements import Elements
from compiler.steps.outside_reads import only_used
from compiler.steps.unrolling import unrolled_elements
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.tracing.calling.answering import Place


class LastStatesError(Exception):
    """What holds last states is an answer, at these places of a tuple."""

    def __init__(self, places: frozenset[int]) -> None:
        super().__init__(places)
        self.places = places


def no_states_of(graph: Graph, answers: Iterable[str], states: Mapping[Place, str]) -> list[Place]:
    """Those of the values that hold `states` from which the values that are `answers` are not computed, at a later step
    or this one."""
    before: dict[str, list[str]] = {}
    for _, op in graph.ops():
        if isinstance(op, StateWrite):
            before.setdefault(op.state, []).append(op.x)
        elif op.result is not None:
            before[op.result] = [op.state] if isinstance(op, StateRead) else list(op.operands)
    known, left = set[str](), list(answers)
    while left:
        name = left.pop()
        if name not in known:
            known.add(name)
            left += before.get(name, ())
    gathered = {place: isinstance(graph.makers.get(value), (Gather, StateRead)) for place, value in states.items()}
    return [
        place
        for place, value in states.items()
        if value not in known and not (gathered[place] and known.issuperset(before[value]))
    ]


def last_states(
    graph: Graph, features: int, held: frozenset[int], answers: Answers, asked: Collection[str]
) -> frozenset[str]:
    """Those of the answers `asked` about that are states: the other ones to the next step are computed from them.

    The graph's one sample holds all steps, and its output the answers to all but the last, and then to all.
    """
    elements = unrolled_elements(only_used(graph), features, held)
    before, now = np.split(elements.read(graph.answer.x), 2)
    others = [now[where] for name, where in answers.where.items() if name not in asked]
    needed = _computed_from(elements, np.concatenate(others).tolist())
    return frozenset(
        name
        for name, where in answers.where.items()
        if name in asked and needed.issuperset(before[where].tolist()) and not np.array_equal(before[where], now[where])
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
